import { type Shape, sizeOf } from './shape.ts'

interface Axis {
  size: number
  /** How far a step along it goes in the data, and in the result. */
  from: number
  to: number
}

const tile = 32

/**
 * The same numbers with their axes in another order, of which axis i is axis `order[i]` of the data.
 * @param out as many numbers
 */
export function turned<Out extends { [at: number]: number | bigint }>(
  data: ArrayLike<Out[number]>,
  shape: Shape,
  order: readonly number[],
  out: Out,
): Out {
  const axes = merged(shape, order)
  // Tiles of the two axes along which data and result lie side by side keep both in the cache.
  const down = axes.reduce((best, { from }, i) => (from < axes[best].from ? i : best), axes.length - 1)
  const [a, b] = [axes[down], axes[axes.length - 1]]
  const outer = axes.filter(axis => axis !== a && axis !== b)
  const rows = a === b ? 1 : a.size
  const walk = (axis: number, from: number, to: number): void => {
    if (axis === outer.length) return plane(from, to)
    const { size, from: step, to: stride } = outer[axis]
    for (let i = 0; i < size; i++) walk(axis + 1, from + i * step, to + i * stride)
  }
  const plane = (from: number, to: number) => {
    for (let top = 0; top < rows; top += tile) {
      const bottom = Math.min(top + tile, rows)
      for (let left = 0; left < b.size; left += tile) {
        const right = Math.min(left + tile, b.size)
        for (let i = top; i < bottom; i++) {
          let at = from + i * a.from + left * b.from
          const end = to + i * a.to + right
          for (let place = to + i * a.to + left; place < end; place++, at += b.from) out[place] = data[at]
        }
      }
    }
  }
  if (sizeOf(shape) > 0) walk(0, 0, 0)
  return out
}

/** The axes of the result, those that stay together as one. */
function merged(shape: Shape, order: readonly number[]): Axis[] {
  const axes: Axis[] = []
  for (const axis of order) {
    const own = { size: shape[axis], from: sizeOf(shape.slice(axis + 1)), to: 1 }
    const before = axes[axes.length - 1]
    if (before && before.from === own.from * own.size)
      Object.assign(before, { size: before.size * own.size, from: own.from }) // biome-ignore format: one thought
    else if (own.size !== 1) axes.push(own)
  }
  for (let i = axes.length - 1, to = 1; i >= 0; to *= axes[i--].size) axes[i].to = to
  return axes.length > 0 ? axes : [{ size: 1, from: 1, to: 1 }]
}
