import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'
import { fraction, type LayerOptions, layer, pair, passed, whole } from '../layer.ts'

export interface LocalResponseNormalizationOptions extends LayerOptions {
  /** How many channels look at each other; an even number looks at one more before than behind. */
  size?: number
  /** What the squares count. */
  alpha?: number
  /** The power of the divisor. */
  beta?: number
  /** What is added to the squares. */
  k?: number
}

/**
 * Channels quieten their neighbours: each is divided by a power of the mean square of those around it.
 * @equation y_c = x_c \, s_c^{-\beta}, \quad s_c = k + \frac{\alpha}{n} \sum_{|i - c| \le n/2} x_i^2
 * @slope dx_c = dy_c \, s_c^{-\beta} - \frac{2 \alpha \beta}{n} x_c \sum_{|i - c| \le n/2} dy_i \, x_i \, s_i^{-\beta - 1}
 * @shape [..., channels] → the same
 * @param options.size n, a whole number from 1
 * @paper Krizhevsky et al. 2012; settings of PyTorch's LocalResponseNorm, α being divided by n; Keras has none
 * @example
 * localResponseNormalization({ size: 5 })
 */
export const localResponseNormalization = layer(
  'localResponseNormalization',
  [],
  (options: LocalResponseNormalizationOptions = {}) => {
    const who = 'localResponseNormalization'
    const size = whole(who, 'size', options.size ?? 5)
    const { alpha = 1e-4, beta = 0.75, k: start = 1 } = options
    for (const [what, value] of Object.entries({ alpha, beta, k: start })) fraction(who, what, value, 0, Infinity)
    const before = Math.floor(size / 2)
    /** Σ of what lies around each channel, so many of them before it. */
    const around = (k: Verbs, out: View, v: View, before: number) => {
      const flat = [out, v].map(u => u.matrix(u.shape.length - 1))
      const [rows, channels] = flat[0].shape
      const padding = [[before, size - 1 - before]] as const
      const seen = flat[1].reshape(rows, channels, 1).windows({ size: [size], padding })
      k.sum(flat[0].reshape(rows, channels, 1), seen, [2])
    }
    return pair({
      mask: passed,
      shapes: input => ({ y: input, saved: { s: input } }),
      forward(k, { x, s, y }) {
        const [square, sum] = ['square', 'sum'].map(name => k.scratch(name, x.shape))
        k.map(square, 'x^2', { x })
        around(k, sum, square, before)
        k.map(s, 'start + alpha * sum / size', { sum, start, alpha, size }) // s = k + α/n·Σ x²
        k.map(y, 'x * s^(-beta)', { x, s, beta }) // y = x·s^−β
      },
      backward(k, { x, s, dx, dy }) {
        const [part, sum] = ['part', 'sum'].map(name => k.scratch(name, x.shape))
        k.map(part, 'dy * x * s^(-beta - 1)', { x, s, dy, beta })
        around(k, sum, part, size - 1 - before) // who looked at a channel stands on its other side
        k.map(dx, 'dy * s^(-beta) - 2 * alpha * beta / size * x * sum', { x, s, dy, sum, alpha, beta, size })
      },
    })
  },
)
