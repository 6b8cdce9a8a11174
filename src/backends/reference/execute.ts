import { compile } from '../../formula/index.ts'
import type {
  Gather,
  Gemm,
  Instruction,
  MapInstruction,
  Numbers,
  Reduce,
  Scalars,
  Scatter,
} from '../../program/index.ts'
import { streamKey, uniformAt } from '../../tensor/counter.ts'
import { sizeOf } from '../../tensor/shape.ts'
import { type Buffer, isCounted, isStill, type Layout, offsets, once, type View } from '../../tensor/view.ts'

/** Where the numbers of a buffer are. */
export interface Storage {
  numbers(buffer: Buffer): Numbers
  layout?(buffer: Buffer): Layout | undefined
}

/** What every verb means, in plain loops over float64. Other backends are right when they agree with this file. */
export function execute(instruction: Instruction, storage: Storage, scalars: Scalars): void {
  switch (instruction.verb) {
    case 'gemm':
      return gemm(instruction, storage, scalars)
    case 'map':
      return map(instruction, storage, scalars)
    case 'reduce':
      return reduce(instruction, storage, scalars)
    case 'gather':
      return gather(instruction, storage, scalars)
    case 'scatter':
      return scatter(instruction, storage, scalars)
  }
}

interface Cells {
  get(i: number): number
  set(i: number, value: number): void
}

/** The elements of a view, numbered in row-major order. */
function cells(view: View, storage: Storage, scalars: Scalars): Cells {
  const { buffer, fill } = view
  const stored = !isCounted(buffer)
  const at = offsets(view, stored ? storage.layout?.(buffer) : undefined)
  if (!stored) {
    const key = streamKey(scalars.seed, scalars.t, buffer.stream ?? 0)
    const value = buffer.kind === 'index' ? (place: number) => place : (place: number) => uniformAt(key, place)
    return { get: i => (at[i] < 0 ? fill : value(at[i])), set: () => {} }
  }
  const numbers = storage.numbers(buffer)
  return {
    get: i => (at[i] < 0 ? fill : numbers[at[i]]),
    set: (i, value) => {
      if (at[i] >= 0) numbers[at[i]] = value
    },
  }
}

/** The formula of an instruction as a function of the place; `extra` holds what is not an array. */
function elementwise({ formula, inputs, outputs }: Gemm | MapInstruction | Reduce, storage: Storage, scalars: Scalars) {
  const tape = compile(formula)
  const values = new Float64Array(tape.names.length)
  const results = new Float64Array(tape.outputs.length)
  const arrays = tape.names.map(name => (name in inputs ? cells(inputs[name], storage, scalars) : undefined))
  tape.names.forEach((name, i) => {
    if (!arrays[i]) values[i] = scalars[name]
  })
  const targets = tape.outputs.map(name => cells(outputs[name], storage, scalars))
  const product = tape.names.indexOf('product')
  const compute = (i: number, sum?: number) => {
    for (let k = 0; k < arrays.length; k++) if (arrays[k]) values[k] = arrays[k]!.get(i)
    if (sum !== undefined && product >= 0) values[product] = sum
    tape.run(values, results)
    return results
  }
  return { compute, targets }
}

function gemm(instruction: Gemm, storage: Storage, scalars: Scalars): void {
  const [m, depth] = instruction.a.shape.slice(-2)
  const [n] = instruction.b.shape.slice(-1)
  const rows = sizeOf(instruction.a.shape) / depth // of all matrices of a stack
  const a = cells(instruction.a, storage, scalars)
  const b = cells(instruction.b, storage, scalars)
  const { compute, targets } = elementwise(instruction, storage, scalars)
  const row = new Float64Array(n)
  for (let i = 0; i < rows; i++) {
    row.fill(0)
    const above = Math.floor(i / m) * depth
    for (let k = 0; k < depth; k++) {
      const left = a.get(i * depth + k)
      if (left !== 0) for (let j = 0; j < n; j++) row[j] += left * b.get((above + k) * n + j)
    }
    for (let j = 0; j < n; j++) {
      const results = compute(i * n + j, row[j])
      for (let o = 0; o < targets.length; o++) targets[o].set(i * n + j, results[o])
    }
  }
}

