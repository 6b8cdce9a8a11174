import { readFileSync } from 'node:fs'
import {
  type Backend,
  checkGradients,
  composed,
  layers as l,
  layer,
  type Model,
  model,
  type Output,
  reference,
  sequential,
  wasm,
} from 'nabla'
import { describe, expect, test } from 'vitest'

interface Case {
  name: string
  x: { shape: number[]; data: number[] }[]
  t: number[]
  y: number[]
  weights: number[][]
  after: number[][]
  evaluated: Record<string, number>
}

/** Written by scripts/keras_masks.py. */
const fixture = new URL('../fixtures/keras/masks.json', import.meta.url)
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(fixture, 'utf8'))

type Build = (...xs: Output[]) => Output
const sequences = { returnSequences: true }
const td = (units: number, activation: string) => l.timeDistributed(l.dense(units, { activation }))

/** The networks behind what makes the mask: words of which 0 is none, steps of zeros, or both. */
const builds: Record<string, Build> = {
  lstm: e => l.lstm(4)(e),
  'lstm of sequences': e => l.lstm(4, sequences)(e),
  'lstm backwards': e => l.lstm(4, { goBackwards: true })(e),
  gru: e => l.gru(4)(e),
  'gru of sequences': e => l.gru(2, { ...sequences, resetAfter: false })(e),
  simpleRnn: e => l.simpleRnn(4)(e),
  'two lstms': e => l.lstm(3)(l.lstm(4, sequences)(e)),
  bidirectional: e => l.bidirectional(l.lstm(3))(e),
  'bidirectional of sequences': e => l.bidirectional(l.gru(2, sequences))(e),
  tags: e => td(3, 'softmax')(l.lstm(4, sequences)(e)),
  'yes and no': e => td(1, 'sigmoid')(l.dropout(0)(e)),
  mean: e => l.globalAveragePooling1d()(e),
  'layer normalisation': e => l.globalAveragePooling1d()(l.layerNormalization()(e)),
  'batch normalisation': e => l.lstm(2)(l.batchNormalization()(e)),
  'sum with one unmasked': e => l.lstm(2)(l.add()([e, l.conv1d(3, 1)(e)])),
  'gru backwards': e => l.gru(2, { ...sequences, goBackwards: true })(e),
  activation: e => l.lstm(2)(l.leakyRelu({ slope: 0.2 })(e)),
  masking: s => l.lstm(4, sequences)(s),
  'masking and mean': s => l.globalAveragePooling1d()(s),
  attention: s => l.attention()([s, s]),
  'causal attention': s => l.attention({ useScale: true, useCausalMask: true })([s, s]),
  'additive attention': s => l.additiveAttention()([s, s]),
  heads: s => l.multiHeadAttention(2, 3)(s, s),
  'heads and lstm': s => l.lstm(2)(l.multiHeadAttention(1, 2)(s, s)),
  add: (a, b) => l.lstm(2)(l.add()([a, b])),
  concatenate: (a, b) => l.lstm(2)(l.concatenate()([a, b])),
  'concatenate steps': (a, b) => l.lstm(2)(l.concatenate({ axis: 1 })([a, b])),
  maximum: (a, b) => l.globalAveragePooling1d()(l.maximum()([a, b])),
  'query and value': (a, b) => l.attention()([a, b]),
  'heads of query and value': (a, b) => l.multiHeadAttention(2, 2)(a, b),
}

function network({ name, x }: Case, backend?: Backend): Model {
  const inputs = x.map(({ shape }) => l.input(shape))
  const own = name === 'heads with a mask of their own'
  const seen = inputs.map((each, i) =>
    x[i].shape.length === 1 ? l.embedding(6, 3, { maskZero: true })(each) : l.masking()(each),
  )
  const outputs = own ? l.multiHeadAttention(2, 2)(inputs[0], inputs[0], inputs[0], inputs[1]) : builds[name](...seen)
  const net = model({ inputs, outputs })
  const loss =
    name === 'tags'
      ? 'sparseCategoricalCrossentropy'
      : name === 'yes and no'
        ? 'binaryCrossentropy'
        : 'meanSquaredError'
  const metrics = { tags: ['accuracy'], 'yes and no': ['accuracy', 'precision', 'recall', 'meanSquaredError'] }[name]
  net.compile({
    loss,
    metrics: metrics as ['accuracy'],
    optimizer: { name: 'sgd', params: { learningRate: 0.5 } },
    backend,
  })
  return net
}

/** All parts of a sample in a row. */
const rows = ({ x }: Case, size: number) =>
  Array.from({ length: size }, (_, b) =>
    x.flatMap(({ data }) => data.slice((b * data.length) / size, ((b + 1) * data.length) / size)),
  ).flat()

