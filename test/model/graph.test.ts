import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  checkGradients,
  DataError,
  dataset,
  fromBytes,
  layers,
  loadModel,
  type Model,
  model,
  type NablaError,
  numpyRandom,
  readSafetensors,
  reference,
  ShapeError,
  StateError,
  sequential,
  toBytes,
  wasm,
  writeSafetensors,
} from 'nabla'
import { describe, expect, test } from 'vitest'

const { add, batchNormalization, concatenate, conv2d, dense, dropout, flatten, input, multiply } = layers

/** An image and a row of numbers; a shared layer, a skip connection, two outputs. */
function network(): Model {
  const image = input([4, 4, 2], { name: 'image' })
  const row = input([3], { name: 'row' })
  const seen = flatten()(conv2d(3, 3, { padding: 'same', activation: 'relu' })(image))
  const hidden = dense(6, { activation: 'tanh', name: 'hidden' })
  const both = dense(6, { name: 'both' })
  const a = both(hidden(seen))
  const b = both(dense(6, { activation: 'tanh' })(row))
  const joined = add()([a, b, hidden(seen)])
  const kind = dense(3, { activation: 'softmax', name: 'kind' })(concatenate()(joined, row))
  const size = dense(1, { name: 'size' })(dropout(0.2)(joined))
  return model({ inputs: [image, row], outputs: [kind, size], seed: 4 })
}

const random = numpyRandom(2)
const n = 24
const rows = (count: number, width: number) => Array.from({ length: count }, () => Array.from(random.randn(width)))
const images = { shape: [n, 4, 4, 2], data: random.randn(n * 32) }
const data = {
  x: { row: rows(n, 3), image: images },
  y: { kind: Array.from(random.randint(0, 3, n)), size: Array.from(random.randn(n)) },
}
const goals = {
  loss: { kind: 'sparseCategoricalCrossentropy', size: 'meanSquaredError' },
  lossWeights: { size: 0.5 },
  metrics: { kind: ['accuracy'] },
} as const

test('every slope of a graph is right: shared layers, several readers, several inputs and outputs', async () => {
  const net = network()
  for (const compile of [false, true]) {
    if (compile) net.compile(goals)
    const { arrays } = await checkGradients(net, { points: 12 })
    expect(arrays.map(({ name }) => name)).toEqual([
      'x',
      ...['conv2d', 'hidden', 'both', 'dense', 'kind', 'size'].flatMap(name => [`${name}/W`, `${name}/b`]),
    ])
    expect(arrays.filter(({ error }) => !(error < 1e-6))).toEqual([])
  }
})

test('a layer that is called twice has one set of parameters and of moving statistics', async () => {
  const [a, b] = [input([3]), input([3])]
  const shared = batchNormalization({ momentum: 0.5 })
  const net = model({ inputs: [a, b], outputs: multiply()([shared(a), shared(b)]) })
  expect(net.weights().map(({ name }) => name)).toEqual(
    ['gamma', 'beta', 'movingMean', 'movingVariance'].map(key => `batch_normalization/${key}`),
  )
  net.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend: reference })
  await net.run('train', 2, [1, 1, 1, 5, 5, 5, 3, 3, 3, 5, 5, 5], [0, 0, 0, 0, 0, 0])
  expect(net.weights()[2].data[0]).toBeCloseTo((0.5 * 2 + 5) * 0.5, 12)
})

describe.each([reference, wasm])('on $name', backend => {
  test('a graph learns, and says how each output fares', async () => {
    const net = network()
    net.compile({ ...goals, optimizer: { name: 'adam', params: { learningRate: 0.02 } }, backend })
    const before = await net.evaluate(data)
    const { history } = await net.fit(data, { epochs: 30, batchSize: 8, validationSplit: 0.25 })
    const names = ['loss', 'kind_loss', 'size_loss', 'kind_accuracy']
    expect(Object.keys(before)).toEqual(names)
    expect(Object.keys(history)).toEqual([...names, ...names.map(name => `val_${name}`)])
    const after = await net.evaluate(data)
    expect(after.loss).toBeLessThan(before.loss)
    expect(after.kind_loss + 0.5 * after.size_loss).toBeCloseTo(after.loss, 5)
  })

  test('data comes by name, in order, or as a dataset, and predictions by name', async () => {
    const net = network()
    net.use({ backend })
    const wanted = await net.predict(data)
    expect(wanted.outputs.kind.shape).toEqual([n, 3])
    expect(wanted.outputs.size.shape).toEqual([n, 1])
    expect(wanted.data[4]).toBe(wanted.outputs.kind.data[3])
    for (const same of [data.x, [images, data.x.row], { x: [images, data.x.row] }, dataset(data)])
      expect(await net.predict(same)).toEqual(wanted)
  })
})

