import { DataError, ShapeError } from '../errors.ts'
import type { Dtype } from './array-print.ts'
import { printShape, type Shape, sizeOf } from './shape.ts'

/** Numbers, or lists of lists of numbers, all of the same length. */
export type NestedNumbers = number | boolean | ArrayLike<number> | readonly NestedNumbers[]
/** The numbers of an array, in row-major order. */
export type Data = Float32Array | Float64Array | Int32Array | Uint8Array

export const storage = { bool: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array } as const
const same = (x: number) => x
export const roundings = { bool: same, int32: same, float32: Math.fround, float64: same } as const
export const isFloat = (dtype: Dtype) => dtype === 'float32' || dtype === 'float64'
/** Whole numbers that meet fractions become float64, as in NumPy. */
export const fractional = (dtype: Dtype): Dtype => (isFloat(dtype) ? dtype : 'float64')
/** Most numbers of an array. */
const limit = 2 ** 28

const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || ArrayBuffer.isView(value)
/** What comparisons give. */
export const bool = (): Dtype => 'bool'
/** Truth counts as 0 and 1 in arithmetic. */
export const whole = (dtype: Dtype): Dtype => (dtype === 'bool' ? 'int32' : dtype)

export function allocate(dtype: Dtype, shape: Shape): Data {
  const size = sizeOf(shape)
  if (shape.every(n => Number.isInteger(n) && n >= 0) && size <= limit) return new storage[dtype](size)
  throw new ShapeError('bad-shape', `an array cannot have the shape ${printShape(shape)}`, {
    hint: `sizes are whole numbers from 0, and multiply to at most ${limit}`,
  })
}

export function convert(data: ArrayLike<number>, dtype: Dtype): Data {
  return dtype === 'bool' ? Uint8Array.from(data, x => (x === 0 ? 0 : 1)) : storage[dtype].from(data)
}

const order: readonly Dtype[] = ['bool', 'int32', 'float32', 'float64']
/** The type of two types together; a weak one gives way to fractions of any precision. */
export function promote(a: Dtype, b: Dtype, weak = false): Dtype {
  if (a === b || (weak && isFloat(a))) return a
  const [low, high] = [a, b].sort((x, y) => order.indexOf(x) - order.indexOf(y))
  return low === 'int32' && high === 'float32' ? 'float64' : high
}

/** Nested lists as one row of numbers and a shape. */
export function read(values: NestedNumbers, dtype: Dtype): { shape: Shape; data: Data } {
  const shape: number[] = []
  for (let level: unknown = values; isList(level); level = level[0]) {
    if (shape.push(level.length) > 32)
      throw new ShapeError('too-deep', 'tensor got more than 32 axes', { hint: 'nest lists less deeply' })
    if (level.length === 0) break
  }
  const data = allocate(dtype, shape)
  let at = 0
  const fill = (value: unknown, axis: number) => {
    if (axis === shape.length && (typeof value === 'number' || typeof value === 'boolean')) data[at++] = Number(value)
    else if (axis < shape.length && isList(value) && value.length === shape[axis])
      for (let i = 0; i < value.length; i++) fill(value[i], axis + 1)
    else throw ragged(value, axis, shape)
  }
  fill(values, 0)
  return { shape, data }
}

function ragged(value: unknown, axis: number, shape: Shape): Error {
  if (axis === shape.length && !isList(value))
    return new DataError('not-a-number', `tensor got ${JSON.stringify(value)?.slice(0, 40)}, expected a number`, {
      hint: 'convert text with Number(…), and fill what is missing',
    })
  const got = isList(value) ? `a list of ${value.length}` : 'a number'
  return new ShapeError('ragged', `tensor got ${got} on axis ${axis}, expected ${shape[axis] ?? 'a number'}`, {
    evidence: [['first rows', printShape(shape)]],
    hint: 'all lists of one level must be of the same length',
  })
}
