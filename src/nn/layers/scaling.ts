import { ShapeError } from '../../errors.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import type { Initializer } from '../initializer.ts'
import { fraction, type Layer, type LayerOptions, layer, pair, passed } from '../layer.ts'

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
  /** Turns the formula round: from mean 0 and variance 1 back to these. */
  invert?: boolean
}

/** Samples to learn from: nested lists, numbers with their shape, or a dataset. */
export type Samples =
  | readonly (number | readonly unknown[])[]
  | { readonly shape: Shape; readonly data: ArrayLike<number> }
  | { readonly size: number; readonly inputShape: Shape; fill(rows: ArrayLike<number>, x: Float64Array): void }

/**
 * Gives each feature mean 0 and variance 1 by what is known of the data: y = (x − mean)/√variance. Mean and variance are
 * given, set as weights, or found by `normalization.adapt(data)`; they are not trained.
 * @equation y = \frac{x - \mu}{\sqrt{\sigma^2}}
 * @slope dx = \frac{dy}{\sqrt{\sigma^2}}
 * @shape [..., features] → [..., features]
 * @example
 * normalization({ mean: [0.5, 10], variance: [0.1, 4] })(input([2]))
 */
export const normalization = Object.assign(
  layer('normalization', [], (options: NormalizationLayerOptions = {}) => normalizing(options)),
  { adapt },
)

/**
 * The layer with the mean and the variance of each feature in these samples.
 * @param samples nested lists, numbers with their shape, or a dataset
 * @throws ShapeError when there are none, or no number of them is finite
 * @example
 * normalization.adapt([[0, 10], [1, 14]])
 */
function adapt(samples: Samples, options: Omit<NormalizationLayerOptions, 'mean' | 'variance'> = {}): Layer {
  const rows = 'inputShape' in samples ? undefined : numbersIn(samples)
  const features = rows ? (rows.shape.at(-1) ?? 1) : ((samples as Filled).inputShape.at(-1) ?? 1)
  const [mean, variance] = [new Float64Array(features), new Float64Array(features)]
  let count = 0
  each((value, i) => {
    mean[i] += value
    count++
  })
  count /= features
  for (let i = 0; i < features; i++) mean[i] /= count
  each((value, i) => {
    variance[i] += (value - mean[i]) ** 2 / count
  })
  if (!(count > 0) || ![...mean, ...variance].every(Number.isFinite))
    throw new ShapeError('bad-samples', `normalization.adapt got ${count || 'no'} samples without a finite mean`, {
      hint: 'leave out rows where numbers are missing',
    })
  return normalization({ ...options, mean: [...mean], variance: [...variance] })

  function each(see: (value: number, feature: number) => void) {
    if (rows) for (let i = 0; i < rows.data.length; i++) see(rows.data[i], i % features)
    else {
      const { size, inputShape, fill } = samples as Filled
      const x = new Float64Array(sizeOf(inputShape))
      for (let row = 0; row < size; row++) {
        fill(Int32Array.of(row), x)
        for (let i = 0; i < x.length; i++) see(x[i], i % features)
      }
    }
  }
}

type Filled = Extract<Samples, { size: number }>

/** Nested lists as one, with the shape of the first of each level. */
function numbersIn(samples: Exclude<Samples, Filled>): { shape: Shape; data: ArrayLike<number> } {
  if ('shape' in samples) return samples
  const shape: number[] = []
  for (let list: unknown = samples; Array.isArray(list); list = list[0]) shape.push(list.length)
  const data = samples.flat(shape.length) as number[]
  if (data.length === sizeOf(shape)) return { shape: shape.length > 1 ? shape : [...shape, 1], data }
  throw new ShapeError('ragged', `normalization.adapt got ${data.length} numbers, expected ${sizeOf(shape)}`, {
    hint: 'all lists on one level must be equally long',
  })
}

function normalizing(options: NormalizationLayerOptions) {
  const [mean, variance] = [known('mean', options.mean ?? 0), known('variance', options.variance ?? 1)]
  const formula = options.invert ? 'x * max(sqrt(variance), 1e-7) + mean' : '(x - mean) / max(sqrt(variance), 1e-7)'
  const slope = options.invert ? 'dy * max(sqrt(variance), 1e-7)' : 'dy / max(sqrt(variance), 1e-7)'
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
    backward: (k, { dx, dy, variance }) => k.map(dx, slope, { dy, variance }),
  })
}

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
