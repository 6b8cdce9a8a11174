/** A layer in Keras and here. */
export interface Row {
  /** Keras's class. */
  readonly class: string
  /** Our type. */
  readonly type: string
  /** Keras's arguments and ours. */
  readonly args: ReadonlyMap<string, string>
  /** What Keras is told beside. */
  readonly fixed: Readonly<Record<string, unknown>>
  /** Our arrays in Keras's order, by the part of the layer that has them there. */
  readonly weights: readonly { readonly part: string; readonly keys: readonly string[] }[]
}

export const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Keras's way from a class to the name of a group: LeakyReLU becomes leaky_re_lu. */
export const snake = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()

const variables: Readonly<Record<string, string>> = {
  W: 'kernel',
  U: 'recurrent_kernel',
  b: 'bias',
  D: 'depthwise_kernel',
}

/** What Keras calls an array of a layer: W of Dense is its kernel. */
export function variableName(type: string, key: string): string {
  const [, way = '', own] = /^(forward_|backward_)?(.*)$/.exec(key) as unknown as [string, string | undefined, string]
  if (own === 'W' && type === 'Embedding') return `${way}embeddings`
  return way + (own === 'W' && /^Separable/.test(type) ? 'pointwise_kernel' : (variables[own] ?? snake(own)))
}

const row = (name: string, type: string, args = '', weights = '', fixed: Row['fixed'] = {}): Row => ({
  class: name,
  type,
  fixed,
  args: new Map(
    `${args} activity_regularizer`
      .split(' ')
      .filter(Boolean)
      .map(arg => arg.split('>'))
      .map(([theirs, ours = camel(theirs)]) => [theirs, ours]),
  ),
  weights: weights
    .split('; ')
    .filter(Boolean)
    .map(text => text.split(': ').reverse())
    .map(([keys, part = '']) => ({ part, keys: keys.split(' ') })),
})

/** What may be told of the arrays that Keras calls so. */
const told = (...names: string[]) => names.map(name => `${name}_regularizer ${name}_constraint`).join(' ')
const starts = 'kernel_initializer bias_initializer'
const filters = `filters kernel_size strides padding dilation_rate>dilation activation use_bias ${starts} ${told('kernel', 'bias')}`
const recurrent = `units activation use_bias return_sequences go_backwards dropout recurrent_dropout kernel_initializer recurrent_initializer bias_initializer ${told('kernel', 'recurrent', 'bias')}`
const convLstm = `filters kernel_size strides padding dilation_rate>dilation ${recurrent.slice('units '.length)} recurrent_activation unit_forget_bias`
const depthwise = `kernel_size strides padding depth_multiplier dilation_rate>dilation activation use_bias depthwise_initializer bias_initializer ${told('depthwise', 'bias')}`
const separable = `filters ${depthwise} pointwise_initializer ${told('pointwise')}`
const normalized = `epsilon center scale ${told('gamma', 'beta')}`
const warped = 'fill_mode interpolation'
const pool = 'pool_size strides padding'

