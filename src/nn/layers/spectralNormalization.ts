import { StateError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'
import { truncatedNormal } from '../initializers.ts'
import { type LayerOptions, type Pair, whole } from '../layer.ts'
import { type AnyShapes, asPair, wrapper } from './wrapper.ts'

export interface SpectralNormalizationOptions extends LayerOptions {
  /** How often the direction is improved at each step of training. */
  powerIterations?: number
}

/** W as the matrix [inputs, outputs] whose largest stretch is σ. */
const flat = (W: View): View => W.matrix(W.shape.length - 1)

/** to = A·from / ‖A·from‖; gives ‖A·from‖². */
function point(k: Verbs, to: View, A: View, from: View): View {
  const [product, square] = [k.scratch('along', to.shape), k.scratch('square', [1])]
  k.gemm(product, A, from)
  k.reduce(square, 'sum', 'v^2', { v: product }, [0, 1])
  k.map(to, 'v / max(sqrt(square), 1e-30)', { v: product, square })
  return square
}

/**
 * A layer whose weights are divided by their largest stretch: y = layer(x; W/σ) with σ = max ‖W·u‖ over ‖u‖ = 1, found by
 * power iteration from where the last step left it. u is a constant and σ is
 * differentiated, as in the paper, in PyTorch and in Keras; Keras also overwrites W by W/σ where its backend lets it.
 * @equation y = \operatorname{layer}(x; \, W / \sigma), \quad \sigma = \max_{\lVert u \rVert = 1} \lVert W u \rVert
 * @slope dW = \frac{d\hat{W} - \left(\sum d\hat{W} \odot \hat{W}\right) v u^\top}{\sigma}
 * @shape as the layer has them
 * @param layer with weights W: dense, a convolution, embedding
 * @throws StateError when the layer has no W
 * @paper Miyato et al. 2018
 * @example
 * spectralNormalization(conv2d(16, 3))(input([28, 28, 1]))
 */
export const spectralNormalization = wrapper<SpectralNormalizationOptions>(
  'spectralNormalization',
  (layer, options) => {
    const times = whole('spectralNormalization', 'powerIterations', options.powerIterations ?? 1)
    const inner = asPair(layer.pair)
    return {
      shapes(input) {
        const shapes = inner.shapes(input) as unknown as AnyShapes
        const W = shapes.params?.W
        if (!W)
          throw new StateError('no-weights', `spectralNormalization got a ${layer.type}, which has no W`, {
            hint: 'give a layer such as dense, conv2d or embedding',
          })
        const outputs = W[W.length - 1]
        const inputs = W.slice(0, -1).reduce((a, b) => a * b, 1)
        return {
          ...shapes,
          state: { ...shapes.state, direction: [outputs, 1] },
          shared: { ...shapes.shared, normal: W, image: [inputs, 1], kept: [outputs, 1], sigma: [1] },
        }
      },
      mask: inner.mask,
      initial: { ...inner.initial, direction: truncatedNormal({ stddev: 0.02 }) },
      forward(k: Verbs, views: Readonly<Record<string, View>>, xs, masks) {
        const { W, direction, normal, image: v, kept: u, sigma } = views
        const start = k.scratch('start', u.shape)
        k.map(start, 'u + 1e-12', { u: direction }) // something to improve on, even where it was left at zero
        let square = start
        for (let i = 0; i < times; i++) {
          point(k, v, flat(W), i === 0 ? start : u) // v = W·u / ‖W·u‖
          square = point(k, u, flat(W).T, v) // u = Wᵀ·v / ‖Wᵀ·v‖
        }
        k.map(sigma, 'sqrt(square)', { square }) // σ = ‖Wᵀ·v‖ = vᵀ·W·u
        k.map(normal, 'W / sigma', { W, sigma }) // Ŵ = W / σ
        k.copy(direction, u)
        inner.forward(k, { ...views, W: normal } as never, xs, masks)
      },
      backward(k: Verbs, views: Readonly<Record<string, View>>, xs, dxs, masks) {
        const { dW, normal, image: v, kept: u, sigma } = views
        const [slope, share] = [k.scratch('slope', dW.shape), k.scratch('share', [1])]
        inner.backward(k, { ...views, W: normal, dW: slope } as never, xs, dxs, masks)
        const all = dW.shape.map((_, axis) => axis)
        k.reduce(share, 'sum', 'slope * normal', { slope, normal }, all) // s = Σ dŴ ⊙ Ŵ
        const [d, row] = [flat(slope), u.reshape(1, u.shape[0])]
        k.map(flat(dW), '(d - share * v * u) / sigma', { d, share, v, u: row, sigma }) // dW = (dŴ − s·v·uᵀ) / σ
      },
      infer(k: Verbs, views: Readonly<Record<string, View>>, xs, masks) {
        const { W, direction } = views
        const [normal, v, length] = [W.shape, [flat(W).shape[0], 1], [1]].map((shape, i) => k.scratch('Ŵvl'[i], shape))
        const square = point(k, v, flat(W), direction)
        k.reduce(length, 'sum', 'u^2', { u: direction }, [0, 1])
        k.map(normal, 'W / sqrt(square / length)', { W, square, length }) // σ = ‖W·u‖ / ‖u‖
        const run = inner.infer ?? inner.forward
        run(k, { ...views, W: normal } as never, xs, masks)
      },
    } as Pair
  },
)
