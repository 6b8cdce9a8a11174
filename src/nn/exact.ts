import { exactExp, exactLog, fold, type Node } from '../formula/index.ts'
import { operations } from '../formula/operations.ts'

// Engines differ in the last bits of Math.exp, Math.cos and Math.pow. What decides how weights move uses these instead:
// sums and products alone, right to a few units in the last place, and the same bits everywhere.

/** cos x, by its series after whole turns are taken away. */
export function exactCos(x: number): number {
  const r = x - 2 * Math.PI * Math.round(x / (2 * Math.PI))
  const a = Math.abs(r)
  // Past a quarter turn cos a = −cos(π − a): the series is short where |r| is small.
  const far = a > Math.PI / 2
  const z = (far ? Math.PI - a : a) ** 2
  let sum = 1
  for (let k = 24; k > 0; k -= 2) sum = 1 - (sum * z) / (k * (k - 1))
  return far ? -sum : sum
}

const exact: Readonly<Record<string, (...args: number[]) => number>> = {
  ...(operations as Readonly<Record<string, (...args: number[]) => number>>),
  exp: x => exactExp(x),
  cos: exactCos,
  log: exactLog,
  sin: x => exactCos(x - Math.PI / 2),
}

/** The value of a formula's node, the same bits on every engine; tan, the hyperbolic ones and erf are the engine's own. */
export const evaluateExactly = (node: Node, values: Readonly<Record<string, number>>): number =>
  fold<number>([node], (part, args) => {
    if (part.op === 'number') return part.value
    return part.op === 'name' ? values[part.name] : exact[part.op](...args)
  })[0]
