import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { all, type LossDefinition, loss } from './loss.ts'

/** Mean of (p − t)². */
export const meanSquaredError = loss('meanSquaredError', {
  forward: '(p - t)^2',
  backward: '2 * (p - t)',
})

/** Mean of −(t·log p + (1 − t)·log(1 − p)), p kept ε away from 0 and 1 as Keras does. */
export const binaryCrossentropy = loss('binaryCrossentropy', {
  params: { epsilon: 1e-7 },
  forward: `let q = clamp(p, epsilon, 1 - epsilon);
            -(t * log(q) + (1 - t) * log(1 - q))`,
  backward: 'p >= epsilon && p <= 1 - epsilon ? (p - t) / (p * (1 - p)) : 0',
  fused: {
    activation: 'sigmoid',
    forward: 'softplus(z) - t * z', // −log p for t = 1, −log(1 − p) for t = 0
    backward: 'p - t',
  },
})

const epsilon = 1e-7
/** How many samples a batch of rows has: the mean is taken over them. */
const rows = (x: View) => sizeOf(x.shape) / x.shape[x.shape.length - 1]

const crossentropy: LossDefinition = {
  forward(k, { p, t, loss }) {
    const s = k.scratch('s', p.shape.with(-1, 1))
    k.sum(s, p, [p.shape.length - 1]) // s = Σ p, 1 after a softmax
    k.reduce(loss, 'sum', '-t * log(clamp(p / s, epsilon, 1 - epsilon)) / n', { p, t, s, n: rows(p), epsilon }, all(p))
  },
  backward(k, { p, t, dp }) {
    const last = [p.shape.length - 1]
    const [s, u] = ['s', 'u'].map(name => k.scratch(name, p.shape.with(-1, 1)))
    const kept = 'p >= epsilon * s && p <= (1 - epsilon) * s ? t : 0'
    k.sum(s, p, last) // s = Σ p
    k.reduce(u, 'sum', kept, { p, t, s, epsilon }, last) // u = Σ t, where p is not clipped
    k.map(dp, `let v = ${kept}; (u / s - (v > 0 ? v / p : 0)) / n`, { p, t, s, u, n: rows(p), epsilon }) // dp = Σt/s − t/p
  },
  fused: {
    activation: 'softmax',
    forward(k, { z, t, loss }) {
      const last = [z.shape.length - 1]
      const [m, s] = ['m', 's'].map(name => k.scratch(name, z.shape.with(-1, 1)))
      k.reduce(m, 'max', 'z', { z }, last) // m = max z
      k.reduce(s, 'sum', 'exp(z - m)', { z, m }, last) // s = Σ e^(z−m)
      k.reduce(loss, 'sum', 't * (log(s) + m - z) / n', { z, m, s, t, n: rows(z) }, all(z)) // −log p = log s + m − z
    },
    backward(k, { p, t, dz }) {
      k.map(dz, '(p - t) / n', { p, t, n: rows(p) }) // dz = p − t, whatever the softmax looks like inside
    },
  },
}

/** Mean over the batch of −Σ t·log p, for one-hot targets. */
export const categoricalCrossentropy = loss('categoricalCrossentropy', crossentropy)

/** The same for targets that are numbers of classes. */
export const sparseCategoricalCrossentropy = loss('sparseCategoricalCrossentropy', {
  target: 'class',
  forward: (k, { p, t, loss }) => crossentropy.forward(k, { p, t: oneHot(k, t, p), loss }),
  backward: (k, { p, t, dp }) => crossentropy.backward(k, { p, t: oneHot(k, t, p), dp }),
  fused: {
    activation: 'softmax',
    forward: (k, { z, t, loss }) => crossentropy.fused!.forward(k, { z, t: oneHot(k, t, z), loss }),
    backward: (k, { p, t, dz }) => crossentropy.fused!.backward(k, { p, t: oneHot(k, t, p), dz }),
  },
})

/** Class numbers as rows of zeros with a one. */
function oneHot(k: Verbs, t: View, like: View): View {
  const hot = k.scratch('hot', like.shape)
  k.map(hot, 'j == t ? 1 : 0', {
    j: k.index(like.shape[like.shape.length - 1]),
    t: t.reshape(...like.shape.with(-1, 1)),
  })
  return hot
}