/** Every layer with a counterpart in Keras: its class, our type, the arguments (`theirs>ours` where they differ), the arrays. */
export const rows: readonly Row[] = [
  row('Dense', 'dense', `units activation use_bias ${starts} ${told('kernel', 'bias')}`, 'W b'),
  row('Conv1D', 'conv1d', `${filters} groups`, 'W b'),
  row('Conv2D', 'conv2d', `${filters} groups`, 'W b'),
  row('Conv3D', 'conv3d', `${filters} groups`, 'W b'),
  row('Conv1DTranspose', 'conv1dTranspose', `${filters} output_padding`, 'W b'),
  row('Conv2DTranspose', 'conv2dTranspose', `${filters} output_padding`, 'W b'),
  row('Conv3DTranspose', 'conv3dTranspose', `${filters} output_padding`, 'W b'),
  row('DepthwiseConv1D', 'depthwiseConv1d', depthwise, 'D b'),
  row('DepthwiseConv2D', 'depthwiseConv2d', depthwise, 'D b'),
  row('SeparableConv1D', 'separableConv1d', separable, 'D W b'),
  row('SeparableConv2D', 'separableConv2d', separable, 'D W b'),
  row('Embedding', 'embedding', `input_dim output_dim mask_zero embeddings_initializer ${told('embeddings')}`, 'W'),
  row('SimpleRNN', 'simpleRnn', recurrent, 'cell: W U b'),
  row('LSTM', 'lstm', `${recurrent} recurrent_activation unit_forget_bias`, 'cell: W U b'),
  row('GRU', 'gru', `${recurrent} recurrent_activation reset_after`, 'cell: W U b'),
  row('ConvLSTM1D', 'convLstm1d', convLstm, 'cell: W U b'),
  row('ConvLSTM2D', 'convLstm2d', convLstm, 'cell: W U b'),
  row('ConvLSTM3D', 'convLstm3d', convLstm, 'cell: W U b'),
  row(
    'EinsumDense',
    'einsumDense',
    `equation output_shape activation bias_axes ${starts} ${told('kernel', 'bias')}`,
    'W b',
  ),
  row('Masking', 'masking', 'mask_value'),
  row('Identity', 'identity'),
  row('CenterCrop', 'centerCrop', 'height width'),
  row('Resizing', 'resizing', 'height width interpolation'),
  row('RandomFlip', 'randomFlip', 'mode'),
  row('RandomContrast', 'randomContrast', 'factor value_range'),
  row('RandomBrightness', 'randomBrightness', 'factor value_range'),
  row('Bidirectional', 'bidirectional', 'layer merge_mode'),
  row('TimeDistributed', 'timeDistributed', 'layer'),
  row('BatchNormalization', 'batchNormalization', `momentum ${normalized}`, 'gamma beta movingMean movingVariance'),
  row('LayerNormalization', 'layerNormalization', `axis ${normalized}`, 'gamma beta'),
  row('GroupNormalization', 'groupNormalization', `groups ${normalized}`, 'gamma beta'),
  row('GroupNormalization', 'instanceNormalization', normalized, 'gamma beta', { groups: -1 }),
  row('RMSNormalization', 'rmsNormalization', 'axis epsilon', 'gamma'),
  row('UnitNormalization', 'unitNormalization', 'axis'),
  row('Normalization', 'normalization', 'mean variance invert', 'mean variance', { axis: -1 }),
  row('Rescaling', 'rescaling', 'scale offset'),
  row('Activation', 'activation', 'activation'),
  row('ReLU', 'relu', 'max_value negative_slope threshold'),
  row('ELU', 'elu', 'alpha'),
  row('Softmax', 'softmax', 'axis'),
  row('LeakyReLU', 'leakyRelu', 'negative_slope>slope'),
  row('PReLU', 'prelu', `shared_axes alpha_initializer ${told('alpha')}`, 'alpha'),
  row('ActivityRegularization', 'activityRegularization', 'l1 l2'),
  row('Dropout', 'dropout', 'rate'),
  row('AlphaDropout', 'alphaDropout', 'rate'),
  row('GaussianDropout', 'gaussianDropout', 'rate'),
  row('GaussianNoise', 'gaussianNoise', 'stddev'),
  row('SpatialDropout1D', 'spatialDropout1d', 'rate'),
  row('SpatialDropout2D', 'spatialDropout2d', 'rate'),
  row('SpatialDropout3D', 'spatialDropout3d', 'rate'),
  row('RandomTranslation', 'randomTranslation', `height_factor width_factor ${warped}`),
  row('RandomRotation', 'randomRotation', `factor ${warped}`),
  row('RandomZoom', 'randomZoom', `height_factor width_factor ${warped}`),
  row('RandomErasing', 'randomErasing', 'factor scale fill_value'),
  row('Flatten', 'flatten'),
  row('Reshape', 'reshape', 'target_shape>shape'),
  row('Permute', 'permute', 'dims'),
  row('RepeatVector', 'repeatVector', 'n'),
  row('MaxPooling1D', 'maxPooling1d', pool),
  row('MaxPooling2D', 'maxPooling2d', pool),
  row('MaxPooling3D', 'maxPooling3d', pool),
  row('AveragePooling1D', 'averagePooling1d', pool),
  row('AveragePooling2D', 'averagePooling2d', pool),
  row('AveragePooling3D', 'averagePooling3d', pool),
  row('AdaptiveMaxPooling1D', 'adaptiveMaxPooling1d', 'output_size'),
  row('AdaptiveMaxPooling2D', 'adaptiveMaxPooling2d', 'output_size'),
  row('AdaptiveMaxPooling3D', 'adaptiveMaxPooling3d', 'output_size'),
  row('AdaptiveAveragePooling1D', 'adaptiveAveragePooling1d', 'output_size'),
  row('AdaptiveAveragePooling2D', 'adaptiveAveragePooling2d', 'output_size'),
  row('AdaptiveAveragePooling3D', 'adaptiveAveragePooling3d', 'output_size'),
  row('GlobalMaxPooling1D', 'globalMaxPooling1d', 'keepdims'),
  row('GlobalMaxPooling2D', 'globalMaxPooling2d', 'keepdims'),
  row('GlobalMaxPooling3D', 'globalMaxPooling3d', 'keepdims'),
  row('GlobalAveragePooling1D', 'globalAveragePooling1d', 'keepdims'),
  row('GlobalAveragePooling2D', 'globalAveragePooling2d', 'keepdims'),
  row('GlobalAveragePooling3D', 'globalAveragePooling3d', 'keepdims'),
  row('UpSampling1D', 'upSampling1d', 'size'),
  row('UpSampling2D', 'upSampling2d', 'size interpolation'),
  row('UpSampling3D', 'upSampling3d', 'size'),
  row('ZeroPadding1D', 'zeroPadding1d', 'padding'),
  row('ZeroPadding2D', 'zeroPadding2d', 'padding'),
  row('ZeroPadding3D', 'zeroPadding3d', 'padding'),
  row('Cropping1D', 'cropping1d', 'cropping'),
  row('Cropping2D', 'cropping2d', 'cropping'),
  row('Cropping3D', 'cropping3d', 'cropping'),
  row('Add', 'add'),
  row('Subtract', 'subtract'),
  row('Multiply', 'multiply'),
  row('Average', 'average'),
  row('Maximum', 'maximum'),
  row('Minimum', 'minimum'),
  row('Concatenate', 'concatenate', 'axis'),
  row('Dot', 'dot', 'axes normalize'),
  row('Attention', 'attention', 'use_scale score_mode dropout', 'scale concatWeight'),
  row('AdditiveAttention', 'additiveAttention', 'use_scale dropout', 'scale'),
  row(
    'MultiHeadAttention',
    'multiHeadAttention',
    `num_heads key_dim value_dim dropout use_bias output_shape ${starts}`,
    'query_dense: Wq bq; key_dense: Wk bk; value_dense: Wv bv; output_dense: Wo bo',
  ),
]

