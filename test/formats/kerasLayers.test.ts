/**
 * Every layer of the catalogue goes to Keras and back, or is listed with the reason why not.
 *
 * KERAS_FOLDER=/tmp/keras writes what the library makes of them, for Keras itself to load:
 *
 *     KERAS_BACKEND=jax python scripts/keras_check.py /tmp/keras
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Layer, layers, type Model, model, numpyRandom } from 'nabla'
import { loadKeras, toKeras, toKerasH5, toKerasWeights } from 'nabla/keras'
import { loadTfjs, toTfjs } from 'nabla/tfjs'
import { describe, expect, test } from 'vitest'

const { input, dense, conv1d, conv2d, conv3d, lstm, gru, simpleRnn, timeDistributed, bidirectional } = layers

/** Layers that Keras has no counterpart for, and why. */
const reasons: Readonly<Record<string, string>> = {
  affine: 'Keras has no such layer',
  bilinear: 'Keras has no such layer',
  matmul: 'Keras has no such layer',
  localResponseNormalization: 'Keras has no such layer',
  pixelShuffle: 'Keras has no such layer',
  weightNormalization: 'Keras has no such layer',
  categoryEncoding: 'not carried over: it gives integers there',
  discretization: 'not carried over: it gives integers there',
  groupQueryAttention: 'not carried over: Keras has two names for it',
  aconC: 'Keras has no such layer',
  gumbelSoftmax: 'Keras has no such layer',
  maxout: 'Keras 1 alone had it',
  rrelu: 'Keras has no such layer',
  spectralNormalization: 'Keras writes the normalised weights over those it trains; on reading it is the layer within',
  srelu: 'Keras 1 alone had it',
  swish: 'Keras has the function, not the layer with a trained slope',
  transformerEncoder: 'KerasHub has one, of other parts',
}

