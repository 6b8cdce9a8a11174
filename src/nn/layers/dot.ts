import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import { axisOf } from './concatenate.ts'

export interface DotOptions extends LayerOptions {
  /** Give both vectors length 1 first, so that y is the cosine between them. */
  normalize?: boolean
}

const epsilon = 1e-7

/**
 * Sums the products of two inputs along one axis of each: y = Σₖ aₖ·bₖ.
 * @equation y = \sum_k a_k \, b_k
 * @slope da_k = dy \, b_k, \quad db_k = dy \, a_k
 * @shape [..., n], [..., n] → all other axes of a, then those of b; [1] where none is left
 * @param axes the axis of both, or of each; the batch is axis 0
 * @throws ShapeError when the two axes differ in length
 * @example
 * const [a, b] = [input([8]), input([8])]
 * dot(1)([a, b])
 */
export const dot = layer(
  'dot',
  ['axes'],
  (axes: number | readonly [number, number], { normalize = false }: DotOptions = {}) => {
    const [first, second] = typeof axes === 'number' ? [axes, axes] : axes
    /** a as rows [batch, M, n], b as rows [batch, N, n]. */
    const rows = (v: View, axis: number) => {
      const at = axisOf('dot', axis, v.shape.length)
      const order = v.shape.flatMap((_, i) => (i === 0 || i === at ? [] : [i]))
      const others = order.map(i => v.shape[i]).reduce((a, b) => a * b, 1)
      return v.transpose(0, ...order, at).reshape(v.shape[0], others, v.shape[at])
    }
    const pick = (xs: readonly View[]) => [rows(xs[0], first), rows(xs[1], second)]
    /** 1 / length of each row, but no more than 1 / ε. */
    const inverse = (k: Verbs, x: View) => {
      const s = k.scratch('s', x.shape.with(-1, 1))
      k.reduce(s, 'sum', 'x^2', { x }, [2])
      return s
    }
    const unit = (k: Verbs, x: View) => {
      if (!normalize) return x
      const u = k.scratch('unit', x.shape)
      k.map(u, 'x * min(1 / sqrt(s), 1 / epsilon)', { x, s: inverse(k, x), epsilon }) // u = x / |x|
      return u
    }
    /** From the slope by u to that by x. */
    const lengthen = (k: Verbs, dx: View, du: View, x: View) => {
      const s = inverse(k, x)
      const p = k.scratch('p', s.shape)
      k.reduce(p, 'sum', 'du * x', { du, x }, [2])
      k.map(dx, 'sqrt(s) > epsilon ? (du - x * p / s) / sqrt(s) : du / epsilon', { du, x, s, p, epsilon })
    }
    return pair({
      inputs: [2, 2],
      shapes(a, b) {
        const [i, j] = [axisOf('dot', first, a.length + 1) - 1, axisOf('dot', second, b.length + 1) - 1]
        if (a[i] !== b[j])
          throw new ShapeError('merge', `dot got axes of ${a[i]} and ${b[j]} numbers, expected the same`, {
            evidence: [a, b].map((shape, n) => [`input ${n}`, printShape(shape)]),
            hint: 'dot([axis of the first, axis of the second]), the batch being axis 0',
          })
        const y = [...a.toSpliced(i, 1), ...b.toSpliced(j, 1)]
        return { y: y.length > 0 ? y : [1] }
      },
      forward(k, { y }, xs) {
        const [a, b] = pick(xs).map(v => unit(k, v))
        k.gemm(y.reshape(y.shape[0], a.shape[1], b.shape[1]), a, b.T) // y = a·bᵀ
      },
      backward(k, { dy: slope }, xs, dxs) {
        const [a, b] = pick(xs)
        const [da, db] = pick(dxs)
        const dy = slope.reshape(slope.shape[0], a.shape[1], b.shape[1])
        const [ua, ub] = [a, b].map(v => unit(k, v))
        const [du, dv] = normalize ? [a, b].map(v => k.scratch('du', v.shape)) : [da, db]
        k.gemm(du, dy, ub) // da = dy·b
        k.gemm(dv, dy.T, ua) // db = dyᵀ·a
        if (normalize) lengthen(k, da, du, a)
        if (normalize) lengthen(k, db, dv, b)
      },
    })
  },
)
