import {
  checkGradients,
  composed,
  fromBytes,
  type Layer,
  layer,
  layers,
  type Model,
  numpyRandom,
  pair,
  reference,
  sequential,
  toBytes,
  wasm,
} from 'nabla'
import { describe, expect, test } from 'vitest'

const { add, batchNormalization, bidirectional, dense, dropout, flatten, input, lstm, simpleRnn, timeDistributed } =
  layers

/** A dense layer and a recurrent one of a forward pass alone. */
const forwardDense = layer('forwardDense', ['units'], (units: number, _: object = {}) =>
  pair({
    shapes: ([n]) => ({ y: [units], params: { W: [n, units], b: [units] }, random: { u: [units] } }),
    forward(k, { x, W, b, u, y }) {
      const z = k.scratch('z', y.shape)
      k.gemm(z, x, W, { bias: b })
      k.map(y, 'tanh(z) * (u < 0.2 ? 0 : 1)', { z, u })
    },
  }),
)
const forwardRnn = layer('forwardRnn', ['units'], (units: number, options: { returnSequences?: boolean } = {}) => {
  const { shapes, initial, forward } = simpleRnn(units, options).pair as ReturnType<typeof pair>
  return pair({ shapes, initial, forward } as ReturnType<typeof pair>)
})

/** One layer with a shared layer within, a statistic, chance, and a rearrangement at the end. */
const block = layer('block', [], (_: object = {}) =>
  composed(x => {
    const shared = forwardDense(3)
    return flatten()(dropout(0.3)(batchNormalization()(add()(shared(x), shared(dense(3)(x))))))
  }),
)

const rows: [string, Layer, number[]][] = [
  ['timeDistributed', timeDistributed(forwardDense(2)), [3, 4]],
  ['bidirectional', bidirectional(forwardRnn(2)), [3, 2]],
  ['bidirectional of sequences', bidirectional(forwardRnn(2, { returnSequences: true }), { mergeMode: 'mul' }), [3, 2]],
  ['a block', block(), [3]],
  ['timeDistributed of a block', timeDistributed(block()), [2, 3]],
]

describe('a layer without a backward pass', () => {
  test.each(rows)('has the right slopes in %s', async (_, layer, inputShape) => {
    const { arrays } = await checkGradients(layer, { inputShape })
    expect(arrays.filter(({ error }) => !(error < 1e-6))).toEqual([])
  })

  test.each(rows)('does the same on both backends in %s', async (_, layer, shape) => {
    const [right, fast] = [reference, wasm].map(backend => {
      const net = sequential([input(shape), layer, flatten(), dense(2)], { seed: 2 })
      net.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend })
      return net
    })
    const random = numpyRandom(1)
    const [x, t] = [random.randn(shape.reduce((a, b) => a * b, 4)), random.randn(8)]
    for (const net of [right, fast]) await net.run('train', 4, x, t)
    fast.weights().forEach(({ name, data }, i) => {
      const off = Array.from(right.weights()[i].data, (v, j) => Math.abs(v - data[j]))
      expect(Math.max(...off), name).toBeLessThan(1e-4)
    })
  })
})

const ways: [string, (options: object) => Layer, number[], string][] = [
  ['timeDistributed', options => timeDistributed(dense(2, options)), [3, 4], 'W'],
  ['bidirectional', options => bidirectional(lstm(2, options)), [3, 4], 'backward_W'],
  ['a block', options => layer('own', [], (_: object = {}) => composed(x => dense(2, options)(x)))(), [4], 'dense.W'],
]

const compiled = (model: Model) => {
  model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend: reference })
  return model
}

describe.each(ways)('what a layer within %s is told', (_, make, shape, key) => {
  const x = numpyRandom(3).randn(shape.reduce((a, b) => a * b, 2))
  const trained = async (options: object) => {
    const model = compiled(sequential([input(shape), make(options)]))
    const before = model.weights()
    const t = new Float64Array(2 * model.outputShape.reduce((a, b) => a * b, 1))
    const [loss] = await model.run('train', 2, x, t)
    const of = (list: typeof before) => list.find(({ name }) => name.endsWith(`/${key}`))!.data
    return { loss, before: of(before), after: of(model.weights()), model }
  }

  test('of regularisers joins the loss', async () => {
    const [plain, heavy] = [
      await trained({}),
      await trained({ kernelRegularizer: { name: 'l2', params: { l2: 0.5 } } }),
    ]
    expect(heavy.loss).toBeGreaterThan(plain.loss)
    expect((await checkGradients(heavy.model)).passed).toBe(true)
  })

  test('of constraints holds after each step', async () => {
    const { after } = await trained({ kernelConstraint: 'nonNeg' })
    expect(Math.min(...after)).toBe(0)
  })

  test('of being frozen leaves it as it was', async () => {
    const { before, after } = await trained({ trainable: false })
    expect(after).toEqual(before)
  })
})

describe('a frozen layer', () => {
  const net = () =>
    compiled(
      sequential([input([3]), dense(4, { name: 'a' }), batchNormalization({ name: 'b' }), dense(2, { name: 'c' })]),
    )
  const random = numpyRandom(7)
  const data = { x: Array.from({ length: 8 }, () => [...random.randn(3)]), y: Array.from({ length: 8 }, () => [1, 0]) }

  test.each(['sgd', 'adam', 'adamW', 'lamb', 'muon'] as const)('keeps its weights under %s', async optimizer => {
    for (const name of ['a', 'b', 'c']) {
      const model = net()
      model.layers.find(({ config }) => config.name === name)!.trainable = false
      model.compile({ loss: 'meanSquaredError', optimizer: { name: optimizer, params: { globalClipnorm: 0.5 } } })
      const before = model.weights()
      await model.fit(data, { epochs: 2 })
      model.weights().forEach(({ name: full, data }, i) => {
        const same = JSON.stringify([...data]) === JSON.stringify([...before[i].data])
        expect(same, `${full} with ${name} frozen`).toBe(full.startsWith(`${name}/`))
      })
    }
  })

  test('that normalises batches uses and keeps what it has learnt', async () => {
    const model = net()
    model.layers[2].trainable = false
    compiled(model)
    const [loss] = await model.run('train', 2, [1, 2, 3, 4, 5, 6], [0, 0, 0, 0])
    const fresh = net()
    expect(loss).toBeCloseTo((await fresh.run('evaluate', 2, [1, 2, 3, 4, 5, 6], [0, 0, 0, 0]))[0], 12)
  })

  test('counts as not trainable, and is saved so', async () => {
    const model = net()
    model.layers[1].trainable = false
    expect(model.summary()).toContain(' Trainable params: 18 (72.00 B)\n Non-trainable params: 24 (96.00 B)')
    const loaded = fromBytes(toBytes(model))
    expect(loaded.layers.map(({ trainable }) => trainable)).toEqual([true, false, true, true])
    expect(loaded.summary()).toBe(model.summary())
  })

  test('holds from the next compile on', async () => {
    const model = net()
    model.layers[1].trainable = false
    const before = model.weights()[0].data
    await model.fit(data)
    expect(model.weights()[0].data).not.toEqual(before)
  })
})

test('asking for the gradient of something that is not there does not compile', () => {
  const made = layer('typed', [], (_: object = {}) =>
    pair({
      shapes: input => ({ y: input, params: { W: [3] } }),
      forward: (k, { x, y, W }) => k.map(y, 'x * W', { x, W }),
      // @ts-expect-error there is no V
      backward: (k, { dx, dV }) => k.copy(dx, dV),
    }),
  )
  expect(made().type).toBe('typed')
})
