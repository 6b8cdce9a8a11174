import type { Operation } from './operations.ts'
import type { SimdTarget } from './simd.ts'

/** The functions a machine does not have. */
type Transcendental = Extract<
  Operation,
  | 'exp'
  | 'log'
  | 'log1p'
  | 'expm1'
  | 'sign'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'erf'
  | 'sigmoid'
  | 'softplus'
>
export type Approximations<V> = Readonly<Record<Transcendental, (x: V) => V>>

// Adding and taking away 1.5 · 2²³ rounds to a whole number and leaves it in the low bits of the sum. With 127 more these
// are the exponent of a float: shifted to their place they are 2ⁿ.
export const MAGIC = 12582912
const EXPONENT = MAGIC + 127
// Constants in two or three parts, the first ones with few bits so that small multiples of them are exact.
const LN2 = [0.693359375, -2.1219444e-4] as const
const HALF_PI = [1.5703125, 4.837512969970703e-4, 7.549789954891882e-8] as const
// (eʳ - 1 - r) / r² for |r| ≤ ln 2 / 2 with the least error relative to eʳ, and a term more where eʳ - 1 itself is asked for.
const EXP = [1.381453936e-3, 8.368745178e-3, 4.16683908e-2, 0.166665204, 0.4999999343]
const EXPM1 = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5]
const SQRT_HALF = 0x3f3504f3
const ONE = 0x3f800000
export const SIGN = -0x80000000

/** Horner's rule, highest power first. */
export const polynomial = <V>({ add, mul, constant }: SimdTarget<V>, x: V, [first, ...rest]: readonly number[]): V =>
  rest.reduce((sum, c) => add(mul(sum, x), constant(c)), constant(first))

/** x = 2^exponent · mantissa with the mantissa in [√½, √2), for normal positive x. */
export function apart<V>(t: SimdTarget<V>, x: V): { exponent: V; mantissa: V } {
  const { intAdd, intConstant } = t
  const bits = intAdd(x, intConstant(ONE - SQRT_HALF))
  const exponent = t.sub(t.intToFloat(t.shiftRight(bits, 23)), t.constant(127))
  return { exponent, mantissa: intAdd(t.and(bits, intConstant(0x7fffff)), intConstant(SQRT_HALF)) }
}