type Sizes = number[] | number[][]
const examples: Readonly<Record<string, readonly (readonly [Layer, Sizes])[]>> = {
  activation: [
    [layers.activation('gelu'), [4]],
    [layers.activation('softmax'), [3, 4]],
  ],
  activityRegularization: [[layers.activityRegularization({ l1: 0.1, l2: 0.2 }), [4]]],
  adaptiveAveragePooling1d: [[layers.adaptiveAveragePooling1d(3), [5, 2]]],
  adaptiveAveragePooling2d: [[layers.adaptiveAveragePooling2d([2, 3]), [4, 5, 2]]],
  adaptiveAveragePooling3d: [[layers.adaptiveAveragePooling3d(1), [2, 3, 2, 2]]],
  adaptiveMaxPooling1d: [[layers.adaptiveMaxPooling1d(3), [5, 2]]],
  adaptiveMaxPooling2d: [[layers.adaptiveMaxPooling2d([2, 3]), [4, 5, 2]]],
  adaptiveMaxPooling3d: [[layers.adaptiveMaxPooling3d([1, 2, 1]), [2, 3, 2, 1]]],
  add: [[layers.add(), [[4], [4], [4]]]],
  additiveAttention: [
    [
      layers.additiveAttention(),
      [
        [2, 3],
        [4, 3],
      ],
    ],
    [
      layers.additiveAttention({ useScale: false }),
      [
        [2, 3],
        [4, 3],
        [4, 3],
      ],
    ],
  ],
  alphaDropout: [[layers.alphaDropout(0.3), [4]]],
  attention: [
    [layers.attention({ useScale: true, useCausalMask: true }), [3, 4]],
    [
      layers.attention({ scoreMode: 'concat', useScale: true }),
      [
        [2, 3],
        [4, 3],
      ],
    ],
  ],
  average: [[layers.average(), [[4], [4]]]],
  averagePooling1d: [[layers.averagePooling1d({ poolSize: 3, padding: 'same' }), [5, 2]]],
  averagePooling2d: [
    [layers.averagePooling2d(), [5, 6, 2]],
    [layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }), [6, 5, 2]],
  ],
  averagePooling3d: [[layers.averagePooling3d({ strides: 1 }), [3, 2, 3, 2]]],
  batchNormalization: [
    [layers.batchNormalization({ momentum: 0.9, epsilon: 1e-4 }), [3, 2, 2]],
    [layers.batchNormalization({ center: false }), [4]],
    [layers.batchNormalization({ scale: false }), [4]],
    [layers.batchNormalization({ center: false, scale: false, trainable: false }), [4]],
  ],
  bidirectional: [
    [bidirectional(lstm(2, { returnSequences: true })), [3, 2]],
    [bidirectional(gru(2), { mergeMode: 'mul' }), [3, 2]],
    [bidirectional(simpleRnn(2, { goBackwards: true }), { mergeMode: 'sum' }), [3, 2]],
  ],
  centerCrop: [[layers.centerCrop(2, 3), [5, 4, 2]]],
  concatenate: [
    [layers.concatenate(), [[2], [3], [1]]],
    [
      layers.concatenate({ axis: 1 }),
      [
        [2, 3],
        [1, 3],
      ],
    ],
  ],
  convLstm1d: [[layers.convLstm1d(2, 3, { padding: 'same', goBackwards: true, returnSequences: true }), [3, 5, 2]]],
  convLstm2d: [[layers.convLstm2d(2, 2, { strides: 2, dropout: 0.1 }), [2, 4, 4, 1]]],
  convLstm3d: [[layers.convLstm3d(1, [1, 2, 2], { useBias: false }), [2, 2, 3, 3, 1]]],
  einsumDense: [
    [layers.einsumDense('abc,cd->abd', [null, 3], { biasAxes: 'd', activation: 'tanh' }), [2, 4]],
    [layers.einsumDense('ab,bcd->acd', [2, 3]), [4]],
  ],
  identity: [[layers.identity(), [3, 2]]],
  conv1d: [
    [conv1d(2, 3, { padding: 'causal', dilation: 2, activation: 'tanh' }), [6, 2]],
    [conv1d(4, 3, { groups: 4, strides: 2, padding: 'same', kernelRegularizer: 'l2' }), [6, 4]],
  ],
  conv1dTranspose: [
    [layers.conv1dTranspose(2, 3, { strides: 2 }), [4, 3]],
    [layers.conv1dTranspose(2, 3, { strides: 2, padding: 'same' }), [4, 3]],
  ],
  conv2d: [
    [conv2d(3, 3, { padding: 'same', activation: 'relu', biasConstraint: 'nonNeg' }), [5, 4, 2]],
    [conv2d(2, [3, 2], { dilation: [1, 2], useBias: false }), [6, 5, 2]],
    [conv2d(4, 3, { groups: 2, strides: [2, 1] }), [5, 5, 6]],
  ],
  conv2dTranspose: [
    [layers.conv2dTranspose(2, 3, { strides: 2, padding: 'same', activation: 'tanh' }), [3, 4, 2]],
    [layers.conv2dTranspose(2, 3, { strides: 2, outputPadding: 1, useBias: false }), [3, 2, 1]],
  ],
  conv3d: [[conv3d(2, [1, 2, 3], { padding: 'same', strides: [1, 2, 1] }), [2, 4, 3, 1]]],
  conv3dTranspose: [[layers.conv3dTranspose(2, 2, { strides: [1, 2, 2] }), [2, 2, 2, 1]]],
  cropping1d: [[layers.cropping1d({ cropping: [2, 0] }), [5, 2]]],
  cropping2d: [[layers.cropping2d({ cropping: [1, 2] }), [4, 5, 2]]],
  cropping3d: [[layers.cropping3d(), [3, 4, 3, 2]]],
  dense: [
    [dense(3, { activation: 'softmax', kernelInitializer: 'heNormal', kernelRegularizer: 'l1l2' }), [4]],
    [dense(3, { useBias: false, kernelConstraint: 'maxNorm', trainable: false }), [4]],
  ],
  depthwiseConv1d: [
    [layers.depthwiseConv1d(2, { depthMultiplier: 3, depthwiseRegularizer: 'l2' } as never), [4, 2]],
    [layers.depthwiseConv1d(3, { padding: 'same' }), [4, 2]],
  ],
  depthwiseConv2d: [
    [layers.depthwiseConv2d(2, { depthMultiplier: 2, strides: 2, useBias: false }), [5, 4, 3]],
    [layers.depthwiseConv2d([2, 3], { dilation: [2, 2], activation: 'silu' }), [5, 6, 1]],
  ],
  dot: [
    [layers.dot(1), [[4], [4]]],
    [
      layers.dot([2, 1], { normalize: true }),
      [
        [2, 3],
        [3, 4],
      ],
    ],
  ],
  dropout: [[layers.dropout(0.4), [4]]],
  elu: [[layers.elu({ alpha: 0.5 }), [4]]],
  embedding: [
    [layers.embedding(4, 3), [5]],
    [layers.embedding(4, 3, { maskZero: true }), [5]],
  ],
  flatten: [[layers.flatten({ activityRegularizer: 'l2' }), [2, 3, 2]]],
  gaussianDropout: [[layers.gaussianDropout(0.3), [4]]],
  gaussianNoise: [[layers.gaussianNoise(0.3), [4]]],
  globalAveragePooling1d: [[layers.globalAveragePooling1d(), [4, 3]]],
  globalAveragePooling2d: [[layers.globalAveragePooling2d({ keepdims: true }), [3, 4, 2]]],
  globalAveragePooling3d: [[layers.globalAveragePooling3d(), [2, 3, 2, 2]]],
  globalMaxPooling1d: [[layers.globalMaxPooling1d(), [4, 3]]],
  globalMaxPooling2d: [[layers.globalMaxPooling2d({ keepdims: true }), [3, 4, 2]]],
  globalMaxPooling3d: [[layers.globalMaxPooling3d(), [2, 3, 2, 2]]],
  groupNormalization: [
    [layers.groupNormalization({ groups: 2 }), [3, 2, 4]],
    [layers.groupNormalization({ groups: 3, scale: false, epsilon: 1e-5 }), [6]],
  ],
  gru: [
    [gru(3, { dropout: 0.2, recurrentDropout: 0.3 }), [4, 2]],
    [gru(3, { resetAfter: false, returnSequences: true, recurrentActivation: 'hardSigmoid' }), [4, 2]],
    [gru(2, { useBias: false, goBackwards: true }), [4, 2]],
  ],
  input: [[input([3]), [3]]],
  instanceNormalization: [[layers.instanceNormalization(), [3, 2, 2]]],
  layerNormalization: [
    [layers.layerNormalization(), [5]],
    [layers.layerNormalization({ axis: [1, -1], scale: false }), [3, 2, 2]],
  ],
  leakyRelu: [[layers.leakyRelu({ slope: 0.1 }), [4]]],
  lstm: [
    [lstm(3, { kernelRegularizer: 'l2', recurrentRegularizer: 'l1', recurrentConstraint: 'nonNeg' } as never), [4, 2]],
    [lstm(2, { returnSequences: true, goBackwards: true, useBias: false, unitForgetBias: false }), [4, 2]],
    [lstm(2, { activation: 'relu', recurrentActivation: 'hardSigmoid', dropout: 0.3 }), [4, 2]],
  ],
  masking: [[layers.masking({ maskValue: 2 }), [3, 2]]],
  maxPooling1d: [[layers.maxPooling1d(), [5, 3]]],
  maxPooling2d: [
    [layers.maxPooling2d({ padding: 'same' }), [7, 7, 1]],
    [layers.maxPooling2d({ poolSize: [2, 3], strides: 1 }), [4, 4, 1]],
  ],
  maxPooling3d: [[layers.maxPooling3d({ poolSize: [1, 2, 2] }), [2, 4, 5, 1]]],
  maximum: [[layers.maximum(), [[4], [4], [4]]]],
  minimum: [[layers.minimum(), [[4], [4]]]],
  multiHeadAttention: [
    [layers.multiHeadAttention(2, 3, { useCausalMask: true }), [4, 5]],
    [
      layers.multiHeadAttention(2, 3, { valueDim: 4, outputShape: 6, useBias: false }),
      [
        [2, 5],
        [4, 3],
        [4, 2],
      ],
    ],
  ],
  multiply: [[layers.multiply(), [[4], [4]]]],
  normalization: [
    [layers.normalization({ mean: [1, 2], variance: [4, 1] }), [3, 2]],
    [layers.normalization(), [3, 2]],
    [layers.normalization({ mean: 1, variance: 4, invert: true }), [3, 2]],
  ],
  permute: [[layers.permute([2, 3, 1]), [2, 3, 4]]],
  prelu: [[layers.prelu({ sharedAxes: [1, 2] }), [3, 2, 4]]],
  randomErasing: [[layers.randomErasing({ factor: 0.5, fillValue: 0.5, scale: [0.1, 0.2] }), [4, 5, 2]]],
  randomBrightness: [[layers.randomBrightness(0.2, { valueRange: [0, 1] }), [4, 5, 3]]],
  randomContrast: [[layers.randomContrast(0.2, { valueRange: [0, 1] }), [4, 5, 3]]],
  randomFlip: [
    [layers.randomFlip(), [4, 5, 2]],
    [layers.randomFlip({ mode: 'horizontal' }), [4, 5, 2]],
  ],
  randomRotation: [[layers.randomRotation(0.1, { fillMode: 'nearest' }), [4, 5, 2]]],
  randomTranslation: [[layers.randomTranslation(0.3, [0.1, 0.2]), [4, 5, 2]]],
  randomZoom: [[layers.randomZoom([-0.3, 0.4], { widthFactor: 0.2, interpolation: 'nearest' }), [4, 5, 2]]],
  relu: [[layers.relu({ negativeSlope: 0.1, maxValue: 1, threshold: 0.2 }), [4]]],
  repeatVector: [[layers.repeatVector(3), [4]]],
  rescaling: [[layers.rescaling(1 / 255, { offset: -0.5 }), [3, 2]]],
  reshape: [
    [layers.reshape([3, -1]), [4, 6]],
    [layers.reshape([12]), [2, 3, 2]],
  ],
  resizing: [
    [layers.resizing(3, 7), [5, 4, 2]],
    [layers.resizing(8, 3, { interpolation: 'nearest' }), [4, 6, 2]],
  ],
  rmsNormalization: [[layers.rmsNormalization(), [2, 4]]],
  separableConv1d: [[layers.separableConv1d(3, 3, { padding: 'same' }), [5, 2]]],
  separableConv2d: [
    [layers.separableConv2d(4, 3, { depthMultiplier: 2, activation: 'tanh' }), [4, 5, 2]],
    [layers.separableConv2d(2, 2, { useBias: false }), [3, 3, 2]],
  ],
  simpleRnn: [[simpleRnn(2, { returnSequences: true, goBackwards: true, useBias: false }), [3, 2]]],
  softmax: [
    [layers.softmax(), [2, 3]],
    [layers.softmax({ axis: 1 }), [2, 3]],
  ],
  spatialDropout1d: [[layers.spatialDropout1d(0.4), [4, 5]]],
  spatialDropout2d: [[layers.spatialDropout2d(0.4), [2, 3, 5]]],
  spatialDropout3d: [[layers.spatialDropout3d(0.4), [2, 1, 2, 5]]],
  subtract: [[layers.subtract(), [[4], [4]]]],
  timeDistributed: [
    [timeDistributed(dense(2, { activation: 'tanh' })), [3, 4]],
    [timeDistributed(conv2d(2, 2)), [2, 3, 3, 1]],
    [timeDistributed(layers.batchNormalization()), [3, 2]],
    [timeDistributed(timeDistributed(dense(2))), [3, 2, 4]],
    [timeDistributed(bidirectional(lstm(2))), [2, 3, 4]],
  ],
  unitNormalization: [[layers.unitNormalization(), [2, 4]]],
  upSampling1d: [[layers.upSampling1d({ size: 3 }), [2, 2]]],
  upSampling2d: [
    [layers.upSampling2d({ size: [1, 2] }), [2, 3, 2]],
    [layers.upSampling2d({ size: [3, 2], interpolation: 'bilinear' }), [2, 3, 2]],
  ],
  upSampling3d: [[layers.upSampling3d(), [1, 2, 2, 2]]],
  zeroPadding1d: [[layers.zeroPadding1d({ padding: [1, 2] }), [3, 2]]],
  zeroPadding2d: [
    [
      layers.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
      [2, 3, 2],
    ],
  ],
  zeroPadding3d: [[layers.zeroPadding3d({ padding: [0, 1, 2] }), [2, 1, 2, 1]]],
}

