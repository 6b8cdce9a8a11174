import { ShapeError } from '../../errors.ts'
import { printShape } from '../../tensor/shape.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'

/**
 * Products of stacks of matrices: y = a·b for each of the leading axes, which are the same in both.
 * @equation y = a \, b
 * @slope da = dy \, b^\top, \quad db = a^\top dy
 * @shape [..., m, k], [..., k, n] → [..., m, n]
 * @throws ShapeError when they do not fit
 * @example
 * const [scores, values] = [input([5, 7]), input([7, 16])]
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