test('a graph is saved and goes on where it stopped, bit by bit', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nabla-'))
  const compiled = () => {
    const net = network()
    net.compile({ ...goals, backend: reference })
    return net
  }
  const [whole, first] = [compiled(), compiled()]
  await whole.fit(data, { epochs: 4, batchSize: 8 })
  await first.fit(data, { epochs: 2, batchSize: 8 })
  await first.save(join(folder, 'net'))
  const second = await loadModel(join(folder, 'net'), { backend: reference })
  expect(second.summary()).toBe(first.summary())
  await second.fit(data, { initialEpoch: 2, epochs: 4, batchSize: 8 })
  expect(second.weights()).toEqual(whole.weights())
  await rm(folder, { recursive: true })
})

test('a saved graph that reads what is not there is refused', () => {
  const bytes = toBytes(network())
  const { tensors, metadata } = readSafetensors(bytes)
  const changes: ((about: Record<string, never>) => unknown)[] = [
    about => Object.assign(about.calls[2], { inputs: [5] }),
    about => Object.assign(about.calls[2], { inputs: ['__proto__'] }),
    about => Object.assign(about.calls[2], { layer: -1 }),
    about => Object.assign(about, { outputs: [99] }),
    about => Object.assign(about, { outputs: [] }),
    about => Object.assign(about, { inputs: [3] }),
    about => Object.assign(about, { calls: 7 }),
    about => Object.assign(about.calls[2], { inputs: [0, 0] }),
  ]
  for (const change of changes) {
    const about = JSON.parse(metadata.nabla!)
    change(about)
    const load = () => fromBytes(writeSafetensors(tensors as never, { nabla: JSON.stringify(about) }))
    expect(load).toThrow(/this is not a saved model|model got|got 2 inputs/)
  }
})

test('a summary says what each layer is connected to', () => {
  const x = input([4])
  const h = dense(4, { activation: 'relu', name: 'a_long_name' })
  const net = model({ inputs: x, outputs: dense(1)(add()([h(h(x)), x])), name: 'skip' })
  expect(net.summary()).toBe(`Model: "skip"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ input_layer         │ (None, 4)         │          0 │ -                 │
│ (InputLayer)        │                   │            │                   │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ a_long_name (Dense) │ (None, 4)         │         20 │ input_layer[0][0] │
│                     │                   │            │ a_long_name[0][0] │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ add (Add)           │ (None, 4)         │          0 │ a_long_name[1][0] │
│                     │                   │            │ input_layer[0][0] │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ dense (Dense)       │ (None, 1)         │          5 │ add[0][0]         │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 25 (100.00 B)
 Trainable params: 25 (100.00 B)
 Non-trainable params: 0 (0.00 B)
`)
  expect(net.summary({ style: 'keras2' }).split('\n').slice(4, 8)).toEqual([
    'input_layer_1 (InputLayer)      (None, 4)            0                                            ',
    '_'.repeat(98),
    'a_long_name (Dense)             (None, 4)            20          input_layer_1[0][0]              ',
    '                                                                 a_long_name[0][0]                ',
  ])
})

test('a step of a graph is explained in textbook notation', () => {
  const x = input([2])
  const h = dense(2)
  const net = model({ inputs: x, outputs: add()([h(h(x)), x]) })
  net.compile({ loss: 'meanSquaredError', optimizer: 'sgd' })
  expect(net.explain('train', 4).split('\n').slice(3, -1)).toEqual([
    'loss = mean((y3 - t)^2)',
    'dW1 = y1ᵀ·dz2',
    'db1 = Σ dz2',
    'dz1 = dz2·W1ᵀ',
    'dW1 = xᵀ·dz1',
    'db1 = Σ dz1',
    'dW1 = dW1 + dW1',
    'db1 = db1 + db1',
  ])
})

