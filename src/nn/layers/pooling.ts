import type { Verbs } from '../../program/index.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import {
  type One,
  type Padding,
  type Sizes,
  seenFrom,
  sizes,
  spatial,
  spatialAxes,
  type Three,
  type Two,
  type Windows,
  windowsOver,
} from '../window.ts'

export interface PoolingOptions<S = Sizes> extends LayerOptions {
  /** Size of the window, one number or one for each axis. */
  poolSize?: S
  /** How far the window moves; by default its own size, so that windows touch. */
  strides?: S
  /** 'valid' (default): whole windows only; 'same': zeros around, so that nothing is lost. */
  padding?: Padding
}
export type MaxPooling2dOptions = PoolingOptions<Two>

const windowing = (who: string, n: number, { poolSize = 2, strides, padding = 'valid' }: PoolingOptions) => {
  const size = sizes(who, 'poolSize', poolSize, n)
  const steps = sizes(who, 'strides', strides ?? size, n)
  return (image: Shape) => windowsOver(who, image, { size, strides: steps, padding })
}

/** y = the largest of each window, channel by channel; padding counts as −∞. */
function maxPooling(who: string, n: number, options: PoolingOptions) {
  const over = windowing(who, n, options)
  const patches = (x: View) => x.windows({ ...over(x.shape.slice(1, -1)).windows, fill: -Infinity }) // […places, …window, C]
  const window = spatialAxes(n, n + 1)
  return pair({
    shapes(input) {
      const y = [...over(spatial(who, input, n)).out, input[n]]
      return { y, saved: { place: y } }
    },
    forward(k, { x, y, place }) {
      // y = the largest of each window, and where it stood
      k.reduce({ y, place }, { y: 'max', place: 'argmax' }, 'y = x; place = x', { x: patches(x) }, window)
    },
    backward(k, { dx, dy, place }) {
      const image = dx.shape.slice(1, -1)
      const { windows } = over(image)
      const choices = sizeOf(windows.size)
      if (tile(windows, image)) {
        const places = patches(dx).shape.slice(0, n + 1)
        k.scatter(patches(dx).reshape(...places, choices, dx.shape[n + 1]), dy, place, n + 1) // dx[place] += dy
        return
      }
      const back = seenFrom(windows, image)
      const round = spatialAxes(n, 0).reduce((v, axis) => v.flip(axis), k.index(choices).reshape(...windows.size))
      const operands = { dy: dy.windows(back), place: place.windows(back), here: round.repeat(n, 1) }
      k.reduce(dx, 'sum', 'place == here ? dy : 0', operands, window) // dx = Σ dy of the windows it was largest in
    },
  })
}

/** y = the mean of each window, channel by channel; padding does not count. */
function averagePooling(who: string, n: number, options: PoolingOptions) {
  const over = windowing(who, n, options)
  const window = spatialAxes(n, n + 1)
  return pair({
    shapes: input => ({ y: [...over(spatial(who, input, n)).out, input[n]] }),
    forward(k, { x, y }) {
      const image = x.shape.slice(1, -1)
      const { windows, out } = over(image)
      const N = counts(k, windows, image, out)
      if (!N) return k.reduce(y, 'mean', 'x', { x: x.windows(windows) }, window) // y = Σ x / N
      const sums = k.scratch('sums', y.shape)
      k.sum(sums, x.windows(windows), window)
      k.map(y, 'sums / N', { sums, N })
    },
    backward(k, { x, dx, dy }) {
      const image = x.shape.slice(1, -1)
      const { windows, out } = over(image)
      const N = counts(k, windows, image, out) ?? sizeOf(windows.size)
      const share = k.scratch('share', dy.shape)
      k.map(share, 'dy / N', { dy, N })
      k.sum(dx, share.windows(seenFrom(windows, image)), window) // dx = Σ dy / N of the windows that saw x
    },
  })
}

/** Whether every element of the input lies in exactly one window. */
const tile = ({ size, strides, padding }: Windows, image: Shape): boolean =>
  image.every((m, i) => size[i] === strides[i] && m % size[i] === 0 && padding[i][0] + padding[i][1] === 0)

