import type { Json } from '../../nn/json.ts'
import { type Config, isConfig } from './values.ts'

/** Classes that were called otherwise. */
const classes: Readonly<Record<string, string>> = {
  Convolution1D: 'Conv1D',
  Convolution2D: 'Conv2D',
  Convolution3D: 'Conv3D',
  Convolution2DTranspose: 'Conv2DTranspose',
  Deconvolution2D: 'Conv2DTranspose',
  SeparableConvolution1D: 'SeparableConv1D',
  SeparableConvolution2D: 'SeparableConv2D',
  AtrousConvolution2D: 'Conv2D',
  MaxPool1D: 'MaxPooling1D',
  MaxPool2D: 'MaxPooling2D',
  MaxPool3D: 'MaxPooling3D',
  AvgPool1D: 'AveragePooling1D',
  AvgPool2D: 'AveragePooling2D',
  AvgPool3D: 'AveragePooling3D',
  GlobalMaxPool1D: 'GlobalMaxPooling1D',
  GlobalMaxPool2D: 'GlobalMaxPooling2D',
  GlobalAvgPool1D: 'GlobalAveragePooling1D',
  GlobalAvgPool2D: 'GlobalAveragePooling2D',
  GlobalMaxPool3D: 'GlobalMaxPooling3D',
  GlobalAvgPool3D: 'GlobalAveragePooling3D',
  Convolution1DTranspose: 'Conv1DTranspose',
  Convolution3DTranspose: 'Conv3DTranspose',
  ThresholdedReLU: 'ReLU',
  BatchNormalizationV1: 'BatchNormalization',
  BatchNormalizationV2: 'BatchNormalization',
  LSTMV2: 'LSTM',
  GRUV2: 'GRU',
}

/** Arguments of Keras 1 and 2, as Keras 3 calls them. */
const renamed: Readonly<Record<string, string>> = {
  nb_filter: 'filters',
  filter_length: 'kernel_size',
  border_mode: 'padding',
  subsample: 'strides',
  subsample_length: 'strides',
  stride: 'strides',
  pool_length: 'pool_size',
  atrous_rate: 'dilation_rate',
  output_dim: 'units',
  bias: 'use_bias',
  init: 'kernel_initializer',
  inner_init: 'recurrent_initializer',
  inner_activation: 'recurrent_activation',
  forget_bias_init: 'unit_forget_bias',
  theta: 'threshold',
  dilation_factor: 'dilation_rate',
  beta_init: 'beta_initializer',
  gamma_init: 'gamma_initializer',
  W_regularizer: 'kernel_regularizer',
  b_regularizer: 'bias_regularizer',
  U_regularizer: 'recurrent_regularizer',
  W_constraint: 'kernel_constraint',
  b_constraint: 'bias_constraint',
  dropout_W: 'dropout',
  dropout_U: 'recurrent_dropout',
  p: 'rate',
  sigma: 'stddev',
}

/** What the layer Merge of Keras 1 did, by its mode. */
const merges: Readonly<Record<string, string>> = {
  sum: 'Add',
  mul: 'Multiply',
  ave: 'Average',
  max: 'Maximum',
  concat: 'Concatenate',
}

/** A layer of any Keras in the words of Keras 3. */
export function modern(name: string, config: Config): [type: string, config: Config] {
  if (name === 'Merge' && typeof config.mode === 'string' && Object.hasOwn(merges, config.mode)) {
    const { name: own, concat_axis: axis, mode } = config
    return [merges[mode], mode === 'concat' ? { name: own, axis } : { name: own }]
  }
  if (name === 'TimeDistributedDense')
    return modern('TimeDistributed', { ...config, layer: { class_name: 'Dense', config } })
  const type = Object.hasOwn(classes, name) ? classes[name] : name
  const out = new Map<string, Json>()
  for (const [key, value] of Object.entries(config)) {
    const to = Object.hasOwn(renamed, key) && !(type === 'Embedding' && key === 'output_dim') ? renamed[key] : key
    if (!(to in config) || to === key) out.set(to, value)
  }
  const take = (key: string) => {
    const value = out.get(key)
    out.delete(key)
    return value
  }
  if (out.has('nb_row')) out.set('kernel_size', [take('nb_row') ?? 1, take('nb_col') ?? 1])
  if (out.has('dim_ordering'))
    out.set('data_format', take('dim_ordering') === 'th' ? 'channels_first' : 'channels_last')
  if (type === 'LeakyReLU' && out.has('alpha')) out.set('negative_slope', take('alpha') ?? 0.3)
  if (type === 'LeakyReLU' && isConfig(out.get('negative_slope') as Json))
    out.set('negative_slope', (out.get('negative_slope') as Config).value ?? 0.3) // Keras 2.2 wrote an array here
  if (typeof out.get('unit_forget_bias') === 'string') out.set('unit_forget_bias', take('unit_forget_bias') === 'one')
  if (type === 'RandomErasing' && Array.isArray(out.get('factor'))) {
    const [low, high] = take('factor') as number[] // Keras draws how often it touches an image, too
    out.set('factor', (low + high) / 2)
  }
  if (type === 'UpSampling1D' && out.has('length')) out.set('size', take('length') ?? 2)
  if (type === 'GRU' && !out.has('reset_after')) out.set('reset_after', false) // before Keras 2.1 there was no other
  if (type === 'Dropout' && out.get('noise_shape') === undefined) out.set('noise_shape', null)
  if (type === 'BatchNormalization' && (out.get('mode') ?? 0) === 0) out.delete('mode')
  // Keras 1 said how an input looks by the length of its last axis, which means something else to an embedding.
  const [last, steps] = [type === 'Embedding' ? undefined : take('input_dim'), out.get('input_length')]
  const sample = type === 'Embedding' ? [steps] : /RNN|LSTM|GRU|Conv1D/.test(type) ? [steps ?? null, last] : [last]
  if (typeof sample[sample.length - 1] === 'number' && !out.has('batch_input_shape') && !out.has('batch_shape'))
    out.set('batch_input_shape', [null, ...(sample as Json[])])
  for (const key of ['consume_less', 'return_runtime']) out.delete(key)
  return [type, Object.fromEntries(out)]
}
