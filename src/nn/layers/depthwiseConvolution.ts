import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'
import { layer, pair, whole } from '../layer.ts'
import {
  type ConstraintChoice,
  type InitializerChoice,
  type RegularizerChoice,
  resolveActivation,
  resolveInitializer,
} from '../resolve.ts'
import {
  type One,
  type Padding,
  type Sizes,
  seenFrom,
  sizes,
  spatial,
  spatialAxes,
  type Two,
  type Windows,
  windowsOver,
} from '../window.ts'
import type { ConvolutionOptions } from './convolution.ts'

export interface DepthwiseOptions<S = Sizes, P = Padding>
  extends Omit<ConvolutionOptions<S, P>, 'groups' | 'kernelInitializer' | 'kernelRegularizer' | 'kernelConstraint'> {
  /** Filters of each channel. */
  depthMultiplier?: number
  /** How D begins. */
  depthwiseInitializer?: InitializerChoice
  /** A penalty on D that joins the loss. */
  depthwiseRegularizer?: RegularizerChoice
  /** Where D is put back to after each step. */
  depthwiseConstraint?: ConstraintChoice
}

export interface SeparableOptions<S = Sizes, P = Padding> extends DepthwiseOptions<S, P> {
  /** How W begins. */
  pointwiseInitializer?: InitializerChoice
  /** A penalty on W that joins the loss. */
  pointwiseRegularizer?: RegularizerChoice
  /** Where W is put back to after each step. */
  pointwiseConstraint?: ConstraintChoice
}

type Causal = Padding | 'causal'

/** What both kinds share: windows over each channel by itself, with M filters D [...window, channels, M] for each. */
function channelwise(who: string, n: number, kernelSize: Sizes, options: DepthwiseOptions<Sizes, Causal>) {
  const { padding = 'valid', depthMultiplier = 1, depthwiseInitializer = 'glorotUniform' } = options
  const size = sizes(who, 'kernelSize', kernelSize, n)
  const strides = sizes(who, 'strides', options.strides ?? 1, n)
  const dilation = sizes(who, 'dilation', options.dilation ?? 1, n)
  whole(who, 'depthMultiplier', depthMultiplier)
  const over = (image: readonly number[]) => windowsOver(who, image, { size, strides, dilation, padding })
  const window = spatialAxes(n, n + 1)
  /** Windows of x with each channel repeated for its M filters: [batch, …places, …window, channels, M]. */
  const patches = (x: View) => {
    const seen = x.windows(over(x.shape.slice(1, -1)).windows)
    return seen.repeat(seen.shape.length, depthMultiplier)
  }
  return {
    initial: resolveInitializer(depthwiseInitializer),
    shapes(input: readonly number[]) {
      const { out } = over(spatial(who, input, n))
      const channels = input[n]
      return { D: [...size, channels, depthMultiplier], z: [...out, channels * depthMultiplier] }
    },
    /** z = Σ patches ⊙ D over the window */
    forward: (k: Verbs, { x, D, z }: { x: View; D: View; z: View }) =>
      k.reduce(z, 'sum', 'patches * D', { patches: patches(x), D }, window),
    /** dD = Σ patches ⊙ dz over samples and places, dx = Σ seen ⊙ D turned round over the window and the M filters */
    backward(k: Verbs, { x, D, dz, dD, dx }: { x: View; D: View; dz: View; dD: View; dx: View }) {
      const image = x.shape.slice(1, -1)
      const { windows } = over(image)
      const split = (v: View) => v.reshape(...v.shape.slice(0, -1), x.shape[n + 1], depthMultiplier)
      const seen = split(dz.windows(seenFrom(windows satisfies Windows, image)))
      const round = spatialAxes(n, 0).reduce((v, axis) => v.flip(axis), D)
      const each = dz.reshape(...dz.shape.slice(0, -1), ...size.map(() => 1), x.shape[n + 1], depthMultiplier)
      k.reduce(dD, 'sum', 'patches * dz', { patches: patches(x), dz: each }, spatialAxes(n + 1, 0))
      k.reduce(dx, 'sum', 'seen * D', { seen, D: round }, [...window, 2 * n + 2])
    },
  }
}

/** Each channel is seen by filters of its own: z = Σ patches ⊙ D, y = f(z + b). */
function depthwise(who: string, n: number, kernelSize: Sizes, options: DepthwiseOptions<Sizes, Causal>) {
  const { activation = 'linear', useBias = true, biasInitializer = 'zeros' } = options
  const channels = channelwise(who, n, kernelSize, options)
  const f = resolveActivation(activation)
  return pair({
    activated: true,
    shapes(input) {
      const { D, z } = channels.shapes(input)
      return { y: f.outputShape(z), params: { D, b: useBias ? [z[n]] : undefined }, saved: { z } }
    },
    initial: { D: channels.initial, b: resolveInitializer(biasInitializer) },
    forward(k, { x, D, b, z, y }) {
      const sums = useBias ? k.scratch('sums', z.shape) : z
      channels.forward(k, { x, D, z: sums })
      if (useBias) k.map(z, 'sums + b', { sums, b })
      f.forward(k, { x: z, y }) // y = f(z)
    },
    backward(k, { x, D, z, y, dy, dx, dD, db, dz }) {
      f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dz, while dz is near
      channels.backward(k, { x, D, dz, dD, dx })
    },
  })
}

