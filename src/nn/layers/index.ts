export { activation } from './activation.ts'
export { activityRegularization } from './activityRegularization.ts'
export {
  adaptiveAveragePooling1d,
  adaptiveAveragePooling2d,
  adaptiveAveragePooling3d,
  adaptiveMaxPooling1d,
  adaptiveMaxPooling2d,
  adaptiveMaxPooling3d,
} from './adaptivePooling.ts'
export { affine } from './affine.ts'
export { additiveAttention, attention } from './attention.ts'
export { randomErasing, randomRotation, randomTranslation, randomZoom } from './augmentation.ts'
export { batchNormalization } from './batchNormalization.ts'
export { bidirectional } from './bidirectional.ts'
export { bilinear } from './bilinear.ts'
export { cropping1d, cropping2d, cropping3d, zeroPadding1d, zeroPadding2d, zeroPadding3d } from './borders.ts'
export { concatenate } from './concatenate.ts'
export { convLstm1d, convLstm2d, convLstm3d } from './convLstm.ts'
export { conv1d, conv2d, conv3d } from './convolution.ts'
export { conv1dTranspose, conv2dTranspose, conv3dTranspose } from './convolutionTranspose.ts'
export { dense } from './dense.ts'
export { depthwiseConv1d, depthwiseConv2d, separableConv1d, separableConv2d } from './depthwiseConvolution.ts'
export { dot } from './dot.ts'
export { dropout } from './dropout.ts'
export { einsumDense } from './einsumDense.ts'
export { elu, relu, softmax } from './elementwise.ts'
export { embedding } from './embedding.ts'
export { categoryEncoding, discretization } from './encoding.ts'
export { flatten } from './flatten.ts'
export {
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalAveragePooling3d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  globalMaxPooling3d,
} from './globalPooling.ts'
export { groupQueryAttention } from './groupQueryAttention.ts'
export { gru } from './gru.ts'
export { identity } from './identity.ts'
export { input } from './input.ts'
export { leakyRelu } from './leakyRelu.ts'
export { localResponseNormalization } from './localResponseNormalization.ts'
export { lstm } from './lstm.ts'
export { masking } from './masking.ts'
export { matmul } from './matmul.ts'
export { maxout } from './maxout.ts'
export { add, average, maximum, minimum, multiply, subtract } from './merging.ts'
export { multiHeadAttention } from './multiHeadAttention.ts'
export {
  alphaDropout,
  gaussianDropout,
  gaussianNoise,
  spatialDropout1d,
  spatialDropout2d,
  spatialDropout3d,
} from './noise.ts'
export {
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  rmsNormalization,
  unitNormalization,
} from './normalizations.ts'
export { pixelShuffle } from './pixelShuffle.ts'
export {
  averagePooling1d,
  averagePooling2d,
  averagePooling3d,
  maxPooling1d,
  maxPooling2d,
  maxPooling3d,
} from './pooling.ts'
export { gumbelSoftmax, rrelu } from './randomActivations.ts'
export { randomBrightness, randomContrast, randomFlip } from './randomColors.ts'
export { permute, repeatVector, reshape } from './reshaping.ts'
export { centerCrop, resizing } from './resizing.ts'
export { normalization, rescaling } from './scaling.ts'
export { simpleRnn } from './simpleRnn.ts'
export { spectralNormalization } from './spectralNormalization.ts'
export { timeDistributed } from './timeDistributed.ts'
export { aconC, prelu, srelu, swish } from './trainedActivations.ts'
export { transformerEncoder } from './transformerEncoder.ts'
export { upSampling1d, upSampling2d, upSampling3d } from './upSampling.ts'
export { weightNormalization } from './weightNormalization.ts'