/** Float32 functions from a machine's few operations, most after S. Moshier's Cephes library, right in the tails. */
export function approximations<V>(t: SimdTarget<V>): Approximations<V> {
  const { add, sub, mul, div, and, or, xor, select, constant, intConstant, intAdd, shiftLeft } = t
  const zero = () => constant(0)
  const one = () => constant(1)
  const scaled = (x: V, by: number, plus: V) => add(mul(x, constant(by)), plus)
  const signOf = (x: V) => and(x, intConstant(SIGN))

  // The same in pairs, a + b·x times powers of x²: half as many steps wait for the one before.
  function paired(x: V, square: V, coefficients: readonly number[]): V {
    const odd = coefficients.length % 2
    const pair = (i: number) => scaled(x, coefficients[i], constant(coefficients[i + 1]))
    let sum = odd ? constant(coefficients[0]) : pair(0)
    for (let i = 2 - odd; i < coefficients.length; i += 2) sum = add(mul(sum, square), pair(i))
    return sum
  }

  // ±x = n·ln 2 + r with |r| ≤ ln 2 / 2; gives eʳ - 1, and n in the low bits above those of `magic`. The parts of ln 2 are
  // one where n is small or little depends on it.
  function reduced(
    x: V,
    coefficients: readonly number[],
    { sign = 1, magic = MAGIC, parts = LN2 as readonly number[] } = {},
  ) {
    const bits = scaled(x, sign * Math.LOG2E, constant(magic))
    const n = sub(bits, constant(magic))
    const r = parts.reduce((rest, part) => scaled(n, -sign * part, rest), x) // ±r
    const square = mul(r, r)
    const p = paired(
      r,
      square,
      sign === 1 ? coefficients : coefficients.map((c, i) => ((coefficients.length - i) % 2 ? c : -c)),
    )
    return { bits, rest: (sign === 1 ? add : sub)(mul(p, square), r) }
  }

  // exp(x) · 2^shift. Past the ends the bits are nonsense: below becomes 0; above, x times 2¹²⁸ / end overflows to what is
  // larger than any result, times 2⁻¹²⁶ is smaller than eˣ before, and keeps NaN.
  function exponential(x: V, shift: number): V {
    const { bits, rest } = reduced(x, EXP)
    const exponent = shiftLeft(bits, 23)
    const power = shift === 0 ? exponent : intAdd(exponent, intConstant(shift << 23))
    const inside = and(intAdd(add(rest, one()), power), t.ge(x, constant(-87.33654 - shift * Math.LN2)))
    const over = mul(mul(x, constant(2 ** 128 / (88.722841 - shift * Math.LN2))), constant(2 ** -126))
    return t.max(over, inside)
  }
  const exp = (x: V) => exponential(x, 0)

  // 1 / (1 + exp(-x)), whose exponential is 2ⁿ·(1 + rest): 2ⁿ is 0 from 88 on, and where it would be 2¹²⁸ the result is 0.
  function sigmoid(x: V): V {
    const { bits, rest } = reduced(t.min(x, constant(88)), EXP, { sign: -1, magic: EXPONENT })
    const scale = shiftLeft(bits, 23)
    const y = div(one(), add(mul(scale, rest), add(scale, one())))
    return t.andNot(y, t.lt(x, constant(-88.376)))
  }

  // Half the scale, doubled at the end: so the scale itself never overflows.
  function expm1(x: V): V {
    const { bits, rest } = reduced(t.min(t.max(x, constant(-80)), constant(89)), EXPM1, { magic: EXPONENT - 1 })
    const half = shiftLeft(bits, 23)
    const result = add(mul(half, rest), sub(half, constant(0.5)))
    return add(result, result)
  }

  // For normal positive x; what is asked of its exponent is done on the way.
  function logarithm(x: V, e: (e: V) => V): V {
    const parts = apart(t, x)
    const exponent = e(parts.exponent)
    const f = sub(parts.mantissa, one())
    const z = mul(f, f)
    const p = paired(
      f,
      z,
      [
        7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
      ],
    )
    const y = scaled(z, -0.5, scaled(exponent, LN2[1], mul(mul(p, f), z)))
    return scaled(exponent, LN2[0], add(f, y))
  }

  function log(x: V): V {
    const tiny = t.lt(x, constant(2 ** -126))
    const y = logarithm(select(tiny, mul(x, constant(2 ** 24)), x), e => sub(e, and(tiny, constant(24))))
    // Below 0 all bits set is NaN, at 0 it is -∞, and ∞ and NaN stay.
    const ends = sub(or(x, t.lt(x, zero())), and(t.eq(x, zero()), constant(Infinity)))
    return select(and(t.gt(x, zero()), t.lt(x, constant(Infinity))), y, ends)
  }

  // What 1 + x rounded away is put back, to first order.
  function log1p(x: V): V {
    const u = add(x, one())
    const lost = div(sub(x, sub(u, one())), u)
    const y = log(u)
    return select(t.eq(lost, lost), add(y, lost), y)
  }

  // The same for 0 ≤ x ≤ 1, where no end is near.
  function logOneTo2(x: V): V {
    const u = add(x, one())
    return add(
      logarithm(u, e => e),
      div(sub(x, sub(u, one())), u),
    )
  }

  // x = q·π/2 + r with |r| ≤ π/4, r being off by |x|·2⁻⁴⁸ at most for |x| < 10,000; gives sin r, cos r and q in the low
  // bits. Held to the range, so far-off x stays bounded.
  function quarter(x: V) {
    const bits = scaled(x, 2 / Math.PI, constant(MAGIC))
    const q = sub(bits, constant(MAGIC))
    const rest = scaled(q, -HALF_PI[2], scaled(q, -HALF_PI[1], scaled(q, -HALF_PI[0], x)))
    const r = t.min(t.max(rest, constant(-0.8)), constant(0.8))
    const z = mul(r, r)
    const sine = add(mul(mul(polynomial(t, z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]), z), r), r)
    const p = polynomial(t, z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2])
    const cosine = add(scaled(z, -0.5, mul(mul(p, z), z)), one())
    return { q: bits, sine, cosine }
  }
  const isOdd = (q: V) => t.intSub(intConstant(0), and(q, intConstant(1)))

  function wave(x: V, ahead: number): V {
    const { q, sine, cosine } = quarter(x)
    const phase = ahead === 0 ? q : intAdd(q, intConstant(ahead))
    const flip = shiftLeft(and(phase, intConstant(2)), 30)
    return xor(select(isOdd(phase), cosine, sine), flip)
  }

  function tan(x: V): V {
    const { q, sine, cosine } = quarter(x)
    const odd = isOdd(q)
    return xor(div(select(odd, cosine, sine), select(odd, sine, cosine)), and(odd, intConstant(SIGN)))
  }

  // Above tan 3π/8 by -1/x, above tan π/8 by (x-1)/(x+1), with the angle that belongs to it.
  function atan(x: V): V {
    const a = t.abs(x)
    const far = t.gt(a, constant(2.414213562373095))
    const middle = t.gt(a, constant(0.414213562373095))
    const above = select(far, constant(-1), select(middle, sub(a, one()), a))
    const below = select(far, a, select(middle, add(a, one()), one()))
    const angle = select(far, constant(Math.PI / 2), and(middle, constant(Math.PI / 4)))
    const u = div(above, below)
    const z = mul(u, u)
    const p = polynomial(t, z, [8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1])
    return xor(add(angle, add(mul(mul(p, z), u), u)), signOf(x))
  }

  function sinh(x: V): V {
    const a = t.abs(x)
    const half = exponential(a, -1)
    const far = xor(sub(half, div(constant(0.25), half)), signOf(x))
    const z = mul(x, x)
    const near = add(mul(mul(polynomial(t, z, [2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1]), z), x), x)
    return select(t.lt(a, one()), near, far)
  }

  function cosh(x: V): V {
    const half = exponential(t.abs(x), -1)
    return add(half, div(constant(0.25), half))
  }

  // q / (q + 2) with q = exp(2x) - 1, which is exact enough at 0 and settles at ±1 long before 2x is 20.
  function tanh(x: V): V {
    const double = t.min(t.max(add(x, x), constant(-20)), constant(20))
    const { bits, rest } = reduced(double, EXPM1, { magic: EXPONENT, parts: [Math.LN2] })
    const scale = shiftLeft(bits, 23)
    const q = add(mul(scale, rest), sub(scale, one()))
    return div(q, add(q, constant(2)))
  }

  // An odd rational fit with the least relative error over the range, at a scale where its coefficients round well; at its
  // end the value rounds to 1.
  function erf(x: V): V {
    const c = t.min(t.max(x, constant(-3.9)), constant(3.9))
    const z = mul(c, c)
    const above = [2.0255084e-6, 2.845713e-4, 3.8056872e-3, 0.052861277, 0.19148083, 1.1282028]
    const below = [3.7821257e-5, 1.1700321e-3, 0.015048993, 0.114524744, 0.5029761, 0.9998437]
    return div(mul(c, polynomial(t, z, above)), polynomial(t, z, below))
  }

  return {
    exp,
    log,
    log1p,
    expm1,
    sign: x => select(t.lt(x, zero()), constant(-1), select(t.gt(x, zero()), one(), x)),
    sin: x => wave(x, 0),
    cos: x => wave(x, 1),
    tan,
    atan,
    sinh,
    cosh,
    tanh,
    erf,
    sigmoid,
    softplus: x => add(t.max(x, zero()), logOneTo2(exp(t.neg(t.abs(x))))),
  }
}