export const byClass: ReadonlyMap<string, Row> = new Map([...rows].reverse().map(found => [found.class, found]))
export const byType: ReadonlyMap<string, Row> = new Map(rows.map(found => [found.type, found]))

/** Arguments that only name or place a layer, or say how fast it is to run. */
export const meaningless = new Set(
  `name trainable dtype seed implementation unroll batch_input_shape batch_shape input_shape input_dtype input_length
   sparse ragged optional build_config synchronized autocast adjustment flash_attention use_cudnn count_include_pad
   renorm_momentum renorm_clipping supports_masking zero_output_for_mask shared_object_id query_shape value_shape key_shape backward_layer value_range lora_alpha zero_infinity`.split(
    /\s+/,
  ),
)

/** Arguments that matter to training alone: without them the model predicts the same. */
export const trainingOnly = /_(regularizer|constraint)$/

/** Arguments that ours does not have: what they must say for the layer to be the same. */
export const expected: Readonly<Record<string, readonly unknown[]>> = {
  data_format: ['channels_last', 'default', null],
  noise_shape: [null],
  return_state: [false],
  return_attention_scores: [false],
  stateful: [false],
  time_major: [false],
  attention_axes: [null, '[1]'],
  axis: [-1],
  center: [true],
  scale: [true],
  renorm: [false],
  virtual_batch_size: [null],
  rms_scaling: [false],
  output_padding: [null],
  fill_value: [0],
  fill_mode: ['constant'],
  crop_to_aspect_ratio: [false],
  pad_to_aspect_ratio: [false],
  antialias: [false],
  sliding_window: [null],
  use_gate: [false],
  fused: [true, null],
  lora_rank: [null],
  quantization_config: [null],
}
