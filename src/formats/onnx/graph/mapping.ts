import type { Layer } from '../../../nn/layer.ts'
import { turned as inOrder } from '../../../tensor/turned.ts'
import type { Call } from '../call.ts'
import { unsupported } from '../file.ts'
import type { Dims, Tensor } from '../tensors.ts'
import { isKnown, type Known, type Sample, type Value } from './sample.ts'

/** A node that becomes layers: its settings, what goes in, and where weights are put down. */
export interface Mapping extends Call {
  readonly operator: string
  readonly inputs: readonly (Value | undefined)[]
  /** Two sizes of the batch, the same where the file knows one only. */
  readonly batches: readonly [number, number]
  /** A name for the layer that these weights belong to, as the file calls them. */
  options(weights?: number): { name?: string }
  /** The layer, and the numbers that its arrays get in the end. */
  learn(layer: Layer, arrays: Readonly<Record<string, ArrayLike<number>>>): Layer
  /** The operators that read what it gives, two of them at most. */
  read(): readonly string[]
  /** Whether anything reads that output. */
  wanted(output: number): boolean
  /** A bias that the next node adds to a result of so many axes; that node is then done with. */
  bias(units: number, rank: number): Tensor | undefined
}

export type Row = (m: Mapping) => Value | readonly (Value | undefined)[]
export type Rows = Readonly<Record<string, Row>>

/** An input that changes from sample to sample. */
export function flowing(m: Mapping, i = 0): Sample {
  const value = m.inputs[i]
  if (value && !isKnown(value)) return value
  throw unsupported(`input ${i + 1} that is ${value ? 'known beforehand' : 'left out'}`, 'run it with importOnnx')
}

/** An input that is the same for all samples, if it is there. */
export function constant(m: Mapping, i: number): Tensor | undefined {
  const value = m.inputs[i]
  if (!value) return undefined
  if (!isKnown(value)) throw unsupported(`input ${i + 1} that depends on the sample`, 'run it with importOnnx')
  return steady(value)
}

export function weights(m: Mapping, i: number): Tensor {
  const found = constant(m, i)
  if (found) return found
  throw unsupported(`input ${i + 1} that is left out`, 'run it with importOnnx')
}

/** What is known, where it does not depend on the size of the batch. */
export function steady({ tensors: [a, b] }: Known): Tensor {
  if (a === b || (a.dims.join() === b.dims.join() && a.data.every((v, i) => Object.is(v, b.data[i])))) return a
  throw unsupported('weights that depend on the size of the batch', 'run it with importOnnx')
}

/** The number that all elements are, if they are the same. */
export const uniform = ({ data }: Tensor): number | undefined =>
  data.length > 0 && data.every(v => v === data[0]) ? data[0] : undefined

/** Numbers in formulas. */
export const digits = (value: number): string =>
  value === Infinity ? 'inf' : value === -Infinity ? '(-inf)' : value < 0 ? `(${value})` : `${value}`

/** The same numbers with axes in another order. */
export const turned = (
  { dims, data }: { dims: Dims; data: ArrayLike<number> },
  order: readonly number[],
): Float64Array => inOrder(data, dims, order, new Float64Array(data.length))

export const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i)
