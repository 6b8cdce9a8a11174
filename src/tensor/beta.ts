import { exactExp, exactLog } from '../formula/index.ts'
import { uniformAt } from './counter.ts'

const most = 1000

/**
 * A number of the distribution Beta(α, α), of the uniform numbers from a place on. Jöhnk 1964: of two numbers u and v,
 * x = u^(1/α) and y = v^(1/α), drawn until x + y ≤ 1, the share x / (x + y).
 */
export function betaAt(key: number, place: number, alpha: number): number {
  for (let i = 0; i < most; i++) {
    const [x, y] = [0, 1].map(n => exactLog(uniformAt(key, place + 2 * i + n)) / alpha) // their logarithms
    if (exactExp(x) + exactExp(y) <= 1) return x === y ? 0.5 : 1 / (1 + exactExp(y - x))
  }
  return 0.5
}
