import { type Layer, layers } from 'nabla'

const { batchNormalization, conv2d, dense, dropout, flatten, input, leakyRelu, maxPooling2d } = layers

/** The digit recogniser of the texts; without dropout it computes the same each time. */
export function digitLayers({ dropouts = true } = {}): Layer[] {
  const silence = (rate: number) => (dropouts ? [dropout(rate)] : [])
  const settle = [batchNormalization(), leakyRelu({ slope: 0.1 })]
  const block = (filters: number, rate: number) => [
    conv2d(filters, 3, { padding: 'same', activation: 'relu' }),
    ...settle,
    maxPooling2d({ poolSize: 2, padding: 'same' }),
    ...silence(rate),
  ]
  const unit = (units: number, rate: number) => [dense(units, { activation: 'relu' }), ...settle, ...silence(rate)]
  return [
    input([28, 28, 1]),
    ...block(32, 0.3),
    ...block(64, 0.3),
    ...block(128, 0.4),
    flatten(),
    ...unit(120, 0.3),
    ...unit(40, 0.2),
    dense(10, { activation: 'softmax' }),
  ]
}
