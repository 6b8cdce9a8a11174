import { ShapeError } from '../../errors.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { Initializer } from '../initializer.ts'
import { fraction, type LayerOptions, layer, pair, passed } from '../layer.ts'

export interface RescalingOptions extends LayerOptions {
  /** Added after scaling. */
  offset?: number
}

/**
 * y = scale·x + offset, so that pixels of 0 to 255 become numbers of 0 to 1.
 * @equation y = \mathit{scale} \cdot x + \mathit{offset}
 * @slope dx = \mathit{scale} \cdot dy
 * @shape any → the same
 * @param scale what each number is multiplied with
 * @example
 * rescaling(1 / 255)
 */
export const rescaling = layer('rescaling', ['scale'], (scale: number, { offset = 0 }: RescalingOptions = {}) => {
  for (const [what, value] of Object.entries({ scale, offset }))
    fraction('rescaling', what, value, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  return pair({
    mask: passed,
    shapes: input => ({ y: input }),
    forward: (k, { x, y }) => k.map(y, 'scale * x + offset', { x, scale, offset }),
    backward: (k, { dx, dy }) => k.map(dx, 'scale * dy', { dy, scale }),
  })
})

export interface NormalizationLayerOptions extends LayerOptions {
  /** Mean of each feature, or one for all. */
  mean?: number | readonly number[]
  /** Variance of each feature, or one for all. */
  variance?: number | readonly number[]
}

/**
 * Gives each feature mean 0 and variance 1 by what is known of the data: y = (x − mean)/√variance. Where Keras adapts the
 * layer to data, mean and variance are given here, or set as weights; they are not trained.
 * @equation y = \frac{x - \mu}{\sqrt{\sigma^2}}
 * @slope dx = \frac{dy}{\sqrt{\sigma^2}}
 * @shape [..., features] → [..., features]
 * @example
 * normalization({ mean: [0.5, 10], variance: [0.1, 4] })(input([2]))
 */
export const normalization = layer('normalization', [], (options: NormalizationLayerOptions = {}) => {
  const [mean, variance] = [known('mean', options.mean ?? 0), known('variance', options.variance ?? 1)]
  const formula = '(x - mean) / max(sqrt(variance), 1e-7)'
  return pair({
    mask: passed,
    shapes(input) {
      const features = input.slice(-1)
      for (const given of [options.mean, options.variance])
        if (Array.isArray(given) && given.length !== features[0])
          throw new ShapeError('wrong-size', `normalization got ${features[0]} features, expected ${given.length}`, {
            hint: 'give a mean and a variance for each feature, or one number for all',
          })
      return { y: input, state: { mean: features, variance: features } }
    },
    initial: { mean, variance },
    forward: (k, { x, y, mean, variance }) => k.map(y, formula, { x, mean, variance }),
    backward: (k, { dx, dy, variance }) => k.map(dx, 'dy / max(sqrt(variance), 1e-7)', { dy, variance }),
  })
})

/** An initialiser that knows its numbers. */
function known(what: string, values: number | readonly number[]): Initializer {
  const [low, high] = [what === 'variance' ? 0 : Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (const value of [values].flat()) fraction('normalization', what, value, low, high)
  return {
    name: what,
    params: {},
    draw: ([size]: Shape) =>
      Float64Array.from({ length: size }, (_, i) => (typeof values === 'number' ? values : values[i])),
    toJSON: () => ({ name: what }),
  }
}
