// Records what onnxruntime makes of operators newer than the generator of onnx_node_tests.py:
// node scripts/onnx_runtime_cases.mjs FOLDER_WITH_ONNXRUNTIME FIXTURE.json.gz
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import proto from 'onnx-proto'

const { onnx } = proto
const [folder, fixture] = process.argv.slice(2)
const { InferenceSession, Tensor } = createRequire(join(folder, 'package.json'))('onnxruntime-node')

const codes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float64: 11 }
const arrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float64: Float64Array,
}

let seed = 7
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}
const size = dims => dims.reduce((a, b) => a * b, 1)
/** Floats in [-2, 2), the same on every run. */
const f = (...dims) => ({
  type: 'float32',
  dims,
  data: Float32Array.from({ length: size(dims) }, () => random() * 4 - 2),
})
const positive = (...dims) => ({ ...f(...dims), data: f(...dims).data.map(x => Math.abs(x) + 0.1) })
const of = (type, values, dims = [values.length]) => ({
  type,
  dims,
  data: arrays[type].from(type === 'int64' ? values.map(BigInt) : values),
})
const ints = (...values) => of('int64', values)
const number = (type, value) => of(type, [value], [])

const attribute = ([name, value]) => {
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) }
  if (typeof value === 'number') return { name, type: 2, i: value }
  if (value.float !== undefined) return { name, type: 1, f: value.float }
  if (value.floats) return { name, type: 6, floats: value.floats }
  if (typeof value[0] === 'string') return { name, type: 8, strings: value.map(text => Buffer.from(text)) }
  return { name, type: 7, ints: value }
}

/** name, operator, opset, attributes, inputs, count of outputs */
const cases = []
const add = (name, op, opset, attributes, inputs, outputs = 1) =>
  cases.push({ name, op, opset, attributes, inputs, outputs })

for (const op of [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSumExp',
  'ReduceSumSquare',
]) {
  add('axes_input', op, 18, { keepdims: 0 }, [f(2, 3, 4), ints(0, -1)])
  add('no_axes', op, 18, {}, [f(2, 3, 4)])
  add('noop', op, 18, { noop_with_empty_axes: 1 }, [f(2, 3), ints()])
  add('axes_attribute', op, 11, { axes: [1] }, [f(2, 3, 4)])
}
for (const op of ['Softmax', 'LogSoftmax', 'Hardmax']) {
  add('flattened', op, 11, { axis: 1 }, [f(2, 3, 4)])
  add('default', op, 11, {}, [f(2, 3, 4)])
  add('last', op, 13, {}, [f(2, 3, 4)])
}
for (const approximate of ['none', 'tanh']) add(approximate, 'Gelu', 20, { approximate }, [f(3, 4)])
for (const op of ['Mish', 'HardSwish', 'Softplus', 'Softsign', 'Elu', 'Selu', 'Celu'])
  add('22', op, op === 'Celu' ? 12 : op === 'HardSwish' ? 14 : op === 'Mish' ? 18 : 22, {}, [f(3, 4)])
