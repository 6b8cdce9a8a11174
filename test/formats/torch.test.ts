import { readFileSync } from 'node:fs'
import { type Layer, layers, model, type Output, sequential } from 'nabla'
import { fromTorch, readSafetensors, type TorchModules, torchNames, toTorch, writeSafetensors } from 'nabla/safetensors'
import { describe, expect, test } from 'vitest'

const {
  activation,
  batchNormalization,
  bidirectional,
  concatenate,
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  conv3d,
  conv3dTranspose,
  dense,
  depthwiseConv2d,
  embedding,
  flatten,
  groupNormalization,
  gru,
  input,
  instanceNormalization,
  layerNormalization,
  lstm,
  maxPooling2d,
  multiHeadAttention,
  prelu,
  separableConv2d,
  simpleRnn,
  srelu,
  transformerEncoder,
  zeroPadding2d,
} = layers
const fixtures = JSON.parse(readFileSync('test/fixtures/torch/state.json', 'utf8')) as Record<
  string,
  { file: string; x: number[][]; y: number[][] }
>
const sequence = (cell: Layer) => [input([5, 3]), cell, flatten(), dense(2, { name: 'head' })]
const all = { name: 'rnn', returnSequences: true }
const attended = (options: object) => [input([5, 6]), multiHeadAttention(2, 3, { name: 'attend', ...options }), flatten(), dense(2, { name: 'head' })] // biome-ignore format: a list
const encoded = (heads: number, options: object) => [input([5, 6]), transformerEncoder(8, heads, { name: 'block', ...options }), flatten(), dense(2, { name: 'head' })] // biome-ignore format: a list

const models: Record<string, [layers: () => Layer[], modules?: TorchModules]> = {
  image: [
    () => [
      input([8, 10, 2]),
      conv2d(4, 3, { padding: 'same', activation: 'relu', name: 'first' }),
      batchNormalization(),
      maxPooling2d(),
      conv2d(4, 3, { groups: 2, name: 'second' }),
      prelu({ sharedAxes: [1, 2] }),
      flatten(),
      dense(6, { name: 'hidden' }),
      batchNormalization(),
      dense(3, { activation: 'softmax', name: 'out' }),
    ],
    {
      first: '0',
      batch_normalization: '2',
      second: '4',
      p_re_lu: '5',
      prelu: '5',
      hidden: '7',
      batch_normalization_1: '8',
      out: '9',
    },
  ],
  depthwise: [
    () => [
      input([4, 4, 3]),
      depthwiseConv2d(3, { depthMultiplier: 2, name: 'a' }),
      groupNormalization({ groups: 2, name: 'b' }),
      conv2dTranspose(2, 3, { strides: 2, name: 'c' }),
      flatten(),
      batchNormalization({ name: 'd' }),
      dense(4, { name: 'e' }),
      activation('tanh'),
    ],
    { a: '0', b: '1', c: '2', d: '4', e: '5' },
  ],
  lstm: [() => sequence(lstm(4, all))],
  gru: [() => sequence(gru(4, all))],
  simpleRnn: [() => sequence(simpleRnn(4, all))],
  bidirectional: [() => sequence(bidirectional(gru(4, { returnSequences: true }), { name: 'rnn' }))],
  stacked: [
    () => [input([5, 3]), lstm(4, { ...all, name: 'one' }), lstm(4, { ...all, name: 'two' }), flatten(), dense(2, { name: 'head' })], // biome-ignore format: a list
    { one: 'rnn', two: 'rnn' },
  ],
  reluRnn: [() => sequence(simpleRnn(4, { ...all, activation: 'relu' }))],
  bidirectionalLstm: [() => sequence(bidirectional(lstm(4, { returnSequences: true }), { name: 'rnn' }))],
  attention: [() => attended({})],
  attentionWithoutBias: [() => attended({ useBias: false })],
  encoder: [() => encoded(2, {}), { block: '0', head: '2' }],
  encoderNormFirst: [() => encoded(3, { normalizeFirst: true }), { block: '0', head: '2' }],
  line: [
    () => [
      input([8, 2]),
      conv1d(4, 3, { groups: 2, name: 'a' }),
      instanceNormalization({ name: 'b' }),
      conv1dTranspose(3, 2, { strides: 2, name: 'c' }),
      batchNormalization({ name: 'd' }),
      flatten(),
      dense(2, { name: 'e' }),
    ],
    { a: '0', b: '1', c: '2', d: '3', e: '5' },
  ],
  volume: [
    () => [
      input([3, 4, 5, 2]),
      conv3d(4, 2, { name: 'a' }),
      groupNormalization({ groups: 2, name: 'b' }),
      activation('relu'),
      conv3dTranspose(2, 2, { name: 'c' }),
      prelu({ sharedAxes: [1, 2, 3, 4], name: 'd' }),
      flatten(),
      dense(2, { useBias: false, name: 'e' }),
    ],
    { a: '0', b: '1', c: '3', d: '4', e: '6' },
  ],
  words: [
    () => [
      input([5]),
      embedding(11, 4, { name: 'words' }),
      layerNormalization({ name: 'norm' }),
      conv1d(3, 2, { name: 'conv' }),
      flatten(),
      dense(2, { name: 'head' }),
    ],
  ],
}

