import { rowsOf, type Verbs } from '../../program/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { ones, zeros } from '../initializers.ts'
import { fraction, type LayerOptions, layer, pair, passed } from '../layer.ts'
import { beside } from '../masks.ts'

export interface BatchNormalizationOptions extends LayerOptions {
  /** How much of the moving statistics stays at each step, as Keras counts it (PyTorch's is 1 − this). */
  momentum?: number
  /** Added to the variance, so that a constant channel does not divide by zero. */
  epsilon?: number
  /** Whether a shift β is learnt. */
  center?: boolean
  /** Whether a scale γ is learnt. */
  scale?: boolean
}

/**
 * Gives each channel mean 0 and variance 1 over the batch, then a scale and a shift that are learnt:
 * y = γ·(x − mean)·r + β with r = 1/√(variance + ε). Outside training the moving statistics are used.
 * @equation y = \gamma \, \hat{x} + \beta, \quad \hat{x} = r \, (x - \mu), \quad r = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}
 * @slope dx = r \left(g - \overline{g} - \hat{x} \, \overline{g \, \hat{x}}\right) \text{ with } g = \gamma \, dy, \quad d\gamma = \sum dy \, \hat{x}, \quad d\beta = \sum dy
 * @shape [..., channels] → [..., channels]
 * @paper Ioffe & Szegedy 2015; the variance is the biased one, in the moving statistics too, as in Keras
 * @example
 * batchNormalization({ momentum: 0.9 })
 */
export const batchNormalization = layer('batchNormalization', [], (options: BatchNormalizationOptions = {}) => {
  const momentum = fraction('batchNormalization', 'momentum', options.momentum ?? 0.99)
  const epsilon = fraction('batchNormalization', 'epsilon', options.epsilon ?? 1e-3)
  const { center = true, scale = true } = options
  return pair({
    rests: true,
    mask: passed,
    shapes(input) {
      const channels = [input[input.length - 1]]
      return {
        y: input,
        params: { gamma: scale ? channels : undefined, beta: center ? channels : undefined },
        state: { movingMean: channels, movingVariance: channels },
        shared: { mean: channels, r: channels },
      }
    },
    initial: { gamma: ones(), beta: zeros(), movingMean: zeros(), movingVariance: ones() },
    forward(k, { x, y, gamma = 1, beta = 0, mean, r, movingMean, movingVariance }, _xs, [mask] = []) {
      const variance = k.scratch('variance', mean.shape)
      const { m, N } = counted(k, x, mask)
      const [kind, share] = mask ? (['sum', 'm / N'] as const) : (['mean', '1'] as const)
      k.reduce(mean, kind, `x * (${share})`, { x, m, N }, rowsOf(x)) // mean = Σ x / N
      k.reduce(variance, kind, `(x - mean)^2 * (${share})`, { x, mean, m, N }, rowsOf(x)) // variance = Σ (x − mean)² / N
      k.map(r, '1 / sqrt(variance + epsilon)', { variance, epsilon }) // r = 1 / √(variance + ε)
      k.map(y, '(x - mean) * (gamma * r) + beta', { x, mean, r, gamma, beta }) // y = γ ⊙ (x − mean) ⊙ r + β
      k.map({ movingMean, movingVariance }, moving, { movingMean, movingVariance, mean, variance, momentum })
    },
    backward(k, { x, mean, r, gamma = 1, dx, dy, ...slopes }, _xs, _dxs, [mask] = []) {
      const { m, N } = counted(k, x, mask)
      const { dbeta = k.scratch('dbeta', mean.shape), dgamma = k.scratch('dgamma', mean.shape) } = slopes
      const sums = 'dbeta = dy; dgamma = dy * (x - mean) * r' // dβ = Σ dy, dγ = Σ dy ⊙ x̂ with x̂ = (x − mean) ⊙ r
      k.reduce({ dbeta, dgamma }, 'sum', sums, { x, mean, r, dy }, rowsOf(x))
      const slope = 'gamma * r * (dy - m * (dbeta / N) - m * (x - mean) * (r * dgamma / N))'
      k.map(dx, slope, { x, mean, r, gamma, dy, dbeta, dgamma, m, N }) // dx = γ ⊙ r ⊙ (dy − dβ/N − x̂ ⊙ dγ/N)
    },
    infer(k, { x, y, gamma = 1, beta = 0, movingMean: mean, movingVariance: variance }) {
      const formula = '(x - mean) * (gamma / sqrt(variance + epsilon)) + beta'
      k.map(y, formula, { x, mean, variance, gamma, beta, epsilon })
    },
  })
})

/** What counts, and how much that is: statistics are those of the steps that count. */
function counted(k: Verbs, x: View, mask?: View): { m: View | number; N: View | number } {
  if (!mask) return { m: 1, N: sizeOf(x.shape.slice(0, -1)) }
  const N = k.scratch(
    'N',
    x.shape.map(() => 1),
  )
  k.reduce(
    N,
    'sum',
    'm',
    { m: mask },
    mask.shape.map((_, i) => i),
  )
  return { m: beside(mask, x), N }
}

const moving = `movingMean = momentum * movingMean + (1 - momentum) * mean;
                movingVariance = momentum * movingVariance + (1 - momentum) * variance`
