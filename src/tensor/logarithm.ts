import { exactLog, lost, once } from '../formula/index.ts'

const word = new DataView(new ArrayBuffer(8))

/** a·b + c, rounded once, as processors do it (Boldo & Melquiond 2008). */
function fma(a: number, b: number, c: number): number {
  const product = a * b
  const rest = lost(a, b, product)
  const low = c + rest
  const lowRest = rounding(c, rest, low)
  const high = product + low
  const highRest = rounding(product, low, high)
  // What both leave is rounded to odd: then the last rounding is the only one.
  let odd = lowRest + highRest
  const error = rounding(lowRest, highRest, odd)
  if (error !== 0) {
    word.setFloat64(0, odd)
    const low = word.getInt32(4)
    if ((low & 1) === 0) {
      const away = error > 0 === odd > 0
      if (!away && low === 0) word.setInt32(0, word.getInt32(0) - 1)
      word.setInt32(4, away ? low + 1 : low - 1)
      odd = word.getFloat64(0)
    }
  }
  return high + odd
}
/** What rounding took from `sum = a + b` (Knuth). */
function rounding(a: number, b: number, sum: number): number {
  const part = sum - a
  return a - (sum - part) + (b - part)
}

// How far, in units of the last place, each reciprocal of glibc's table lies from that of the middle of its interval: so
// that its logarithm is close to a multiple of 2⁻⁴³. Values and coefficients of sysdeps/ieee754/dbl-64/e_log_data.c.
// biome-ignore format: a table
const offsets = [
  -23142382, -57643754, -234334839, -124664804, 19045012, -123323398, -501163255, 342479926, -234593306, 57421184,
  513617488, -240891478, 85169741, 28659150, 284053799, 342563057, -68420459, -346144712, -90113766, -464022980,
  285342708, -489548825, 376054848, 47397812, -423637851, -260988534, 336107021, 448241578, 154177355, 447893384,
  241227555, -420636714, -218426730, -96876684, -205835218, -368178198, -345128710, -510284502, 481763731, 209336112,
  429336310, 15489329, 442353177, -417834330, 73183371, 515232680, 507984536, 83787275, 330409952, 151596684,
  377744204, 198302857, 214798271, -345957716, 356163107, 215510022, -229897960, -131709726, 215213618, -464519207,
  -332821996, 385780520, -400344786, 256208139, 478356527, 345720337, 128466877, 217515751, -162048343, 295127580,
  -235892775, -69369347, 93666841, -272860130, 91915174, 29018059, 258893229, 386009280, -241633007, 68399381,
  386341370, 408940642, 65060217, -120872168, 189498853, -32395328, -49955913, 154042178, -346113480, 148348366,
  -396488327, -427431396, 107119491, -500798201, 212184347, 305888811, -330297730, -91422864, 6707636, 273897542,
  -512931067, -500150233, 485589437, -280752730, 106848032, 30953893, -291342514, -408884927, 149302919, -107851081,
  225432558, 460497078, -452391632, -490679353, 508304210, 493208081, 336502878, 526975298, -457361038, -312310462,
  -365194252, -421357131, 362015322, 310793228, -441535439, -69145545, -528727990, 433364383,
]
const steps = offsets.length
const lowest = 0x3fe60000 // the high word of 0.6875: intervals begin there and end at 1.375
/** 1/c for a c in each interval, and log c. */
const parts = once(() => {
  const inverses = Float64Array.from(offsets, (offset, i) => {
    word.setBigUint64(0, BigInt(lowest + (i << 13) + 0x1000) << 32n)
    word.setFloat64(0, 1 / word.getFloat64(0))
    word.setBigInt64(0, word.getBigInt64(0) + BigInt(offset))
    return word.getFloat64(0)
  })
  return [inverses, inverses.map(inverse => -Math.round(exactLog(inverse) * 2 ** 43) / 2 ** 43)] as const
})
// biome-ignore-start format: as in the source
const far = [-0.5000000000000001, 0.33333333331825593, -0.2499999999622955, 0.20000304511814496, -0.16667054827627667]
const near = [
  -0.5, 0.3333333333333352, -0.24999999999998432, 0.19999999999320328, -0.16666666669929706, 0.14285715076560868,
  -0.12499997863982555, 0.11110712032936046, -0.10000486757818193, 0.09181994006195467, -0.08328363062289341,
]
// biome-ignore-end format: as in the source

/**
 * The natural logarithm as glibc gives it on a processor with fused multiply-add, to the bit: within 0.519 units.
 *
 * log x = k·ln 2 + log c + log1p(x/(2ᵏ·c) - 1), with c from a table of 128 and polynomials of degree 6, or 12 near 1.
 * @param x a positive normal number
 */
export function glibcLog(x: number): number {
  if (x >= 0.9375 && x < 1.064697265625) return nearOne(x - 1)
  const [inverses, logs] = parts()
  word.setFloat64(0, x)
  const high = word.getInt32(0)
  const place = (high - lowest) >> 13
  const k = place >> 7
  word.setInt32(0, high - (k << 20))
  const z = word.getFloat64(0)
  const inverse = inverses[place & (steps - 1)]
  const ratio = z * inverse
  const r = ratio - 1 + lost(z, inverse, ratio) // as fma(z, inverse, -1): nothing is lost where 1 is taken from what is near 1
  const sum = k * 0.6931471805598903 + logs[place & (steps - 1)] // exact: both have zeros at their end
  const main = sum + r
  const r2 = r * r
  const tail = sum - main + r
  // What is left, with products that are rounded. Where that cannot matter, it need not be computed without.
  const rest = r2 * r * (far[1] + r * far[2] + r2 * (far[3] + r * far[4])) + (r2 * far[0] + (k * ln2 + tail))
  const least = main + (rest - doubt)
  if (least === main + (rest + doubt)) return least
  const low = fma(r2, far[0], fma(k, ln2, tail))
  return fma(r * r2, fma(fma(r, far[4], far[3]), r2, fma(r, far[2], far[1])), low) + main
}
/** What 0.6931471805598903 leaves of the logarithm of 2. */
const ln2 = 5.497923018708371e-14
/** More than rounded products can be off: 4 · 10⁻²¹ of them all. */
const doubt = 2 ** -65

function nearOne(r: number): number {
  if (r === 0) return 0
  const r2 = r * r
  const r3 = r * r2
  const three = (i: number) => fma(r2, near[i + 2], fma(r, near[i + 1], near[i]))
  const tail = fma(fma(fma(r3, near[10], three(7)), r3, three(4)), r3, three(1))
  const upper = r + r * 2 ** 27 - r * 2 ** 27
  const square = -0.5 * upper * upper
  const high = r + square
  return high + fma(tail, r3, fma(-0.5 * (r - upper), r + upper, r - high + square))
}