const close = (found: ArrayLike<number>, wanted: readonly number[], tolerance: number, what: string) => {
  expect(found.length, what).toBe(wanted.length)
  const off = wanted.map((w, i) => Math.abs(w - found[i]) / Math.max(1, Math.abs(w)))
  expect(Math.max(...off), what).toBeLessThan(tolerance)
}

describe.each([
  [reference, 1e-6],
  [wasm, 2e-4],
] as const)('on $name', (backend, tolerance) => {
  test.each(cases.map(c => [c.name, c] as const))('masks of %s are Keras’s', async (_, c) => {
    const net = network(c, backend)
    net.setWeights(net.weights().map(({ name, shape }, i) => ({ name, shape, data: c.weights[i] })))
    const x = rows(c, 4)
    close(await net.forward(4, x), c.y, tolerance, 'outputs')
    const shaped = Object.fromEntries(
      net.network.inputs.map(({ name, shape }, i) => [
        name,
        { shape: [4, ...shape], data: Float64Array.from(c.x[i].data) },
      ]),
    )
    const [only] = Object.values(shaped)
    const targets =
      net.outputShape.length > 0 ? (c.t.length === c.y.length ? net.outputShape : net.outputShape.slice(0, -1)) : []
    const y = { shape: [4, ...targets], data: Float64Array.from(c.t) }
    const found = await net.evaluate({ x: c.x.length > 1 ? shaped : only, y }, { batchSize: 2 })
    const wanted = Object.keys(found).map(key => c.evaluated[key] ?? c.evaluated.mse)
    close(Object.values(found), wanted, tolerance, 'loss and metrics')
    await net.run('train', 4, x, c.t)
    for (const [i, { name, data }] of net.weights().entries()) close(data, c.after[i], tolerance, name)
  })
})

test('every network has a fixture', () => {
  expect(Object.keys(builds).filter(name => !cases.some(c => c.name === name))).toEqual([])
})

test.each(cases.map(c => [c.name, c] as const))('slopes of masked %s are what differences measure', async (_, c) => {
  const net = network(c, reference)
  // Differences move an input off its padding; weights tell what matters.
  const { arrays } = await checkGradients(net, { points: 6, batchSize: 4 })
  expect(arrays.filter(({ name, error }) => name !== 'x' && !(error < 1e-5))).toEqual([])
})

test.each(['tags', 'bidirectional of sequences', 'heads', 'batch normalisation'])(
  'masked %s has the same bits on one thread and on two',
  async name => {
    const c = cases.find(each => each.name === name)!
    const trained = await Promise.all(
      [1, 2].map(async threads => {
        const net = network(c, wasm)
        net.use({ threads })
        await net.run('train', 4, rows(c, 4), c.t)
        const weights = net.weights()
        net.close()
        return weights
      }),
    )
    expect(trained[1]).toEqual(trained[0])
  },
)

test('a mask passes through a block of layers', async () => {
  const block = layer('block', [], (_: object = {}) => composed(x => l.lstm(2, sequences)(l.dropout(0.1)(x))))
  const plain = sequential([l.input([4, 2]), l.masking(), l.lstm(2, sequences), l.globalAveragePooling1d()], {
    seed: 1,
  })
  const blocked = sequential([l.input([4, 2]), l.masking(), block(), l.globalAveragePooling1d()], { seed: 1 })
  const x = [1, 2, 0, 0, 3, 4, 0, 0]
  blocked.setWeights(plain.weights().map(({ data }, i) => ({ name: blocked.weights()[i].name, data })))
  expect(await blocked.forward(1, x)).toEqual(await plain.forward(1, x))
})

test('a step that does not count has no say, whatever stands after it', async () => {
  const net = sequential([l.input([4]), l.embedding(5, 3, { maskZero: true }), l.lstm(2)])
  const shorter = sequential([l.input([2]), l.embedding(5, 3, { maskZero: true }), l.lstm(2)])
  shorter.setWeights(net.weights())
  expect(await net.forward(1, [3, 0, 0, 1])).toEqual(await shorter.forward(1, [3, 1]))
})

test('where no step counts, loss and slopes are zero', async () => {
  const net = sequential([l.input([3, 2]), l.masking(), l.lstm(2, sequences)])
  net.compile({ loss: 'meanSquaredError', optimizer: 'sgd' })
  const before = net.weights()
  expect(await net.run('train', 2, new Float64Array(12), new Float64Array(12).fill(1))).toEqual([0])
  expect(net.weights()).toEqual(before)
})