/** A convolution in two cheap steps: each channel by itself (m), then all channels of a place together (z = m·W + b). */
function separable(
  who: string,
  n: number,
  filters: number,
  kernelSize: Sizes,
  options: SeparableOptions<Sizes, Causal>,
) {
  const { activation = 'linear', useBias = true } = options
  const { pointwiseInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
  const channels = channelwise(who, n, kernelSize, options)
  const f = resolveActivation(activation)
  whole(who, 'filters', filters)
  return pair({
    activated: true,
    shapes(input) {
      const { D, z: m } = channels.shapes(input)
      const z = [...m.slice(0, n), filters]
      const W = [...m.slice(0, n).map(() => 1), m[n], filters]
      return { y: f.outputShape(z), params: { D, W, b: useBias ? [filters] : undefined }, saved: { m, z } }
    },
    initial: {
      D: channels.initial,
      W: resolveInitializer(pointwiseInitializer),
      b: resolveInitializer(biasInitializer),
    },
    forward(k, { x, D, W, b, m, z, y }) {
      channels.forward(k, { x, D, z: m })
      k.gemm(z.matrix(n + 1), m.matrix(n + 1), W.matrix(n + 1), { bias: b }) // z = m·W + b
      f.forward(k, { x: z, y }) // y = f(z)
    },
    backward(k, { x, y, D, W, m, z, dx, dy, dD, dW, db, dm, dz }) {
      f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dz, while dz is near
      k.gemm(dW.matrix(n + 1), m.matrix(n + 1).T, dz.matrix(n + 1)) // dW = mᵀ·dz
      k.gemm(dm.matrix(n + 1), dz.matrix(n + 1), W.matrix(n + 1).T) // dm = dz·Wᵀ
      channels.backward(k, { x, D, dz: dm, dD, dx })
    },
  })
}

/**
 * Each channel of a sequence is seen by filters of its own; channels do not mix.
 * @equation y_p = f(z_p), \quad z_{p,(c,m)} = b_{(c,m)} + \sum_i x_{sp + di,\,c} \, D_{i,c,m}
 * @slope dD_{i,c,m} = \sum_p x_{sp + di,\,c} \, dz_{p,(c,m)}, \quad dx_{u,c} = \sum_{sp + di = u} \sum_m dz_{p,(c,m)} \, D_{i,c,m}
 * @shape [steps, channels] → [steps′, channels·depthMultiplier]
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @example
 * depthwiseConv1d(5, { padding: 'same' })
 */
export const depthwiseConv1d = layer(
  'depthwiseConv1d',
  ['kernelSize'],
  (kernelSize: One, options: DepthwiseOptions<One, Causal> = {}) =>
    depthwise('depthwiseConv1d', 1, kernelSize, options),
)

/**
 * Each channel of an image is seen by filters of its own; channels do not mix.
 * @equation y_p = f(z_p), \quad z_{p,(c,m)} = b_{(c,m)} + \sum_i x_{sp + di,\,c} \, D_{i,c,m}
 * @slope dD_{i,c,m} = \sum_p x_{sp + di,\,c} \, dz_{p,(c,m)}, \quad dx_{u,c} = \sum_{sp + di = u} \sum_m dz_{p,(c,m)} \, D_{i,c,m}
 * @shape [height, width, channels] → [height′, width′, channels·depthMultiplier]
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @example
 * depthwiseConv2d(3, { padding: 'same', depthMultiplier: 2 })
 */
export const depthwiseConv2d = layer(
  'depthwiseConv2d',
  ['kernelSize'],
  (kernelSize: Two, options: DepthwiseOptions<Two> = {}) => depthwise('depthwiseConv2d', 2, kernelSize, options),
)

/**
 * A convolution of a sequence in two cheap steps: each channel by itself, then all channels of a step together.
 * @equation m_{p,(c,n)} = \sum_i x_{sp + di,\,c} \, D_{i,c,n}, \quad z = m W + b, \quad y = f(z)
 * @slope dW = \sum_p m_p^\top dz_p, \quad dm = dz \, W^\top, \quad dD_{i,c,n} = \sum_p x_{sp + di,\,c} \, dm_{p,(c,n)}
 * @shape [steps, channels] → [steps′, filters]
 * @param filters how many outputs at each place, from 1
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @example
 * separableConv1d(16, 5)
 */
export const separableConv1d = layer(
  'separableConv1d',
  ['filters', 'kernelSize'],
  (filters: number, kernelSize: One, options: SeparableOptions<One, Causal> = {}) =>
    separable('separableConv1d', 1, filters, kernelSize, options),
)

/**
 * A convolution of an image in two cheap steps: each channel by itself, then all channels of a pixel together.
 * @equation m_{p,(c,n)} = \sum_i x_{sp + di,\,c} \, D_{i,c,n}, \quad z = m W + b, \quad y = f(z)
 * @slope dW = \sum_p m_p^\top dz_p, \quad dm = dz \, W^\top, \quad dD_{i,c,n} = \sum_p x_{sp + di,\,c} \, dm_{p,(c,n)}
 * @shape [height, width, channels] → [height′, width′, filters]
 * @param filters how many outputs at each place, from 1
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @paper Chollet 2017 (Xception)
 * @example
 * separableConv2d(32, 3, { padding: 'same', activation: 'relu' })
 */
export const separableConv2d = layer(
  'separableConv2d',
  ['filters', 'kernelSize'],
  (filters: number, kernelSize: Two, options: SeparableOptions<Two> = {}) =>
    separable('separableConv2d', 2, filters, kernelSize, options),
)
