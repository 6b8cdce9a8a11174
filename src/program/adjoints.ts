import { StateError } from '../errors.ts'
import { apply, derivative, formulaOf, type Node, name as nameNode, number } from '../formula/index.ts'
import { type Shape, sameShape, sizeOf } from '../tensor/shape.ts'
import { type Buffer, inside, isStill, isWhole, offsets, once, type View } from '../tensor/view.ts'
import {
  domain,
  type Gather,
  type Gemm,
  type Instruction,
  type MapInstruction,
  type Reduce,
  reads,
  type Scatter,
  writes,
} from './instruction.ts'
import { spread } from './spread.ts'
import type { Operands, Verbs } from './verbs.ts'

/** An array and its slope. */
export interface Sloped {
  readonly of: View
  readonly slope: View
}

/**
 * An array as `adjoints` can take it for a start: itself where it fills a buffer that no other start has, else a copy;
 * one that is only ever multiplied lies in a row, so that its axes join.
 */
export function start(k: Verbs, view: View, others: readonly View[], row = false): View {
  if (isWhole(view) && !others.some(({ buffer }) => buffer === view.buffer)) return view
  const own = row ? k.scratch(view.name, [sizeOf(view.shape)]).reshape(...view.shape) : k.scratch(view.name, view.shape)
  k.copy(own, view)
  return own
}

/**
 * Writes the reverse pass of recorded instructions: from the slope of the result to that of each start, by the chain
 * rule, an instruction at a time from the last to the first. A value that several read gets the sum of what they send.
 * @throws StateError `overwritten` when a value is written over, so that the reverse pass cannot see it any more
 */
export function adjoints(k: Verbs, tape: readonly Instruction[], result: Sloped, starts: readonly Sloped[]): void {
  const active = activeIn(tape, starts)
  const fits = isWhole(result.slope) && sameShape(result.slope.buffer.shape, result.of.buffer.shape)
  const slopes = new Map<Buffer, View>([
    [result.of.buffer, fits ? result.slope : start(k, result.slope, [result.slope])],
  ])
  /** The slope of what was written here, if anything has come. */
  const at = (view: View): View | undefined => {
    const slope = slopes.get(view.buffer)
    return slope && view.over(slope.buffer).as(`d${view.name}`)
  }
  /** Takes what comes to a view that was read: `write` fills room of its shape. */
  const give = (view: View, write: (room: View) => void) => {
    const { buffer } = view
    if (!active.has(buffer)) return
    const known = slopes.get(buffer)
    const fresh = k.scratch(`d${buffer.name}`, buffer.shape)
    if (sizeOf(view.shape) === sizeOf(buffer.shape) && inside(view) && isPermutation(view)) {
      const room = known ? k.scratch(`d${view.name}`, view.shape) : view.over(fresh.buffer).as(`d${view.name}`)
      write(room)
      if (known) k.map(view.over(fresh.buffer), 'a + b', { a: view.over(known.buffer), b: room })
    } else {
      const room = k.scratch(`d${view.name}`, view.shape)
      write(room)
      if (known) k.copy(fresh, known)
      else k.map(fresh, '0', {})
      spread(k, view, room, fresh)
    }
    slopes.set(buffer, fresh)
  }
  for (const instruction of [...tape].reverse()) {
    const outputs = writes(instruction)
    if (!outputs.some(({ buffer }) => slopes.has(buffer) && active.has(buffer))) continue
    switch (instruction.verb) {
      case 'gemm':
        gemm(k, instruction, at, give)
        break
      case 'map':
        elementwise(k, instruction, at, give)
        break
      case 'reduce':
        reduce(k, instruction, at, give)
        break
      case 'gather':
        gather(k, instruction, at(instruction.out)!, give)
        break
      case 'scatter':
        scatter(k, instruction, at(instruction.out)!, give)
    }
  }
  for (const { of, slope } of starts) {
    const found = at(of)
    if (found) k.copy(slope, found)
    else k.map(slope, '0', {})
  }
}

type At = (view: View) => View | undefined
type Give = (view: View, write: (room: View) => void) => void

