/** from, from + 1, … to − 1 */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)

/** Bytes from a block of memory to the next: kernels may read a little behind it, and all begin at multiples of 64. */
export const blockOf = (bytes: number): number => Math.ceil((bytes + 64) / 64) * 64

/** The largest divisor of n that is at most `limit`. */
export function largestDivisor(n: number, limit: number): number {
  for (let d = Math.max(1, limit); d > 1; d--) if (n % d === 0) return d
  return 1
}

/** Every combination of indices of `levels`, in row-major order. */
export function indices(levels: readonly number[], sizes: readonly number[]): Record<number, number>[] {
  return levels.reduce<Record<number, number>[]>(
    (all, l) => all.flatMap(at => range(0, sizes[l]).map(i => ({ ...at, [l]: i }))),
    [{}],
  )
}
