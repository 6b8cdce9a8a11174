import { StateError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'
import { ones } from '../initializers.ts'
import type { LayerOptions, Pair } from '../layer.ts'
import { type AnyShapes, asPair, wrapper } from './wrapper.ts'

type Views = Readonly<Record<string, View>>

/**
 * A layer whose weights have a direction and a length of their own: how far a unit reaches is learnt apart from where it looks.
 * @equation y = \mathrm{layer}(x; \hat W), \quad \hat W = g \, \frac{W}{\lVert W \rVert}
 * @slope dg = \sum d\hat W \odot \frac{W}{\lVert W \rVert}, \quad dW = \frac{g}{\lVert W \rVert} \left( d\hat W - dg \, \frac{W}{\lVert W \rVert} \right)
 * @param layer with weights W: dense, a convolution; each of its units has a length g, which begins at 1 (PyTorch: at that of W)
 * @throws StateError when the layer has no W
 * @paper Salimans & Kingma 2016; PyTorch's weight_norm; Keras has none
 * @example
 * weightNormalization(dense(8))
 */
export const weightNormalization = wrapper<LayerOptions>('weightNormalization', layer => {
  const inner = asPair(layer.pair)
  const inputs = (W: View) => W.shape.slice(0, -1).map((_, axis) => axis)
  /** ŵ = g·W/r with r the length of each unit's weights. */
  const weights = (k: Verbs, normal: View, r: View, { W, g }: Views) => {
    const square = k.scratch('square', r.shape)
    k.reduce(square, 'sum', 'W^2', { W }, inputs(W))
    k.map(r, 'max(sqrt(square), 1e-30)', { square })
    k.map(normal, 'g * W / r', { W, g, r })
  }
  const run = (k: Verbs, views: Views, xs: readonly View[], pass: Pair['forward']) => {
    const { W } = views
    const normal = views.normal ?? k.scratch('normal', W.shape)
    weights(k, normal, views.r ?? k.scratch('r', W.shape.slice(-1)), views)
    pass(k, { ...views, W: normal } as never, xs)
  }
  return {
    shapes(input) {
      const shapes = inner.shapes(input) as unknown as AnyShapes
      const W = shapes.params?.W
      if (!W)
        throw new StateError('no-weights', `weightNormalization got a ${layer.type}, which has no W`, {
          hint: 'give a layer such as dense or conv2d',
        })
      const units = W.slice(-1)
      return { ...shapes, params: { ...shapes.params, g: units }, shared: { ...shapes.shared, normal: W, r: units } }
    },
    initial: { ...inner.initial, g: ones() },
    mask: inner.mask,
    forward: (k: Verbs, views: Views, xs: readonly View[]) => run(k, views, xs, inner.forward),
    infer: (k: Verbs, views: Views, xs: readonly View[]) => run(k, views, xs, (inner.infer ?? inner.forward) as never),
    backward(k: Verbs, views: Views, xs: readonly View[], dxs: readonly View[]) {
      const { W, g, r, normal, dW, dg } = views
      const d = k.scratch('dNormal', W.shape)
      inner.backward(k, { ...views, W: normal, dW: d } as never, xs, dxs)
      k.reduce(dg, 'sum', 'd * W / r', { d, W, r }, inputs(W)) // dg = Σ dŴ ⊙ W/r
      k.map(dW, 'g / r * (d - dg * W / r)', { d, dg, g, W, r }) // dW = g/r·(dŴ − dg·W/r)
    },
  } as Pair
})