/** The buffers through which the result depends on the starts; each place of them is written once. */
function activeIn(tape: readonly Instruction[], starts: readonly Sloped[]): Set<Buffer> {
  const active = new Set(starts.map(({ of }) => of.buffer))
  const filled = new Map<Buffer, Uint8Array>()
  for (const { of } of starts) filled.set(of.buffer, new Uint8Array(sizeOf(of.buffer.shape)).fill(1))
  for (const instruction of tape) {
    const index = 'index' in instruction ? instruction.index : undefined
    if (!reads(instruction).some(view => view !== index && active.has(view.buffer))) continue
    for (const view of instruction.verb === 'reduce' ? followed(instruction) : writes(instruction)) {
      const { buffer } = view
      if (buffer.kind !== 'temporary') continue // moving statistics follow, but are not followed
      active.add(buffer)
      const seen = filled.get(buffer) ?? new Uint8Array(sizeOf(buffer.shape))
      filled.set(buffer, seen)
      for (const place of offsets(view)) {
        if (place >= 0 && seen[place] && instruction.verb !== 'scatter') throw overwritten(buffer.name)
        if (place >= 0) seen[place] = 1
      }
    }
  }
  return active
}

/** The outputs of a reduction that change with its inputs: where a maximum stood does not, but for jumps. */
const followed = ({ kinds, outputs }: Reduce): View[] =>
  Object.entries(outputs).flatMap(([key, view]) => (kinds[key] === 'argmax' ? [] : [view]))

const overwritten = (name: string) =>
  new StateError('overwritten', `${name} is written twice, so its backward pass cannot be derived`, {
    hint: 'write each value to a room of its own (k.scratch), or write the backward pass as well',
  })

/** Whether every element of the buffer is seen at one place only, given that there are as many. */
const isPermutation = (view: View): boolean => {
  const seen = new Uint8Array(sizeOf(view.shape))
  for (const place of offsets(view)) {
    if (seen[place]) return false
    seen[place] = 1
  }
  return true
}

/** y = a·b + bias: da = dy·bᵀ, db = aᵀ·dy, dbias = dy, summed over what it was repeated along. */
function gemm(k: Verbs, instruction: Gemm, at: At, give: Give): void {
  const { a, b } = instruction
  for (const [key, out] of Object.entries(instruction.outputs)) {
    const dy = at(out)
    if (!dy) continue
    const slope = derivative(instruction.formula.outputs.get(key)!, 'product')
    if (slope !== number(1)) throw new Error('a product is followed by a formula') // fused later, never when recorded
    give(a, room => k.gemm(room, dy, b.T))
    give(b, room => k.gemm(room, a.T, dy))
  }
  elementwise(k, instruction, at, give)
}

/** y = f(a, b, …): da = dy·∂f/∂a for each input, summed over what it was repeated along. */
function elementwise(k: Verbs, instruction: MapInstruction | Gemm, at: At, give: Give): void {
  const slopes = Object.entries(instruction.outputs).flatMap(([key, out]): Incoming[] => {
    const dy = at(out)
    return dy ? [{ key, name: `slope_${key}_`, views: { [`slope_${key}_`]: dy }, weigh: node => node }] : []
  })
  inputsOf(k, instruction, slopes, give)
}

/** What comes to one output of a formula. */
interface Incoming {
  readonly key: string
  readonly name: string
  readonly views: Operands
  /** What the reduction makes of a slope at one place. */
  weigh(node: Node): Node
}

/** The slope by each input of a formula, of the slopes by its outputs. */
function inputsOf(
  k: Verbs,
  instruction: MapInstruction | Gemm | Reduce,
  incoming: readonly Incoming[],
  give: Give,
): void {
  const { formula, inputs } = instruction
  const shape = domain(instruction)
  for (const [name, view] of Object.entries(inputs)) {
    const terms = incoming.flatMap(({ key, name: slope, weigh }) => {
      const d = derivative(formula.outputs.get(key)!, name)
      return d === number(0) ? [] : [weigh(apply('*', nameNode(slope), d))]
    })
    if (terms.length === 0) continue
    const d = formulaOf({ d: terms.reduce((a, b) => apply('+', a, b)) })
    const operands: Operands = Object.assign({}, inputs, ...incoming.map(({ views }) => views))
    const wide = view.broadcast(shape)
    const repeated = axesOf(wide).filter(axis => wide.shape[axis] > 1 && isStill(wide, axis))
    if (repeated.length === 0) give(wide, room => k.map(room, d, operands))
    else give(without(wide, repeated), room => k.reduce(room, 'sum', d, operands, repeated))
  }
}

