import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { ones, zeros } from '../initializers.ts'
import { fraction, type LayerOptions, layer, pair, passed, whole } from '../layer.ts'
import { divides } from './convolution.ts'

export interface NormalizationOptions extends LayerOptions {
  /** Added to the variance, so that a constant sample does not divide by zero. */
  epsilon?: number
  /** Whether a shift β is learnt. */
  center?: boolean
  /** Whether a scale γ is learnt. */
  scale?: boolean
}

export interface AxisOptions extends LayerOptions {
  /** The axis or axes that are taken together, counted with the batch axis as 0, or from the last as −1. */
  axis?: number | readonly number[]
}

export interface LayerNormalizationOptions extends NormalizationOptions, AxisOptions {}

export interface GroupNormalizationOptions extends NormalizationOptions {
  /** Into how many groups the channels are split; −1 makes each channel a group of its own. */
  groups?: number
}

/** How a normalisation looks at a sample: axes are counted with the batch axis as 0. */
interface Look {
  /** The sample's shape, its channels split into groups if need be. */
  readonly seen: Shape
  /** The axes over which mean and variance are taken. */
  readonly over: readonly number[]
  /** The shape of γ and β, and their axes beside the sample's. */
  readonly learnt: Shape
  readonly beside: Shape
}

/** y = γ·(x − mean)·r + β with r = 1/√(variance + ε), mean and variance of each sample by itself. */
function standardizing(who: string, options: NormalizationOptions, look: (input: Shape) => Look) {
  const { center = true, scale = true } = options
  const epsilon = fraction(who, 'epsilon', options.epsilon ?? 1e-3)
  const see = (v: View) => v.reshape(v.shape[0], ...look(v.shape.slice(1)).seen)
  /** A flattened sample does not split into groups where it lies. */
  const joined = (v: View) => v.shape.length === 2 && look(v.shape.slice(1)).seen.length > 1
  const plain = (k: Verbs, v: View) => {
    if (!joined(v)) return v
    const copy = k.scratch('plain', v.shape)
    k.copy(copy, v)
    return copy
  }
  const lay = (v: View, x: View) => v.reshape(...look(x.shape.slice(1)).beside)
  return pair({
    mask: passed,
    shapes(input) {
      const { seen, over, learnt } = look(input)
      const each = seen.map((n, i) => (over.includes(i + 1) ? 1 : n))
      const params = { gamma: scale ? learnt : undefined, beta: center ? learnt : undefined }
      return { y: input, params, saved: { mean: each, r: each } }
    },
    initial: { gamma: ones(), beta: zeros() },
    forward(k, views) {
      const { over } = look(views.x.shape.slice(1))
      const { mean, r } = views
      const variance = k.scratch('variance', r.shape)
      const [x, y] = [see(plain(k, views.x)), see(views.y)]
      const [gamma, beta] = [scale ? lay(views.gamma, views.x) : 1, center ? lay(views.beta, views.x) : 0]
      k.reduce(mean, 'mean', 'x', { x }, over) // mean = Σ x / N
      k.reduce(variance, 'mean', '(x - mean)^2', { x, mean }, over) // variance = Σ (x − mean)² / N
      k.map(r, '1 / sqrt(variance + epsilon)', { variance, epsilon }) // r = 1 / √(variance + ε)
      k.map(y, 'gamma * (x - mean) * r + beta', { x, mean, r, gamma, beta }) // y = γ ⊙ (x − mean) ⊙ r + β
    },
    backward(k, views) {
      const { over, beside } = look(views.x.shape.slice(1))
      const { mean, r, dgamma, dbeta } = views
      const slopes = joined(views.dx) ? k.scratch('slopes', views.dx.shape) : views.dx
      const [x, dx, dy] = [see(plain(k, views.x)), see(slopes), see(plain(k, views.dy))]
      const gamma = scale ? lay(views.gamma, views.x) : 1
      const others = [0, ...beside.flatMap((n, i) => (n === 1 ? [i + 1] : []))]
      const sums = 'dbeta = dy; dgamma = dy * (x - mean) * r' // dβ = Σ dy, dγ = Σ dy ⊙ x̂ with x̂ = (x − mean) ⊙ r
      if (scale || center)
        k.reduce({ ...(center && { dbeta }), ...(scale && { dgamma }) }, 'sum', sums, { x, mean, r, dy }, others)
      const [a, b] = [k.scratch('a', r.shape), k.scratch('b', r.shape)]
      const means = 'a = gamma * dy; b = gamma * dy * (x - mean) * r' // a = Σ γ ⊙ dy / N, b = Σ γ ⊙ dy ⊙ x̂ / N
      k.reduce({ a, b }, 'mean', means, { x, mean, r, gamma, dy }, over)
      const slope = 'r * (gamma * dy - a - (x - mean) * r * b)'
      k.map(dx, slope, { x, mean, r, gamma, dy, a, b }) // dx = r ⊙ (γ ⊙ dy − a − x̂ ⊙ b)
      if (slopes !== views.dx) k.copy(views.dx, slopes)
    },
  })
}

