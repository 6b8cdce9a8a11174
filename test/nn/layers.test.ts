import { checkGradients, type Layer, layers, model, numpyRandom, reference, sequential, wasm } from 'nabla'
import { toScript } from 'nabla/script'
import { describe, expect, test } from 'vitest'
import type { LayerMaker } from '../../src/nn/layer.ts'

const { add, subtract, multiply, average, maximum, minimum, concatenate, dot } = layers
const { attention, additiveAttention, groupQueryAttention, multiHeadAttention, transformerEncoder } = layers
const { affine, matmul } = layers
const { bilinear, categoryEncoding, centerCrop, discretization, einsumDense, identity, pixelShuffle, resizing } = layers
const { localResponseNormalization, randomBrightness, randomContrast, randomFlip, weightNormalization } = layers
const { activation, activityRegularization, batchNormalization, dense, dropout, flatten, input, leakyRelu } = layers
const { convLstm1d, convLstm2d, convLstm3d } = layers
const { conv1d, conv2d, conv3d, conv1dTranspose, conv2dTranspose, conv3dTranspose } = layers
const { depthwiseConv1d, depthwiseConv2d, separableConv1d, separableConv2d } = layers
const { maxPooling1d, maxPooling2d, maxPooling3d, averagePooling1d, averagePooling2d, averagePooling3d } = layers
const { globalAveragePooling1d, globalAveragePooling2d, globalAveragePooling3d } = layers
const { adaptiveAveragePooling1d, adaptiveAveragePooling2d, adaptiveAveragePooling3d } = layers
const { adaptiveMaxPooling1d, adaptiveMaxPooling2d, adaptiveMaxPooling3d } = layers
const { layerNormalization, groupNormalization, instanceNormalization, rmsNormalization, unitNormalization } = layers
const { spatialDropout1d, spatialDropout2d, spatialDropout3d, gaussianNoise, gaussianDropout, alphaDropout } = layers
const { reshape, permute, repeatVector, upSampling1d, upSampling2d, upSampling3d, rescaling, normalization } = layers
const { zeroPadding1d, zeroPadding2d, zeroPadding3d, cropping1d, cropping2d, cropping3d } = layers
const { randomTranslation, randomRotation, randomZoom, randomErasing } = layers
const { embedding, simpleRnn, lstm, gru, bidirectional, timeDistributed, spectralNormalization } = layers
const { globalMaxPooling1d, globalMaxPooling2d, globalMaxPooling3d } = layers
const { aconC, elu, gumbelSoftmax, masking, maxout, prelu, relu, rrelu, softmax, srelu, swish } = layers

