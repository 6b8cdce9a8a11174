/** from, from + 1, … to − 1 */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)

/** The largest divisor of n that is at most `limit`. */
export function largestDivisor(n: number, limit: number): number {
  for (let d = Math.max(1, limit); d > 1; d--) if (n % d === 0) return d
  return 1
}
