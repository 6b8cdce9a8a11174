import type { Verbs } from '../../program/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import { beside } from '../masks.ts'
import { spatial, spatialAxes } from '../window.ts'

export interface GlobalPoolingOptions extends LayerOptions {
  /** Keeps the spatial axes, each of size 1. */
  keepdims?: boolean
}

const reduced = (who: string, n: number, { keepdims = false }: GlobalPoolingOptions) => ({
  shape(input: readonly number[]) {
    spatial(who, input, n)
    return keepdims ? [...spatialAxes(n).map(() => 1), input[n]] : [input[n]]
  },
  /** The output as [batch, 1, …, 1, channels]. */
  spread: (y: View) => y.reshape(y.shape[0], ...spatialAxes(n).map(() => 1), y.shape[y.shape.length - 1]),
})

/** How many steps of each sample count. */
function counted(k: Verbs, mask: View, { shape }: View): View {
  const N = k.scratch('N', [shape[0], ...shape.slice(1).map(() => 1)])
  k.reduce(N, 'sum', 'm', { m: mask }, spatialAxes(mask.shape.length - 1))
  return N
}

/** y = the mean of all places, channel by channel. */
function globalAverage(who: string, n: number, options: GlobalPoolingOptions) {
  const { shape, spread } = reduced(who, n, options)
  return pair({
    shapes: input => ({ y: shape(input) }),
    forward(k, { x, y }, _xs, [mask] = []) {
      if (!mask) return k.reduce(y, 'mean', 'x', { x }, spatialAxes(n)) // y = Σ x / N
      const given = { x, m: beside(mask, x), N: counted(k, mask, x) }
      k.reduce(y, 'sum', 'm > 0.5 ? x / N : 0', given, spatialAxes(n)) // of the steps that count
    },
    backward(k, { dx, dy }, _xs, _dxs, [mask] = []) {
      if (!mask) return k.map(dx, 'dy / N', { dy: spread(dy), N: sizeOf(dx.shape.slice(1, -1)) }) // dx = dy / N
      k.map(dx, 'm > 0.5 ? dy / N : 0', { dy: spread(dy), m: beside(mask, dx), N: counted(k, mask, dx) })
    },
  })
}

/** y = the largest of all places, channel by channel. */
function globalMax(who: string, n: number, options: GlobalPoolingOptions) {
  const { shape } = reduced(who, n, options)
  return pair({
    shapes: input => ({ y: shape(input), saved: { place: [input[n]] } }),
    forward(k, { x, y, place }) {
      k.reduce(y, 'max', 'x', { x }, spatialAxes(n)) // y = the largest x
      k.reduce(place, 'argmax', 'x', { x }, spatialAxes(n)) // and where it stood
    },
    backward(k, { dx, dy, place }) {
      const [batch, channels] = place.shape
      const places = dx.reshape(batch, sizeOf(dx.shape.slice(1, -1)), channels)
      k.scatter(places, dy.reshape(batch, channels), place, 1) // dx[place] += dy
    },
  })
}

/**
 * The mean of a whole sequence.
 * @equation y_c = \frac{1}{N} \sum_p x_{p,c}
 * @slope dx_{p,c} = \frac{dy_c}{N}
 * @shape [steps, channels] → [channels]
 * @example
 * globalAveragePooling1d()
 */
export const globalAveragePooling1d = layer('globalAveragePooling1d', [], (options: GlobalPoolingOptions = {}) =>
  globalAverage('globalAveragePooling1d', 1, options),
)

/**
 * The mean of a whole image, channel by channel.
 * @equation y_c = \frac{1}{N} \sum_p x_{p,c}
 * @slope dx_{p,c} = \frac{dy_c}{N}
 * @shape [height, width, channels] → [channels]
 * @example
 * globalAveragePooling2d()
 */
export const globalAveragePooling2d = layer('globalAveragePooling2d', [], (options: GlobalPoolingOptions = {}) =>
  globalAverage('globalAveragePooling2d', 2, options),
)

/**
 * The mean of a whole volume, channel by channel.
 * @equation y_c = \frac{1}{N} \sum_p x_{p,c}
 * @slope dx_{p,c} = \frac{dy_c}{N}
 * @shape [depth, height, width, channels] → [channels]
 * @example
 * globalAveragePooling3d({ keepdims: true })
 */
export const globalAveragePooling3d = layer('globalAveragePooling3d', [], (options: GlobalPoolingOptions = {}) =>
  globalAverage('globalAveragePooling3d', 3, options),
)

/**
 * The largest value of a whole sequence.
 * @equation y_c = \max_p \, x_{p,c}
 * @slope dx_{p,c} = dy_c \, [x_{p,c} \text{ was the largest}]
 * @shape [steps, channels] → [channels]
 * @example
 * globalMaxPooling1d()
 */
export const globalMaxPooling1d = layer('globalMaxPooling1d', [], (options: GlobalPoolingOptions = {}) =>
  globalMax('globalMaxPooling1d', 1, options),
)

/**
 * The largest value of a whole image, channel by channel.
 * @equation y_c = \max_p \, x_{p,c}
 * @slope dx_{p,c} = dy_c \, [x_{p,c} \text{ was the largest}]
 * @shape [height, width, channels] → [channels]
 * @example
 * globalMaxPooling2d()
 */
export const globalMaxPooling2d = layer('globalMaxPooling2d', [], (options: GlobalPoolingOptions = {}) =>
  globalMax('globalMaxPooling2d', 2, options),
)

/**
 * The largest value of a whole volume, channel by channel.
 * @equation y_c = \max_p \, x_{p,c}
 * @slope dx_{p,c} = dy_c \, [x_{p,c} \text{ was the largest}]
 * @shape [depth, height, width, channels] → [channels]
 * @example
 * globalMaxPooling3d()
 */
export const globalMaxPooling3d = layer('globalMaxPooling3d', [], (options: GlobalPoolingOptions = {}) =>
  globalMax('globalMaxPooling3d', 3, options),
)