test('every layer has examples, or a reason why Keras has no counterpart', () => {
  expect([...Object.keys(examples), ...Object.keys(reasons)].sort()).toEqual(Object.keys(layers).sort())
})

/** A model of one layer whose weights are not those it begins with. */
function around(layer: Layer, sizes: Sizes): { made: Model; ports: number[][]; x: number[] } {
  const ports = typeof sizes[0] === 'number' ? [sizes as number[]] : (sizes as number[][])
  const starts = ports.map((shape, i) => input(shape, { name: `in${i}` }))
  const outputs = layer.type === 'input' ? starts[0] : layer(...starts)
  const made = model({ inputs: starts, outputs, seed: 1 })
  const random = numpyRandom(3)
  made.setWeights(
    made.weights().map(({ data, ...rest }) => ({ ...rest, data: data.map(v => v + Math.abs(random.gauss()) * 0.3) })),
  )
  const size = ports.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const x = Array.from({ length: 2 * size }, () =>
    layer.type === 'embedding' ? Math.floor(4 * random.random()) : random.gauss(),
  )
  return { made, ports, x }
}

const folder = process.env['KERAS_FOLDER']
const answers: Record<string, object> = {}
const quiet = { warn: (message: string) => expect.fail(message) }

describe.each(
  Object.entries(examples).flatMap(([type, list]) =>
    list.map(([layer, sizes], i) => [`${type}${i > 0 ? ` ${i}` : ''}`, layer, sizes] as const),
  ),
)('%s', (name, layer, sizes) => {
  const { made, ports, x } = around(layer, sizes)

  test.each([
    ['.keras', toKeras],
    ['.h5', toKerasH5],
  ] as const)('goes to %s and back', async (_, write) => {
    const again = await loadKeras(await write(made), quiet)
    expect(again.weights().map(({ data }) => data)).toEqual(made.weights().map(({ data }) => data))
    expect(await again.forward(2, x)).toEqual(await made.forward(2, x))
    expect(again.layers.map(({ trainable }) => trainable)).toEqual(made.layers.map(({ trainable }) => trainable))
  })

  test('goes to TensorFlow.js and back, where that has it', async () => {
    let files: Record<string, Uint8Array>
    try {
      files = toTfjs(made)
    } catch (error) {
      return expect(error).toMatchObject({ code: 'unsupported-layers' })
    }
    const again = await loadTfjs(files['model.json'], { ...quiet, shard: path => files[path] })
    expect(await again.forward(2, x)).toEqual(await made.forward(2, x))
  })

  test.runIf(folder)('is written for Keras', async () => {
    mkdirSync(folder!, { recursive: true })
    const file = name.replace(' ', '_')
    writeFileSync(`${folder}/${file}.keras`, await toKeras(made))
    writeFileSync(`${folder}/${file}.h5`, await toKerasH5(made))
    writeFileSync(`${folder}/${file}.weights.h5`, await toKerasWeights(made))
    answers[file] = { x, ports, y: Array.from(await made.forward(2, x)) }
    writeFileSync(`${folder}/answers.json`, JSON.stringify(answers))
  })
})
