import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  activations,
  BackendError,
  composed,
  type Layer,
  layer,
  layers,
  type Model,
  model,
  numpyRandom,
  sequential,
} from 'nabla'
import { loadKeras, toKeras } from 'nabla/keras'
import { exportOnnx, importOnnx, loadOnnx, onnxLayers } from 'nabla/onnx'
import { describe, expect, test } from 'vitest'

const random = numpyRandom(5)

/** Gives every array numbers that are not the initial ones: positive, so that variances are. */
function shaken<M extends Model>(made: M): M {
  made.setWeights(
    made.weights().map(({ name, data }) => ({ name, data: random.uniform(0.1, 0.9, data.length).map(v => v - 0.05) })),
  )
  return made
}

/** Compares what the file computes with what the model does; ONNX_EXPORTS=folder keeps the files for onnx_runtime_check. */
async function agrees(made: Model & { predict: ReturnType<typeof sequential>['predict'] }, low = -2, high = 2) {
  const batch = 3
  const size = made.inputShape.reduce((a, b) => a * b, 1)
  const x = Float32Array.from(random.uniform(low, high, batch * size))
  const expected = await made.predict(x)
  const bytes = await exportOnnx(made)
  const { ONNX_EXPORTS: folder } = process.env
  if (folder) {
    const name = join(folder, `${expect.getState().currentTestName?.replace(/\W+/g, '_')}`)
    writeFileSync(`${name}.onnx`, bytes)
    const answers = { shape: [batch, ...made.inputShape], x: [...x], y: Array.from(expected.data) }
    writeFileSync(`${name}.json`, JSON.stringify(answers))
  }
  const file = await importOnnx(bytes)
  const [input, output] = [file.inputs[0].name, file.outputs[0].name]
  const got = file.run({ [input]: { shape: [batch, ...made.inputShape], data: x } })[output]
  expect(got.shape).toEqual([batch, ...made.outputShape])
  Array.from(expected.data).forEach((value, i) => {
    expect(Math.abs(Number(got.data[i]) - value), `number ${i}`).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)))
  })
  // What becomes layers again says the same; a few are written as what no layer is read from.
  const again = await loadOnnx(bytes).catch((error: unknown) => {
    if (!(error instanceof BackendError)) throw error
  })
  const title = expect.getState().currentTestName?.split(' > ').at(-1) ?? ''
  expect(again === undefined, 'whether it can only be run').toBe(oneWay.includes(title))
  const answers = await again?.forward(batch, x)
  answers?.forEach((value, i) => {
    expect(Math.abs(value - expected.data[i]), `number ${i}`).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)))
  })
  return file
}

/** Written, but not read as layers: comparisons of several samples, and the like. */
const oneWay = ['activations', 'backwards', 'bidirectional', 'hard', 'shapes', 'timeDistributed', 'trained']