/** Input and output of each layer, by the formulas of Keras; every row is gradient-checked in float64. */
const rows: [Layer, number[] | number[][], number[]][] = [
  [input([3]), [3], [3]],
  [dense(3), [4], [3]],
  [dense(3, { activation: 'tanh', useBias: false }), [4], [3]],
  [dense(5, { activation: 'softmax' }), [4], [5]],
  [dense(2, { activation: 'tanh' }), [3, 4], [3, 2]],
  [dense(3), [2, 3, 4], [2, 3, 3]],
  [conv2d(2, 3), [5, 6, 2], [3, 4, 2]],
  [conv2d(3, 3, { padding: 'same', activation: 'relu' }), [5, 4, 2], [5, 4, 3]],
  [conv2d(2, [2, 3], { strides: 2, padding: 'same', useBias: false }), [5, 6, 1], [3, 3, 2]],
  [conv2d(2, 3, { strides: [2, 3] }), [7, 8, 2], [3, 2, 2]],
  [conv2d(2, 3, { dilation: 2, padding: 'same' }), [6, 5, 1], [6, 5, 2]],
  [conv2d(2, [3, 2], { dilation: [1, 2], strides: [2, 1] }), [6, 5, 2], [2, 3, 2]],
  [conv2d(3, 1, { activation: 'sigmoid' }), [3, 4, 2], [3, 4, 3]],
  [conv2d(4, 3, { groups: 2 }), [4, 5, 6], [2, 3, 4]],
  [conv2d(4, 2, { activation: 'glu' }), [3, 3, 2], [2, 2, 2]],
  [depthwiseConv1d(2, { activation: 'glu' }), [4, 2], [3, 1]],
  [conv1d(3, 2), [5, 2], [4, 3]],
  [conv1d(2, 3, { padding: 'causal', dilation: 2, activation: 'tanh' }), [6, 2], [6, 2]],
  [conv1d(4, 3, { groups: 4, strides: 2, padding: 'same' }), [6, 4], [3, 4]],
  [conv3d(2, 2), [3, 4, 3, 2], [2, 3, 2, 2]],
  [conv3d(2, [1, 2, 3], { padding: 'same', strides: [1, 2, 1] }), [2, 4, 3, 1], [2, 2, 3, 2]],
  [conv1dTranspose(2, 3, { strides: 2 }), [4, 3], [9, 2]],
  [conv1dTranspose(2, 2, { strides: 3 }), [3, 2], [9, 2]],
  [conv2dTranspose(2, 3), [3, 4, 2], [5, 6, 2]],
  [conv2dTranspose(2, 3, { strides: 2, padding: 'same', activation: 'tanh' }), [3, 4, 2], [6, 8, 2]],
  [conv2dTranspose(1, [3, 2], { strides: 2, padding: 'same', outputPadding: 0 }), [3, 3, 2], [5, 4, 1]],
  [conv2dTranspose(2, 3, { strides: 2, outputPadding: 1, useBias: false }), [3, 2, 1], [8, 6, 2]],
  [conv2dTranspose(2, 3, { dilation: 2 }), [3, 2, 1], [7, 6, 2]],
  [conv3dTranspose(2, 2, { strides: [1, 2, 2] }), [2, 2, 2, 1], [3, 4, 4, 2]],
  [depthwiseConv1d(3), [5, 2], [3, 2]],
  [depthwiseConv1d(2, { padding: 'causal', depthMultiplier: 3 }), [4, 2], [4, 6]],
  [depthwiseConv2d(3, { padding: 'same', activation: 'sigmoid' }), [4, 5, 2], [4, 5, 2]],
  [depthwiseConv2d(2, { depthMultiplier: 2, strides: 2, useBias: false }), [5, 4, 3], [2, 2, 6]],
  [depthwiseConv2d([2, 3], { dilation: [2, 1] }), [4, 5, 1], [2, 3, 1]],
  [separableConv1d(3, 3, { padding: 'same' }), [5, 2], [5, 3]],
  [separableConv2d(4, 3, { depthMultiplier: 2, activation: 'tanh' }), [4, 5, 2], [2, 3, 4]],
  [separableConv2d(2, 2, { useBias: false }), [3, 3, 2], [2, 2, 2]],
  [batchNormalization(), [4], [4]],
  [batchNormalization({ momentum: 0.9, epsilon: 1e-5 }), [3, 2, 2], [3, 2, 2]],
  [layerNormalization(), [5], [5]],
  [layerNormalization({ axis: [1, -1], scale: false }), [3, 2, 2], [3, 2, 2]],
  [layerNormalization({ axis: [2, 3], center: false }), [2, 3, 2], [2, 3, 2]],
  [layerNormalization({ center: false, scale: false }), [2, 3], [2, 3]],
  [groupNormalization({ groups: 2 }), [3, 2, 4], [3, 2, 4]],
  [groupNormalization({ groups: 3, scale: false, epsilon: 1e-5 }), [6], [6]],
  [groupNormalization({ groups: -1 }), [3, 2], [3, 2]],
  [instanceNormalization(), [3, 2, 2], [3, 2, 2]],
  [rmsNormalization(), [2, 4], [2, 4]],
  [rmsNormalization({ axis: [1, 2] }), [2, 4], [2, 4]],
  [unitNormalization(), [2, 4], [2, 4]],
  [unitNormalization({ axis: 1 }), [3, 2], [3, 2]],
  [leakyRelu(), [5], [5]],
  [leakyRelu({ slope: 0.1 }), [3, 2, 2], [3, 2, 2]],
  [maxPooling2d(), [5, 6, 2], [2, 3, 2]],
  [maxPooling2d({ padding: 'same' }), [7, 7, 1], [4, 4, 1]],
  [maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), [6, 5, 2], [3, 3, 2]],
  [maxPooling2d({ poolSize: [2, 3], strides: 1 }), [4, 4, 1], [3, 2, 1]],
  [maxPooling1d(), [5, 3], [2, 3]],
  [maxPooling3d({ poolSize: [1, 2, 2] }), [2, 4, 5, 1], [2, 2, 2, 1]],
  [averagePooling1d({ poolSize: 3, padding: 'same' }), [5, 2], [2, 2]],
  [averagePooling2d(), [5, 6, 2], [2, 3, 2]],
  [averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }), [6, 5, 2], [3, 3, 2]],
  [averagePooling3d({ strides: 1 }), [3, 2, 3, 2], [2, 1, 2, 2]],
  [globalAveragePooling1d(), [4, 3], [3]],
  [globalAveragePooling2d(), [3, 4, 2], [2]],
  [globalAveragePooling3d({ keepdims: true }), [2, 3, 2, 2], [1, 1, 1, 2]],
  [globalMaxPooling1d(), [4, 3], [3]],
  [globalMaxPooling2d({ keepdims: true }), [3, 4, 2], [1, 1, 2]],
  [globalMaxPooling3d(), [2, 3, 2, 2], [2]],
  [adaptiveAveragePooling1d(3), [5, 2], [3, 2]],
  [adaptiveAveragePooling2d([2, 3]), [4, 5, 2], [2, 3, 2]],
  [adaptiveAveragePooling3d(1), [2, 3, 2, 2], [1, 1, 1, 2]],
  [adaptiveMaxPooling1d(3), [5, 2], [3, 2]],
  [adaptiveMaxPooling2d([2, 3]), [4, 5, 2], [2, 3, 2]],
  [adaptiveMaxPooling3d([1, 2, 1]), [2, 3, 2, 1], [1, 2, 1, 1]],
  [dropout(0.4), [6], [6]],
  [spatialDropout1d(0.4), [4, 5], [4, 5]],
  [spatialDropout2d(0.4), [2, 3, 5], [2, 3, 5]],
  [spatialDropout3d(0.4), [2, 1, 2, 5], [2, 1, 2, 5]],
  [gaussianNoise(0.3), [6], [6]],
  [gaussianDropout(0.3), [6], [6]],
  [alphaDropout(0.3), [6], [6]],
  [rescaling(1 / 255, { offset: -0.5 }), [3, 2], [3, 2]],
  [normalization({ mean: [1, 2], variance: 4 }), [3, 2], [3, 2]],
  [randomTranslation(0.3, [0.1, 0.2]), [4, 5, 2], [4, 5, 2]],
  [randomTranslation(0.5, 0.5, { fillMode: 'constant' }), [4, 5, 1], [4, 5, 1]],
  [randomRotation(0.1, { fillMode: 'nearest' }), [4, 5, 2], [4, 5, 2]],
  [randomRotation(0.5, { interpolation: 'nearest', fillMode: 'wrap' }), [4, 5, 1], [4, 5, 1]],
  [randomZoom(0.4), [4, 5, 2], [4, 5, 2]],
  [randomZoom(0.4, { widthFactor: [-0.5, -0.2] }), [4, 5, 1], [4, 5, 1]],
  [randomErasing({ fillValue: 0.5 }), [4, 5, 2], [4, 5, 2]],
  [reshape([3, -1]), [4, 6], [3, 8]],
  [reshape([12]), [2, 3, 2], [12]],
  [permute([2, 3, 1]), [2, 3, 4], [3, 4, 2]],
  [repeatVector(3), [4], [3, 4]],
  [zeroPadding1d(), [3, 2], [5, 2]],
  [
    zeroPadding2d({
      padding: [
        [1, 0],
        [2, 3],
      ],
    }),
    [2, 3, 2],
    [3, 8, 2],
  ],
  [zeroPadding3d({ padding: [0, 1, 2] }), [2, 1, 2, 1], [2, 3, 6, 1]],
  [cropping1d({ cropping: [2, 0] }), [5, 2], [3, 2]],
  [cropping2d({ cropping: [1, 2] }), [4, 5, 2], [2, 1, 2]],
  [cropping3d(), [3, 4, 3, 2], [1, 2, 1, 2]],
  [upSampling1d({ size: 3 }), [2, 2], [6, 2]],
  [upSampling2d({ size: [1, 2] }), [2, 3, 2], [2, 6, 2]],
  [upSampling2d({ size: [3, 2], interpolation: 'bilinear' }), [2, 3, 2], [6, 6, 2]],
  [upSampling3d(), [1, 2, 2, 2], [2, 4, 4, 2]],
  [embedding(4, 3), [5], [5, 3]],
  [embedding(2, 3), [2, 2], [2, 2, 3]],
  [simpleRnn(3), [4, 2], [3]],
  [simpleRnn(2, { returnSequences: true, goBackwards: true, useBias: false }), [3, 2], [3, 2]],
  [lstm(3), [4, 2], [3]],
  [lstm(2, { returnSequences: true, activation: 'softmax', recurrentActivation: 'tanh' }), [3, 2], [3, 2]],
  [lstm(2, { goBackwards: true, useBias: false }), [1, 2], [2]],
  [gru(3), [4, 2], [3]],
  [gru(2, { returnSequences: true, useBias: false }), [3, 2], [3, 2]],
  [gru(3, { resetAfter: false, goBackwards: true }), [4, 2], [3]],
  [gru(2, { resetAfter: false, returnSequences: true, useBias: false }), [3, 2], [3, 2]],
  [simpleRnn(3, { dropout: 0.3, recurrentDropout: 0.4 }), [4, 2], [3]],
  [lstm(3, { dropout: 0.3 }), [4, 2], [3]],
  [lstm(2, { dropout: 0.2, recurrentDropout: 0.4, returnSequences: true }), [3, 2], [3, 2]],
  [gru(3, { dropout: 0.3, recurrentDropout: 0.2 }), [4, 2], [3]],
  [gru(3, { recurrentDropout: 0.4, resetAfter: false, goBackwards: true }), [4, 2], [3]],
  [bidirectional(gru(2, { recurrentDropout: 0.3 })), [3, 2], [4]],
  [convLstm1d(2, 3), [3, 5, 2], [3, 2]],
  [convLstm1d(1, 2, { padding: 'same', dilation: 2, goBackwards: true, useBias: false }), [2, 4, 2], [4, 1]],
  [convLstm2d(2, 2, { strides: 2, padding: 'same', returnSequences: true }), [3, 3, 4, 1], [3, 2, 2, 2]],
  [convLstm2d(1, [2, 1], { dropout: 0.3, recurrentDropout: 0.2 }), [2, 3, 2, 2], [2, 2, 1]],
  [convLstm2d(2, 2, { recurrentDropout: 0.4, returnSequences: true }), [2, 3, 2, 1], [2, 2, 1, 2]],
  [convLstm3d(1, [1, 2, 2]), [2, 2, 3, 2, 1], [2, 2, 1, 1]],
  [bidirectional(lstm(2, { returnSequences: true })), [3, 2], [3, 4]],
  [bidirectional(simpleRnn(2), { mergeMode: 'mul' }), [3, 2], [2]],
  [bidirectional(simpleRnn(2), { mergeMode: 'sum' }), [3, 2], [2]],
  [bidirectional(simpleRnn(2), { mergeMode: null }), [3, 2], [2, 2]],
  [bidirectional(gru(2, { returnSequences: true }), { mergeMode: null }), [3, 2], [2, 3, 2]],
  [bidirectional(convLstm1d(1, 2)), [2, 3, 2], [2, 2]],
  [bidirectional(gru(2, { returnSequences: true }), { mergeMode: 'ave' }), [3, 2], [3, 2]],
  [spectralNormalization(dense(3), { powerIterations: 100 }), [4], [3]],
  [spectralNormalization(conv2d(2, 2), { powerIterations: 100 }), [3, 3, 2], [2, 2, 2]],
  [timeDistributed(dense(2, { activation: 'tanh' })), [3, 4], [3, 2]],
  [timeDistributed(conv2d(2, 2)), [2, 3, 3, 1], [2, 2, 2, 2]],
  [timeDistributed(batchNormalization()), [3, 2], [3, 2]],
  [timeDistributed(flatten()), [2, 3, 2], [2, 6]],
  [identity(), [2, 3], [2, 3]],
  [bilinear(3), [[4], [2]], [3]],
  [affine({ scale: [2, 1], shift: [3] }), [2, 3], [2, 3]],
  [
    matmul(),
    [
      [2, 3],
      [3, 4],
    ],
    [2, 4],
  ],
  [bilinear(2, { useBias: false }), [[2], [3]], [2]],
  [einsumDense('abc,cd->abd', [null, 3], { biasAxes: 'd', activation: 'tanh' }), [2, 4], [2, 3]],
  [einsumDense('ab,bcd->acd', [2, 3], { biasAxes: 'c' }), [4], [2, 3]],
  [einsumDense('abc,bcd->abd', [3, 2]), [3, 4], [3, 2]],
  [einsumDense('abcd,bde->aceb', [3, 2, 2], { biasAxes: 'be' }), [2, 3, 4], [3, 2, 2]],
  [pixelShuffle(2), [2, 3, 8], [4, 6, 2]],
  [localResponseNormalization({ size: 3, alpha: 0.5 }), [2, 5], [2, 5]],
  [localResponseNormalization({ size: 4, alpha: 0.3, beta: 0.6, k: 2 }), [6], [6]],
  [weightNormalization(dense(3)), [4], [3]],
  [weightNormalization(conv2d(2, 2)), [3, 3, 2], [2, 2, 2]],
  [randomFlip(), [3, 4, 2], [3, 4, 2]],
  [randomContrast(0.5, { valueRange: [-1, 1] }), [3, 2, 2], [3, 2, 2]],
  [randomBrightness(0.5, { valueRange: [-1, 1] }), [3, 2, 2], [3, 2, 2]],
  [resizing(3, 5), [4, 2, 2], [3, 5, 2]],
  [resizing(5, 2, { interpolation: 'nearest' }), [3, 4, 1], [5, 2, 1]],
  [centerCrop(2, 2), [5, 4, 2], [2, 2, 2]],
  [categoryEncoding(4), [3], [4]],
  [categoryEncoding(4, { outputMode: 'oneHot' }), [3], [3, 4]],
  [discretization([-1, 0, 0.5]), [6], [6]],
  [discretization([-1, 0], { outputMode: 'count' }), [6], [3]],
  [flatten(), [2, 3, 2], [12]],
  [flatten({ activityRegularizer: 'l2' }), [2, 3, 2], [12]],
  [dense(3, { activation: 'sigmoid', activityRegularizer: { name: 'l1', params: { l1: 0.5 } } }), [4], [3]],
  [timeDistributed(dense(2, { activityRegularizer: 'l2' })), [3, 4], [3, 2]],
  [activityRegularization({ l1: 0.1, l2: 0.3 }), [2, 3], [2, 3]],
  [activation('tanh'), [3, 2], [3, 2]],
  [activation('softmax'), [2, 3], [2, 3]],
  [elu({ alpha: 0.5 }), [5], [5]],
  [relu({ negativeSlope: 0.1 }), [5], [5]],
  [softmax(), [2, 3], [2, 3]],
  [prelu(), [5], [5]],
  [swish(), [5], [5]],
  [aconC(), [5], [5]],
  [srelu(), [5], [5]],
  [rrelu(), [5], [5]],
  [gumbelSoftmax(), [5], [5]],
  [masking(), [4, 3], [4, 3]],
  [masking({ maskValue: -1 }), [2, 3, 2], [2, 3, 2]],
  [maxout(3), [12], [3]],
  [add(), [[3], [3], [3]], [3]],
  [
    add(),
    [
      [2, 3],
      [1, 3],
    ],
    [2, 3],
  ],
  [subtract(), [[3], [2, 1]], [2, 3]],
  [multiply(), [[4], [4], [4]], [4]],
  [average(), [[3], [1]], [3]],
  [maximum(), [[6], [6], [6]], [6]],
  [minimum(), [[6], [6]], [6]],
  [concatenate(), [[2], [3], [1]], [6]],
  [
    concatenate({ axis: 1 }),
    [
      [2, 3],
      [1, 3],
    ],
    [3, 3],
  ],
  [dot(1), [[4], [4]], [1]],
  [dot(1, { normalize: true }), [[4], [4]], [1]],
  [
    dot([2, 1], { normalize: true }),
    [
      [2, 3],
      [3, 4],
    ],
    [2, 4],
  ],
  [
    dot([1, 2]),
    [
      [3, 2, 2],
      [4, 3],
    ],
    [2, 2, 4],
  ],
  [
    attention(),
    [
      [2, 3],
      [4, 3],
    ],
    [2, 3],
  ],
  [
    attention({ useScale: true, dropout: 0.3 }),
    [
      [2, 3],
      [4, 5],
      [4, 3],
    ],
    [2, 5],
  ],
  [
    attention({ scoreMode: 'concat', useScale: true, useCausalMask: true }),
    [
      [3, 2],
      [3, 2],
    ],
    [3, 2],
  ],
  [
    additiveAttention(),
    [
      [2, 3],
      [4, 3],
    ],
    [2, 3],
  ],
  [
    additiveAttention({ useScale: false, dropout: 0.3 }),
    [
      [2, 3],
      [4, 5],
      [4, 3],
    ],
    [2, 5],
  ],
  [transformerEncoder(6, 2, { dropout: 0.3 }), [3, 4], [3, 4]],
  [transformerEncoder(5, 1, { activation: 'gelu', normalizeFirst: true, useCausalMask: true }), [3, 2], [3, 2]],
  [multiHeadAttention(2, 16), [4, 5], [4, 5]],
  [groupQueryAttention(2, 4, 2), [3, 5], [3, 5]],
  [
    groupQueryAttention(3, 2, 1, { dropout: 0.3, useBias: false }),
    [
      [2, 3],
      [4, 5],
    ],
    [2, 3],
  ],
  [groupQueryAttention(2, 2, 2, { useCausalMask: true }), [3, 4], [3, 4]],
  [multiHeadAttention(2, 3), [4, 5], [4, 5]],
  [multiHeadAttention(2, 3, { useCausalMask: true, useBias: false }), [4, 5], [4, 5]],
  [
    multiHeadAttention(2, 2, { valueDim: 3, outputShape: 4, dropout: 0.4 }),
    [
      [2, 5],
      [3, 4],
      [3, 2],
    ],
    [2, 4],
  ],
  [
    multiHeadAttention(1, 2),
    [
      [2, 3],
      [3, 4],
    ],
    [2, 3],
  ],
]

