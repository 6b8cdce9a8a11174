import { ShapeError } from '../../errors.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'
import {
  type ActivationChoice,
  type InitializerChoice,
  resolveActivation,
  resolveInitializer,
  type WeightOptions,
} from '../resolve.ts'
import {
  type One,
  type Padding,
  type Sizes,
  seenFrom,
  sizes,
  spatial,
  spatialAxes,
  type Three,
  type Two,
  windowsOver,
} from '../window.ts'

export interface ConvolutionOptions<S = Sizes, P = Padding> extends LayerOptions, WeightOptions {
  /** f; 'linear' leaves z as it is. */
  activation?: ActivationChoice
  /** 'valid' (default): whole windows only; 'same': the output is as large as the input divided by the stride. */
  padding?: P
  /** How far the window moves, one number or one for each axis. */
  strides?: S
  /** Distance between the places that a window looks at. */
  dilation?: S
  /** Parts into which channels and filters are split; a filter sees only the channels of its part. */
  groups?: number
  /** Whether b is added. */
  useBias?: boolean
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}
export type Conv1dOptions = ConvolutionOptions<One, Padding | 'causal'>
export type Conv2dOptions = ConvolutionOptions<Two>
export type Conv3dOptions = ConvolutionOptions<Three>

/** Each filter looks through a small window that slides over n axes: a product of all patches with all filters. */
function convolution(
  who: string,
  n: number,
  filters: number,
  kernelSize: Sizes,
  options: ConvolutionOptions<Sizes, Padding | 'causal'>,
) {
  const { activation = 'linear', padding = 'valid', groups = 1, useBias = true } = options
  const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
  const f = resolveActivation(activation)
  const size = sizes(who, 'kernelSize', kernelSize, n)
  const strides = sizes(who, 'strides', options.strides ?? 1, n)
  const dilation = sizes(who, 'dilation', options.dilation ?? 1, n)
  whole(who, 'filters', filters)
  whole(who, 'groups', groups)
  const over = (image: readonly number[]) => windowsOver(who, image, { size, strides, dilation, padding })
  const parts = Array.from({ length: groups }, (_, g) => (v: View) => share(v, g, groups))
  return pair({
    activated: true,
    shapes(input) {
      const { out } = over(spatial(who, input, n))
      divides(who, groups, { channels: input[n], filters })
      const z = [...out, filters]
      const W = [...size, input[n] / groups, filters]
      return { y: f.outputShape(z), params: { W, b: useBias ? [filters] : undefined }, saved: { z } }
    },
    initial: { W: resolveInitializer(kernelInitializer), b: resolveInitializer(biasInitializer) },
    forward(k, { x, W, b, z, y }) {
      const { windows } = over(x.shape.slice(1, -1))
      for (const part of parts) {
        const patches = part(x)
          .windows(windows)
          .matrix(n + 1) // a row a place, the window in it
        k.gemm(part(z).matrix(n + 1), patches, part(W).matrix(n + 1), { bias: b && part(b) }) // z = patches·W + b
      }
      f.forward(k, { x: z, y }) // y = f(z)
    },
    backward(k, { x, y, W, z, dx, dy, dW, db, dz }) {
      const { windows } = over(x.shape.slice(1, -1))
      // An input was seen by the windows around it: again a convolution, of dz with the filters turned round.
      const back = seenFrom(windows, x.shape.slice(1, -1))
      f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dz, while dz is near
      for (const part of parts) {
        const patches = part(x)
          .windows(windows)
          .matrix(n + 1)
        k.gemm(part(dW).matrix(n + 1), patches.T, part(dz).matrix(n + 1)) // dW = patchesᵀ·dz
      }
      for (const part of parts) {
        const seen = part(dz)
          .windows(back)
          .matrix(n + 1)
        k.gemm(part(dx).matrix(n + 1), seen, turned(part(W), n).matrix(n + 1)) // dx = seen·Wᵀ
      }
    },
  })
}

/** One of `count` equal parts of the last axis. */
function share(v: View, index: number, count: number): View {
  const last = v.shape.length - 1
  const size = v.shape[last] / count
  return count === 1 ? v : v.slice(last, index * size, size)
}