describe.each(Object.entries(models))('the state dict of %s', (name, [layers, given = {}]) => {
  const bytes = Buffer.from(fixtures[name].file, 'base64')
  const model = sequential(layers())
  const modules = Object.fromEntries(
    Object.entries(given).filter(([key]) => model.network.nodes.some(n => n.name === key)),
  )

  test("gives PyTorch's predictions", async () => {
    const { tensors } = await readSafetensors(bytes)
    fromTorch(model, tensors, modules)
    const { x, y } = fixtures[name]
    const out = await model.forward(x.length, x.flat())
    for (const [i, value] of y.flat().entries()) expect(out[i]).toBeCloseTo(value, 5)
  })

  test('comes back as it was', async () => {
    const { tensors } = await readSafetensors(bytes)
    fromTorch(model, tensors, modules)
    const written = await readSafetensors(writeSafetensors(toTorch(model, modules)))
    const again = sequential(layers())
    fromTorch(again, written.tensors, modules)
    expect(again.weights()).toEqual(model.weights())
    const summed = /bias_[ih]h/
    for (const { name, data, shape } of tensors.filter(t => !/num_batches/.test(t.name) && !summed.test(t.name)))
      expect(written.tensors.find(t => t.name === name)).toEqual({ name, shape, data })
  })
})

test('what does not fit is listed all at once', async () => {
  const model = sequential([input([2]), dense(3), dense(1)])
  const tensors = toTorch(sequential([input([2]), dense(4), dense(1, { name: 'other' })]))
  expect(() => fromTorch(model, tensors)).toThrow(
    ['6 arrays of the state dict do not fit the model', '  dense.weight    [4, 2], expected [3, 2]'].join('\n'),
  )
  expect(() => fromTorch(model, tensors)).toThrow(/dense_1.bias +missing[\s\S]*other.bias +\[1\], not asked for/)
})

test('layers without a counterpart are listed before anything is read', () => {
  const model = sequential([input([4]), dense(4), srelu(), dense(1)])
  expect(() => torchNames(model)).toThrow(/1 layers have no counterpart in PyTorch\n *\w+ +PyTorch has no such module/)
  expect(() => torchNames(model, { nothing: '0' })).toThrow(/nothing +the model has no such layer/)
})

test('a separable convolution is two modules', () => {
  const model = sequential([
    input([5, 5, 2]),
    separableConv2d(4, 3, { depthMultiplier: 2, name: 's' }),
    zeroPadding2d(),
  ])
  expect(torchNames(model, { s: ['0', '1'] })).toEqual({ 's/D': ['0.weight'], 's/W': ['1.weight'], 's/b': ['1.bias'] })
  expect(toTorch(model).map(({ name, shape }) => [name, shape])).toEqual([
    ['s.depthwise.weight', [4, 1, 3, 3]],
    ['s.pointwise.weight', [4, 4, 1, 1]],
    ['s.pointwise.bias', [4]],
  ])
})

test.each([
  ['F16', [0x3c00, 0xc000], [1, -2]],
  ['BF16', [0x3f80, 0xc049], [1, -3.140625]],
])('%s is read as 32-bit floats', async (dtype, bits, values) => {
  const header = JSON.stringify({ a: { dtype, shape: [2], data_offsets: [0, 4] } })
  const file = new Uint8Array(8 + header.length + 4)
  file[0] = header.length
  file.set(Buffer.from(header), 8)
  file.set(new Uint8Array(Uint16Array.from(bits).buffer), 8 + header.length)
  expect((await readSafetensors(file)).tensors[0].data).toEqual(Float32Array.from(values))
})

test('joined inputs are refused where one is flattened, and taken where none is', () => {
  const image = input([3, 3, 2])
  const rows = input([4])
  const joined = (a: Output, b: Output) => model({ inputs: [image, rows], outputs: dense(2)(concatenate()([a, b])) })
  expect(() => torchNames(joined(flatten()(image), dense(3)(rows)))).toThrow(/it joins several inputs, and some are/)
  expect(Object.keys(torchNames(joined(dense(3)(flatten()(image)), dense(3)(rows))))).toHaveLength(6)
})

test('an attention to other features has its own names, and one whose heads do not share them none', () => {
  const [query, value] = [input([5, 6]), input([4, 7])]
  const one = (keyDim: number) => model({ inputs: [query, value], outputs: multiHeadAttention(2, keyDim, { name: 'a' })(query, value) }) // biome-ignore format: one thought
  expect(torchNames(one(3))).toEqual({
    'a/Wq': ['a.q_proj_weight'],
    'a/bq': ['a.in_proj_bias'],
    'a/Wk': ['a.k_proj_weight'],
    'a/bk': ['a.in_proj_bias'],
    'a/Wv': ['a.v_proj_weight'],
    'a/bv': ['a.in_proj_bias'],
    'a/Wo': ['a.out_proj.weight'],
    'a/bo': ['a.out_proj.bias'],
  })
  expect(toTorch(one(3)).map(({ name, shape }) => `${name} ${shape}`)).toEqual(['a.q_proj_weight 6,6', 'a.in_proj_bias 18', 'a.k_proj_weight 6,7', 'a.v_proj_weight 6,7', 'a.out_proj.weight 6,6', 'a.out_proj.bias 6']) // biome-ignore format: a list
  expect(() => torchNames(one(4))).toThrow(/its heads do not share the features of the query/)
})
