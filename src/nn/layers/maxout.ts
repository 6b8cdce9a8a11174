import { ShapeError } from '../../errors.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'

/**
 * Each unit is the largest of its group of inputs: y_u = max over p of x_{u·pieces + p}. After a dense layer of
 * units·pieces it learns its own convex activation.
 * @equation y_i = \max_j \, x_{i,j}
 * @slope dx_{i,j} = dy_i \, [x_{i,j} \text{ was the largest}]
 * @shape [..., units·pieces] → [..., units]
 * @param units how many groups; the pieces of a group lie side by side
 * @throws ShapeError when the inputs do not fill whole groups
 * @paper Goodfellow et al. 2013; TensorFlow Addons' layer
 * @example
 * maxout(4)(dense(12)(input([2])))
 */
export const maxout = layer('maxout', ['units'], (units: number, _options: LayerOptions = {}) => {
  whole('maxout', 'units', units)
  return pair({
    shapes(input) {
      const width = input[input.length - 1]
      if (input.length === 0 || width % units !== 0)
        throw new ShapeError('uneven-groups', `maxout got ${width} inputs, expected a multiple of its ${units} units`, {
          evidence: [['input', `[${input.join(', ')}]`]],
          hint: 'make the layer before it units × pieces wide',
        })
      const y = input.with(-1, units)
      return { y, saved: { place: y } }
    },
    forward(k, { x, y, place }) {
      const pieces = x.reshape(...y.shape, x.shape[x.shape.length - 1] / units)
      k.reduce(y, 'max', 'x', { x: pieces }, [y.shape.length]) // y = max x
      k.reduce(place, 'argmax', 'x', { x: pieces }, [y.shape.length]) // the first of equals
    },
    backward(k, { dx, dy, place }) {
      const pieces = dx.shape[dx.shape.length - 1] / units
      const [wide, at] = [dy, place].map(view => view.reshape(...view.shape, 1))
      k.map(dx.reshape(...dy.shape, pieces), 'j == place ? dy : 0', { j: k.index(pieces), place: at, dy: wide })
    },
  })
})
