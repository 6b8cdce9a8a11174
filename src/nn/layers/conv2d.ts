import { axes, type LayerOptions, layer, pair, two, whole } from '../layer.ts'
import { type ActivationChoice, type InitializerChoice, resolveActivation, resolveInitializer } from '../resolve.ts'
import { type Padding, windowsOver } from '../window.ts'

export interface Conv2dOptions extends LayerOptions {
  activation?: ActivationChoice
  /** 'valid' (default): whole windows only; 'same': the output is as large as the input divided by the stride. */
  padding?: Padding
  /** How far the window moves, one number or [vertical, horizontal]. */
  strides?: number | readonly [number, number]
  /** Distance between the pixels that a window looks at. */
  dilation?: number | readonly [number, number]
  useBias?: boolean
  kernelInitializer?: InitializerChoice
  biasInitializer?: InitializerChoice
}

/**
 * Each filter looks through a small window that slides over the image: a product of all patches with all filters.
 * @shape [height, width, channels] → [height′, width′, filters]
 * @param filters how many outputs at each place
 * @param kernelSize of the window, one number or [height, width]
 * @throws ShapeError when the input is no image or smaller than the window
 * @example
 * conv2d(32, 3, { padding: 'same', activation: 'relu' })
 */
export const conv2d = layer(
  'conv2d',
  ['filters', 'kernelSize'],
  (filters: number, kernelSize: number | readonly [number, number], options: Conv2dOptions = {}) => {
    const { activation = 'linear', padding = 'valid', useBias = true } = options
    const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
    const initial = { W: resolveInitializer(kernelInitializer), b: resolveInitializer(biasInitializer) }
    const f = resolveActivation(activation)
    const size = two('conv2d', 'kernelSize', kernelSize)
    const strides = two('conv2d', 'strides', options.strides ?? 1)
    const dilation = two('conv2d', 'dilation', options.dilation ?? 1)
    whole('conv2d', 'filters', filters)
    const over = (image: readonly number[]) => windowsOver('conv2d', image, { size, strides, dilation, padding })
    return pair({
      shapes(input) {
        axes('conv2d', input, 3, '[height, width, channels]')
        const y = [...over(input).out, filters]
        const W = [...size, input[2], filters]
        return { y, params: { W, b: useBias ? [filters] : undefined }, saved: { z: y } }
      },
      initial,
      forward(k, { x, W, b, z, y }) {
        const patches = x.windows(over(x.shape.slice(1)).windows).matrix(3) // a row a place, the window in it
        k.gemm(z.matrix(3), patches, W.matrix(3), { bias: b }) // z = patches·W + b
        f.forward(k, { x: z, y }) // y = f(z)
      },
      backward(k, { x, y, W, z, dx, dy, dW, db, dz }) {
        const { windows } = over(x.shape.slice(1))
        const patches = x.windows(windows).matrix(3)
        // An input pixel was seen by the windows around it: again a convolution, of dz with the filters turned round.
        const seen = dz.windows({
          size,
          dilation,
          spread: strides,
          padding: size.map((n, i) => [dilation[i] * (n - 1) - windows.padding[i][0], 0]),
          count: x.shape.slice(1, 3),
        })
        const turned = W.flip(0).flip(1).transpose(0, 1, 3, 2)
        f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
        k.gemm(dW.matrix(3), patches.T, dz.matrix(3)) // dW = patchesᵀ·dz
        if (useBias) k.sum(db, dz, 'rows') // db = Σ dz
        k.gemm(dx.matrix(3), seen.matrix(3), turned.matrix(3)) // dx = seen·Wᵀ
      },
    })
  },
)
