import { ShapeError } from '../errors.ts'
import type { Verbs } from '../program/index.ts'
import { printShape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { regularizer } from './regularizer.ts'

/** l1·Σ |w|: draws weights to 0. */
export const l1 = regularizer('l1', { params: { l1: 0.01 }, penalty: 'l1 * abs(w)', backward: 'l1 * sign(w)' })

/** l2·Σ w²: draws large weights down. PyTorch's weight_decay d is l2 = d / 2. */
export const l2 = regularizer('l2', { params: { l2: 0.01 }, penalty: 'l2 * w^2', backward: '2 * l2 * w' })

/** l1·Σ |w| + l2·Σ w². */
export const l1l2 = regularizer('l1l2', {
  params: { l1: 0, l2: 0 },
  penalty: 'l1 * abs(w) + l2 * w^2',
  backward: 'l1 * sign(w) + 2 * l2 * w',
})

/**
 * The mean of |cos| between all pairs of rows (or columns: `mode` 'columns') of a matrix, times factor.
 * @equation \mathit{factor} \cdot \frac{1}{n (n - 1)} \sum_{i \ne j} \left|u_i \cdot u_j\right|, \quad u_i = \frac{w_i}{\lVert w_i \rVert}
 * @slope dw_i = \frac{du_i - u_i \, (u_i \cdot du_i)}{\lVert w_i \rVert}, \quad du_i = \frac{2 \, \mathit{factor}}{n (n - 1)} \sum_{j \ne i} \operatorname{sign}(u_i \cdot u_j) \, u_j
 */
export const orthogonal = regularizer('orthogonal', {
  params: { factor: 0.01, mode: 'rows' },
  forward(k, { w, penalty }, { factor, mode }) {
    const { s, scale } = products(k, w, mode === 'columns', factor as number)
    const n = s.shape[0]
    const [i, j] = [k.index(n).reshape(n, 1), k.index(n)]
    k.reduce(penalty, 'sum', 'i == j ? 0 : abs(s) * scale', { s, i, j, scale }, [0, 1])
  },
  backward(k, { w, g, dw }, { factor, mode }) {
    const turned = mode === 'columns'
    const { u, r, s, scale } = products(k, w, turned, factor as number)
    const n = s.shape[0]
    const [du, ds] = [k.scratch('du', u.shape), k.scratch('ds', s.shape)]
    const along = k.scratch('along', r.shape)
    k.map(ds, 'i == j ? 0 : 2 * scale * sign(s)', { s, scale, i: k.index(n).reshape(n, 1), j: k.index(n) })
    k.gemm(du, ds, u)
    k.reduce(along, 'sum', 'u * du', { u, du }, [1])
    const [x, y] = turned ? [g.T, dw.T] : [g, dw]
    k.map(y, 'x + (du - u * along) / r', { x, du, u, along, r })
  },
})

/** u = rows of length 1, s = u·uᵀ, and what each product counts. */
function products(k: Verbs, w: View, turned: boolean, factor: number) {
  if (w.shape.length !== 2)
    throw new ShapeError('wrong-rank', `orthogonal got ${w.name} ${printShape(w.shape)}, expected a matrix`, {
      hint: 'use it for the kernel of a dense layer',
    })
  const x = turned ? w.T : w
  const n = x.shape[0]
  const [r, u, s] = [k.scratch('r', [n, 1]), k.scratch('u', x.shape), k.scratch('s', [n, n])]
  const square = k.scratch('rr', [n, 1])
  k.reduce(square, 'sum', 'x^2', { x }, [1])
  k.map(r, 'max(sqrt(rr), 1e-7)', { rr: square })
  k.map(u, 'x / r', { x, r })
  k.gemm(s, u, u.T)
  return { u, r, s, scale: n > 1 ? factor / (n * (n - 1)) : 0 }
}
