import {
  checkGradients,
  fromBytes,
  layers as l,
  type Model,
  model,
  numpyRandom,
  type Output,
  readSafetensors,
  reference,
  sequential,
  toBytes,
  wasm,
  writeSafetensors,
} from 'nabla'
import { describe, expect, test } from 'vitest'

const encoder = (name?: string) =>
  sequential([l.input([4]), l.dense(3, { activation: 'tanh' }), l.batchNormalization(), l.dense(2)], { name, seed: 3 })

/** Two inputs, two outputs, one of them read twice. */
function halves(): Model {
  const [a, b] = [l.input([3]), l.input([2])]
  const joined = l.concatenate()([a, b])
  return model({ inputs: [a, b], outputs: [l.dense(2, { name: 'left' })(joined), l.dense(3)(joined)], name: 'halves' })
}

const random = numpyRandom(1)
const compile = (net: Model, backend = reference) => {
  net.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend })
  return net
}

/** Models with models in them. */
const nets: Record<string, () => Model> = {
  'a list': () => sequential([encoder('encoder'), l.dense(1)]),
  'a list that begins with an input': () => sequential([l.input([4]), encoder(), l.dense(3), l.dense(1)]),
  'two deep': () => sequential([sequential([encoder('inner'), l.dense(3)], { name: 'outer' }), l.dense(1)]),
  'called twice': () => {
    const [shared, a, b] = [encoder('shared'), l.input([4]), l.input([4])]
    return model({ inputs: [a, b], outputs: l.dense(1)(l.subtract()([shared(a), shared(b)])) })
  },
  'several outputs': () => {
    const [a, b] = [l.input([3]), l.input([2])]
    const [left, right] = halves()(a, b)
    return model({ inputs: [a, b], outputs: l.add()([l.dense(3)(left), right, right]) })
  },
  'at the end': () =>
    model(((x: Output) => ({ inputs: x, outputs: encoder()(l.dense(4)(x)) }))(l.dense(4)(l.input([4])).inputs[0])),
}
const named = Object.entries(nets)

describe.each(named)('a model in another: %s', (_, make) => {
  test('has the right slopes', async () => {
    const { arrays } = await checkGradients(compile(make()))
    expect(arrays.filter(({ error }) => !(error < 1e-5))).toEqual([])
  })

  test('is saved and goes on with the same bits', async () => {
    const [x, t] = [random.randn(4 * make().network.inputs.reduce((n, { shape }) => n + shape[0], 0)), random.randn(12)]
    const net = compile(make())
    const targets = t.subarray(0, 4 * net.outputShape[0])
    await net.run('train', 4, x, targets)
    const loaded = fromBytes(toBytes(net), { backend: reference })
    expect(loaded.summary({ expandNested: true })).toBe(net.summary({ expandNested: true }))
    for (const each of [net, loaded]) await each.run('train', 4, x, targets)
    expect(loaded.weights()).toEqual(net.weights())
    expect(loaded.layers.map(({ type }) => type)).toEqual(net.layers.map(({ type }) => type))
  })

  test('is the same on both backends', async () => {
    const [right, fast] = [compile(make()), compile(make(), wasm)]
    fast.setWeights(right.weights())
    const x = random.randn(4 * right.network.inputs.reduce((n, { shape }) => n + shape[0], 0))
    const t = random.randn(4 * right.outputShape[0])
    for (const net of [right, fast]) await net.run('train', 4, x, t)
    right.weights().forEach(({ name, data }, i) => {
      data.forEach((w, j) => {
        expect(fast.weights()[i].data[j], name).toBeCloseTo(w, 4)
      })
    })
  })
})

