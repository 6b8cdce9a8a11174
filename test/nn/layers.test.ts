import { checkGradients, type Layer, layers } from 'nabla'
import { describe, expect, test } from 'vitest'

const { activation, batchNormalization, conv2d, dense, dropout, flatten, input, leakyRelu, maxPooling2d } = layers

/** Input and output of each layer, by the formulas of Keras; every row is gradient-checked in float64. */
const rows: [Layer, number[], number[]][] = [
  [input([3]), [3], [3]],
  [dense(3), [4], [3]],
  [dense(3, { activation: 'tanh', useBias: false }), [4], [3]],
  [dense(5, { activation: 'softmax' }), [4], [5]],
  [conv2d(2, 3), [5, 6, 2], [3, 4, 2]],
  [conv2d(3, 3, { padding: 'same', activation: 'relu' }), [5, 4, 2], [5, 4, 3]],
  [conv2d(2, [2, 3], { strides: 2, padding: 'same', useBias: false }), [5, 6, 1], [3, 3, 2]],
  [conv2d(2, 3, { strides: [2, 3] }), [7, 8, 2], [3, 2, 2]],
  [conv2d(2, 3, { dilation: 2, padding: 'same' }), [6, 5, 1], [6, 5, 2]],
  [conv2d(2, [3, 2], { dilation: [1, 2], strides: [2, 1] }), [6, 5, 2], [2, 3, 2]],
  [conv2d(3, 1, { activation: 'sigmoid' }), [3, 4, 2], [3, 4, 3]],
  [batchNormalization(), [4], [4]],
  [batchNormalization({ momentum: 0.9, epsilon: 1e-5 }), [3, 2, 2], [3, 2, 2]],
  [leakyRelu(), [5], [5]],
  [leakyRelu({ slope: 0.1 }), [3, 2, 2], [3, 2, 2]],
  [maxPooling2d(), [5, 6, 2], [2, 3, 2]],
  [maxPooling2d({ padding: 'same' }), [7, 7, 1], [4, 4, 1]],
  [maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), [6, 5, 2], [3, 3, 2]],
  [maxPooling2d({ poolSize: [2, 3], strides: 1 }), [4, 4, 1], [3, 2, 1]],
  [dropout(0.4), [6], [6]],
  [flatten(), [2, 3, 2], [12]],
  [activation('tanh'), [3, 2], [3, 2]],
  [activation('softmax'), [2, 3], [2, 3]],
]

describe('layers', () => {
  test.each(rows)('$type $config has the right slopes on $1', async (layer, inputShape, outputShape) => {
    expect(layer.pair.shapes(inputShape).y).toEqual(outputShape)
    const report = await checkGradients(layer, { inputShape })
    expect(report.arrays.filter(({ error }) => !(error < 1e-6))).toEqual([])
    expect(report.arrays[0].checked).toBeGreaterThan(report.arrays[0].skipped)
  })

  test('every layer has a row', () => {
    const tested = new Set(rows.map(([{ type }]) => type))
    expect(Object.keys(layers).filter(type => !tested.has(type))).toEqual([])
  })
})