add('two', 'Split', 18, { num_outputs: 2 }, [f(5, 2)], 2)
add('axis', 'Split', 18, { num_outputs: 3, axis: 1 }, [f(2, 7)], 3)
add('sizes', 'Split', 18, { axis: 1 }, [f(2, 7), ints(2, 5)], 2)
add('attribute', 'Split', 11, { axis: 1, split: [3, 4] }, [f(2, 7)], 2)
for (const mode of ['constant', 'edge', 'reflect', 'wrap']) {
  add(mode, 'Pad', 19, { mode }, [f(3, 4), ints(2, 1, 1, 3)])
  add(`${mode}_axes`, 'Pad', 19, { mode }, [f(3, 4, 2), ints(2, 1), null, ints(-2)].slice(0, 4))
}
add('value', 'Pad', 18, {}, [f(3, 4), ints(1, 0, -1, 2), number('float32', 7)])
add('attributes', 'Pad', 10, { pads: [1, 0, 0, 2], value: { float: 3 } }, [f(3, 4)])
for (const reduction of ['none', 'add', 'mul', 'max', 'min']) {
  add(reduction, 'ScatterElements', 18, { axis: 1, reduction }, [f(2, 5), of('int64', [0, 3, 1, 4], [2, 2]), f(2, 2)])
  add(reduction, 'ScatterND', 18, { reduction }, [f(4, 3), of('int64', [0, 2], [2, 1]), f(2, 3)])
}
add('dilations', 'AveragePool', 19, { kernel_shape: [2, 2], dilations: [2, 2] }, [f(1, 2, 6, 6)])
add('ceil', 'AveragePool', 19, { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, pads: [1, 1, 1, 1] }, [
  f(1, 2, 6, 6),
])
add(
  'ceil_counted',
  'AveragePool',
  19,
  { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, pads: [1, 1, 1, 1], count_include_pad: 1 },
  [f(1, 2, 6, 6)],
)
add('counted_10', 'AveragePool', 10, { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }, [
  f(1, 2, 6, 6),
])
for (const auto_pad of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
  add(auto_pad, 'AveragePool', 11, { kernel_shape: [3, 2], strides: [2, 2], auto_pad }, [f(1, 2, 7, 6)])
  add(auto_pad, 'MaxPool', 12, { kernel_shape: [3, 2], strides: [2, 2], auto_pad }, [f(1, 2, 7, 6)], 2)
  add(auto_pad, 'Conv', 11, { kernel_shape: [3, 2], strides: [2, 2], auto_pad }, [f(1, 2, 7, 6), f(3, 2, 3, 2), f(3)])
  add(auto_pad, 'ConvTranspose', 11, { kernel_shape: [3, 2], strides: [2, 2], auto_pad }, [
    f(1, 2, 4, 5),
    f(2, 3, 3, 2),
    f(3),
  ])
}
add(
  'ceil',
  'MaxPool',
  12,
  { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, dilations: [1, 2], pads: [1, 1, 1, 1] },
  [f(2, 2, 7, 8)],
  2,
)
add('columns', 'MaxPool', 12, { kernel_shape: [2, 2], storage_order: 1 }, [f(2, 2, 3, 4)], 2)
add('p3', 'LpPool', 18, { kernel_shape: [2, 2], p: 3, strides: [1, 2], dilations: [2, 1] }, [f(1, 2, 5, 6)])
add('groups', 'Conv', 11, { group: 2, dilations: [2, 1], pads: [1, 0, 2, 1] }, [f(2, 4, 7, 6), f(6, 2, 3, 2), f(6)])
add('depthwise_1d', 'Conv', 11, { group: 3, strides: [2] }, [f(2, 3, 9), f(3, 1, 4)])
add('volume', 'Conv', 11, { pads: [1, 1, 1, 0, 0, 0] }, [f(1, 2, 4, 3, 5), f(2, 2, 2, 2, 2), f(2)])
add(
  'groups',
  'ConvTranspose',
  11,
  { group: 2, strides: [2, 3], dilations: [1, 2], pads: [1, 0, 0, 1], output_padding: [1, 0] },
  [f(2, 4, 3, 4), f(4, 3, 3, 2), f(6)],
)
add('shape', 'ConvTranspose', 11, { strides: [3, 3], output_shape: [10, 9] }, [f(1, 1, 3, 3), f(1, 2, 3, 3)])
add('21', 'GroupNormalization', 21, { num_groups: 2 }, [f(2, 4, 3), f(4), f(4)])
add('18', 'GroupNormalization', 18, { num_groups: 2 }, [f(2, 4, 3), f(2), f(2)])
add('outputs', 'LayerNormalization', 17, { axis: 1 }, [f(2, 3, 4), f(3, 4), f(3, 4)], 3)
add('no_bias', 'LayerNormalization', 17, {}, [f(2, 3, 4), f(4)])
add('23', 'RMSNormalization', 23, { axis: -1 }, [f(2, 3, 4), f(4)])
add('9', 'BatchNormalization', 9, {}, [f(2, 3, 4), f(3), f(3), f(3), positive(3)])
add('p1', 'LpNormalization', 22, { axis: 1, p: 1 }, [f(2, 3, 4)])
for (const coordinate_transformation_mode of [
  'half_pixel',
  'half_pixel_symmetric',
  'align_corners',
  'asymmetric',
  'pytorch_half_pixel',
])
  for (const mode of ['nearest', 'linear', 'cubic'])
    for (const sizes of [
      [1, 1, 5, 9],
      [1, 1, 3, 2],
    ])
      add(
        `${coordinate_transformation_mode}_${mode}_${sizes[2]}`,
        'Resize',
        19,
        { mode, coordinate_transformation_mode },
        [f(1, 1, 4, 5), null, null, ints(...sizes)],
      )
