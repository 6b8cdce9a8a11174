import type { Formula } from '../formula/index.ts'
import type { Buffer, View } from '../tensor/view.ts'

export type Named<T> = Readonly<Record<string, T>>

/** The same names with something made of each value. */
export const mapped = <T, U>(values: Named<T>, make: (value: T, name: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]))

/** Whether each name has a view. */
export const complete = (views: Named<View | undefined>): views is Named<View> => Object.values(views).every(Boolean)

/** The elementwise part that every arithmetic verb has: `outputs` are the formula's outputs over `inputs`. */
interface Elementwise {
  readonly formula: Formula
  readonly inputs: Named<View>
  readonly outputs: Named<View>
}

/**
 * out = formula(product) with product = a·b, summed over the shared axis in float64 or in fixed blocks; of matrices, or
 * of stacks of them, [n, m, k].
 */
export interface Gemm extends Elementwise {
  readonly verb: 'gemm'
  readonly a: View
  readonly b: View
}

/** out = formula(inputs), element by element. */
export interface MapInstruction extends Elementwise {
  readonly verb: 'map'
}

export type Reduction = 'sum' | 'mean' | 'max' | 'min' | 'argmax'

/** out = reduction of formula(inputs) over `axes` of the inputs' common shape; argmax takes the first of equals. */
export interface Reduce extends Elementwise {
  readonly verb: 'reduce'
  /** What each output is of its part of the formula. */
  readonly kinds: Named<Reduction>
  readonly axes: readonly number[]
}

/** out[…] = source[…, index[…], …] along `axis`; a broadcast source makes it an embedding look-up. */
export interface Gather {
  readonly verb: 'gather'
  readonly axis: number
  readonly out: View
  readonly index: View
  readonly source: View
}

/** out = 0, then out[…, index[…], …] += values[…] along `axis`. The adjoint of gather, and of a maximum. */
export interface Scatter {
  readonly verb: 'scatter'
  readonly axis: number
  readonly out: View
  readonly index: View
  readonly values: View
}

export type Instruction = Gemm | MapInstruction | Reduce | Gather | Scatter

/** A recorded computation: what one step does, in order, with every number it touches named. */
export interface Program {
  readonly name: string
  readonly instructions: readonly Instruction[]
  /** Numbers that change from run to run without a new plan: step `t`, `learningRate`, `seed`. */
  readonly scalars: readonly string[]
}

/** Among how many places an instruction tells one from another by its number. */
export function placesOf(instruction: Instruction): number {
  switch (instruction.verb) {
    case 'gather':
      return instruction.source.shape[instruction.axis]
    case 'scatter':
      return instruction.out.shape[instruction.axis]
    case 'reduce':
      if (!Object.values(instruction.kinds).includes('argmax')) return 0
      return instruction.axes.reduce((product, axis) => product * domain(instruction)[axis], 1)
    default:
      return 0
  }
}

export function reads(instruction: Instruction): View[] {
  switch (instruction.verb) {
    case 'gemm':
      return [instruction.a, instruction.b, ...Object.values(instruction.inputs)]
    case 'map':
    case 'reduce':
      return Object.values(instruction.inputs)
    case 'gather':
      return [instruction.index, instruction.source]
    case 'scatter':
      return [instruction.index, instruction.values]
  }
}

export const writes = (instruction: Instruction): View[] =>
  'out' in instruction ? [instruction.out] : Object.values(instruction.outputs)

/** Every buffer of a program, in order of first use. */
export function buffersOf(program: Program): Set<Buffer> {
  const all = new Set<Buffer>()
  for (const i of program.instructions) for (const view of [...reads(i), ...writes(i)]) all.add(view.buffer)
  return all
}

/** The shape an elementwise instruction runs over: of its operands for a reduction, else of its outputs. */
export function domain(instruction: MapInstruction | Reduce | Gemm): readonly number[] {
  const views = Object.values(instruction.verb === 'reduce' ? instruction.inputs : instruction.outputs)
  return views[0].shape
}