const x = input([4])
const wrong: [string, () => unknown, new (...a: never[]) => NablaError, string][] = [
  [
    'a layer called on a layer',
    () => dense(1)(dense(2)),
    StateError,
    'dense got the layer dense itself, expected the output of a layer\n  hint: call layers on each other: dense(8)(input([4]))',
  ],
  [
    'two inputs for a layer of one',
    () => dense(1, { name: 'end' })(x, x),
    ShapeError,
    'dense "end" got 2 inputs, expected 1\n  hint: join them first: concatenate()([a, b])',
  ],
  [
    'one input for a layer of several',
    () => add()(x),
    ShapeError,
    'add got 1 inputs, expected at least 2\n  hint: give them as a list: add()([a, b])',
  ],
  [
    'shapes that do not go together',
    () => add({ name: 'sum' })([x, input([3])]),
    ShapeError,
    'add "sum" got inputs whose shapes do not go together\n  input 0  [4]\n  input 1  [3]\n  hint: axes must be equal or 1, counted from the last',
  ],
  [
    'an input that is not listed',
    () => model({ inputs: x, outputs: add()([x, input([4], { name: 'other' })]) }),
    StateError,
    'model reads input "other", which is not among its inputs\n  inputs  input "[4]"\n  hint: list every input that the outputs depend on',
  ],
  [
    'an input that is not used',
    () => model({ inputs: [x, input([2], { name: 'idle' })], outputs: dense(1)(x) }),
    StateError,
    'no output of model depends on input "idle"\n  hint: leave it out, or call a layer on it',
  ],
  [
    'a hidden layer as input',
    () => model({ inputs: dense(1)(x), outputs: dense(1)(x) }),
    StateError,
    'model got dense as input 0, expected another input([…])\n  hint: inputs are the layers input([…]) themselves, each once',
  ],
  [
    'a shared layer on another shape',
    () => {
      const shared = dense(2, { name: 'shared' })
      return model({ inputs: x, outputs: [shared(x), shared(dense(3)(x))] })
    },
    ShapeError,
    'shared is called on inputs that need other arrays than before\n  first  W [4, 2], b [2]\n  now    W [3, 2], b [2]\n  hint: a shared layer takes inputs of one shape; make a second layer',
  ],
  [
    'a loss for an output that is not there',
    () => network().compile({ loss: { kind: 'meanSquaredError', sizes: 'meanSquaredError' } }),
    StateError,
    'compile got loss for "sizes", which is no output\n  outputs  kind, size\n  hint: did you mean "size"?',
  ],
  [
    'an output without a loss',
    () => network().compile({ loss: { kind: 'meanSquaredError' } }),
    StateError,
    'compile got no loss for the output "size"\n  outputs  kind, size\n  hint: leave the output out of the model, or weigh it 0 in lossWeights',
  ],
  [
    'too many losses',
    () => network().compile({ loss: ['meanSquaredError', 'meanSquaredError', 'meanSquaredError'] }),
    StateError,
    'compile got 3 loss, expected 2: one an output\n  outputs  kind, size\n  hint: give one for all, a list, or an object by the names of the outputs',
  ],
  [
    'one array for two inputs',
    () => network().predict(rows(5, 3)),
    ShapeError,
    'the model has 2 inputs, but the data one x\n  inputs  image, row\n  hint: give x as { image: […], … } or as a list of arrays',
  ],
  [
    'a part that is missing',
    () => network().predict(dataset({ x: { image: images, rows: data.x.row } })),
    DataError,
    'the dataset has no part "row"\n  parts  image, rows\n  hint: a model with several inputs takes data by their names, or a list in their order',
  ],
  [
    'a part of another shape',
    () => network().predict({ x: { image: images, row: rows(n, 2) } }),
    ShapeError,
    'input "row" got samples [2], but expects [3]\n  data   24 samples [2]\n  model  [3]\n  hint: reshape the data (inputShape), or build the model for these samples',
  ],
  [
    'parts of different lengths',
    () => dataset({ x: { image: images, row: rows(5, 3) } }),
    ShapeError,
    'dataset got 24 samples, but 5 row\n  image  768 numbers, [4, 4, 2] a sample\n  row    15 numbers, [3] a sample\n  hint: give one target a sample; for a flat list of samples also inputShape',
  ],
  [
    'targets of one output for two',
    () => {
      const net = network()
      net.compile(goals)
      return net.fit({ x: data.x, y: data.y.size })
    },
    ShapeError,
    'the model has 2 outputs, but the data one y\n  outputs  kind, size\n  hint: give y as { kind: […], … } or as a list of arrays',
  ],
  [
    'a label out of range',
    () => {
      const net = network()
      net.compile(goals)
      return net.fit({ x: data.x, y: { ...data.y, kind: data.y.kind.with(3, 3) } })
    },
    DataError,
    'row 3 has label 3, expected 0 … 2\n  targets  []\n  output   [3]\n  hint: labels count from 0; for labels up to 3 the last layer needs more units',
  ],
]

describe('an error says what is wrong with', () => {
  test.each(wrong)('%s', async (_, work, kind, message) => {
    const error = await Promise.resolve()
      .then(work)
      .then(
        () => undefined,
        (thrown: NablaError) => thrown,
      )
    expect(error).toBeInstanceOf(kind)
    expect(error!.message).toBe(message)
  })
})

test('a model in order may be written by calling, and is the same as sequential', () => {
  const start = input([3])
  const called = model({ inputs: start, outputs: dense(1)(dense(2, { activation: 'tanh' })(start)), seed: 1 })
  const listed = sequential([input([3]), dense(2, { activation: 'tanh' }), dense(1)], { seed: 1 })
  expect(called.weights()).toEqual(listed.weights())
  expect(fromBytes(toBytes(called)).weights()).toEqual(listed.weights())
})
