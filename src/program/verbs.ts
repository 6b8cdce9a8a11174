import { ShapeError } from '../errors.ts'
import { check, type Formula, formula, formulaOf, type Node, number, recent, substitute } from '../formula/index.ts'
import { printShape, type Shape, sameShape, sizeOf } from '../tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'
import { type Instruction, mapped, type Named, type Reduction } from './instruction.ts'

/** What a formula may be given by name: an array (broadcast to the outputs) or a number. */
export type Operands = Named<View | number>

/** One output, or several by the names the formula gives them. */
export type Targets = View | Named<View>

/** The words in which layers, losses and optimisers are written. Whoever holds the verbs decides when they happen. */
export interface Verbs {
  /** out = a·b (+ bias): matrices, or equal stacks of them, [n, m, k] or deeper. */
  gemm(out: View, a: View, b: View, options?: { bias?: View }): void
  /** out = formula(inputs), element by element, inputs broadcast to out. */
  map(out: Targets, text: Formula | string, inputs: Operands): void
  /** out = reduction of formula(inputs) over `axes`, one for all outputs or one for each; out has the remaining axes. */
  reduce(
    out: Targets,
    kinds: Reduction | Named<Reduction>,
    text: Formula | string,
    inputs: Operands,
    axes: readonly number[],
  ): void
  /** out = Σ x over `axes`, or over all but the last for `'rows'`. */
  sum(out: View, x: View, axes: readonly number[] | 'rows'): void
  gather(out: View, source: View, index: View, axis: number): void
  scatter(out: View, values: View, index: View, axis: number): void
  copy(out: View, x: View): void
  /** Uniform numbers in [0, 1): seeded, the same wherever the view is read within one step. */
  random(name: string, shape: Shape): View
  /** 0, 1, 2, … n−1. */
  index(n: number): View
  /** Room for values that live within the step. */
  scratch(name: string, shape: Shape): View
  /** The same verbs, which also show each instruction to `see`. */
  watch(see: (instruction: Instruction) => void): Verbs
}

/** All axes but the last: where a layer's samples lie. */
export const rowsOf = (x: View): number[] => x.shape.slice(0, -1).map((_, i) => i)

// A recurrent layer writes the same formulas at each step.
const variants = new WeakMap<Formula, ReturnType<typeof recent<Formula>>>()

/** The asked outputs of a formula, with those of its operands that are numbers in their places. */
function settled(source: Formula, asked: readonly string[], operands: Operands): Formula {
  let known = variants.get(source)
  if (!known) variants.set(source, (known = recent(8)))
  let key = asked.join()
  for (const name in operands)
    if (typeof operands[name] === 'number') key += ` ${name} ${Object.is(operands[name], -0) ? '-0' : operands[name]}`
  return known(key, () => {
    const numbers: Record<string, Node> = {}
    for (const [name, value] of Object.entries(operands)) if (typeof value === 'number') numbers[name] = number(value)
    return formulaOf(Object.fromEntries(asked.map(name => [name, substitute(source.outputs.get(name)!, numbers)])))
  })
}