describe('the numbers of a model and of one that it is in', () => {
  test('are the same, whichever is trained', async () => {
    const inner = compile(encoder('encoder'))
    const outer = compile(sequential([inner, l.dense(1)], { seed: 9 }))
    const other = sequential([inner, l.dense(5)], { seed: 11 })
    const within = (net: Model) =>
      net
        .weights()
        .filter(({ name }) => name.startsWith('encoder/'))
        .map(({ data }) => Array.from(data, v => Math.fround(v)))
    const own = () => inner.weights().map(({ data }) => Array.from(data, v => Math.fround(v)))
    expect(within(outer)).toEqual(own())
    const before = own()
    await outer.run('train', 2, random.randn(8), random.randn(2))
    expect(own()).not.toEqual(before)
    expect([within(outer), within(other)]).toEqual([own(), own()])
    await inner.run('train', 2, random.randn(8), random.randn(4))
    expect([within(outer), within(other)]).toEqual([own(), own()])
    inner.setWeights([{ name: 'dense/W', data: new Float64Array(12).fill(0.5) }])
    expect(within(other)).toEqual(own())
    const last = own()
    outer.setWeights([{ name: 'encoder/dense/b', data: [1, 2, 3] }])
    outer.close()
    expect(own()).toEqual(last.with(1, [1, 2, 3]))
  })

  test('are the same in models over the same calls', async () => {
    const x = l.input([4])
    const code = l.dense(2, { name: 'code' })(x)
    const whole = compile(model({ inputs: x, outputs: l.dense(4)(code) }))
    const half = model({ inputs: x, outputs: code })
    half.use({ backend: reference })
    await whole.run('train', 2, random.randn(8), random.randn(8))
    expect(half.weights()).toEqual(whole.weights().slice(0, 2))
  })

  test('stay as they are where the inner one is frozen', async () => {
    const discriminator = compile(
      sequential([l.input([2]), l.dense(3, { activation: 'tanh' }), l.dense(1)], { name: 'd' }),
    )
    const generator = sequential([l.input([1]), l.dense(2)], { name: 'g' })
    discriminator.trainable = false
    const both = compile(sequential([generator, discriminator]))
    const [d, g] = [discriminator.weights(), generator.weights()]
    await both.run('train', 3, [1, 2, 3], [1, 1, 1])
    expect(discriminator.weights()).toEqual(d)
    expect(generator.weights()).not.toEqual(g)
    await discriminator.run('train', 1, [1, 2], [0]) // compiled before it was frozen
    expect(discriminator.weights()).not.toEqual(d)
    expect(
      both
        .weights()
        .slice(2)
        .map(({ data }) => data),
    ).toEqual(discriminator.weights().map(({ data }) => data))
  })
})

test('a summary shows a model as one row, and its layers when asked', () => {
  const net = sequential([encoder('encoder'), l.dense(1)])
  expect(net.summary().split('\n').slice(4, 7)).toEqual([
    '│ encoder (Sequential)            │ (None, 2)              │            35 │',
    '├─────────────────────────────────┼────────────────────────┼───────────────┤',
    '│ dense (Dense)                   │ (None, 1)              │             3 │',
  ])
  const said: string[] = []
  net.summary({ expandNested: true, print: table => said.push(table) })
  expect(said[0]).toContain('│     └ dense (Dense)             │ (None, 3)              │            15 │')
  expect(said[0]).toContain(' Total params: 38')
})

test('a model at the end meets its loss as a pair', () => {
  const head = sequential([l.input([2]), l.dense(3, { activation: 'softmax' })], { name: 'head' })
  const net = sequential([l.input([4]), l.dense(2), head])
  net.compile({ loss: 'categoricalCrossentropy' })
  expect(net.summary()).toContain('work as one pair on z')
})

test('layers are found by name', () => {
  const inner = encoder('encoder')
  const net = sequential([inner, l.dense(1, { name: 'last' })])
  expect(net.getLayer('encoder')).toBe(inner)
  expect(net.getLayer('last').config.units).toBe(1)
  expect(net.getLayer('encoder/dense_1').config.units).toBe(2)
  expect(() => net.getLayer('lost')).toThrow('the model has no layer "lost"')
})

test('a model is a layer for wrappers too', async () => {
  const net = compile(sequential([l.input([3, 4]), l.timeDistributed(encoder()), l.flatten(), l.dense(1)]))
  expect((await checkGradients(net)).passed).toBe(true)
  expect(fromBytes(toBytes(net)).summary()).toBe(net.summary())
})

test('a model called on other inputs is refused', () => {
  expect(() => encoder('encoder')(l.input([5]))).toThrow(
    'sequential "encoder" is called on other inputs than it was made for\n  got       [5]\n  expected  [4]',
  )
})

test('a file of models in models without end is refused', () => {
  const { tensors, metadata } = readSafetensors(toBytes(sequential([encoder()])))
  const about = JSON.parse(metadata.nabla!)
  for (let i = 0; i < 40; i++)
    about.layers = [about.layers[0], { type: 'sequential', config: { seed: 0, layers: about.layers } }]
  expect(() => fromBytes(writeSafetensors(tensors as never, { nabla: JSON.stringify(about) }))).toThrow(
    'this is not a saved model: models stand too deep within models',
  )
})
