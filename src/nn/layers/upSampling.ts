import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import { type One, type Sizes, sizes, spatial, spatialAxes, type Three, type Two } from '../window.ts'
import { mixAll, table } from './mixing.ts'

export interface UpSamplingOptions<S = Sizes> extends LayerOptions {
  /** How often each element is repeated, one number or one for each axis. */
  size?: S
}

export interface UpSampling2dOptions extends UpSamplingOptions<Two> {
  /** 'nearest' (default) repeats pixels; 'bilinear' blends the four around, pixels being squares with a centre. */
  interpolation?: 'nearest' | 'bilinear'
}

/** Every element repeated along n axes. */
function nearest(who: string, n: number, size: Sizes) {
  const times = sizes(who, 'size', size, n)
  const split = (y: View, x: View) =>
    y.reshape(x.shape[0], ...times.flatMap((t, i) => [x.shape[i + 1], t]), x.shape[n + 1]) // [batch, H, times, …, C]
  return pair({
    shapes: input => ({ y: [...spatial(who, input, n).map((m, i) => m * times[i]), input[n]] }),
    forward: (k, { x, y }) =>
      k.copy(
        split(y, x),
        times.reduce((v, t, i) => v.repeat(2 * i + 2, t), x),
      ),
    backward: (k, { dx, dy }) =>
      k.sum(
        dx,
        split(dy, dx),
        spatialAxes(n, 1).map(axis => 2 * axis),
      ), // dx = Σ dy of its copies
  })
}

/** How much pixel j weighs in the enlarged pixel i, both seen as squares: a tent around i's centre. */
const tent = 'max(0, 1 - abs(clamp((i + 0.5) * columns / rows - 0.5, 0, columns - 1) - j))'

/** Enlarged pixels blend the ones around them: y = A·x along each axis, dx = Aᵀ·dy. */
function bilinear(who: string, size: Sizes) {
  const times = sizes(who, 'size', size, 2)
  const weights = (k: Verbs, x: View) =>
    times.map((t, i) => table(k, 'weight', [x.shape[i + 1] * t, x.shape[i + 1]], tent))
  return pair({
    shapes: input => ({ y: [...spatial(who, input, 2).map((m, i) => m * times[i]), input[2]] }),
    forward: (k, { x, y }) => mixAll(k, y, weights(k, x), x),
    backward(k, { dx, dy }) {
      const back = weights(k, dx).map(A => A.T)
      mixAll(k, dx, back, dy)
    },
  })
}

/**
 * Repeats each step of a sequence.
 * @equation y_p = x_{\lfloor p / \mathit{size} \rfloor}
 * @slope dx_u = \sum_{\lfloor p / \mathit{size} \rfloor = u} dy_p
 * @shape [steps, channels] → [steps·size, channels]
 * @example
 * upSampling1d({ size: 3 })
 */
export const upSampling1d = layer('upSampling1d', [], ({ size = 2 }: UpSamplingOptions<One> = {}) =>
  nearest('upSampling1d', 1, size),
)

/**
 * Enlarges an image by whole factors.
 * @equation y_p = x_{\lfloor p / \mathit{size} \rfloor}
 * @slope dx_u = \sum_{\lfloor p / \mathit{size} \rfloor = u} dy_p
 * @shape [height, width, channels] → [height·size, width·size, channels]
 * @example
 * upSampling2d({ size: 2, interpolation: 'bilinear' })
 */
export const upSampling2d = layer('upSampling2d', [], (options: UpSampling2dOptions = {}) => {
  const { size = 2, interpolation = 'nearest' } = options
  if (interpolation === 'nearest') return nearest('upSampling2d', 2, size)
  if (interpolation === 'bilinear') return bilinear('upSampling2d', size)
  throw new ShapeError('bad-option', `upSampling2d got interpolation ${String(interpolation).slice(0, 24)}`, {
    hint: "interpolation is 'nearest' or 'bilinear'",
  })
})

/**
 * Repeats each element of a volume along its three axes.
 * @equation y_p = x_{\lfloor p / \mathit{size} \rfloor}
 * @slope dx_u = \sum_{\lfloor p / \mathit{size} \rfloor = u} dy_p
 * @shape [depth, height, width, channels] → [depth·size, height·size, width·size, channels]
 * @example
 * upSampling3d({ size: [1, 2, 2] })
 */
export const upSampling3d = layer('upSampling3d', [], ({ size = 2 }: UpSamplingOptions<Three> = {}) =>
  nearest('upSampling3d', 3, size),
)