/** Filters [...window, a, b] turned round in every direction of the window, with a and b exchanged. */
export function turned(W: View, n: number): View {
  const round = spatialAxes(n, 0).reduce((v, axis) => v.flip(axis), W)
  return round.transpose(...spatialAxes(n, 0), n + 1, n)
}

/** Checks that a layer's groups split each of the counts evenly. */
export function divides(who: string, groups: number, counts: Readonly<Record<string, number>>): void {
  for (const [what, count] of Object.entries(counts))
    if (count % groups !== 0)
      throw new ShapeError('uneven-groups', `${who} cannot split ${count} ${what} into ${groups} groups`, {
        evidence: Object.entries(counts).map(([name, value]) => [name, String(value)]),
        hint: 'choose groups that divide the channels and the filters',
      })
}

const names = ['filters', 'kernelSize'] as const

/**
 * Each filter looks through a small window that slides over a sequence.
 * @equation y_p = f(z_p), \quad z_{p,o} = b_o + \sum_{i,c} x_{sp + di,\,c} \, W_{i,c,o} \quad \text{over places } i \text{ of the window, strides } s \text{, dilation } d
 * @slope dW_{i,c,o} = \sum_p x_{sp + di,\,c} \, dz_{p,o}, \quad db_o = \sum_p dz_{p,o}, \quad dx_{u,c} = \sum_{sp + di = u} \sum_o dz_{p,o} \, W_{i,c,o}
 * @shape [steps, channels] → [steps′, filters]
 * @param filters how many outputs at each step
 * @param kernelSize how many steps the window sees
 * @throws ShapeError when the input is no sequence or shorter than the window
 * @example
 * conv1d(16, 5, { padding: 'causal', dilation: 2 })
 */
export const conv1d = layer('conv1d', names, (filters: number, kernelSize: One, options: Conv1dOptions = {}) =>
  convolution('conv1d', 1, filters, kernelSize, options),
)

/**
 * Each filter looks through a small window that slides over the image: a product of all patches with all filters.
 * @equation y_p = f(z_p), \quad z_{p,o} = b_o + \sum_{i,c} x_{sp + di,\,c} \, W_{i,c,o} \quad \text{over places } i \text{ of the window, strides } s \text{, dilation } d
 * @slope dW_{i,c,o} = \sum_p x_{sp + di,\,c} \, dz_{p,o}, \quad db_o = \sum_p dz_{p,o}, \quad dx_{u,c} = \sum_{sp + di = u} \sum_o dz_{p,o} \, W_{i,c,o}
 * @shape [height, width, channels] → [height′, width′, filters]
 * @param filters how many outputs at each place
 * @param kernelSize of the window, one number or [height, width]
 * @throws ShapeError when the input is no image or smaller than the window
 * @example
 * conv2d(32, 3, { padding: 'same', activation: 'relu' })
 */
export const conv2d = layer('conv2d', names, (filters: number, kernelSize: Two, options: Conv2dOptions = {}) =>
  convolution('conv2d', 2, filters, kernelSize, options),
)

/**
 * Each filter looks through a small window that slides over a volume, or over the images of a film.
 * @equation y_p = f(z_p), \quad z_{p,o} = b_o + \sum_{i,c} x_{sp + di,\,c} \, W_{i,c,o} \quad \text{over places } i \text{ of the window, strides } s \text{, dilation } d
 * @slope dW_{i,c,o} = \sum_p x_{sp + di,\,c} \, dz_{p,o}, \quad db_o = \sum_p dz_{p,o}, \quad dx_{u,c} = \sum_{sp + di = u} \sum_o dz_{p,o} \, W_{i,c,o}
 * @shape [depth, height, width, channels] → [depth′, height′, width′, filters]
 * @param filters how many outputs at each place
 * @param kernelSize of the window, one number or [depth, height, width]
 * @throws ShapeError when the input is no volume or smaller than the window
 * @example
 * conv3d(8, 3, { padding: 'same' })
 */
export const conv3d = layer('conv3d', names, (filters: number, kernelSize: Three, options: Conv3dOptions = {}) =>
  convolution('conv3d', 3, filters, kernelSize, options),
)
