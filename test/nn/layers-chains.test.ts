import { checkGradients, type Layer, layers as l, numpyRandom, reference, sequential, wasm } from 'nabla'
import { expect, test } from 'vitest'

/** Layers behind others that hand on an unusual view: transposed, joined, split, turned round. */
const chains: [number[], () => Layer[]][] = [
  [[4, 5, 2], () => [l.permute([2, 1, 3]), l.conv2d(3, 3, { padding: 'same' })]],
  [[4, 5, 2], () => [l.permute([3, 1, 2]), l.maxPooling2d()]],
  [[4, 5, 2], () => [l.permute([3, 1, 2]), l.averagePooling2d({ padding: 'same' })]],
  [[3, 4], () => [l.permute([2, 1]), l.lstm(2)]],
  [[3, 4], () => [l.permute([2, 1]), l.reshape([6, 2])]],
  [[3, 4], () => [l.permute([2, 1]), l.flatten(), l.dense(2)]],
  [[3, 4, 2], () => [l.permute([2, 1, 3]), l.zeroPadding2d(), l.cropping2d({ cropping: 2 })]],
  [[3, 4, 2], () => [l.permute([2, 1, 3]), l.upSampling2d({ interpolation: 'bilinear' })]],
  [[3, 4, 2], () => [l.permute([2, 1, 3]), l.depthwiseConv2d(2)]],
  [[3, 4, 2], () => [l.permute([2, 1, 3]), l.conv2dTranspose(2, 2, { strides: 2 })]],
  [[5, 4, 2], () => [l.permute([2, 1, 3]), l.adaptiveMaxPooling2d(3)]],
  [[4, 5, 2], () => [l.permute([2, 3, 1]), l.conv2d(4, 2, { groups: 2 })]],
  [[4, 5, 2], () => [l.permute([2, 3, 1]), l.batchNormalization(), l.globalMaxPooling2d()]],
  [[6], () => [l.reshape([6, 1]), l.conv1d(2, 3)]],
  [[6], () => [l.reshape([1, 6, 1]), l.conv2d(2, [1, 3])]],
  [[2, 3, 4], () => [l.flatten(), l.layerNormalization(), l.groupNormalization({ groups: 4 })]],
  [[7, 3, 2], () => [l.conv2d(3, 1), l.flatten(), l.groupNormalization({ groups: 9 })]],
  [[7, 6], () => [l.flatten(), l.groupNormalization({ groups: 6 })]],
  [[2, 3], () => [l.flatten(), l.repeatVector(2), l.gru(2)]],
  [[3, 4, 2], () => [l.permute([2, 1, 3]), l.timeDistributed(l.lstm(2))]],
  [[3, 4, 2], () => [l.timeDistributed(l.bidirectional(l.lstm(2))), l.timeDistributed(l.dense(2))]],
  [[3, 4, 2], () => [l.timeDistributed(l.flatten()), l.simpleRnn(3)]],
  [[2, 2, 3], () => [l.timeDistributed(l.timeDistributed(l.dense(2)))]],
  [[2, 4, 4, 1], () => [l.timeDistributed(l.maxPooling2d()), l.timeDistributed(l.dropout(0.3))]],
  [[2, 1, 3], () => [l.convLstm1d(2, 2, { padding: 'same' })]],
  [[1, 1, 1, 3], () => [l.convLstm2d(2, 2, { padding: 'same' }), l.conv2d(2, 3, { padding: 'same' })]],
  [[4, 3], () => [l.bidirectional(l.gru(2, { returnSequences: true, goBackwards: true })), l.globalMaxPooling1d()]],
]

const titled = chains.map(([shape, make]) => [make().map(({ type }) => type), shape, make] as const)
test.each(titled)('%j fit behind one another on %j', async (_types, shape, make) => {
  const [right, fast] = [reference, wasm].map(backend => {
    const model = sequential([l.input(shape), ...make()])
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend })
    return model
  })
  expect((await checkGradients(right)).passed).toBe(true)
  const random = numpyRandom(1)
  const size = (shape: readonly number[]) => 3 * shape.reduce((a, b) => a * b, 1)
  const [x, t] = [random.randn(size(shape)), random.randn(size(right.outputShape))]
  fast.setWeights(right.weights())
  for (const model of [right, fast]) await model.run('train', 3, x, t)
  const found = fast.gradients()
  right.gradients().forEach(({ name, data }, i) => {
    const off = Array.from(data, (v, j) => Math.abs(v - found[i].data[j]) / Math.max(1, Math.abs(v)))
    expect(Math.max(...off), name).toBeLessThan(1e-4)
  })
})
