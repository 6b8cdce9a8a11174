import * as activations from '../activations.ts'
import { type LayerOptions, layer } from '../layer.ts'
import { activationPair } from './activation.ts'

export interface ReluOptions extends LayerOptions {
  /** The largest output; null for none. */
  maxValue?: number | null
  /** The slope up to the threshold. */
  negativeSlope?: number
  /** From where on x passes. */
  threshold?: number
}

/**
 * y = max(x, 0) as a layer of its own, with Keras's settings.
 * @equation y = \max(x, 0)
 * @slope dx = dy \, [x > 0]
 * @shape any → the same
 * @example
 * relu({ maxValue: 6 })
 */
export const relu = layer('relu', [], ({ maxValue, negativeSlope = 0, threshold = 0 }: ReluOptions = {}) =>
  activationPair(activations.relu({ maxValue: maxValue ?? Infinity, negativeSlope, threshold })),
)

export interface EluOptions extends LayerOptions {
  /** How deep it goes below zero. */
  alpha?: number
}

/**
 * y = x > 0 ? x : α·(eˣ − 1) as a layer of its own.
 * @equation y = \begin{cases} x & \text{if } x > 0 \\ \alpha \, (e^x - 1) & \text{otherwise} \end{cases}
 * @slope dx = \begin{cases} dy & \text{if } x > 0 \\ (y + \alpha) \, dy & \text{otherwise} \end{cases}
 * @shape any → the same
 * @example
 * elu({ alpha: 0.5 })
 */
export const elu = layer('elu', [], ({ alpha = 1 }: EluOptions = {}) => activationPair(activations.elu({ alpha })))

export interface SoftmaxOptions extends LayerOptions {
  /** Along which axis the outputs sum to 1; the batch is axis 0. */
  axis?: number
}

/**
 * y = eˣ / Σ eˣ as a layer of its own.
 * @equation y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}
 * @slope dx_i = y_i \left(dy_i - \sum_j dy_j \, y_j\right)
 * @shape any → the same
 * @example
 * softmax({ axis: 1 })(input([5, 3]))
 */
export const softmax = layer('softmax', [], ({ axis = -1 }: SoftmaxOptions = {}) =>
  activationPair(activations.softmax({ axis })),
)
