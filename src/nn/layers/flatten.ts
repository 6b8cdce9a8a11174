import { sizeOf } from '../../tensor/shape.ts'
import { type LayerOptions, layer } from '../layer.ts'

/**
 * Sees each sample as one row: only another way to look, no work.
 * @equation y = x \text{ as one row}
 * @slope dx = dy \text{, in the shape of } x
 * @shape [height, width, channels] → [height·width·channels], the channels of a pixel side by side
 * @example
 * flatten()
 */
export const flatten = layer('flatten', [], (_options: LayerOptions = {}) => ({
  shapes: input => ({ y: [sizeOf(input)] }),
  view: (x, y) => x.reshape(x.shape[0], ...y),
}))
