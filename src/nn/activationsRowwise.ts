import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { activation, type RowwiseDefinition } from './activation.ts'

const lastOf = (x: View): number[] => [x.shape.length - 1]
/** One number a row. */
const column = (k: Verbs, name: string, x: View) => k.scratch(name, x.shape.with(-1, 1))

/** eˣ / Σ eˣ of x or −x. */
const shares = (c: 1 | -1): RowwiseDefinition => ({
  forward(k, { x, y }) {
    const m = column(k, 'm', x)
    const s = column(k, 's', x)
    const e = k.scratch('e', x.shape)
    k.reduce(m, 'max', 'c * x', { x, c }, lastOf(x)) // m = max x
    k.map(e, 'exp(c * x - m)', { x, m, c }) // e = e^(x−m)
    k.sum(s, e, lastOf(x)) // s = Σ e
    k.map(y, 'e * (1 / s)', { e, s }) // y = e / s, with one division a row
  },
  backward(k, { y, dy, dx }) {
    const s = column(k, 's', y)
    k.reduce(s, 'sum', 'y * dy', { y, dy }, lastOf(y)) // s = Σ y·dy
    k.map(dx, 'c * (y * (dy - s))', { y, dy, s, c }) // dx = y ⊙ (dy − s)
  },
  range: [0, 1],
})

/**
 * y = eˣ / Σ eˣ along an axis, with the largest x taken off first so that nothing overflows. Keras's axis is the last by
 * default; PyTorch's dim must be given, and its Softmax2d is this one on channels that lie last.
 * @equation y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}
 * @slope \frac{\partial y_i}{\partial x_j} = y_i \, (\delta_{ij} - y_j)
 */
export const softmax = activation('softmax', shares(1))

/**
 * softmax of −x: y = e⁻ˣ / Σ e⁻ˣ along an axis. PyTorch's Softmin.
 * @equation y_i = \frac{e^{-x_i}}{\sum_j e^{-x_j}}
 * @slope \frac{\partial y_i}{\partial x_j} = -y_i \, (\delta_{ij} - y_j)
 */
export const softmin = activation('softmin', shares(-1))

/**
 * y = ln softmax(x) = x − ln Σ eˣ along an axis, finite where the softmax is too small for its logarithm.
 * @equation y_i = x_i - \ln \sum_j e^{x_j}
 * @slope \frac{\partial y_i}{\partial x_j} = \delta_{ij} - e^{y_j}
 */
export const logSoftmax = activation('logSoftmax', {
  forward(k, { x, y }) {
    const m = column(k, 'm', x)
    const s = column(k, 's', x)
    k.reduce(m, 'max', 'x', { x }, lastOf(x)) // m = max x
    k.reduce(s, 'sum', 'exp(x - m)', { x, m }, lastOf(x)) // s = Σ e^(x−m)
    k.map(y, 'x - m - log(s)', { x, m, s }) // y = x − m − ln s
  },
  backward(k, { y, dy, dx }) {
    const s = column(k, 's', y)
    k.sum(s, dy, lastOf(y)) // s = Σ dy
    k.map(dx, 'dy - exp(y) * s', { y, dy, s }) // dx = dy − e^y·s
  },
  range: [-Infinity, 0],
})

/**
 * Marks with 1 what stays above zero when a row is pushed down to the simplex: z_i does when Σ_j f(z_j − z_i) < 1, where
 * f(d) is d or d² for d > 0. Compares all pairs of a row, so that nothing has to be sorted.
 */
function support(k: Verbs, z: View, f: 'd' | 'd^2'): View {
  const over = k.scratch('over', z.shape)
  const kept = k.scratch('kept', z.shape)
  const text = `let d = max(other - z, 0); ${f}`
  k.reduce(over, 'sum', text, { other: z.reshape(...z.shape.toSpliced(-1, 0, 1)), z: z.reshape(...z.shape, 1) }, [
    z.shape.length,
  ])
  k.map(kept, 'over < 1 ? 1 : 0', { over })
  return kept
}

/**
 * The point of the simplex nearest to x: y = max(x − τ, 0) with τ such that Σ y = 1; small shares become 0.
 * Martins & Astudillo 2016. Takes n² comparisons a row.
 * @equation y_i = \max(x_i - \tau, 0), \quad \sum_i y_i = 1
 * @slope \frac{\partial y_i}{\partial x_j} = \delta_{ij} - \frac{1}{n} \text{ where } y_i, y_j > 0 \text{, as } n \text{ of a row are; else } 0
 */
export const sparsemax = activation('sparsemax', {
  forward(k, { x, y }) {
    const m = column(k, 'm', x)
    const s = column(k, 's', x)
    const n = column(k, 'n', x)
    const z = k.scratch('z', x.shape)
    k.reduce(m, 'max', 'x', { x }, lastOf(x))
    k.map(z, 'x - m', { x, m }) // z = x − max x
    const kept = support(k, z, 'd')
    k.reduce({ s, n }, 'sum', 's = kept * z; n = kept', { kept, z }, lastOf(x))
    k.map(y, 'max(z - (s - 1) / n, 0)', { z, s, n }) // τ = (Σ z − 1) / n over what is kept
  },
  backward(k, { y, dy, dx }) {
    const s = column(k, 's', y)
    const n = column(k, 'n', y)
    k.reduce({ s, n }, 'sum', 's = y > 0 ? dy : 0; n = y > 0 ? 1 : 0', { y, dy }, lastOf(y))
    k.map(dx, 'y > 0 ? dy - s / n : 0', { y, dy, s, n }) // dx = dy − mean dy over what is kept
  },
  range: [0, 1],
})

/**
 * Between softmax and sparsemax: y = max(x/2 − τ, 0)² with τ such that Σ y = 1. Peters, Niculae & Martins 2019 (α = 1.5).
 * Takes n² comparisons a row.
 * @equation y_i = \max\left(\tfrac{x_i}{2} - \tau, 0\right)^2, \quad \sum_i y_i = 1
 * @slope \frac{\partial y_i}{\partial x_j} = \sqrt{y_i} \left(\delta_{ij} - \frac{\sqrt{y_j}}{\sum_k \sqrt{y_k}}\right)
 */
export const entmax15 = activation('entmax15', {
  forward(k, { x, y }) {
    const [m, s, n, v] = ['m', 's', 'n', 'v'].map(name => column(k, name, x))
    const z = k.scratch('z', x.shape)
    k.reduce(m, 'max', 'x', { x }, lastOf(x))
    k.map(z, '(x - m) / 2', { x, m }) // z = (x − max x) / 2
    const kept = support(k, z, 'd^2')
    k.reduce({ s, n }, 'sum', 's = kept * z; n = kept', { kept, z }, lastOf(x))
    k.reduce(v, 'sum', 'kept * (z - s / n)^2', { kept, z, s, n }, lastOf(x)) // n times the variance of what is kept
    k.map(y, 'max(z - s / n + sqrt((1 - v) / n), 0)^2', { z, s, n, v }) // τ = mean z − √((1 − v) / n)
  },
  backward(k, { y, dy, dx }) {
    const s = column(k, 's', y)
    const n = column(k, 'n', y)
    k.reduce({ s, n }, 'sum', 's = sqrt(y) * dy; n = sqrt(y)', { y, dy }, lastOf(y))
    k.map(dx, 'sqrt(y) * (dy - s / n)', { y, dy, s, n }) // dx = √y ⊙ (dy − Σ √y·dy / Σ √y)
  },
  range: [0, 1],
})
