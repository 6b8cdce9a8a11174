import { ShapeError } from '../../errors.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import { along } from '../masks.ts'

export interface ConcatenateOptions extends LayerOptions {
  /** Along which axis; the batch is axis 0, -1 is the last. */
  axis?: number
}

/** An axis counted from the front, batch included, of arrays with so many axes. */
export function axisOf(who: string, axis: number, count: number): number {
  const found = axis < 0 ? count + axis : axis
  if (Number.isInteger(axis) && found > 0 && found < count) return found
  throw new ShapeError('bad-axis', `${who} got axis ${axis}, expected one of 1 to ${count - 1}`, {
    hint: 'axis 0 is the batch; -1 is the last',
  })
}

/**
 * Puts its inputs one after another along an axis.
 * @equation y = [a, b, \ldots]
 * @slope [da, db, \ldots] = dy
 * @shape [..., n], [..., m], … → [..., n + m + …]
 * @throws ShapeError when they differ along another axis
 * @example
 * const [a, b] = [input([8]), input([8])]
 * concatenate()([a, b])
 */
export const concatenate = layer('concatenate', [], ({ axis = -1 }: ConcatenateOptions = {}) => {
  /** The part of y that each of these fills. */
  const parts = (y: View, xs: readonly View[]) => {
    const along = axisOf('concatenate', axis, y.shape.length)
    let end = 0
    return xs.map(({ shape }) => y.slice(along, (end += shape[along]) - shape[along], shape[along]))
  }
  return pair({
    inputs: [1, Infinity],
    mask: along(y => axisOf('concatenate', axis, y.shape.length)),
    shapes(...inputs) {
      const along = axisOf('concatenate', axis, inputs[0].length + 1) - 1
      const others = (shape: Shape) => printShape(shape.with(Math.min(along, shape.length - 1), 1))
      if (inputs.some(shape => others(shape) !== others(inputs[0]) || shape.length !== inputs[0].length))
        throw new ShapeError('merge', `concatenate got inputs that differ beside axis ${axis}`, {
          evidence: inputs.map((shape, i) => [`input ${i}`, printShape(shape)]),
          hint: 'all other axes must be equal',
        })
      return {
        y: inputs[0].with(
          along,
          inputs.reduce((sum, shape) => sum + shape[along], 0),
        ),
      }
    },
    forward(k, { y }, xs) {
      for (const [i, part] of parts(y, xs).entries()) k.copy(part, xs[i]) // y = [x₀, x₁, …]
    },
    backward(k, { dy }, xs, dxs) {
      for (const [i, part] of parts(dy, xs).entries()) k.copy(dxs[i], part) // each its part of dy
    },
  })
})
