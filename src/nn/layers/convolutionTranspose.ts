import { ShapeError } from '../../errors.ts'
import type { Shape } from '../../tensor/shape.ts'
import { layer, pair, whole } from '../layer.ts'
import { resolveActivation, resolveInitializer } from '../resolve.ts'
import {
  type One,
  reachOf,
  type Sizes,
  seenFrom,
  sizes,
  spatial,
  type Three,
  type Two,
  unknownPadding,
  type Windows,
} from '../window.ts'
import { type ConvolutionOptions, turned } from './convolution.ts'

export interface ConvolutionTransposeOptions<S = Sizes> extends Omit<ConvolutionOptions<S>, 'groups'> {
  /** Places added behind the output, less than the stride; left out, 'same' gives the input times the stride. */
  outputPadding?: S
}

/** What a convolution does backward, done forward: each input writes a window, and windows that overlap add up. */
function convolutionTranspose(
  who: string,
  n: number,
  filters: number,
  kernelSize: Sizes,
  options: ConvolutionTransposeOptions,
) {
  const { activation = 'linear', padding = 'valid', outputPadding, useBias = true } = options
  const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
  const f = resolveActivation(activation)
  const size = sizes(who, 'kernelSize', kernelSize, n)
  const strides = sizes(who, 'strides', options.strides ?? 1, n)
  const dilation = sizes(who, 'dilation', options.dilation ?? 1, n)
  const more = outputPadding === undefined ? undefined : sizes(who, 'outputPadding', outputPadding, n, 0)
  whole(who, 'filters', filters)
  if (padding !== 'same' && padding !== 'valid') throw unknownPadding(who, padding)
  if (more?.some((m, i) => m >= strides[i]))
    throw new ShapeError('bad-option', `${who} got outputPadding ${more.join(', ')}, expected less than its strides`, {
      evidence: [['strides', strides.join(', ')]],
      hint: 'a larger stride leaves such places open; leave outputPadding out for the usual size',
    })
  /** The windows of the convolution that would lead from the output back to the input, laid as Keras lays them. */
  const over = (image: Shape) => {
    const reach = reachOf({ size, dilation })
    const out = image.map((m, i) => {
      const touched = (m - 1) * strides[i] + reach[i]
      if (padding === 'valid') return touched + (more?.[i] ?? Math.max(strides[i] - reach[i], 0))
      return more ? (m - 1) * strides[i] + (reach[i] % 2) + more[i] : m * strides[i]
    })
    if (out.some(m => m < 1))
      throw new ShapeError('small-input', `${who} would have no output`, { hint: 'raise outputPadding or strides' })
    const around = image.map((m, i): [number, number] => {
      const total = Math.max((m - 1) * strides[i] + reach[i] - out[i], 0)
      return [Math.floor(total / 2), Math.ceil(total / 2)]
    })
    const windows: Windows = { size, strides, dilation, padding: around }
    return { out, forth: seenFrom(windows, out), back: { ...windows, count: image } }
  }
  return pair({
    activated: true,
    shapes(input) {
      const z = [...over(spatial(who, input, n)).out, filters]
      const W = [...size, filters, input[n]]
      return { y: f.outputShape(z), params: { W, b: useBias ? [filters] : undefined }, saved: { z } }
    },
    initial: { W: resolveInitializer(kernelInitializer), b: resolveInitializer(biasInitializer) },
    forward(k, { x, W, b, z, y }) {
      const seen = x.windows(over(x.shape.slice(1, -1)).forth).matrix(n + 1) // the inputs that write to a place
      k.gemm(z.matrix(n + 1), seen, turned(W, n).matrix(n + 1), { bias: b }) // z = seen·Wᵀ + b
      f.forward(k, { x: z, y }) // y = f(z)
    },
    backward(k, { x, y, W, z, dx, dy, dW, db, dz }) {
      f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dz, while dz is near
      const patches = dz.windows(over(x.shape.slice(1, -1)).back).matrix(n + 1) // what each input has written
      k.gemm(dW.matrix(n + 1), patches.T, x.matrix(n + 1)) // dW = patchesᵀ·x
      k.gemm(dx.matrix(n + 1), patches, W.matrix(n + 1)) // dx = patches·W
    },
  })
}

const names = ['filters', 'kernelSize'] as const

/**
 * A convolution turned round: each step writes a window, so that a stride makes the sequence longer.
 * @equation y_u = f(z_u), \quad z_{u,o} = b_o + \sum_{sp + di = u} \sum_c x_{p,c} \, W_{i,o,c}
 * @slope dW_{i,o,c} = \sum_p x_{p,c} \, dz_{sp + di,\,o}, \quad dx_{p,c} = \sum_{i,o} dz_{sp + di,\,o} \, W_{i,o,c}
 * @shape [steps, channels] → [steps′, filters]
 * @param filters how many outputs at each place, from 1
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @example
 * conv1dTranspose(8, 4, { strides: 2, padding: 'same' })   // 10 steps become 20
 */
export const conv1dTranspose = layer(
  'conv1dTranspose',
  names,
  (filters: number, kernelSize: One, options: ConvolutionTransposeOptions<One> = {}) =>
    convolutionTranspose('conv1dTranspose', 1, filters, kernelSize, options),
)

/**
 * A convolution turned round: each pixel writes a window, so that a stride makes the image larger. Keras puts an odd
 * zero of 'same' behind, PyTorch gives both sides the same.
 * @equation y_u = f(z_u), \quad z_{u,o} = b_o + \sum_{sp + di = u} \sum_c x_{p,c} \, W_{i,o,c}
 * @slope dW_{i,o,c} = \sum_p x_{p,c} \, dz_{sp + di,\,o}, \quad dx_{p,c} = \sum_{i,o} dz_{sp + di,\,o} \, W_{i,o,c}
 * @shape [height, width, channels] → [height′, width′, filters]
 * @param filters how many outputs at each place, from 1
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @example
 * conv2dTranspose(16, 3, { strides: 2, padding: 'same' })   // 7 × 7 becomes 14 × 14
 */
export const conv2dTranspose = layer(
  'conv2dTranspose',
  names,
  (filters: number, kernelSize: Two, options: ConvolutionTransposeOptions<Two> = {}) =>
    convolutionTranspose('conv2dTranspose', 2, filters, kernelSize, options),
)

/**
 * A convolution of volumes turned round.
 * @equation y_u = f(z_u), \quad z_{u,o} = b_o + \sum_{sp + di = u} \sum_c x_{p,c} \, W_{i,o,c}
 * @slope dW_{i,o,c} = \sum_p x_{p,c} \, dz_{sp + di,\,o}, \quad dx_{p,c} = \sum_{i,o} dz_{sp + di,\,o} \, W_{i,o,c}
 * @shape [depth, height, width, channels] → [depth′, height′, width′, filters]
 * @param filters how many outputs at each place, from 1
 * @param kernelSize of the window, one number or one for each axis, from 1
 * @example
 * conv3dTranspose(4, 2, { strides: 2 })
 */
export const conv3dTranspose = layer(
  'conv3dTranspose',
  names,
  (filters: number, kernelSize: Three, options: ConvolutionTransposeOptions<Three> = {}) =>
    convolutionTranspose('conv3dTranspose', 3, filters, kernelSize, options),
)