const axesOf = ({ shape }: View): number[] => shape.map((_, i) => i)

/** The view without axes along which it is the same. */
const without = (view: View, axes: readonly number[]): View =>
  once(view, axes).reshape(...view.shape.filter((_, i) => !axes.includes(i)))

/** y = Σ f(x), mean f(x) or max f(x): dx = dy·∂f/∂x at every place, at the first of the largest only for a maximum. */
function reduce(k: Verbs, instruction: Reduce, at: At, give: Give): void {
  const { kinds, axes, formula, inputs, outputs } = instruction
  const shape = domain(instruction)
  const depth = axes.reduce((product, axis) => product * shape[axis], 1)
  const wide = (view: View) => [...axes].sort((a, b) => a - b).reduce((v, axis) => v.repeat(axis, shape[axis]), view)
  const incoming = Object.entries(outputs).flatMap(([key, out]): Incoming[] => {
    const dy = at(out)
    const kind = kinds[key]
    if (!dy || kind === 'argmax') return []
    const name = `slope_${key}_`
    const views: Record<string, View> = { [name]: wide(dy) }
    if (kind === 'sum') return [{ key, name, views, weigh: node => node }]
    if (kind === 'mean') return [{ key, name, views, weigh: node => apply('/', node, number(depth)) }]
    const place = k.scratch(`place of ${out.name}`, out.shape)
    const value = formula.outputs.get(key)!
    k.reduce(place, 'argmax', formulaOf({ at: kind === 'max' ? value : apply('neg', value) }), inputs, axes)
    views[`at_${key}_`] = wide(place)
    views.place_ = k.index(depth).reshape(...shape.map((n, axis) => (axes.includes(axis) ? n : 1)))
    const here = apply('==', nameNode('place_'), nameNode(`at_${key}_`))
    return [{ key, name, views, weigh: node => apply('select', here, node, number(0)) }]
  })
  inputsOf(k, instruction, incoming, give)
}

/** y = source[index]: what comes to y is added where it was read; by a product, where each stack has rows of its own. */
function gather(k: Verbs, { source, index, axis, out }: Gather, dy: View, give: Give): void {
  const [count, n] = [out.shape[axis], source.shape[axis]]
  const [before, after] = [axesOf(source).slice(0, axis), axesOf(source).slice(axis + 1)]
  const same = (view: View, axes: readonly number[]) => axes.every(i => isStill(view, i))
  if (same(index, after)) {
    const stacks = sizeOf(out.shape.slice(0, axis))
    const places = without(index, after).reshape(stacks, count, 1)
    const width = sizeOf(after.map(i => out.shape[i]))
    if (same(source, before)) {
      const rows = stacks * count // all look into the same
      return give(without(source, before), room => {
        const each = room.reshape(n, width).repeat(0, rows)
        k.scatter(each, dy.reshape(rows, width), places.reshape(rows, 1), 1)
      })
    }
    const hot = k.scratch('hot', [stacks, count, n]) // hot[i, j] = 1 where row i was read from row j
    k.map(hot, 'i == j ? 1 : 0', { i: places, j: k.index(n) })
    return give(source, room => k.gemm(room.reshape(stacks, n, width), hot.T, dy.reshape(stacks, count, width)))
  }
  const shape = out.shape.toSpliced(axis, 1)
  for (let i = 0; i < count; i++) {
    const [values, places] = [dy, index].map(view => view.slice(axis, i, 1).reshape(...shape))
    give(source, room => k.scatter(room, values, places, axis))
  }
}

/** y[index] += values: what comes to y is read where it was added. */
function scatter(k: Verbs, { values, index, axis }: Scatter, dy: View, give: Give): void {
  const shape: Shape = values.shape.toSpliced(axis, 0, 1)
  give(values, room => k.gather(room.reshape(...shape), dy, index.reshape(...shape), axis))
}
