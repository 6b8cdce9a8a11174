import * as activations from '../activations.ts'
import { fraction, type LayerOptions, layer } from '../layer.ts'
import { activationPair } from './activation.ts'

export interface LeakyReluOptions extends LayerOptions {
  /** The slope below zero. */
  slope?: number
}

/**
 * y = x > 0 ? x : slope·x as a layer of its own, with Keras's slope of a layer: 0.3.
 * @equation y = \begin{cases} x & \text{if } x > 0 \\ \mathit{slope} \cdot x & \text{otherwise} \end{cases}
 * @slope dx = \begin{cases} dy & \text{if } x > 0 \\ \mathit{slope} \cdot dy & \text{otherwise} \end{cases}
 * @shape any → the same
 * @example
 * leakyRelu({ slope: 0.1 })
 */
export const leakyRelu = layer('leakyRelu', [], ({ slope = 0.3 }: LeakyReluOptions = {}) =>
  activationPair(activations.leakyRelu({ slope: fraction('leakyRelu', 'slope', slope, 0, Infinity) })),
)