for (const mode of ['linear', 'cubic']) {
  add(`antialias_${mode}`, 'Resize', 19, { mode, antialias: 1 }, [f(1, 1, 8, 9), null, of('float32', [1, 1, 0.5, 0.6])])
  add(`antialias_outside_${mode}`, 'Resize', 19, { mode, antialias: 1, exclude_outside: 1 }, [
    f(1, 1, 8, 9),
    null,
    of('float32', [1, 1, 0.4, 1.3]),
  ])
}
for (const keep_aspect_ratio_policy of ['not_larger', 'not_smaller'])
  add(keep_aspect_ratio_policy, 'Resize', 19, { keep_aspect_ratio_policy, mode: 'linear', axes: [2, 3] }, [
    f(1, 1, 4, 6),
    null,
    null,
    ints(7, 8),
  ])
for (const nearest_mode of ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'])
  add(nearest_mode, 'Resize', 13, { nearest_mode }, [f(1, 1, 4, 5), null, of('float32', [1, 1, 2, 0.5])])
add('9', 'Upsample', 9, { mode: 'linear' }, [f(1, 1, 3, 4), of('float32', [1, 1, 2, 3])])
add('10', 'Resize', 10, { mode: 'linear' }, [f(1, 1, 3, 4), of('float32', [1, 1, 2, 3])])
add(
  'crop',
  'Resize',
  13,
  { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: { float: 9 } },
  [f(1, 1, 4, 4), of('float32', [0, 0, 0.2, -0.1, 1, 1, 0.9, 1.2]), null, ints(1, 1, 3, 5)],
)
for (const mode of ['linear', 'nearest', 'cubic'])
  for (const padding_mode of ['zeros', 'border', 'reflection'])
    for (const align_corners of [0, 1])
      add(`${mode}_${padding_mode}_${align_corners}`, 'GridSample', 20, { mode, padding_mode, align_corners }, [
        f(1, 2, 4, 5),
        f(1, 3, 3, 2),
      ])
add('volume', 'GridSample', 20, { mode: 'linear' }, [f(1, 1, 3, 4, 5), f(1, 2, 2, 2, 3)])
for (const align_corners of [0, 1])
  add(String(align_corners), 'AffineGrid', 20, { align_corners }, [f(2, 2, 3), ints(2, 1, 3, 4)])
add('volume', 'AffineGrid', 20, {}, [f(1, 3, 4), ints(1, 1, 2, 3, 4)])
add(
  'plain',
  'Col2Im',
  18,
  { strides: [2, 1], pads: [0, 1, 0, 1] },
  [f(1, 8, 12), ints(5, 4), ints(2, 2)].map((t, i) => (i === 0 ? f(1, 8, 10) : t)),
)
add('mixed', 'CenterCropPad', 18, { axes: [0, 1] }, [f(5, 4, 2), ints(3, 7)])
for (const op of ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'])
  add('int32', op, 18, {}, [of('int32', [1, -6, 7, 99]), of('int32', [3, 5, -9, 64])])
add('uint8', 'BitwiseNot', 18, {}, [of('uint8', [0, 1, 200])])
for (const direction of ['forward', 'reverse', 'bidirectional']) {
  const d = direction === 'bidirectional' ? 2 : 1
  const lengths = of('int32', [4, 2, 3])
  add(
    direction,
    'LSTM',
    14,
    { direction, hidden_size: 5 },
    [f(4, 3, 2), f(d, 20, 2), f(d, 20, 5), f(d, 40), lengths, f(d, 3, 5), f(d, 3, 5), f(d, 15)],
    3,
  )
  add(
    direction,
    'GRU',
    14,
    { direction, hidden_size: 5, linear_before_reset: 1 },
    [f(4, 3, 2), f(d, 15, 2), f(d, 15, 5), f(d, 30), lengths, f(d, 3, 5)],
    2,
  )
  add(
    `${direction}_early`,
    'GRU',
    14,
    { direction, hidden_size: 5 },
    [f(4, 3, 2), f(d, 15, 2), f(d, 15, 5), f(d, 30)],
    2,
  )
  add(
    direction,
    'RNN',
    14,
    { direction, hidden_size: 5 },
    [f(4, 3, 2), f(d, 5, 2), f(d, 5, 5), f(d, 10), lengths, f(d, 3, 5)],
    2,
  )
}
add(
  'clip',
  'LSTM',
  14,
  { hidden_size: 3, clip: { float: 0.5 }, input_forget: 1 },
  [f(3, 2, 2), f(1, 12, 2), f(1, 12, 3), f(1, 24)],
  3,
)
add(
  'affine',
  'RNN',
  14,
  {
    hidden_size: 3,
    activations: ['HardSigmoid'],
    activation_alpha: { floats: [0.3] },
    activation_beta: { floats: [0.4] },
  },
  [f(3, 2, 2), f(1, 3, 2), f(1, 3, 3)],
  2,
)
add('rows', 'QuantizeLinear', 13, { axis: 0 }, [f(3, 4), of('float32', [0.1, 0.02, 0.5]), of('int8', [0, 3, -5])])
add('blocks', 'QuantizeLinear', 21, { axis: 1, block_size: 2 }, [
  f(3, 4),
  positive(3, 2),
  of('uint8', [1, 2, 3, 4, 5, 6], [3, 2]),
])
add('blocks', 'DequantizeLinear', 21, { axis: 1, block_size: 2 }, [
  of('uint8', [1, 2, 3, 4, 5, 6, 7, 8], [2, 4]),
  positive(2, 2),
  of('uint8', [1, 2, 3, 4], [2, 2]),
])
add('columns', 'QLinearMatMul', 10, {}, [
  of('uint8', [1, 200, 3, 4, 5, 60], [2, 3]),
  number('float32', 0.02),
  number('uint8', 3),
  of('uint8', [9, 8, 7, 6, 5, 4, 30, 2, 1], [3, 3]),
  number('float32', 0.01),
  number('uint8', 7),
  number('float32', 0.03),
  number('uint8', 12),
])
for (const [equation, ...inputs] of [
  ['bij,bjk->bik', f(2, 3, 4), f(2, 4, 5)],
  ['bhqd,bhkd->bhqk', f(2, 2, 3, 4), f(2, 2, 5, 4)],
  ['i,j->ij', f(3), f(4)],
  ['...ij,jk->...ik', f(2, 3, 4), f(4, 5)],
  ['ij,jk', f(2, 3), f(3, 4)],
  ['ba', f(2, 3)],
  ['ii->i', f(3, 3)],
  ['ij,ij,ij->', f(2, 3), f(2, 3), f(2, 3)],
])
  add(equation.replace(/\W+/g, '_'), 'Einsum', 12, { equation }, inputs)
add('axis', 'Gather', 13, { axis: 1 }, [f(2, 5, 3), of('int64', [0, -1, 2, 3], [2, 2])])
add('batch', 'GatherND', 13, { batch_dims: 1 }, [f(2, 3, 4), of('int64', [1, 0], [2, 1])])
add('steps', 'Slice', 13, {}, [f(4, 6), ints(-1, 5), ints(-100, 0), ints(0, 1), ints(-2, -2)])
add('9', 'Slice', 9, { starts: [1, 0], ends: [1000, 3] }, [f(4, 6)])
add('smallest', 'TopK', 11, { axis: 0, largest: 0 }, [f(6, 3), ints(4)], 2)
add('9', 'TopK', 9, { k: 3 }, [f(2, 6)], 2)
add('sums', 'CumSum', 14, { reverse: 1, exclusive: 1 }, [f(3, 4), number('int64', 1)])
add('lower', 'Trilu', 14, { upper: 0 }, [f(2, 3, 4), number('int64', -1)])
add('crd', 'DepthToSpace', 13, { blocksize: 2, mode: 'CRD' }, [f(1, 8, 2, 3)])
add('two', 'Unsqueeze', 13, {}, [f(3, 4), ints(0, -1)])
add('attribute', 'Squeeze', 11, { axes: [0, -1] }, [f(1, 3, 1)])
add('rows', 'Expand', 13, {}, [f(3, 1), ints(2, 1, 4)])
add('mixed', 'Tile', 13, {}, [f(2, 3), ints(2, 3)])
add('all', 'Unique', 11, {}, [of('float32', [3, 1, 2, 1, 3, 7])], 4)
add('weights', 'SoftmaxCrossEntropyLoss', 13, { ignore_index: 2 }, [f(3, 4), ints(1, 2, 3), positive(4)], 2)
add('sum', 'NegativeLogLikelihoodLoss', 13, { reduction: 'sum' }, [f(3, 4), ints(1, 2, 3)])
for (const [op, a, b] of [
  ['Div', [7, -7, 9], [2, 2, -4]],
  ['Mod', [7, -7, 9], [3, 3, -4]],
  ['Mul', [70000, -7, 2 ** 30], [70000, 3, 5]],
  ['Pow', [2, -3, 4], [3, 3, 2]],
])
  add('int32', op, 13, {}, [of('int32', a), of('int32', b)])
add('float_to_int', 'Cast', 13, { to: 6 }, [of('float32', [1.9, -1.9, 0.5, 100])])
add('float_to_bool', 'Cast', 13, { to: 9 }, [of('float32', [1.9, 0, -0.5])])
add('double', 'Erf', 13, {}, [f(3, 4)])
add('heads', 'Attention', 23, { q_num_heads: 2, kv_num_heads: 2 }, [f(2, 3, 8), f(2, 4, 8), f(2, 4, 8)])
add('causal', 'Attention', 23, { is_causal: 1 }, [f(1, 2, 4, 3), f(1, 2, 4, 3), f(1, 2, 4, 3)])
add('mask', 'Attention', 23, { scale: { float: 0.3 } }, [f(1, 4, 3, 2), f(1, 2, 5, 2), f(1, 2, 5, 2), f(3, 5)])
add(
  'past',
  'Attention',
  23,
  {},
  [f(1, 2, 2, 3), f(1, 2, 2, 3), f(1, 2, 2, 3), f(2, 5), f(1, 2, 3, 3), f(1, 2, 3, 3)],
  3,
)
for (const interleaved of [0, 1])
  add(String(interleaved), 'RotaryEmbedding', 23, { interleaved }, [
    f(1, 2, 3, 4),
    f(5, 2),
    f(5, 2),
    of('int64', [0, 2, 4], [1, 3]),
  ])
add('image', 'DeformConv', 19, { kernel_shape: [2, 2], pads: [1, 0, 0, 1] }, [
  f(1, 2, 4, 4),
  f(3, 2, 2, 2),
  f(1, 8, 4, 4),
  f(3),
])

const mask = of('bool', [1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1], [3, 5])
add('masked', 'DeformConv', 19, { offset_group: 2, group: 2, strides: [2, 1], dilations: [1, 2] }, [
  f(2, 4, 5, 5),
  f(4, 2, 2, 2),
  f(2, 16, 2, 3),
  f(4),
  f(2, 8, 2, 3),
])
add(
  'shared_heads',
  'Attention',
  24,
  { q_num_heads: 4, kv_num_heads: 2, is_causal: 1 },
  [f(2, 3, 8), f(2, 3, 4), f(2, 3, 6)],
  3,
)
add('bool_mask', 'Attention', 24, {}, [f(1, 2, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4), mask])
add('softcap', 'Attention', 24, { softcap: { float: 0.5 } }, [f(1, 2, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4), mask])
add(
  'causal_past',
  'Attention',
  24,
  { is_causal: 1 },
  [f(1, 2, 2, 3), f(1, 2, 2, 3), f(1, 2, 2, 3), null, f(1, 2, 3, 3), f(1, 2, 3, 3)],
  3,
)
for (const qk_matmul_output_mode of [0, 1, 2, 3])
  add(
    `scores_${qk_matmul_output_mode}`,
    'Attention',
    24,
    { qk_matmul_output_mode, softcap: { float: 1 } },
    [f(1, 2, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4), f(3, 5)],
    4,
  )
add('valid', 'Attention', 24, {}, [f(2, 2, 3, 4), f(2, 2, 5, 4), f(2, 2, 5, 4), null, null, null, ints(3, 5)])
add('flat', 'RotaryEmbedding', 23, { num_heads: 2, rotary_embedding_dim: 4 }, [f(2, 3, 12), f(2, 3, 2), f(2, 3, 2)])
add('linear', 'TensorScatter', 24, {}, [f(2, 1, 5, 3), f(2, 1, 2, 3), ints(1, 3)])
add('circular', 'TensorScatter', 24, { mode: 'circular' }, [f(2, 1, 5, 3), f(2, 1, 2, 3), ints(4, 3)])
add('24', 'Swish', 24, { alpha: { float: 1.5 } }, [f(3, 4)])
add('26', 'CumProd', 26, { exclusive: 1 }, [f(3, 4), number('int64', 1)])
add('min', 'ReduceLogSum', 18, {}, [positive(2, 3)])
add('bool', 'ReduceMax', 20, { keepdims: 0 }, [of('bool', [0, 1, 0, 0], [2, 2]), ints(1)])
add('int64', 'ReduceMean', 18, { keepdims: 0 }, [of('int64', [1, 2, 4, 9], [2, 2]), ints(1)])
add('zero', 'LpNormalization', 22, {}, [of('float32', [0, 0, 3, 4], [2, 2])])
add('cube', 'DepthToSpace', 13, { blocksize: 2 }, [f(2, 8, 2, 3)])
add('corner', 'Slice', 13, {}, [f(3, 4), of('int32', [-2]), of('int32', [2147483647]), of('int32', [-1])])
for (const [mode, fmod] of [
  ['int32', 0],
  ['float32', 1],
])
  add(mode, 'Mod', 13, { fmod }, [of(mode, [-7, 7, 5]), of(mode, [3, -3, 5])])

const tensor = ({ type, dims, data }, name) => ({
  name,
  dataType: codes[type],
  dims,
  rawData: new Uint8Array(data.buffer),
})
const b64 = bytes => Buffer.from(bytes).toString('base64')
const recorded = {}
for (const { name, op, opset, attributes, inputs, outputs } of cases) {
  const names = inputs.map((t, i) => (t ? `x${i}` : ''))
  const given = inputs.flatMap((t, i) => (t ? [[names[i], t]] : []))
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`)
  const node = { opType: op, input: names, output: results, attribute: Object.entries(attributes).map(attribute) }
  const shape = dims => ({ dim: dims.map(dimValue => ({ dimValue })) })
  const graph = {
    name: 'case',
    node: [node],
    input: given.map(([id, t]) => ({
      name: id,
      type: { tensorType: { elemType: codes[t.type], shape: shape(t.dims) } },
    })),
    output: results.map(id => ({ name: id })),
  }
  const model = onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: '', version: opset }], graph }).finish()
  try {
    const session = await InferenceSession.create(Buffer.from(model), { logSeverityLevel: 4 })
    const feeds = Object.fromEntries(given.map(([id, t]) => [id, new Tensor(t.type, t.data, t.dims)]))
    const got = await session.run(feeds)
    const parts = { model: b64(model) }
    given.forEach(([id, t], i) => {
      parts[`input_${i}`] = b64(onnx.TensorProto.encode(tensor(t, id)).finish())
    })
    results.forEach((id, i) => {
      const data = got[id].data.slice()
      parts[`output_${i}`] = b64(
        onnx.TensorProto.encode(tensor({ type: got[id].type, dims: got[id].dims, data }, id)).finish(),
      )
    })
    recorded[`${op}_${name}_${opset}`] = parts
  } catch (error) {
    console.log(`${op}_${name}: ${error.message.split('\n')[0].slice(0, 160)}`)
  }
}
writeFileSync(fixture, gzipSync(JSON.stringify(recorded), { level: 9 }))
console.log(`${Object.keys(recorded).length} of ${cases.length} cases`)