const l = layers
const table: Record<string, { input: number[]; stack: Layer[]; low?: number }> = {
  dense: {
    input: [5],
    stack: [l.dense(4, { activation: 'relu' }), l.dense(3, { useBias: false, activation: 'softmax' })],
  },
  conv2d: {
    input: [7, 6, 2],
    stack: [
      l.conv2d(4, 3, { padding: 'same', strides: 2, activation: 'gelu' }),
      l.conv2d(6, [2, 1], { groups: 2, dilation: [1, 2], useBias: false, activation: 'softmax' }),
    ],
  },
  conv1d: {
    input: [9, 2],
    stack: [l.conv1d(4, 3, { padding: 'causal', dilation: 2 }), l.maxPooling1d(), l.globalMaxPooling1d()],
  },
  conv3d: {
    input: [4, 5, 3, 2],
    stack: [l.conv3d(3, 2), l.averagePooling3d({ poolSize: [1, 2, 1] }), l.globalAveragePooling3d()],
  },
  depthwiseConv1d: {
    input: [7, 3],
    stack: [
      l.depthwiseConv1d(3, { padding: 'same', depthMultiplier: 2 }),
      l.averagePooling1d(),
      l.globalAveragePooling1d(),
    ],
  },
  depthwiseConv2d: {
    input: [6, 5, 3],
    stack: [
      l.depthwiseConv2d(3, { strides: 2, depthMultiplier: 2, activation: 'tanh' }),
      l.globalMaxPooling2d({ keepdims: true }),
    ],
  },
  maxPooling2d: {
    input: [7, 7, 2],
    stack: [
      l.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      l.averagePooling2d({ padding: 'same' }),
      l.globalAveragePooling2d(),
    ],
  },
  maxPooling3d: { input: [4, 4, 4, 2], stack: [l.maxPooling3d(), l.globalMaxPooling3d()] },
  batchNormalization: {
    input: [4, 4, 3],
    stack: [
      l.conv2d(3, 3, { padding: 'same' }),
      l.batchNormalization(),
      l.activation('relu'),
      l.maxPooling2d(),
      l.flatten(),
      l.dropout(0.5),
      l.dense(2),
    ],
  },
  layerNormalization: {
    input: [4, 6],
    stack: [l.layerNormalization(), l.layerNormalization({ scale: false, center: false })],
  },
  noise: {
    input: [4, 4, 2],
    stack: [
      l.activityRegularization(),
      l.spatialDropout2d(0.2),
      l.gaussianNoise(1),
      l.gaussianDropout(0.1),
      l.alphaDropout(0.1),
      l.flatten(),
    ],
  },
  noise1d: { input: [4, 2], stack: [l.spatialDropout1d(0.2), l.flatten()] },
  noise3d: { input: [4, 2, 2, 1], stack: [l.spatialDropout3d(0.2), l.flatten()] },
  shapes: {
    input: [6],
    stack: [l.reshape([2, 3]), l.permute([2, 1]), l.reshape([6]), l.repeatVector(2), l.rescaling(2, { offset: 1 })],
  },
  activations: {
    input: [6],
    stack: [
      l.relu({ maxValue: 1, negativeSlope: 0.2, threshold: 0.1 }),
      l.elu({ alpha: 0.5 }),
      l.leakyRelu(),
      l.softmax(),
    ],
  },
  simpleRnn: { input: [5, 3], stack: [l.simpleRnn(4, { returnSequences: true, activation: 'relu' }), l.simpleRnn(2)] },
  gru: {
    input: [5, 3],
    stack: [l.gru(4, { returnSequences: true }), l.gru(3, { resetAfter: false, goBackwards: true, useBias: true })],
  },
  lstm: {
    input: [5, 3],
    stack: [l.lstm(4, { returnSequences: true }), l.lstm(3, { goBackwards: true, useBias: false })],
  },
  backwards: { input: [5, 3], stack: [l.gru(4, { returnSequences: true, goBackwards: true }), l.flatten()] },
  bidirectional: {
    input: [5, 3],
    stack: [
      l.bidirectional(l.lstm(4, { returnSequences: true })),
      l.bidirectional(l.gru(3, { returnSequences: true, goBackwards: true }), { mergeMode: 'mul' }),
      l.bidirectional(l.simpleRnn(3), { mergeMode: 'ave' }),
    ],
  },
  timeDistributed: {
    input: [3, 6, 6, 2],
    stack: [
      l.timeDistributed(l.conv2d(4, 3, { activation: 'relu' })),
      l.timeDistributed(l.flatten()),
      l.timeDistributed(l.dense(3, { activation: 'softmax' })),
    ],
  },
  conv1dTranspose: {
    input: [5, 2],
    stack: [
      l.conv1dTranspose(3, 4, { strides: 2, padding: 'same', activation: 'tanh' }),
      l.conv1dTranspose(2, 2, { strides: 3 }),
    ],
  },
  conv2dTranspose: {
    input: [4, 3, 2],
    stack: [
      l.conv2dTranspose(3, 3, { strides: 2, padding: 'same', activation: 'softmax' }),
      l.conv2dTranspose(2, [3, 2], { strides: [2, 1], outputPadding: [1, 0], useBias: false }),
      l.conv2dTranspose(2, 3, { dilation: 2 }),
    ],
  },
  conv3dTranspose: { input: [2, 3, 2, 2], stack: [l.conv3dTranspose(3, 2, { strides: 2 })] },
  separableConv1d: { input: [8, 3], stack: [l.separableConv1d(4, 3, { padding: 'causal', depthMultiplier: 2 })] },
  separableConv2d: {
    input: [6, 6, 3],
    stack: [l.separableConv2d(4, 3, { strides: 2, padding: 'same', activation: 'relu' }), l.separableConv2d(2, 2)],
  },
  borders: {
    input: [5, 4, 2],
    stack: [
      l.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
      l.cropping2d({ cropping: [1, 2] }),
      l.zeroPadding2d(),
    ],
  },
  borders1d: { input: [5, 2], stack: [l.zeroPadding1d({ padding: [2, 0] }), l.cropping1d({ cropping: [1, 3] })] },
  borders3d: { input: [3, 4, 4, 1], stack: [l.zeroPadding3d({ padding: 1 }), l.cropping3d({ cropping: [1, 2, 0] })] },
  upSampling: {
    input: [3, 4, 2],
    stack: [l.upSampling2d({ size: [2, 3] }), l.upSampling2d({ interpolation: 'bilinear' })],
  },
  upSampling1d: { input: [3, 2], stack: [l.upSampling1d({ size: 3 })] },
  upSampling3d: { input: [2, 3, 2, 1], stack: [l.upSampling3d()] },
  normalizations: {
    input: [4, 3, 6],
    stack: [
      l.groupNormalization({ groups: 2 }),
      l.instanceNormalization({ center: false }),
      l.layerNormalization({ axis: [1, 3] }),
      l.layerNormalization({ axis: [2, 3], scale: false }),
      l.rmsNormalization(),
      l.rmsNormalization({ axis: [1, 2] }),
      l.unitNormalization(),
    ],
  },
  normalization: {
    input: [4],
    stack: [l.normalization({ mean: [1, 2, 3, 4], variance: 2 }), l.groupNormalization({ groups: 2 })],
  },
  trained: {
    input: [3, 4],
    stack: [l.prelu({ sharedAxes: [1] }), l.swish(), l.aconC({ sharedAxes: [1] }), l.srelu(), l.rrelu()],
  },
  gates: {
    input: [16],
    stack: [
      l.activation('crelu'),
      l.activation('glu'),
      l.dense(16, { activation: 'geglu' }),
      l.activation('swiglu'),
      l.activation('reglu'),
      l.gumbelSoftmax({ temperature: 0.5 }),
    ],
  },
  hard: { input: [6], stack: [l.maxout(3), l.gumbelSoftmax({ hard: true })] },
  adaptivePooling: {
    input: [6, 8, 2],
    stack: [l.adaptiveAveragePooling2d([3, 4]), l.adaptiveMaxPooling2d([1, 2])],
  },
  adaptive1d: { input: [8, 2], stack: [l.adaptiveAveragePooling1d(4), l.adaptiveMaxPooling1d(2)] },
  adaptive3d: { input: [4, 4, 4, 1], stack: [l.adaptiveAveragePooling3d(2), l.adaptiveMaxPooling3d(1)] },
  spectral: {
    input: [6, 6, 2],
    stack: [l.spectralNormalization(l.conv2d(3, 3)), l.flatten(), l.spectralNormalization(l.dense(3))],
  },
  images: {
    input: [4, 4, 1],
    stack: [l.randomErasing(), l.randomRotation(0.1), l.randomTranslation(0.1, 0.1), l.randomZoom(0.1), l.flatten()],
  },
  attention: {
    input: [5, 4],
    stack: [
      l.attention({ useScale: true, useCausalMask: true }),
      l.attention({ scoreMode: 'concat', useScale: true }),
      l.additiveAttention(),
      l.multiHeadAttention(2, 3, { valueDim: 2, useCausalMask: true, dropout: 0.1 }),
      l.transformerEncoder(6, 2, { activation: 'gelu', useCausalMask: true }),
      l.transformerEncoder(6, 2, { normalizeFirst: true, dropout: 0.2 }),
    ],
  },
  weighted: { input: [3, 4], stack: [l.affine({ scale: [4], shift: [3, 1] }), l.affine({ shift: [4] })] },
  embedding: { input: [5], stack: [l.embedding(7, 3), l.flatten()], low: 0 },
}

