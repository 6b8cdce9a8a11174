import { fold, type Node } from '../formula/index.ts'
import { operations } from '../formula/operations.ts'
import { exactLog } from '../tensor/logarithm.ts'

// Engines differ in the last bits of Math.exp, Math.cos and Math.pow. What decides how weights move uses these instead:
// sums and products alone, right to a few units in the last place, and the same bits everywhere.

const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10

/** eˣ = 2ⁿ·eʳ with |r| ≤ ln 2 / 2. */
function exp(x: number): number {
  if (!(Math.abs(x) < 746)) return x > 0 ? Infinity : x < 0 ? 0 : Number.NaN
  const n = Math.round(x / Math.LN2)
  const r = x - n * LN2_HIGH - n * LN2_LOW
  let sum = 1
  for (let k = 16; k > 0; k--) sum = 1 + (sum * r) / k
  // In two factors, so that neither over- nor underflows before the other is there.
  const half = Math.trunc(n / 2)
  return sum * operations['^'](2, half) * operations['^'](2, n - half)
}

/** cos x, by its series after whole turns are taken away. */
function cos(x: number): number {
  const r = x - 2 * Math.PI * Math.round(x / (2 * Math.PI))
  const a = Math.abs(r)
  // Past a quarter turn cos a = −cos(π − a): the series is short where |r| is small.
  const far = a > Math.PI / 2
  const z = (far ? Math.PI - a : a) ** 2
  let sum = 1
  for (let k = 24; k > 0; k -= 2) sum = 1 - (sum * z) / (k * (k - 1))
  return far ? -sum : sum
}

function power(base: number, exponent: number): number {
  const whole = Number.isInteger(exponent) || Number.isInteger(2 * exponent)
  return whole || !(base > 0) ? operations['^'](base, exponent) : exp(exponent * exactLog(base))
}

const exact: Readonly<Record<string, (...args: number[]) => number>> = {
  ...(operations as Readonly<Record<string, (...args: number[]) => number>>),
  '^': power,
  exp,
  cos,
  log: exactLog,
  sin: x => cos(x - Math.PI / 2),
}

/** The value of a formula's node, the same bits on every engine; tan, the hyperbolic ones and erf are the engine's own. */
export const evaluateExactly = (node: Node, values: Readonly<Record<string, number>>): number =>
  fold<number>([node], (part, args) => {
    if (part.op === 'number') return part.value
    return part.op === 'name' ? values[part.name] : exact[part.op](...args)
  })[0]
