import type { View } from '../../tensor/view.ts'
import { axes, type LayerOptions, layer, pair, two } from '../layer.ts'
import { type Padding, windowsOver } from '../window.ts'

export interface MaxPooling2dOptions extends LayerOptions {
  /** Size of the window, one number or [height, width]. */
  poolSize?: number | readonly [number, number]
  /** How far the window moves; by default its own size, so that windows touch. */
  strides?: number | readonly [number, number]
  padding?: Padding
}

/**
 * Keeps the largest value of each window, channel by channel; padding counts as −∞.
 * @shape [height, width, channels] → [height′, width′, channels]
 * @throws ShapeError when the input is no image or smaller than the window
 * @example
 * maxPooling2d({ poolSize: 2, padding: 'same' })   // 7 × 7 becomes 4 × 4
 */
export const maxPooling2d = layer('maxPooling2d', [], (options: MaxPooling2dOptions = {}) => {
  const { padding = 'valid' } = options
  const size = two('maxPooling2d', 'poolSize', options.poolSize ?? 2)
  const strides = two('maxPooling2d', 'strides', options.strides ?? size)
  const over = (image: readonly number[]) => windowsOver('maxPooling2d', image, { size, strides, padding })
  const patches = (x: View) => x.windows({ ...over(x.shape.slice(1)).windows, fill: -Infinity }) // [B, H′, W′, kh, kw, C]
  return pair({
    shapes(input) {
      axes('maxPooling2d', input, 3, '[height, width, channels]')
      const y = [...over(input).out, input[2]]
      return { y, saved: { place: y } }
    },
    forward(k, { x, y, place }) {
      k.reduce(y, 'max', 'x', { x: patches(x) }, [3, 4]) // y = the largest of each window
      k.reduce(place, 'argmax', 'x', { x: patches(x) }, [3, 4]) // and where it stood
    },
    backward(k, { dx, dy, place }) {
      const [batch, height, width, kh, kw, channels] = patches(dx).shape
      k.scatter(patches(dx).reshape(batch, height, width, kh * kw, channels), dy, place, 3) // dx[place] += dy
    },
  })
})
