import { apart, MAGIC, polynomial, SIGN } from './approximations.ts'
import { exactLog } from './exact.ts'
import type { SimdTarget } from './simd.ts'

// A float cut behind its first twelve bits: products of such halves are exact (Dekker 1971).
const UPPER = -0x1000
// 2 / ln 2 in two parts, the first of twelve bits.
const LOG2E2 = [2.884765625, 6.244567779268e-4] as const
// (atanh(s) / s - 1) / s² · 2 / ln 2 in s² for |s| ≤ (√2 - 1) / (√2 + 1), and (2ʳ - 1) / r for |r| ≤ ½: least relative errors.
const ATANH = [0.3365041912, 0.4119056463, 0.5770797133, 0.961796701]
const EXP2 = [1.535336196e-4, 1.339887385e-3, 9.618436918e-3, 5.55033233e-2, 0.2402264774, 0.6931471825]
/** Exponents beyond make 0, 1 or ∞ of any float. */
const FARTHEST = 2 ** 32

/** A float and what it lacks, and its two halves. */
interface Wide<V> {
  readonly float: V
  readonly rest: V
  readonly high: V
  readonly low: V
}

/** A value that differs from lane to lane, or the same number for all. */
export type Operand<V> = { readonly lanes: V } | { readonly number: number }

/**
 * Powers in float32, right in the tails; NaN for negative bases unless the exponent is whole. The base's logarithm and
 * its product with the exponent have nearly twice the bits of a float: what stands before their point moves the result's.
 */
export function power<V>(t: SimdTarget<V>, base: Operand<V>, exponent: Operand<V>): V {
  const { add, sub, mul, div, and, andNot, or, xor, select, constant, intConstant, intAdd, shiftLeft } = t
  const sum = (...terms: readonly V[]) => terms.reduce((a, b) => add(a, b))
  const isWhole = (x: V) => t.eq(t.floor(x), x)

  function wide(float: V, rest: V): Wide<V> {
    const high = and(float, intConstant(UPPER))
    return { float, rest, high, low: sub(float, high) }
  }
  const wideNumber = (x: number) => wide(constant(x), constant(x - Math.fround(x)))

  // For normal positive x = 2ᵉ·m with m in [√½, √2): log₂ x = e + 2 / ln 2 · atanh((m - 1) / (m + 1)).
  function logarithm(x: V, less: V): Wide<V> {
    const { exponent, mantissa: m } = apart(t, x)
    const e = sub(exponent, less)
    const [above, up] = [sub(m, constant(1)), add(m, constant(1))]
    const below = wide(up, sub(m, sub(up, constant(1))))
    const s = div(above, up)
    const { high, low } = wide(s, s)
    // What s · below leaves of `above`, taken away in parts of which none rounds that matters.
    const taken = [high, low].flatMap(half => [mul(half, below.high), mul(half, below.low)])
    const left = [...taken, mul(s, below.rest)].reduce((left, part) => sub(left, part), above)
    const rest = div(left, up)
    const square = mul(s, s)
    const head = mul(high, constant(LOG2E2[0]))
    const tail = sum(
      mul(rest, constant(LOG2E2[0])),
      mul(s, constant(LOG2E2[1])),
      mul(mul(polynomial(t, square, ATANH), square), s),
      mul(low, constant(LOG2E2[0])),
    )
    const rough = add(e, head)
    const lost = add(sub(head, sub(rough, e)), tail)
    const float = add(rough, lost)
    return wide(float, sub(lost, sub(float, rough)))
  }

  // 2 to the power of high + low. Past the ends the bits are nonsense.
  function exp2(high: V, low: V): V {
    const both = add(high, low)
    const bits = add(t.min(t.max(both, constant(-200)), constant(200)), constant(MAGIC))
    const r = add(sub(high, sub(bits, constant(MAGIC))), low)
    const result = intAdd(add(mul(polynomial(t, r, EXP2), r), constant(1)), shiftLeft(bits, 23))
    return select(t.lt(both, constant(128)), and(result, t.ge(both, constant(-126))), constant(Infinity))
  }

  const y = 'lanes' in exponent ? exponent.lanes : constant(exponent.number)
  const bound = () => t.min(t.max(y, constant(-FARTHEST)), constant(FARTHEST))
  const b = 'lanes' in exponent ? wide(bound(), constant(0)) : wideNumber(exponent.number)
  const raised = (a: Wide<V>) =>
    exp2(mul(a.high, b.high), sum(mul(a.rest, b.float), mul(a.float, b.rest), mul(a.low, b.float), mul(a.high, b.low)))

  function ofLanes(x: V): V {
    const size = t.abs(x)
    const tiny = t.lt(size, constant(2 ** -126))
    const normal = select(tiny, mul(size, constant(2 ** 24)), size)
    const inside = and(t.gt(size, constant(0)), t.lt(size, constant(Infinity)))
    const ends = select(t.lt(y, constant(0)), div(constant(1), size), size)
    const result = select(inside, raised(logarithm(normal, and(tiny, constant(24)))), ends)
    const odd = andNot(isWhole(y), isWhole(mul(y, constant(0.5))))
    const signed = xor(result, and(and(odd, x), intConstant(SIGN)))
    return or(signed, andNot(t.lt(x, constant(0)), isWhole(y)))
  }
  const isKnown = 'number' in base && base.number > 0 && base.number < Infinity
  const result = isKnown
    ? raised(wideNumber(exactLog(base.number) / Math.LN2))
    : ofLanes('lanes' in base ? base.lanes : constant(base.number))
  if ('number' in exponent) return result
  return select(t.eq(y, constant(0)), constant(1), or(result, t.ne(y, y)))
}