/** One shape for each input. */
const each = (shape: number[] | number[][]) => (Array.isArray(shape[0]) ? shape : [shape]) as number[][]
const shapesOf = ({ pair }: Layer, inputShape: number[] | number[][]) => {
  const [first, ...others] = each(inputShape)
  return pair.shapes(first, ...others)
}
const modelOf = (layer: Layer, inputShape: number[] | number[][], seed: number) => {
  const inputs = each(inputShape).map(shape => input(shape))
  return inputs.length > 1 ? model({ inputs, outputs: layer(inputs), seed }) : sequential([...inputs, layer], { seed })
}

describe('layers', () => {
  const titled = rows.map(([layer, ...shapes]) => [layer.type, layer.config, ...shapes, layer] as const)
  test.each(titled)('%s %j has the right slopes on %j', async (_type, _config, inputShape, outputShape, layer) => {
    expect(shapesOf(layer, inputShape).y).toEqual(outputShape)
    const report = await checkGradients(layer, { inputShape })
    expect(report.arrays.filter(({ error }) => !(error < 1e-6))).toEqual([])
    expect(report.arrays[0].checked).toBeGreaterThan(report.arrays[0].skipped)
  })

  test.each(titled)('%s %j does the same on both backends', async (type, _config, inputShape, outputShape, layer) => {
    const random = numpyRandom(5)
    const size = (shape: readonly number[]) => 2 * shape.reduce((a, b) => a * b, 1)
    const inputs = each(inputShape).reduce((sum, shape) => sum + size(shape), 0)
    const [x, t] = [random.randn(inputs), random.randn(size(outputShape))]
    const [right, fast] = [reference, wasm].map(backend => {
      const model = modelOf(layer, inputShape, 3)
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend, threads: 1 })
      return model
    })
    fast.setWeights(right.weights())
    const [lossOf, fastLoss] = [await right.run('train', 2, x, t), await fast.run('train', 2, x, t)]
    expect(fastLoss[0]).toBeCloseTo(lossOf[0], 4)
    for (const [what, wanted, found] of [
      ['gradients', right.gradients(), fast.gradients()],
      ['weights', right.weights(), fast.weights()],
    ] as const)
      wanted.forEach(({ name, data }, i) => {
        const scale = Math.max(...Array.from(data, Math.abs), 1e-3)
        expect(Math.max(...Array.from(data, (v, j) => Math.abs(v - found[i].data[j]))), `${what} ${name}`).toBeLessThan(
          2e-4 * scale,
        )
      })
    const [p, q] = [await right.forward(2, x), await fast.forward(2, x)]
    p.forEach((v, i) => {
      expect(Math.abs(q[i] - v), type).toBeLessThan(2e-4 * Math.max(1, Math.abs(v)))
    })
  })

  test.each(titled)('%s %j gives the same bits as a script', async (_type, _config, inputShape, _output, layer) => {
    const net = modelOf(layer, inputShape, 3)
    net.use({ backend: wasm, threads: 1 })
    const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
    const parts = net.network.inputs.map(({ name, shape }) => ({ name, width: size(shape), x: numpyRandom(5).randn(2 * size(shape)) })) // biome-ignore format: a row
    const rows = [0, 1].flatMap(row => parts.flatMap(({ width, x }) => [...x.subarray(row * width, (row + 1) * width)]))
    const { predict } = await import(`data:text/javascript,${encodeURIComponent(toScript(net).code)}`)
    const samples = parts.length > 1 ? Object.fromEntries(parts.map(({ name, x }) => [name, x])) : parts[0].x
    expect(predict(samples)).toEqual(await net.forward(2, rows))
  })

  test.each(titled)('%s %j comes back from its settings', (type, config, inputShape, _outputShape, layer) => {
    const again = (layers as unknown as Record<string, LayerMaker<unknown[]>>)[type].fromConfig(config)
    expect(again.config).toEqual(config)
    expect(shapesOf(again, inputShape)).toEqual(shapesOf(layer, inputShape))
  })

  test('every layer has a row', () => {
    const tested = new Set(rows.map(([{ type }]) => type))
    expect(Object.keys(layers).filter(type => !tested.has(type))).toEqual([])
  })
})