/** How many elements of the input each window sees, or nothing where all see the same. */
function counts(k: Verbs, { size, strides, padding }: Windows, image: Shape, out: Shape): View | undefined {
  if (padding.flat().every(p => p === 0)) return undefined
  const along = out.map((windows, i) => {
    const count = k.scratch('count', [windows])
    const settings = { o: k.index(windows), step: strides[i], before: padding[i][0], size: size[i], places: image[i] }
    k.map(count, 'min(o * step - before + size, places) - max(o * step - before, 0)', settings)
    return count.reshape(windows, ...image.slice(i + 1).map(() => 1), 1)
  })
  const N = k.scratch('N', [...along.map(count => count.shape[0]), 1])
  const names = ['a', 'b', 'c'].slice(0, along.length)
  k.map(N, names.join(' * '), Object.fromEntries(names.map((name, i) => [name, along[i]])))
  return N
}

/**
 * Keeps the largest value of each window of a sequence; padding counts as −∞.
 * @equation y_{p,c} = \max_i \, x_{sp + i,\,c}
 * @slope dx_{u,c} = \sum_p dy_{p,c} \, [x_{u,c} \text{ was the largest of window } p]
 * @shape [steps, channels] → [steps′, channels]
 * @example
 * maxPooling1d({ poolSize: 3 })
 */
export const maxPooling1d = layer('maxPooling1d', [], (options: PoolingOptions<One> = {}) =>
  maxPooling('maxPooling1d', 1, options),
)

/**
 * Keeps the largest value of each window, channel by channel; padding counts as −∞.
 * @equation y_{p,c} = \max_i \, x_{sp + i,\,c}
 * @slope dx_{u,c} = \sum_p dy_{p,c} \, [x_{u,c} \text{ was the largest of window } p]
 * @shape [height, width, channels] → [height′, width′, channels]
 * @throws ShapeError when the input is no image or smaller than the window
 * @example
 * maxPooling2d({ poolSize: 2, padding: 'same' })   // 7 × 7 becomes 4 × 4
 */
export const maxPooling2d = layer('maxPooling2d', [], (options: PoolingOptions<Two> = {}) =>
  maxPooling('maxPooling2d', 2, options),
)

/**
 * Keeps the largest value of each window of a volume; padding counts as −∞.
 * @equation y_{p,c} = \max_i \, x_{sp + i,\,c}
 * @slope dx_{u,c} = \sum_p dy_{p,c} \, [x_{u,c} \text{ was the largest of window } p]
 * @shape [depth, height, width, channels] → [depth′, height′, width′, channels]
 * @example
 * maxPooling3d()
 */
export const maxPooling3d = layer('maxPooling3d', [], (options: PoolingOptions<Three> = {}) =>
  maxPooling('maxPooling3d', 3, options),
)

/**
 * The mean of each window of a sequence. Padding does not count, as in Keras; PyTorch counts it unless told.
 * @equation y_{p,c} = \frac{1}{N_p} \sum_i x_{sp + i,\,c} \quad \text{with } N_p \text{ places of the window inside}
 * @slope dx_{u,c} = \sum_{p \ni u} \frac{dy_{p,c}}{N_p}
 * @shape [steps, channels] → [steps′, channels]
 * @example
 * averagePooling1d({ poolSize: 3, padding: 'same' })
 */
export const averagePooling1d = layer('averagePooling1d', [], (options: PoolingOptions<One> = {}) =>
  averagePooling('averagePooling1d', 1, options),
)

/**
 * The mean of each window, channel by channel. Padding does not count, as in Keras; PyTorch counts it unless told.
 * @equation y_{p,c} = \frac{1}{N_p} \sum_i x_{sp + i,\,c} \quad \text{with } N_p \text{ places of the window inside}
 * @slope dx_{u,c} = \sum_{p \ni u} \frac{dy_{p,c}}{N_p}
 * @shape [height, width, channels] → [height′, width′, channels]
 * @throws ShapeError when the input is no image or smaller than the window
 * @example
 * averagePooling2d({ poolSize: 2 })
 */
export const averagePooling2d = layer('averagePooling2d', [], (options: PoolingOptions<Two> = {}) =>
  averagePooling('averagePooling2d', 2, options),
)

/**
 * The mean of each window of a volume. Padding does not count, as in Keras; PyTorch counts it unless told.
 * @equation y_{p,c} = \frac{1}{N_p} \sum_i x_{sp + i,\,c} \quad \text{with } N_p \text{ places of the window inside}
 * @slope dx_{u,c} = \sum_{p \ni u} \frac{dy_{p,c}}{N_p}
 * @shape [depth, height, width, channels] → [depth′, height′, width′, channels]
 * @example
 * averagePooling3d()
 */
export const averagePooling3d = layer('averagePooling3d', [], (options: PoolingOptions<Three> = {}) =>
  averagePooling('averagePooling3d', 3, options),
)
