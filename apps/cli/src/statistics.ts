export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Standard deviation of a sample; 0 for a single value. */
export function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/**
 * Welch's t-test: how likely two samples differ this much when their means do not, whatever their spreads.
 *
 * t = (ā − b̄) / √(s²ₐ/nₐ + s²ᵦ/nᵦ), degrees of freedom after Welch & Satterthwaite, both sides.
 */
export function welch(a: readonly number[], b: readonly number[]): { t: number; freedom: number; p: number } {
  const [va, vb] = [deviation(a) ** 2 / a.length, deviation(b) ** 2 / b.length]
  const gap = mean(a) - mean(b)
  if (va + vb === 0) return { t: gap === 0 ? 0 : Math.sign(gap) * Infinity, freedom: 1, p: gap === 0 ? 1 : 0 }
  const t = gap / Math.sqrt(va + vb)
  const freedom = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1))
  return { t, freedom, p: incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) }
}

/** Holm's correction: several comparisons at once must not find by chance what one would not. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((i, j) => ps[i] - ps[j])
  const out = new Array<number>(ps.length)
  let least = 0
  order.forEach((i, rank) => {
    out[i] = least = Math.max(least, Math.min(1, ps[i] * (ps.length - rank)))
  })
  return out
}

/** The regularised incomplete beta function, by its continued fraction (Lentz's method). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const away = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value)
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let c = 1
  let sum = d
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    sum *= c * d
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    sum *= c * d
    if (Math.abs(c * d - 1) < 1e-15) break
  }
  return front * sum
}

/** ln Γ(x) for x > 0, by Lanczos. */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const t = x + 6.5
  const sum = coefficients.reduce((total, c, i) => total + (i === 0 ? c : c / (x + i - 1)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}
