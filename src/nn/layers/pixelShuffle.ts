import { ShapeError } from '../../errors.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'
import { spatial } from '../window.ts'

/**
 * Makes an image larger by laying channels beside each other: the factor² channels of a pixel become a square of pixels.
 * @equation y_{hr + i,\, wr + j,\, c} = x_{h,\, w,\, cr^2 + ir + j}
 * @slope dx_{h,\, w,\, cr^2 + ir + j} = dy_{hr + i,\, wr + j,\, c}
 * @shape [height, width, channels·factor²] → [height·factor, width·factor, channels]
 * @param factor r, how much larger
 * @throws ShapeError when the channels are no multiple of factor²
 * @paper Shi et al. 2016; PyTorch's PixelShuffle, with its order of channels
 * @example
 * pixelShuffle(2)(input([4, 4, 8]))
 */
export const pixelShuffle = layer('pixelShuffle', ['factor'], (factor: number, _options: LayerOptions = {}) => {
  const r = whole('pixelShuffle', 'factor', factor)
  /** Both with the axes [batch, height, r, width, r, channels]. */
  const small = (v: View) => {
    const [n, h, w, c] = v.shape
    return v.reshape(n, h, w, c / r ** 2, r, r).transpose(0, 1, 4, 2, 5, 3)
  }
  const large = (v: View) => {
    const [n, h, w, c] = v.shape
    return v.reshape(n, h / r, r, w / r, r, c)
  }
  return pair({
    shapes(input) {
      const [height, width] = spatial('pixelShuffle', input, 2)
      if (input[2] % r ** 2 !== 0)
        throw new ShapeError('wrong-size', `pixelShuffle got ${input[2]} channels, expected a multiple of ${r ** 2}`, {
          hint: `give the layer before ${r ** 2} filters for each channel`,
        })
      return { y: [height * r, width * r, input[2] / r ** 2] }
    },
    forward: (k, { x, y }) => k.copy(large(y), small(x)),
    backward: (k, { dx, dy }) => k.copy(small(dx), large(dy)),
  })
})
