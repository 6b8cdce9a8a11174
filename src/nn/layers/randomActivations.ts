import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'
import * as activations from '../activations.ts'
import { type LayerOptions, layer, pair, passed } from '../layer.ts'

export interface RreluOptions extends LayerOptions {
  /** The smallest slope below zero. */
  lower?: number
  /** The largest slope below zero. */
  upper?: number
}

/**
 * A leaky ReLU whose slope is drawn for each element while training: y = x > 0 ? x : a·x, a uniform in [lower, upper).
 * Outside training a is their mean.
 * @equation y = \begin{cases} x & \text{if } x > 0 \\ a \, x & \text{otherwise} \end{cases}, \quad a \sim U(\mathit{lower}, \mathit{upper})
 * @slope dx = \begin{cases} dy & \text{if } x > 0 \\ a \, dy & \text{otherwise} \end{cases}
 * @shape any → the same
 * @paper Xu et al. 2015; PyTorch's RReLU and its defaults, Keras has none
 * @example
 * rrelu({ lower: 0.1, upper: 0.3 })
 */
export const rrelu = layer('rrelu', [], ({ lower = 1 / 8, upper = 1 / 3 }: RreluOptions = {}) => {
  if (!(Number.isFinite(lower) && Number.isFinite(upper) && lower <= upper))
    throw new ShapeError('bad-option', `rrelu got slopes from ${lower} to ${upper}`, {
      hint: 'lower is a number up to upper, for example 1/8 and 1/3',
    })
  const slope = '(lower + (upper - lower) * u)'
  return pair({
    mask: passed,
    shapes: input => ({ y: input, random: { u: input } }),
    forward(k, { x, y, u }) {
      k.map(y, `x > 0 ? x : ${slope} * x`, { x, u, lower, upper })
    },
    backward(k, { x, dx, dy, u }) {
      k.map(dx, `x > 0 ? dy : ${slope} * dy`, { x, dy, u, lower, upper }) // the same u: computed again, not stored
    },
    infer(k, { x, y }) {
      k.map(y, 'x > 0 ? x : slope * x', { x, slope: (lower + upper) / 2 })
    },
  })
})

export interface GumbelSoftmaxOptions extends LayerOptions {
  /** τ: towards 0 the shares become one-hot. */
  temperature?: number
  /** Give the one-hot choice, with the gradient of the shares. */
  hard?: boolean
}

/**
 * Shares of a random choice: y = softmax((x + g) / τ) with g = −ln(−ln u), u uniform in (0, 1). Outside training there is
 * no noise, and hard takes the largest x; PyTorch's gumbel_softmax draws always.
 * @equation y = \operatorname{softmax}\left(\frac{x + g}{\tau}\right), \quad g = -\ln(-\ln u), \quad u \sim U(0, 1)
 * @slope dx_i = \frac{p_i}{\tau} \left(dy_i - \sum_j dy_j \, p_j\right)
 * @shape any → the same
 * @paper Jang et al. 2017, Maddison et al. 2017
 * @example
 * gumbelSoftmax({ temperature: 0.5, hard: true })
 */
export const gumbelSoftmax = layer('gumbelSoftmax', [], (options: GumbelSoftmaxOptions = {}) => {
  const { temperature = 1, hard = false } = options
  if (!(Number.isFinite(temperature) && temperature > 0))
    throw new ShapeError('bad-option', `gumbelSoftmax got temperature ${temperature}, expected a number above 0`, {
      hint: 'temperature: 1 is soft, 0.1 nearly one-hot',
    })
  const softmax = activations.softmax()
  return pair({
    mask: passed,
    shapes: input => ({ y: input, saved: { p: input }, random: { u: input } }),
    forward(k, { x, y, p, u }) {
      const z = k.scratch('z', x.shape)
      k.map(z, '(x - log(-log(max(u, 1e-10)))) / temperature', { x, u, temperature }) // z = (x + g) / τ
      softmax.forward(k, { x: z, y: p }) // p = softmax(z)
      if (hard) chosen(k, p, y)
      else k.copy(y, p)
    },
    backward(k, { p, dx, dy }) {
      const dz = k.scratch('dz', dx.shape)
      softmax.backward(k, { x: p, y: p, dy, dx: dz }) // hard passes dy on as if y were p
      k.map(dx, 'dz / temperature', { dz, temperature })
    },
    infer(k, { x, y }) {
      if (hard) return chosen(k, x, y)
      const z = k.scratch('z', x.shape)
      k.map(z, 'x / temperature', { x, temperature })
      softmax.forward(k, { x: z, y })
    },
  })
})

/** 1 at the largest of each row, else 0. */
function chosen(k: Verbs, p: View, y: View): void {
  const at = k.scratch('at', p.shape.with(-1, 1))
  k.reduce(at, 'argmax', 'p', { p }, [p.shape.length - 1])
  k.map(y, 'j == at ? 1 : 0', { j: k.index(p.shape[p.shape.length - 1]), at })
}
