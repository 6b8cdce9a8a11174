/** Sizes along each axis; `[]` is a scalar. */
export type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1)

/** `[2, 3]`, as errors and summaries print it. */
export const printShape = (shape: Shape): string => `[${shape.join(', ')}]`

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i])

/** The coarsest shape that both cut the same row of elements into, where their cuts meet. */
export function commonShape(a: Shape, b: Shape): Shape | undefined {
  const ends = (shape: Shape) => shape.map((_, i) => sizeOf(shape.slice(0, i + 1)))
  const cuts = [...new Set([...ends(a), ...ends(b)])].filter(n => n > 1).sort((x, y) => x - y)
  const shape = cuts.map((n, i) => n / (cuts[i - 1] ?? 1))
  return sizeOf(a) === sizeOf(b) && shape.every(Number.isInteger) ? shape : undefined
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i--]) strides[i] = step
  return strides
}
