import type { Code, Local } from '../../assembler.ts'
import { simdTarget } from '../../simd.ts'

type Arithmetic = ReturnType<typeof simdTarget>

/** A linear map along one axis: `from` values to `to` values. Applied to rows and then to columns of a tile. */
export interface Transform {
  readonly from: number
  readonly to: number
  readonly one: (t: Arithmetic, v: readonly Local[]) => Local[]
}

const times = (t: Arithmetic, v: Local, k: number) => t.mul(v, t.constant(k))

/** Bᵀ: six inputs as the products need them. */
export const toTile: Transform = {
  from: 6,
  to: 6,
  one(t, [d0, d1, d2, d3, d4, d5]) {
    const even = t.sub(d4, times(t, d2, 4))
    const odd = t.sub(d3, times(t, d1, 4))
    const near = t.sub(d4, d2)
    const far = times(t, t.sub(d3, d1), 2)
    return [
      t.add(t.sub(times(t, d0, 4), times(t, d2, 5)), d4),
      t.add(even, odd),
      t.sub(even, odd),
      t.add(near, far),
      t.sub(near, far),
      t.add(t.sub(times(t, d1, 4), times(t, d3, 5)), d5),
    ]
  },
}

/** Aᵀ: six sums of products to four outputs. */
export const fromTile: Transform = {
  from: 6,
  to: 4,
  one(t, [m0, m1, m2, m3, m4, m5]) {
    const [s, d] = [t.add(m1, m2), t.sub(m1, m2)]
    const [s2, d2] = [t.add(m3, m4), t.sub(m3, m4)]
    return [
      t.add(t.add(m0, s), s2),
      t.add(d, times(t, d2, 2)),
      t.add(s, times(t, s2, 4)),
      t.add(t.add(d, times(t, d2, 8)), m5),
    ]
  },
}

/** A: the gradient of four outputs, spread over six sums. */
export const toTileOfGradient: Transform = {
  from: 4,
  to: 6,
  one(t, [d0, d1, d2, d3]) {
    const [even, odd] = [t.add(d0, d2), t.add(d1, d3)]
    const even4 = t.add(d0, times(t, d2, 4))
    const odd4 = t.add(times(t, d1, 2), times(t, d3, 8))
    return [d0, t.add(even, odd), t.sub(even, odd), t.add(even4, odd4), t.sub(even4, odd4), d3]
  },
}

/** G: a filter's three taps as the products need them. */
export const ofFilter: Transform = {
  from: 3,
  to: 6,
  one(t, [g0, g1, g2]) {
    const outer = times(t, t.add(g0, g2), -1 / 6)
    const middle = times(t, g1, 1 / 6)
    const wide = t.add(times(t, g0, 1 / 24), times(t, g2, 1 / 6))
    const half = times(t, g1, 1 / 12)
    return [times(t, g0, 1 / 4), t.sub(outer, middle), t.add(outer, middle), t.add(wide, half), t.sub(wide, half), g2]
  },
}

/** Gᵀ: the gradient of a filter's three taps. */
export const gradientOfFilter: Transform = {
  from: 6,
  to: 3,
  one(t, [u0, u1, u2, u3, u4, u5]) {
    const near = times(t, t.add(u1, u2), 1 / 6)
    const far = t.add(u3, u4)
    return [
      t.add(t.sub(times(t, u0, 1 / 4), near), times(t, far, 1 / 24)),
      t.add(times(t, t.sub(u2, u1), 1 / 6), times(t, t.sub(u3, u4), 1 / 12)),
      t.add(t.sub(times(t, far, 1 / 6), near), u5),
    ]
  },
}

export interface Ends {
  /** Leaves four channels of element (row, column) on the stack. */
  load(row: number, column: number): void
  store(row: number, column: number, value: Local): void
}

/** Both axes of a tile, four channels at a time. Rows wait in memory at `rough`: they are more than there are registers. */
export function transform(f: Code, how: Transform, rough: Local, ends: Ends): void {
  const t = simdTarget(f)
  for (let r = 0; r < how.from; r++) {
    const row = Array.from({ length: how.from }, (_, c) => {
      const value = f.local('v128')
      ends.load(r, c)
      f.set(value)
      return value
    })
    how.one(t, row).forEach((value, c) => {
      f.get(rough)
        .get(value)
        .mem('v128.store', (r * how.to + c) * 16)
    })
  }
  for (let c = 0; c < how.to; c++) {
    const column = Array.from({ length: how.from }, (_, r) => {
      const value = f.local('v128')
      f.get(rough)
        .mem('v128.load', (r * how.to + c) * 16)
        .set(value)
      return value
    })
    how.one(t, column).forEach((value, r) => {
      ends.store(r, c, value)
    })
  }
}