describe('a model written as ONNX computes what it did', () => {
  test.each(Object.entries(table))('%s', async (_, { input, stack, low = -2 }) => {
    await agrees(shaken(sequential([l.input(input), ...stack])), low, low === 0 ? 6.9 : 2)
  })

  const elementwise = Object.entries(activations).filter(([, make]) => make().formulas)
  test.each(elementwise)('with the activation %s', async (_, make) => {
    await agrees(shaken(sequential([l.input([8]), l.activation(make())])), -4, 4)
  })

  test('and a graph that branches and joins', async () => {
    const x = l.input([6])
    const [a, b] = [l.dense(4, { activation: 'tanh' })(x), l.dense(4)(x)]
    const joined = [l.add()([a, b]), l.multiply()([a, b]), l.subtract()([a, b]), l.maximum()([a, b])]
    const more = [l.minimum()([a, b]), l.average()([a, b]), l.dot(1, { normalize: true })([a, b])]
    await agrees(shaken(model({ inputs: x, outputs: l.concatenate()([...joined, ...more]) })))
  })

  test('and inputs of different ranks, products and attention of two sequences', async () => {
    const x = l.input([6])
    const wide = l.reshape([2, 3])(x)
    const more = l.reshape([4, 3])(l.dense(12)(x))
    const joined = [
      l.multiply()([wide, l.dense(3)(x)]),
      l.attention()([wide, more]),
      l.multiHeadAttention(2, 2)([wide, more]),
      l.matmul()([l.dot([2, 2])([wide, more]), more]),
    ]
    await agrees(shaken(model({ inputs: x, outputs: l.flatten()(l.add()(joined)) })))
  })

  test('and these are all the layers that can be written', () => {
    const tried = Object.values(table).flatMap(({ stack }) => stack.map(({ type }) => type))
    const joins = [
      'input',
      'add',
      'multiply',
      'subtract',
      'maximum',
      'minimum',
      'average',
      'concatenate',
      'dot',
      'matmul',
    ]
    expect([...new Set([...tried, ...joins])].sort()).toEqual([...onnxLayers].sort())
  })
})