/** The given axes of an input, counted with the batch axis as 0 and in order. */
function axesOf(who: string, axis: number | readonly number[], input: Shape): number[] {
  const all = (typeof axis === 'number' ? [axis] : axis).map(a => (a < 0 ? a + input.length + 1 : a))
  if (all.length > 0 && new Set(all).size === all.length && all.every(a => a >= 1 && a <= input.length && a % 1 === 0))
    return all.sort((a, b) => a - b)
  throw new ShapeError('bad-option', `${who} got axis ${JSON.stringify(axis)?.slice(0, 24)}`, {
    evidence: [['input', printShape(input)]],
    hint: `give axes from 1 to ${input.length}, or −1 for the last; 0 is the batch`,
  })
}

/** γ beside a sample of which some axes are normalised: the others are of size 1. */
const along = (input: Shape, axes: readonly number[]) => input.map((n, i) => (axes.includes(i + 1) ? n : 1))

/** Each group of channels of a sample together with all its places. */
function grouped(who: string, groups: number, input: Shape): Look {
  const channels = input[input.length - 1]
  const count = groups === -1 ? channels : groups
  divides(who, whole(who, 'groups', count), { channels })
  const split = [count, channels / count]
  const places = input.slice(0, -1)
  return {
    seen: [...places, ...split],
    over: [...places.map((_, i) => i + 1), input.length + 1],
    learnt: [channels],
    beside: [...places.map(() => 1), ...split],
  }
}

/**
 * Gives each sample mean 0 and variance 1 over its channels, then a scale and a shift that are learnt:
 * y = γ·(x − mean)/√(variance + ε) + β. Keras's ε is 1e-3, PyTorch's 1e-5.
 * @equation y = \gamma \, \hat{x} + \beta, \quad \hat{x} = r \, (x - \mu), \quad r = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}
 * @slope dx = r \left(g - \overline{g} - \hat{x} \, \overline{g \, \hat{x}}\right) \text{ with } g = \gamma \, dy, \quad d\gamma = \sum dy \, \hat{x}, \quad d\beta = \sum dy
 * @shape [steps, features] → [steps, features], or any other with features last
 * @paper Ba, Kiros & Hinton 2016
 * @example
 * layerNormalization({ epsilon: 1e-5 })
 */
export const layerNormalization = layer('layerNormalization', [], (options: LayerNormalizationOptions = {}) => {
  const axis = options.axis ?? -1
  return standardizing('layerNormalization', options, input => {
    const over = axesOf('layerNormalization', axis, input)
    return { seen: input, over, learnt: over.map(a => input[a - 1]), beside: along(input, over) }
  })
})

/**
 * Gives each group of channels of a sample mean 0 and variance 1 over all its places: y = γ·(x − mean)/√(variance + ε) + β.
 * @equation y = \gamma \, \hat{x} + \beta, \quad \hat{x} = r \, (x - \mu), \quad r = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}
 * @slope dx = r \left(g - \overline{g} - \hat{x} \, \overline{g \, \hat{x}}\right) \text{ with } g = \gamma \, dy, \quad d\gamma = \sum dy \, \hat{x}, \quad d\beta = \sum dy
 * @shape [..., channels] → [..., channels]
 * @throws ShapeError when the groups do not divide the channels
 * @paper Wu & He 2018
 * @example
 * groupNormalization({ groups: 8 })(input([14, 14, 32]))
 */
export const groupNormalization = layer('groupNormalization', [], (options: GroupNormalizationOptions = {}) => {
  const groups = options.groups ?? 32
  return standardizing('groupNormalization', options, input => grouped('groupNormalization', groups, input))
})

/**
 * Gives each channel of a sample mean 0 and variance 1 over all its places. PyTorch learns no scale and shift unless told.
 * @equation y = \gamma \, \hat{x} + \beta, \quad \hat{x} = r \, (x - \mu), \quad r = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}
 * @slope dx = r \left(g - \overline{g} - \hat{x} \, \overline{g \, \hat{x}}\right) \text{ with } g = \gamma \, dy, \quad d\gamma = \sum dy \, \hat{x}, \quad d\beta = \sum dy
 * @shape [..., channels] → [..., channels]
 * @paper Ulyanov, Vedaldi & Lempitsky 2016
 * @example
 * instanceNormalization({ center: false, scale: false })
 */
