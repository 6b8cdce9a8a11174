import { printShape, type Shape } from '../../tensor/shape.ts'

/** A named array of a file. */
export interface FileArray {
  readonly name: string
  /** As the file calls it. */
  readonly dtype: string
  readonly shape: Shape
  readonly data: ArrayLike<number | bigint>
}

/** One line of a table. */
export type Row = Readonly<Record<string, string | number | null>>

/** Bytes of one number, by what the formats call its type. */
export const widthOf = (dtype: string): number => {
  const bits = /(\d+)/.exec(dtype)?.[1]
  return bits ? Math.ceil(Number(bits) / 8) : 1
}

/** An array in a line: what it is, and the span and mean of what it holds. */
export function arrayRow({ name, dtype, shape, data }: FileArray): Row {
  let [min, max, sum, odd] = [Infinity, -Infinity, 0, 0]
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    if (!Number.isFinite(value)) {
      odd++
      continue
    }
    if (value < min) min = value
    if (value > max) max = value
    sum += value
  }
  const count = data.length - odd
  const some = (value: number) => (count > 0 ? value : null)
  return {
    name,
    dtype,
    shape: printShape(shape),
    bytes: data.length * widthOf(dtype),
    min: some(min),
    max: some(max),
    mean: some(sum / count),
    ...(odd > 0 ? { 'not finite': odd } : {}),
  }
}

/** What JavaScript's array of numbers is called elsewhere. */
export const dtypeOf = (data: object): string =>
  Array.isArray(data) ? 'float64' : data.constructor.name.replace(/^Big|Array$/g, '').toLowerCase()
