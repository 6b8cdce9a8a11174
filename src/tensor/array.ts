import { nothingElse, ShapeError } from '../errors.ts'
import { allocate, convert, type NestedNumbers, promote, read, roundings } from './array-cells.ts'
import { type ArrayOptions, NdArray, type Operand } from './array-grid.ts'
import type { Dtype } from './array-print.ts'
import { front } from './array-walk.ts'
import { printShape, type Shape, sameShape, sizeOf } from './shape.ts'

export type { NestedNumbers } from './array-cells.ts'
export {
  type ArrayOptions,
  NdArray,
  type NestedArray,
  type Operand,
  type ReduceOptions,
  type Slice,
} from './array-grid.ts'
export type { Dtype, PrintOptions } from './array-print.ts'

/**
 * An array of nested lists, of a typed array, or of anything with a shape and data, such as what `predict` gives.
 * @throws ShapeError when lists differ in length; DataError when something is no number
 * @example
 * const x = tensor([[1, 2], [3, 4]])
 * x.matmul(x.T).sum({ axis: 0 }).print()     // [16. 36.]
 */
export function tensor(
  values: Operand | { readonly shape: Shape; readonly data: ArrayLike<number> },
  options?: ArrayOptions,
): NdArray {
  const dtype = dtypeOf('tensor', options)
  if (typeof values === 'object' && 'shape' in values)
    return new NdArray(values.shape, dtype, convert(values.data, dtype))
  const { shape, data } = read(values as NestedNumbers, dtype)
  return new NdArray(shape, dtype, data)
}

/** The type that an array is told to have. */
function dtypeOf(who: string, { dtype = 'float32', ...others }: ArrayOptions = {}): Dtype {
  nothingElse(who, others, { dtype })
  return dtype
}

export const zeros = (shape: number | Shape, options?: ArrayOptions): NdArray =>
  full(shape, 0, { dtype: dtypeOf('zeros', options) })
export const ones = (shape: number | Shape, options?: ArrayOptions): NdArray =>
  full(shape, 1, { dtype: dtypeOf('ones', options) })
export function full(shape: number | Shape, value: number, options?: ArrayOptions): NdArray {
  const dtype = dtypeOf('full', options)
  const sizes = [shape].flat()
  return new NdArray(sizes, dtype, allocate(dtype, sizes).fill(value))
}

/** 0 … stop-1, or from start up to but without stop in steps. */
export function arange(start: number, stop?: number, step = 1, options?: ArrayOptions): NdArray {
  const dtype = dtypeOf('arange', options)
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  const round = roundings[dtype]
  const delta = round(round(from + step) - round(from))
  const length = Math.max(0, Math.ceil((to - from) / step))
  const data = allocate(dtype, [length])
  for (let i = 0; i < length; i++) data[i] = round(from) + round(i * delta)
  return new NdArray([length], dtype, data)
}

/** `count` numbers at equal distances, both ends included. */
export function linspace(from: number, to: number, count = 50, options?: ArrayOptions): NdArray {
  const dtype = dtypeOf('linspace', options)
  const data = allocate(dtype, [count])
  const step = (to - from) / (count - 1)
  for (let i = 0; i < count; i++) data[i] = i > 0 && i === count - 1 ? to : i === 0 ? from : i * step + from
  return new NdArray([count], dtype, data)
}

/** Ones on the diagonal, zeros elsewhere. */
export function eye(n: number, options?: ArrayOptions): NdArray {
  const dtype = dtypeOf('eye', options)
  const data = allocate(dtype, [n, n])
  for (let i = 0; i < n; i++) data[i * (n + 1)] = 1
  return new NdArray([n, n], dtype, data)
}

/** Arrays one behind another along an axis they have. */
export function concat(arrays: readonly NdArray[], { axis = 0, ...others }: { axis?: number } = {}): NdArray {
  nothingElse('concat', others, { axis })
  if (arrays.length === 0)
    throw new ShapeError('concat', 'concat got no arrays, expected at least one', { hint: 'concat([a, b])' })
  const [first] = arrays
  const a = front('concat', axis, first.shape)
  const rest = (shape: Shape) => shape.map((n, i) => (i === a ? 0 : n))
  if (arrays.some(({ shape }) => !sameShape(rest(shape), rest(first.shape))))
    throw new ShapeError('concat', `concat got shapes that differ beside axis ${a}`, {
      evidence: arrays.map(({ shape }, i) => [`array ${i + 1}`, printShape(shape)]),
      hint: 'all other axes must be of the same size',
    })
  const dtype = arrays.reduce((type: Dtype, array) => promote(type, array.dtype), first.dtype)
  const shape = first.shape.with(
    a,
    arrays.reduce((sum, array) => sum + array.shape[a], 0),
  )
  const out = allocate(dtype, shape)
  const outer = sizeOf(shape.slice(0, a))
  for (let group = 0, at = 0; group < outer; group++)
    for (const { data } of arrays) {
      const part = data.length / outer
      out.set(data.subarray(group * part, (group + 1) * part), at)
      at += part
    }
  return new NdArray(shape, dtype, out)
}

/** Arrays of one shape side by side along a new axis. */
export function stack(arrays: readonly NdArray[], { axis = 0, ...others }: { axis?: number } = {}): NdArray {
  nothingElse('stack', others, { axis })
  const wider = [...(arrays[0]?.shape ?? []), 1]
  const a = front('stack', axis, wider)
  return concat(
    arrays.map(array => array.reshape([...array.shape.slice(0, a), 1, ...array.shape.slice(a)])),
    { axis: a },
  )
}
