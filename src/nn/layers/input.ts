import { ShapeError } from '../../errors.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { type LayerOptions, layer, whole } from '../layer.ts'

/**
 * Says what one sample looks like; does nothing.
 * @equation y = x
 * @slope dx = dy
 * @shape as given
 * @param shape of a sample, without the batch axis
 * @example
 * input([28, 28, 1])
 */
export const input = layer('input', ['shape'], (shape: Shape, _options: LayerOptions = {}) => {
  if (!Array.isArray(shape) || shape.length > 8)
    throw new ShapeError('bad-option', 'input got something else than the shape of a sample', {
      hint: 'give a list of sizes without the batch axis: input([28, 28, 1])',
    })
  for (const size of shape) whole('input', 'a size', size)
  whole('input', 'numbers a sample', sizeOf(shape))
  return { shapes: () => ({ y: shape }), view: x => x }
})