function map(instruction: MapInstruction, storage: Storage, scalars: Scalars): void {
  const { compute, targets } = elementwise(instruction, storage, scalars)
  const size = sizeOf(Object.values(instruction.outputs)[0].shape)
  for (let i = 0; i < size; i++) {
    const results = compute(i)
    for (let o = 0; o < targets.length; o++) targets[o].set(i, results[o])
  }
}

function reduce(instruction: Reduce, storage: Storage, scalars: Scalars): void {
  const { axes } = instruction
  const kinds = Object.keys(instruction.outputs).map(name => instruction.kinds[name])
  const { compute, targets } = elementwise(instruction, storage, scalars)
  const { shape } = Object.values(instruction.inputs)[0]
  const size = sizeOf(shape)
  const depth = axes.reduce((product, axis) => product * shape[axis], 1)
  const { kept, reduced } = indices(shape, axes)
  const totals = kinds.map(kind => new Float64Array(size / depth).fill(startOf[kind]))
  // What each sum has lost to rounding so far joins its next summand (Kahan 1965).
  const lost = totals.map(total => new Float64Array(total.length))
  const places = totals.map(total => new Float64Array(total.length))
  for (let i = 0; i < size; i++) {
    const results = compute(i)
    const at = kept[i]
    for (let o = 0; o < results.length; o++) {
      const [kind, value, best] = [kinds[o], results[o], totals[o]]
      if (kind === 'sum' || kind === 'mean') {
        const summand = value - lost[o][at]
        const total = best[at] + summand
        lost[o][at] = Number.isFinite(total) ? total - best[at] - summand : 0
        best[at] = total
      }
      // A NaN wins, and loses to what comes behind it: to keep it would take a machine more than one comparison.
      else if (kind === 'min' ? !(value >= best[at]) : !(value <= best[at])) {
        best[at] = value
        places[o][at] = reduced[i]
      }
    }
  }
  kinds.forEach((kind, o) => {
    const values = kind === 'argmax' ? places[o] : totals[o]
    const share = kind === 'mean' ? depth : 1
    for (let i = 0; i < values.length; i++) targets[o].set(i, values[i] / share)
  })
}

const startOf = { sum: 0, mean: 0, max: -Infinity, argmax: -Infinity, min: Infinity }

/** For each element its number among the kept axes and among the reduced ones. */
function indices(shape: readonly number[], axes: readonly number[]) {
  const size = sizeOf(shape)
  const kept = new Int32Array(size)
  const reduced = new Int32Array(size)
  for (let i = 0; i < size; i++) {
    let rest = i
    let [keptStep, reducedStep] = [1, 1]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = rest % shape[axis]
      rest = (rest - index) / shape[axis]
      if (axes.includes(axis)) {
        reduced[i] += index * reducedStep
        reducedStep *= shape[axis]
      } else {
        kept[i] += index * keptStep
        keptStep *= shape[axis]
      }
    }
  }
  return { kept, reduced }
}

function gather({ out, source, index, axis }: Gather, storage: Storage, scalars: Scalars): void {
  const [to, from, at] = [out, source, index].map(view => cells(view, storage, scalars))
  const inner = sizeOf(out.shape.slice(axis + 1))
  const n = source.shape[axis]
  for (let i = 0, size = sizeOf(out.shape); i < size; i++) {
    const row = Math.floor(i / (inner * out.shape[axis]))
    to.set(i, from.get((row * n + at.get(i)) * inner + (i % inner)))
  }
}

function scatter({ out, values, index, axis }: Scatter, storage: Storage, scalars: Scalars): void {
  // All add to the same rows where none of the axes before goes anywhere.
  const before = out.shape.slice(0, axis).map((_, i) => i)
  const one = before.every(i => isStill(out, i))
  const rows = one ? once(out, before) : out
  const [to, from, at] = [rows, values, index].map(view => cells(view, storage, scalars))
  const inner = sizeOf(out.shape.slice(axis + 1))
  const n = out.shape[axis]
  for (let i = 0, size = sizeOf(rows.shape); i < size; i++) to.set(i, 0)
  for (let i = 0, size = sizeOf(values.shape); i < size; i++) {
    const place = ((one ? 0 : Math.floor(i / inner)) * n + at.get(i)) * inner + (i % inner)
    to.set(place, to.get(place) + from.get(i))
  }
}
