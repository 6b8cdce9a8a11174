import { ShapeError } from '../../errors.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import { ones, zeros } from '../initializers.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'

export interface AffineOptions extends LayerOptions {
  /** Shape of the factors, beside the last axes of a sample; null for none. */
  scale?: Shape | null
  /** Shape of what is added; null for none. */
  shift?: Shape | null
}

/**
 * A scale and a shift that are learnt: y = scale ⊙ x + shift, both repeated along axes of size 1.
 * @equation y = s \odot x + c
 * @slope dx = s \odot dy, \quad ds = \textstyle\sum x \odot dy, \quad dc = \textstyle\sum dy
 * @shape [...] → [...]
 * @throws ShapeError when an axis of a weight is neither 1 nor that of the input
 * @example
 * affine({ scale: [8], shift: [8] })(input([5, 8]))
 */
export const affine = layer('affine', [], ({ scale, shift }: AffineOptions = {}) => {
  const own = { scale: scale ?? undefined, shift: shift ?? undefined }
  return pair({
    shapes(input) {
      for (const shape of [scale, shift])
        if (shape && (shape.length > input.length || shape.some((n, i) => n !== 1 && n !== input.at(i - shape.length))))
          throw new ShapeError('merge', `affine got ${printShape(input)}, expected a shape that its weights fit`, {
            evidence: Object.entries(own).map(([name, s]) => [name, s ? printShape(s) : 'none']),
            hint: 'axes must be equal or 1, counted from the last',
          })
      return { y: input, params: own }
    },
    initial: { scale: ones(), shift: zeros() },
    forward: (k, { x, y, ...own }) =>
      k.map(y, 'scale * x + shift', { x, scale: scale ? own.scale : 1, shift: shift ? own.shift : 0 }),
  })
})
