import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'
import { spatial } from '../window.ts'
import { mixAll, table } from './mixing.ts'

export interface ResizingOptions extends LayerOptions {
  /** 'bilinear' (default) blends the four pixels around, 'nearest' takes one. */
  interpolation?: 'bilinear' | 'nearest'
}

/** How much pixel j of the input (columns) counts in pixel i of the output (rows); both are squares with a centre. */
const weights = {
  bilinear: 'max(0, 1 - abs(clamp((i + 0.5) * columns / rows - 0.5, 0, columns - 1) - j))',
  nearest: 'j == min(floor((i + 0.5) * columns / rows), columns - 1)',
}

/**
 * Images of any size as images of this size.
 * @equation y = A x B^\top \quad \text{with the weights of neighbours in } A \text{ and } B
 * @slope dx = A^\top dy \, B
 * @shape [height, width, channels] → [height′, width′, channels]
 * @param height of the result
 * @param width of the result
 * @throws ShapeError when the input is no image
 * @example
 * resizing(28, 28)(input([32, 24, 3]))
 */
export const resizing = layer(
  'resizing',
  ['height', 'width'],
  (height: number, width: number, { interpolation = 'bilinear' }: ResizingOptions = {}) => {
    const size = [whole('resizing', 'height', height), whole('resizing', 'width', width)]
    if (!Object.hasOwn(weights, interpolation))
      throw new ShapeError('bad-option', `resizing got interpolation ${String(interpolation).slice(0, 24)}`, {
        hint: "interpolation is 'bilinear' or 'nearest'",
      })
    const shares = (k: Verbs, from: View) =>
      size.map((n, i) => table(k, 'weight', [n, from.shape[i + 1]], weights[interpolation]))
    return pair({
      shapes(input) {
        spatial('resizing', input, 2)
        return { y: [...size, input[2]] }
      },
      forward: (k, { x, y }) => mixAll(k, y, shares(k, x), x),
      backward(k, { dx, dy }) {
        const back = shares(k, dx).map(A => A.T)
        mixAll(k, dx, back, dy)
      },
    })
  },
)

/**
 * The middle of each image.
 * @equation y_{i,j} = x_{i + t,\, j + l} \quad \text{with } t, l \text{ half of what is cut off}
 * @slope dx_{i + t,\, j + l} = dy_{i,j}
 * @shape [height, width, channels] → [height′, width′, channels]
 * @param height of the middle
 * @param width of the middle
 * @throws ShapeError when the image is smaller; Keras then resizes it
 * @example
 * centerCrop(24, 24)(input([28, 28, 1]))
 */
export const centerCrop = layer(
  'centerCrop',
  ['height', 'width'],
  (height: number, width: number, _options: LayerOptions = {}) => {
    const size = [whole('centerCrop', 'height', height), whole('centerCrop', 'width', width)]
    const middle = (v: View) =>
      size.reduce((view, n, i) => view.slice(i + 1, Math.floor((view.shape[i + 1] - n) / 2), n), v)
    return pair({
      shapes(input) {
        if (spatial('centerCrop', input, 2).some((n, i) => n < size[i]))
          throw new ShapeError(
            'small-input',
            `centerCrop got ${printShape(input)}, expected at least ${printShape(size)}`,
            {
              hint: 'use resizing to make images larger',
            },
          )
        return { y: [...size, input[2]] }
      },
      forward: (k, { x, y }) => k.copy(y, middle(x)),
      backward(k, { dx, dy }) {
        k.map(dx, '0', {})
        k.copy(middle(dx), dy)
      },
    })
  },
)