test('channels are moved to the front once and back once between layers of images', async () => {
  const made = sequential([
    l.input([8, 8, 1]),
    l.conv2d(4, 3, { activation: 'relu' }),
    l.maxPooling2d(),
    l.conv2d(4, 3, { activation: 'tanh' }),
    l.flatten(),
  ])
  const bytes = await exportOnnx(made)
  expect(
    Buffer.from(bytes)
      .toString('latin1')
      .match(/\bTranspose\b/g),
  ).toHaveLength(2)
})

test('layers without a counterpart are named all at once', async () => {
  const strange = layer('strange', [], () => composed(x => l.dense(2)(x)))
  const made = sequential([l.input([4]), strange(), l.activation('sparsemax'), strange()])
  await expect(exportOnnx(made)).rejects.toThrow(/^unsupported: strange "strange", strange "strange_1"\n/)
})

test('a network for digits goes through Keras and ONNX and says the same', async () => {
  const made = shaken(
    sequential([
      l.input([28, 28, 1]),
      l.conv2d(8, 3, { activation: 'relu' }),
      l.batchNormalization(),
      l.maxPooling2d(),
      l.conv2d(12, 3, { activation: 'relu', padding: 'same' }),
      l.maxPooling2d(),
      l.flatten(),
      l.dropout(0.3),
      l.dense(10, { activation: 'softmax' }),
    ]),
  )
  const x = Float32Array.from(random.uniform(0, 1, 3 * 784))
  const before = await made.predict(x)
  const kept = await loadKeras(await toKeras(made))
  await agrees(kept, 0, 1)
  const after = await (await loadOnnx(await exportOnnx(kept))).predict(x)
  Array.from(before.data).forEach((value, i) => {
    expect(Math.abs(after.data[i] - value), `number ${i}`).toBeLessThan(1e-5)
  })
})

test('what was written is read again as the same layers', async () => {
  const made = shaken(
    sequential([
      l.input([8, 8, 1]),
      l.conv2d(4, 3, { activation: 'relu', padding: 'same' }),
      l.maxPooling2d(),
      l.conv2d(6, 3),
      l.flatten(),
      l.dense(3, { activation: 'softmax' }),
    ]),
  )
  const again = await loadOnnx(await exportOnnx(made))
  const types = ['conv2d', 'activation', 'maxPooling2d', 'conv2d', 'flatten', 'dense', 'activation']
  expect(again.layers.map(({ type }) => type)).toEqual(['input', ...types])
  expect(again.weights().map(({ data }) => [...data])).toEqual(made.weights().map(({ data }) => [...data]))
})