export const instanceNormalization = layer('instanceNormalization', [], (options: NormalizationOptions = {}) =>
  standardizing('instanceNormalization', options, input => grouped('instanceNormalization', -1, input)),
)

/**
 * Divides by the root of the mean square, then scales by what is learnt: y = γ·x·r with r = 1/√(Σ x²/N + ε).
 * @equation y = \gamma \, r \, x, \quad r = \frac{1}{\sqrt{\overline{x^2} + \varepsilon}}
 * @slope dx = r \left(g - r^2 \, x \, \overline{g \, x}\right) \text{ with } g = \gamma \, dy, \quad d\gamma = \sum dy \, r \, x
 * @shape [steps, features] → [steps, features], or any other with features last
 * @paper Zhang & Sennrich 2019
 * @example
 * rmsNormalization()
 */
export const rmsNormalization = layer('rmsNormalization', [], (options: AxisOptions & { epsilon?: number } = {}) => {
  const axis = options.axis ?? -1
  const epsilon = fraction('rmsNormalization', 'epsilon', options.epsilon ?? 1e-6)
  const over = (input: Shape) => axesOf('rmsNormalization', axis, input)
  const lay = (gamma: View, { shape }: View) => gamma.reshape(...along(shape.slice(1), over(shape.slice(1))))
  return pair({
    mask: passed,
    shapes(input) {
      const axes = over(input)
      const each = input.map((n, i) => (axes.includes(i + 1) ? 1 : n))
      return { y: input, params: { gamma: axes.map(a => input[a - 1]) }, saved: { r: each } }
    },
    initial: { gamma: ones() },
    forward(k, { x, y, gamma, r }) {
      const square = k.scratch('square', r.shape)
      k.reduce(square, 'mean', 'x^2', { x }, over(x.shape.slice(1))) // square = Σ x² / N
      k.map(r, '1 / sqrt(square + epsilon)', { square, epsilon }) // r = 1 / √(square + ε)
      k.map(y, 'gamma * x * r', { x, r, gamma: lay(gamma, x) }) // y = γ ⊙ x ⊙ r
    },
    backward(k, { x, r, gamma, dx, dy, dgamma }) {
      const axes = over(x.shape.slice(1))
      const others = x.shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]))
      const m = k.scratch('m', r.shape)
      k.reduce(dgamma, 'sum', 'dy * x * r', { dy, x, r }, others) // dγ = Σ dy ⊙ x ⊙ r
      const row = { x, r, dy, gamma: lay(gamma, x) }
      k.reduce(m, 'mean', 'gamma * dy * x * r', row, axes) // m = Σ γ ⊙ dy ⊙ x ⊙ r / N
      k.map(dx, 'r * (gamma * dy - x * r * m)', { ...row, m }) // dx = r ⊙ (γ ⊙ dy − x ⊙ r ⊙ m)
    },
  })
})

/**
 * Divides each sample by its length: y = x/√(Σ x²) over the given axes; a sample of zeros stays.
 * @equation y = \frac{x}{\lVert x \rVert}
 * @slope dx = \frac{dy - y \sum dy \, y}{\lVert x \rVert}
 * @shape [steps, features] → [steps, features], or any other with features last
 * @example
 * unitNormalization()
 */
export const unitNormalization = layer('unitNormalization', [], ({ axis = -1 }: AxisOptions = {}) => {
  const over = (input: Shape) => axesOf('unitNormalization', axis, input)
  return pair({
    mask: passed,
    shapes(input) {
      const axes = over(input)
      return { y: input, saved: { r: input.map((n, i) => (axes.includes(i + 1) ? 1 : n)) } }
    },
    forward(k, { x, y, r }) {
      const square = k.scratch('square', r.shape)
      k.reduce(square, 'sum', 'x^2', { x }, over(x.shape.slice(1))) // square = Σ x²
      k.map(r, '1 / max(sqrt(square), 1e-12)', { square }) // r = 1 / √square
      k.map(y, 'x * r', { x, r }) // y = x ⊙ r
    },
    backward(k, { y, r, dx, dy }) {
      const m = k.scratch('m', r.shape)
      k.reduce(m, 'sum', 'y * dy', { y, dy }, over(y.shape.slice(1))) // m = Σ y ⊙ dy
      k.map(dx, 'r * (dy - y * m)', { y, r, dy, m }) // dx = r ⊙ (dy − y ⊙ m)
    },
  })
})
