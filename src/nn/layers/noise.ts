import { fraction, type LayerOptions, layer, pair, passed } from '../layer.ts'
import { spatial, spatialAxes } from '../window.ts'

/** Silences whole channels: y = u < rate ? 0 : x / (1 − rate) with one u for each channel of a sample. */
function spatialDropout(who: string, n: number, rate: number) {
  fraction(who, 'rate', rate)
  const formula = 'u < rate ? 0 : x / (1 - rate)'
  return pair({
    mask: passed,
    shapes(input) {
      spatial(who, input, n)
      return { y: input, random: { u: [...spatialAxes(n).map(() => 1), input[n]] } }
    },
    forward: (k, { x, y, u }) => k.map(y, formula, { x, u, rate }),
    backward: (k, { dx, dy, u }) => k.map(dx, formula, { x: dy, u, rate }),
    infer: (k, { x, y }) => k.copy(y, x),
  })
}

/**
 * Silences a share of the channels of a sequence while training: neighbours would give a single step away.
 * @equation y = \frac{m \, x}{1 - \mathit{rate}}, \quad m = [u \ge \mathit{rate}], \quad u \sim U(0, 1)
 * @slope dx = \frac{m \, dy}{1 - \mathit{rate}}
 * @shape [steps, channels] → [steps, channels]
 * @param rate the share of channels that is silenced, in [0, 1)
 * @paper Tompson et al. 2015
 * @example
 * spatialDropout1d(0.5)
 */
export const spatialDropout1d = layer('spatialDropout1d', ['rate'], (rate: number, _options: LayerOptions = {}) =>
  spatialDropout('spatialDropout1d', 1, rate),
)

/**
 * Silences a share of the channels of an image while training: neighbours would give a single pixel away.
 * @equation y = \frac{m \, x}{1 - \mathit{rate}}, \quad m = [u \ge \mathit{rate}], \quad u \sim U(0, 1)
 * @slope dx = \frac{m \, dy}{1 - \mathit{rate}}
 * @shape [height, width, channels] → [height, width, channels]
 * @param rate the share of channels that is silenced, in [0, 1)
 * @paper Tompson et al. 2015
 * @example
 * spatialDropout2d(0.5)
 */
export const spatialDropout2d = layer('spatialDropout2d', ['rate'], (rate: number, _options: LayerOptions = {}) =>
  spatialDropout('spatialDropout2d', 2, rate),
)

/**
 * Silences a share of the channels of a volume while training.
 * @equation y = \frac{m \, x}{1 - \mathit{rate}}, \quad m = [u \ge \mathit{rate}], \quad u \sim U(0, 1)
 * @slope dx = \frac{m \, dy}{1 - \mathit{rate}}
 * @shape [depth, height, width, channels] → [depth, height, width, channels]
 * @param rate the share of channels that is silenced, in [0, 1)
 * @paper Tompson et al. 2015
 * @example
 * spatialDropout3d(0.5)
 */
export const spatialDropout3d = layer('spatialDropout3d', ['rate'], (rate: number, _options: LayerOptions = {}) =>
  spatialDropout('spatialDropout3d', 3, rate),
)

/** A normal number of two uniform ones. Box & Muller 1958. */
const gauss = 'let n = sqrt(-2 * log(1 - u)) * cos(2 * pi * v);'

/**
 * Adds normal noise while training: y = x + stddev·n with n of mean 0 and variance 1.
 * @equation y = x + \mathit{stddev} \cdot n, \quad n \sim N(0, 1)
 * @slope dx = dy
 * @shape any → the same
 * @param stddev the deviation of the noise
 * @example
 * gaussianNoise(0.1)
 */
export const gaussianNoise = layer('gaussianNoise', ['stddev'], (stddev: number, _options: LayerOptions = {}) => {
  fraction('gaussianNoise', 'stddev', stddev, 0, Infinity)
  return pair({
    mask: passed,
    shapes: input => ({ y: input, random: { u: input, v: input } }),
    forward: (k, { x, y, u, v }) => k.map(y, `${gauss} y = x + stddev * n`, { x, u, v, stddev }),
    backward: (k, { dx, dy }) => k.copy(dx, dy),
    infer: (k, { x, y }) => k.copy(y, x),
  })
})

/**
 * Multiplies by normal noise around 1 while training: y = x·(1 + √(rate/(1 − rate))·n), as much noise as dropout makes.
 * @equation y = x \left(1 + n \sqrt{\frac{\mathit{rate}}{1 - \mathit{rate}}}\right), \quad n \sim N(0, 1)
 * @slope dx = dy \left(1 + n \sqrt{\frac{\mathit{rate}}{1 - \mathit{rate}}}\right)
 * @shape any → the same
 * @param rate the share that dropout would silence, in [0, 1)
 * @paper Srivastava et al. 2014
 * @example
 * gaussianDropout(0.3)
 */
export const gaussianDropout = layer('gaussianDropout', ['rate'], (rate: number, _options: LayerOptions = {}) => {
  fraction('gaussianDropout', 'rate', rate)
  const formula = `${gauss} y = x * (1 + stddev * n)`
  const stddev = Math.sqrt(rate / (1 - rate))
  return pair({
    mask: passed,
    shapes: input => ({ y: input, random: { u: input, v: input } }),
    forward: (k, { x, y, u, v }) => k.map(y, formula, { x, u, v, stddev }),
    backward: (k, { dx, dy, u, v }) => k.map({ y: dx }, formula, { x: dy, u, v, stddev }), // the same noise
    infer: (k, { x, y }) => k.copy(y, x),
  })
})

/**
 * Sets a share of its inputs to SELU's lowest value while training, then scales and shifts so that mean and variance
 * stay: y = a·(u < rate ? α′ : x) + b with α′ = −1.7581, a = 1/√((1 − rate)·(1 + rate·α′²)), b = −a·α′·rate.
 * @equation y = a \, (m \, x + (1 - m) \, \alpha^\prime) + b, \quad m = [u \ge \mathit{rate}]
 * @slope dx = a \, m \, dy
 * @shape any → the same
 * @param rate the share that is set, in [0, 1)
 * @paper Klambauer et al. 2017
 * @example
 * alphaDropout(0.1)
 */
export const alphaDropout = layer('alphaDropout', ['rate'], (rate: number, _options: LayerOptions = {}) => {
  fraction('alphaDropout', 'rate', rate)
  const low = -1.6732632423543772 * 1.0507009873554805
  const a = 1 / Math.sqrt((1 - rate) * (1 + rate * low ** 2))
  const b = -a * low * rate
  return pair({
    mask: passed,
    shapes: input => ({ y: input, random: { u: input } }),
    forward: (k, { x, y, u }) => k.map(y, 'a * (u < rate ? low : x) + b', { x, u, rate, low, a, b }),
    backward: (k, { dx, dy, u }) => k.map(dx, 'u < rate ? 0 : a * dy', { dy, u, rate, a }),
    infer: (k, { x, y }) => k.copy(y, x),
  })
})
