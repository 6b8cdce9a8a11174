import { ShapeError } from '../../../errors.ts'
import { ones, zeros } from '../../../nn/initializers.ts'
import { type LayerOptions, layer, pair } from '../../../nn/layer.ts'
import { printShape, type Shape } from '../../../tensor/shape.ts'

export interface AffineOptions extends LayerOptions {
  /** Shape of the factors, beside the last axes of a sample; null for none. */
  scale?: Shape | null
  /** Shape of what is added; null for none. */
  shift?: Shape | null
  /** Whether they are trained. */
  trainable?: boolean
}

/**
 * y = scale ⊙ x + shift, both repeated along axes of size 1: what ONNX writes as Mul and Add with weights.
 * @example
 * affine({ scale: [8], shift: [8] })
 */
export const affine = layer('affine', [], ({ scale, shift, trainable = true }: AffineOptions = {}) => {
  const own = { scale: scale ?? undefined, shift: shift ?? undefined }
  return pair({
    shapes(input) {
      for (const shape of [scale, shift])
        if (shape && (shape.length > input.length || shape.some((n, i) => n !== 1 && n !== input.at(i - shape.length))))
          throw new ShapeError('merge', `affine got ${printShape(input)}, expected a shape that its weights fit`, {
            evidence: Object.entries(own).map(([name, s]) => [name, s ? printShape(s) : 'none']),
            hint: 'axes must be equal or 1, counted from the last',
          })
      const known = Object.fromEntries(Object.entries(own).filter(([, shape]) => shape)) as Record<
        keyof typeof own,
        Shape
      >
      return { y: input, ...(trainable ? { params: own } : { state: known }) }
    },
    initial: { scale: ones(), shift: zeros() },
    forward: (k, { x, y, ...own }) =>
      k.map(y, 'scale * x + shift', { x, scale: scale ? own.scale : 1, shift: shift ? own.shift : 0 }),
  })
})

/**
 * Products of stacks of matrices: y = a·b for each of the leading axes, which are the same in both.
 * @shape [..., m, k], [..., k, n] → [..., m, n]
 * @throws ShapeError when they do not fit
 * @example
 * matmul()([scores, values])
 */
export const matmul = layer('matmul', [], (_options: LayerOptions = {}) =>
  pair({
    inputs: [2, 2],
    shapes(a, b) {
      const fits = a.length > 1 && a.length === b.length && a.at(-1) === b.at(-2)
      if (!fits || a.slice(0, -2).some((n, i) => n !== b[i]))
        throw new ShapeError('merge', `matmul got ${printShape(a)} and ${printShape(b)}, which do not fit`, {
          evidence: [a, b].map((shape, i) => [`input ${i}`, printShape(shape)]),
          hint: 'the columns of the first are the rows of the second, all axes before are equal',
        })
      return { y: [...a.slice(0, -1), b[b.length - 1]] }
    },
    forward(k, { y }, [a, b]) {
      k.gemm(y, a, b) // y = a·b
    },
    backward(k, { dy }, [a, b], [da, db]) {
      k.gemm(da, dy, b.T) // da = dy·bᵀ
      k.gemm(db, a.T, dy) // db = aᵀ·dy
    },
  }),
)
