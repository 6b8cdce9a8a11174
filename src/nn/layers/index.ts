export { activation } from './activation.ts'
export { batchNormalization } from './batchNormalization.ts'
export { conv1d, conv2d, conv3d } from './convolution.ts'
export { conv1dTranspose, conv2dTranspose, conv3dTranspose } from './convolutionTranspose.ts'
export { dense } from './dense.ts'
export { depthwiseConv1d, depthwiseConv2d, separableConv1d, separableConv2d } from './depthwiseConvolution.ts'
export { dropout } from './dropout.ts'
export { elu, relu, softmax } from './elementwise.ts'
export { flatten } from './flatten.ts'
export {
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalAveragePooling3d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  globalMaxPooling3d,
} from './globalPooling.ts'
export { input } from './input.ts'
export { leakyRelu } from './leakyRelu.ts'
export { maxout } from './maxout.ts'
export {
  averagePooling1d,
  averagePooling2d,
  averagePooling3d,
  maxPooling1d,
  maxPooling2d,
  maxPooling3d,
} from './pooling.ts'
export { gumbelSoftmax, rrelu } from './randomActivations.ts'
export { aconC, prelu, srelu, swish } from './trainedActivations.ts'