/** The verbs over a sink: a recorder keeps the instructions, direct mode runs each as it comes. */
export function verbs(emit: (instruction: Instruction) => void, scalars: readonly string[]): Verbs {
  let streams = 0
  const isView = (out: Targets): out is View => 'buffer' in out

  function prepare(out: Targets, text: Formula | string, operands: Operands) {
    const source = typeof text === 'string' ? formula(text) : text
    const outputs: Record<string, View> = isView(out) ? { [[...source.outputs.keys()][0]]: out } : { ...out }
    check(source, [...Object.keys(operands), ...scalars], () =>
      Object.values(outputs)
        .map(v => v.name)
        .join(', '),
    )
    const made = settled(source, Object.keys(outputs), operands)
    const views: Record<string, View> = {}
    for (const name in operands) {
      const value = operands[name]
      if (typeof value !== 'number' && made.names.includes(name)) views[name] = value
    }
    return { formula: made, outputs, views }
  }

  const broadcastAll = (views: Named<View>, shape: Shape) => mapped(views, view => view.broadcast(shape))

  const self: Verbs = {
    gemm(out, a, b, { bias } = {}) {
      const stack = out.shape.slice(0, -2)
      const fits = (view: View, m: number, n: number) => sameShape(view.shape, [...stack, m, n])
      const [[m, k], [n]] = [a.shape.slice(-2), b.shape.slice(-1)]
      if (!fits(a, m, k) || !fits(b, k, n) || !fits(out, m, n))
        throw new ShapeError(
          'gemm',
          `product of ${printShape(a.shape)} and ${printShape(b.shape)} is not ${printShape(out.shape)}`,
          {
            evidence: [a, b, out].map(v => [v.name, printShape(v.shape)]),
            hint: 'the inner sizes must agree; .T exchanges the axes of a view',
          },
        )
      const count = sizeOf(stack)
      const shape = (view: View) => [...(count > 1 ? [count] : []), ...view.shape.slice(-2)]
      const matrices = (view: View) => (stack.length > 0 ? view.reshape(...shape(view)) : view)
      emit({
        verb: 'gemm',
        a: matrices(a),
        b: matrices(b),
        formula: formula(bias ? 'product + bias' : 'product'),
        inputs: bias ? { bias: matrices(bias.broadcast(out.shape)) } : {},
        outputs: { y: matrices(out) },
      })
    },
    map(out, text, operands) {
      const { formula, outputs, views } = prepare(out, text, operands)
      const shape = Object.values(outputs)[0].shape
      emit({ verb: 'map', formula, outputs, inputs: broadcastAll(views, shape) })
    },
    reduce(out, asked, text, operands, axes) {
      const { formula, outputs, views } = prepare(out, text, operands)
      const shape = Object.values(views).reduce<readonly number[]>((s, v) => larger(s, v.shape), [])
      const kept = shape.filter((_, i) => !axes.includes(i))
      const kinds = typeof asked === 'string' ? mapped(outputs, () => asked) : asked
      for (const [name, view] of Object.entries(outputs))
        if (sizeOf(view.shape) !== sizeOf(kept))
          throw new ShapeError(
            'reduce',
            `${kinds[name]} of ${printShape(shape)} over axes ${axes.join(', ')} is not ${printShape(view.shape)}`,
            {
              evidence: [[view.name, printShape(view.shape)]],
              hint: `the result has shape ${printShape(kept)}`,
            },
          )
      const shaped = mapped(outputs, v => v.reshape(...kept))
      emit({ verb: 'reduce', kinds, axes, formula, outputs: shaped, inputs: broadcastAll(views, shape) })
    },
    sum: (out, x, axes) => self.reduce(out, 'sum', 'x', { x }, axes === 'rows' ? rowsOf(x) : axes),
    gather(out, source, index, axis) {
      emit({ verb: 'gather', out, source, index: index.broadcast(out.shape), axis })
    },
    scatter(out, values, index, axis) {
      const shape = out.shape.filter((_, i) => i !== axis)
      emit({ verb: 'scatter', out, values: values.broadcast(shape), index: index.broadcast(shape), axis })
    },
    copy: (out, x) => self.map(out, 'x', { x }),
    random: (name, shape) => viewOf({ name, shape, kind: 'random', stream: streams++ }),
    index: n => viewOf({ name: 'index', shape: [n], kind: 'index' }),
    scratch: (name, shape) => viewOf({ name, shape, kind: 'temporary' } satisfies Buffer),
    watch(see) {
      const shown = (instruction: Instruction) => {
        see(instruction)
        emit(instruction)
      }
      return { ...verbs(shown, scalars), random: self.random }
    },
  }
  return self
}

/** The shape both broadcast to. */
function larger(a: Shape, b: Shape): Shape {
  const length = Math.max(a.length, b.length)
  return Array.from({ length }, (_, i) => Math.max(a[i - length + a.length] ?? 1, b[i - length + b.length] ?? 1))
}
