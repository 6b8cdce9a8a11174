/** 2²⁷ + 1 cuts a double into two halves whose products are exact (Veltkamp 1968). */
const cutter = 134217729
const upper = (a: number) => {
  const c = a * cutter
  return c - (c - a)
}
/** What rounding took from `p = a · b` (Dekker 1971): a·b = p + lost exactly. */
export function lost(a: number, b: number, p: number): number {
  const ah = upper(a)
  const bh = upper(b)
  const al = a - ah
  const bl = b - bh
  return ah * bh - p + ah * bl + al * bh + al * bl
}

// 1/1, 1/3, 1/5 … as sums of two doubles: the coefficients of atanh.
const terms = 22
const odd = Float64Array.from({ length: terms }, (_, k) => 1 / (2 * k + 1))
const oddRest = odd.map((c, k) => (1 - c * (2 * k + 1) - lost(c, 2 * k + 1, c * (2 * k + 1))) / (2 * k + 1))
const ln2 = Math.LN2
const ln2Rest = 2.3190468138462996e-17
const word = new DataView(new ArrayBuffer(8))

/**
 * The natural logarithm, rounded correctly: engines differ in the last bit of `Math.log`, this never does.
 * @param x any double; 0 gives -∞, a negative number NaN
 */
export function exactLog(x: number): number {
  if (!(x > 0) || x === Infinity) return x === 0 ? -Infinity : x > 0 ? x : Number.NaN
  const [high, low] = logarithm(x)
  return high + low
}

/**
 * log x as a sum of two doubles, for x above 0.
 *
 * log x = e·ln 2 + 2·atanh((m-1)/(m+1)) for x = 2ᵉ·m, in sums of two doubles (about 100 bits).
 */
export function logarithm(x: number): [high: number, low: number] {
  let e = 0
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984
    e = -54
  }
  word.setFloat64(0, x)
  e += (word.getUint32(0) >>> 20) - 1023
  word.setUint32(0, (word.getUint32(0) & 0xfffff) | 0x3ff00000)
  let m = word.getFloat64(0)
  if (m > Math.SQRT2) {
    m /= 2
    e++
  }

  // s + sl = (m - 1) / (m + 1), where m - 1 is exact; q + ql = s²
  const up = m + 1
  const upRest = m < 1 ? m - (up - 1) : 1 - (up - m)
  const s = (m - 1) / up
  const back = s * up
  const sl = (m - 1 - back - lost(s, up, back) - s * upRest) / up
  const q = s * s
  const ql = lost(s, s, q) + 2 * s * sl

  // h + l = 1 + q/3 + q²/5 + …; the far terms do not need the second double
  let h = odd[terms - 1]
  let l = 0
  let k = terms - 2
  for (; k > 9; k--) h = odd[k] + h * q
  for (; k >= 0; k--) {
    const p = h * q
    const pl = lost(h, q, p) + h * ql + l * q
    const sum = odd[k] + p
    const rest = p - (sum - odd[k]) + (pl + oddRest[k])
    h = sum + rest
    l = rest - (h - sum)
  }

  const a = 2 * s * h
  const al = lost(2 * s, h, a) + 2 * (s * l + sl * h)
  if (e === 0) return [a, al]
  const b = e * ln2
  const bl = lost(e, ln2, b) + e * ln2Rest
  const sum = b + a
  return [sum, a - (sum - b) + (al + bl)]
}

const LN2_HIGH = 0.6931471803691238 // ends in zeros: products with small whole numbers are exact
const LN2_LOW = 1.9082149292705877e-10

/** e^(x + rest), rest being small beside x: right to 0.6 units in the last place, the same bits on every engine. */
export function exactExp(x: number, rest = 0): number {
  if (!(Math.abs(x) < 746)) return x > 0 ? Infinity : x < 0 ? 0 : Number.NaN
  const n = Math.round(x / Math.LN2)
  const r = x - n * LN2_HIGH // eˣ = 2ⁿ·eʳ
  const low = rest - n * LN2_LOW
  const z = r + low
  // eᶻ = 1 + z + z²·(1/2 + z/6 + …), the first two terms without rounding
  let sum = 1
  for (let k = 16; k > 2; k--) sum = 1 + (sum * z) / k
  const one = 1 + r
  const value = one + (r - (one - 1) + (low + (z * z * sum) / 2))
  // In two factors, so that neither over- nor underflows before the other is there.
  const half = Math.trunc(n / 2)
  return value * twoTo(half) * twoTo(n - half)
}

function twoTo(n: number): number {
  word.setUint32(0, (n + 1023) << 20)
  word.setUint32(4, 0)
  return word.getFloat64(0)
}

/** xʸ for x above 0. */
export function exactPower(x: number, y: number): number {
  const [high, low] = logarithm(x)
  const product = y * high
  return Math.abs(product) < 746 ? exactExp(product, lost(y, high, product) + y * low) : exactExp(product)
}
