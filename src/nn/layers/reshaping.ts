import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape, sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { axes, type LayerOptions, layer, pair, whole } from '../layer.ts'

/** Copies all elements in their order, whatever the shapes: through a plain row of numbers, which any shape divides. */
function pour(k: Verbs, to: View, from: View): void {
  const row = k.scratch('row', [sizeOf(from.shape)])
  k.copy(row.reshape(...from.shape), from)
  k.copy(to, row.reshape(...to.shape))
}

/**
 * The same numbers in another shape; one size may be −1 and follows from the others.
 * @equation y = x \text{ with its numbers in rows of another length}
 * @slope dx = dy \text{, in the shape of } x
 * @shape any of as many numbers → shape
 * @param shape of a sample, without the batch axis; one −1 is what is left
 * @throws ShapeError when the number of elements would change
 * @example
 * reshape([28, 28, 1])(input([784]))
 */
export const reshape = layer('reshape', ['shape'], (shape: Shape, _options: LayerOptions = {}) => {
  if (!Array.isArray(shape) || shape.length > 8 || shape.filter(n => n === -1).length > 1)
    throw new ShapeError('bad-option', 'reshape got something else than the shape of a sample', {
      hint: 'give a list of sizes without the batch axis, of which one may be −1: reshape([28, 28, 1])',
    })
  for (const size of shape) if (size !== -1) whole('reshape', 'a size', size)
  return pair({
    shapes(input) {
      const rest = sizeOf(input) / sizeOf(shape.filter(n => n !== -1))
      const y = shape.map(n => (n === -1 ? rest : n))
      if (sizeOf(y) !== sizeOf(input) || rest % 1 !== 0)
        throw new ShapeError('reshape', `reshape cannot make ${printShape(shape)} of ${printShape(input)}`, {
          evidence: [['elements', `${sizeOf(input)}`]],
          hint: 'the number of elements must stay; −1 stands for what is left',
        })
      return { y }
    },
    forward: (k, { x, y }) => pour(k, y, x),
    backward: (k, { dx, dy }) => pour(k, dx, dy),
  })
})

/**
 * The axes of a sample in another order: only another way to look, no work.
 * @equation y_{i_{d_1}, i_{d_2}, \ldots} = x_{i_1, i_2, \ldots}
 * @slope dx = dy \text{ with its axes put back}
 * @param dims the axes in their new order, counted from 1
 * @example
 * permute([2, 1])(input([5, 3])) // [steps, channels] becomes [channels, steps]
 */
export const permute = layer('permute', ['dims'], (dims: readonly number[], _options: LayerOptions = {}) => {
  if (!Array.isArray(dims) || dims.length > 8 || [...dims].sort((a, b) => a - b).some((d, i) => d !== i + 1))
    throw new ShapeError('bad-option', `permute got ${JSON.stringify(dims)?.slice(0, 24)}, expected axes from 1 on`, {
      hint: 'name each axis of a sample once: permute([2, 1]) exchanges two axes',
    })
  return {
    shapes(input) {
      axes('permute', input, dims.length, `one for each of ${dims.join(', ')}`)
      return { y: dims.map(d => input[d - 1]) }
    },
    view: x => x.transpose(0, ...dims),
  }
})

/**
 * The same row n times.
 * @equation y_{s} = x \quad \text{for } s = 1 \ldots n
 * @slope dx = \sum_s dy_s
 * @shape [features] → [n, features]
 * @param n how often, from 1
 * @example
 * repeatVector(3)
 */
export const repeatVector = layer('repeatVector', ['n'], (n: number, _options: LayerOptions = {}) => {
  whole('repeatVector', 'n', n)
  return pair({
    shapes(input) {
      axes('repeatVector', input, 1, '[features]')
      return { y: [n, ...input] }
    },
    forward: (k, { x, y }) => k.copy(y, x.repeat(1, n)),
    backward: (k, { dx, dy }) => k.sum(dx, dy, [1]), // dx = Σ dy over the copies
  })
})
