import {
  checkGradients,
  constraints,
  dataset,
  fromBytes,
  layers,
  loss,
  losses,
  type Model,
  numpyRandom,
  optimizers,
  reference,
  regularizers,
  schedules,
  sequential,
  toBytes,
  wasm,
} from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

const { bidirectional, dense, input, simpleRnn, timeDistributed, transformerEncoder } = layers
const random = numpyRandom(5)
const data = dataset({ x: random.randn(40 * 3), y: random.randint(0, 2, 40), inputShape: [3] })

const network = (options: object = {}, seed = 1) =>
  sequential([input([3]), dense(4, { activation: 'tanh', ...options }), dense(1, { activation: 'sigmoid' })], { seed })
const compiled = (model: Model, optimizer: unknown = 'adam', backend = reference) => {
  model.compile({ optimizer: optimizer as 'adam', loss: 'binaryCrossentropy', backend })
  return model
}
const norm = (list: ArrayLike<number>) => Math.sqrt(Array.from(list).reduce((sum, w) => sum + w * w, 0))

/** Settings, w of two rows, the penalty. */
const penalties: [keyof typeof regularizers, object, number[], number][] = [
  ['l1', { l1: 0.1 }, [1, -2, 0.5, 3], 0.65],
  ['l2', {}, [1, -2, 0.5, 3], 0.01 * 14.25],
  ['l1l2', { l1: 0.1, l2: 0.2 }, [1, -2, 0.5, 3], 0.65 + 0.2 * 14.25],
  ['orthogonal', { factor: 2 }, [1, 0, 3, 4], 2 * 0.6],
  ['orthogonal', { mode: 'columns', factor: 1 }, [1, 0, 3, 4], 3 / Math.sqrt(10)],
]

describe('regularisers', () => {
  test.each(penalties)(
    '%s with %j of %j is %d, and its slope is what differences measure',
    (name, params, w, value) => {
      const k = direct()
      const made = regularizers[name](params as never)
      const [bw, bg, bd] = ['w', 'g', 'dw'].map((key): Buffer => ({ name: key, shape: [2, 2], kind: 'input' }))
      const penalty: Buffer = { name: 'penalty', shape: [1], kind: 'input' }
      const at = (values: number[]) => {
        k.write(bw, values)
        made.forward(k, { w: viewOf(bw), penalty: viewOf(penalty) })
        return k.read(penalty)[0]
      }
      expect(at(w)).toBeCloseTo(value, 12)
      k.write(bg, [1, 2, 3, 4])
      made.backward(k, { w: viewOf(bw), g: viewOf(bg), dw: viewOf(bd) })
      const slope = k.read(bd)
      for (const i of [0, 2, 3]) {
        const [low, high] = [-1e-6, 1e-6].map(h => at(w.with(i, w[i] + h)))
        expect(slope[i] - (i + 1)).toBeCloseTo((high - low) / 2e-6, 7)
      }
    },
  )

  test('every regulariser has a row', () => {
    expect(Object.keys(regularizers).filter(name => !penalties.some(row => row[0] === name))).toEqual([])
  })

  test('a penalty joins the loss and the gradients, and is saved with the layer', async () => {
    const plain = compiled(network())
    const heavy = compiled(network({ kernelRegularizer: { name: 'l2', params: { l2: 0.5 } }, biasRegularizer: 'l1' }))
    const [, w] = [plain, heavy].map(model => model.weights()[0].data)
    const [without, withIt] = [await plain.evaluate(data), await heavy.evaluate(data)]
    expect(withIt.loss - without.loss).toBeCloseTo(0.5 * norm(w) ** 2, 12)
    const x = random.randn(6)
    for (const model of [plain, heavy]) await model.run('train', 2, x, [0, 1])
    const [g, h] = [plain, heavy].map(model => model.gradients()[0].data)
    h.forEach((slope, i) => {
      expect(slope - g[i]).toBeCloseTo(w[i], 12)
    })
    const loaded = fromBytes(toBytes(heavy), { backend: reference })
    expect((await loaded.evaluate(data)).loss).toBe((await heavy.evaluate(data)).loss)
    expect(await checkGradients(heavy)).toMatchObject({ passed: true })
  })

  test('both backends go the same way', async () => {
    const options = { kernelRegularizer: 'orthogonal', biasRegularizer: 'l2', kernelConstraint: 'maxNorm' }
    const [a, b] = [reference, wasm].map(backend => compiled(network(options), 'sgd', backend))
    for (const model of [a, b]) await model.fit(data, { epochs: 5 })
    a.weights().forEach(({ data: found }, i) => {
      found.forEach((w, j) => {
        expect(b.weights()[i].data[j]).toBeCloseTo(w, 5)
      })
    })
  })

  test.each([
    ['a wrapper', () => timeDistributed(dense(2, { kernelRegularizer: 'l2' }))],
    ['a bidirectional layer', () => bidirectional(simpleRnn(2, { kernelRegularizer: 'l2', returnSequences: true }))],
    ['a block', () => transformerEncoder(4, 1, { kernelRegularizer: 'l2' })],
  ])('reach into %s', async (_, make) => {
    const model = sequential([input([3, 1]), make()], { seed: 2 })
    model.compile({ loss: 'meanSquaredError', backend: reference })
    const squares = (name: RegExp) =>
      model.weights().reduce((sum, { name: of, data }) => sum + (name.test(of) ? norm(data) ** 2 : 0), 0)
    const x = [1, 2, 3, 3, 2, 1]
    const out = await model.predict({ x, inputShape: [3, 1] })
    const { loss } = await model.evaluate({ x, y: out.data, inputShape: [3, 1], targetShape: out.shape.slice(1) })
    expect(loss).toBeCloseTo(0.01 * squares(/W[qkvo]?$/), 12)
  })

  test('of what a layer gives join the loss as a mean over the batch, and move the weights before it', async () => {
    const models = [undefined, { name: 'l1l2', params: { l1: 0.1, l2: 0.2 } }].map(activityRegularizer => {
      const model = sequential([input([2]), dense(2, { activityRegularizer })], { seed: 3 })
      model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend: reference })
      return model
    })
    const x = [1, 2, -3, 4, 0, 1]
    const y = await models[0].forward(3, x)
    const [plain, punished] = await Promise.all(models.map(model => model.run('train', 3, x, [1, 1, 1, 1, 1, 1])))
    const penalty = Array.from(y).reduce((sum, v) => sum + 0.1 * Math.abs(v) + 0.2 * v * v, 0) / 3
    expect(punished[0] - plain[0]).toBeCloseTo(penalty, 12)
    const again = fromBytes(toBytes(models[1]), { backend: reference })
    expect((await again.run('evaluate', 3, x, [1, 1, 1, 1, 1, 1]))[0]).toBe(
      (await models[1].run('evaluate', 3, x, [1, 1, 1, 1, 1, 1]))[0],
    )
    expect(again.weights()).toEqual(models[1].weights())
    const seen = models[1].gradients()[1].data.map((g, i) => g - models[0].gradients()[1].data[i])
    const slopes = [0, 1].map(j =>
      [0, 1, 2].reduce((s, i) => s + 0.1 * Math.sign(y[2 * i + j]) + 0.4 * y[2 * i + j], 0),
    )
    seen.forEach((g, j) => {
      expect(g).toBeCloseTo(slopes[j] / 3, 12)
    })
  })

  test('a maker stands for what it makes', async () => {
    const made = compiled(network({ kernelRegularizer: regularizers.l1 }))
    const named = compiled(network({ kernelRegularizer: 'l1' }))
    expect((await made.evaluate(data)).loss).toBe((await named.evaluate(data)).loss)
    expect((await made.evaluate(data)).loss).not.toBe((await compiled(network()).evaluate(data)).loss)
  })
})

/** Settings, w of three rows, and where it is put. */
const places: [keyof typeof constraints, object, number[], number[]][] = [
  ['maxNorm', {}, [3, 0, 4, 1, 0, 0], [(3 * 2) / 5, 0, (4 * 2) / 5, 1, 0, 0]],
  ['minMaxNorm', { minValue: 2, maxValue: 3, rate: 0.5 }, [3, 1, 4, 0, 0, 0], [3 * 0.8, 1.5, 4 * 0.8, 0, 0, 0]],
  ['unitNorm', {}, [3, 1, 4, 0, 0, 0], [0.6, 1, 0.8, 0, 0, 0]],
  ['unitNorm', { axis: 1 }, [3, 4, 1, 0, 0, 2], [0.6, 0.8, 1, 0, 0, 1]],
  ['unitNorm', { axis: [0, 1] }, [1, 1, 1, 1, 2, 1], [1, 1, 1, 1, 2, 1].map(w => w / 3)],
  ['nonNeg', {}, [3, -1, 0, 2, -5, 1], [3, 0, 0, 2, 0, 1]],
]

describe('constraints', () => {
  test.each(places)('%s with %j puts %j to %j', (name, params, w, expected) => {
    const k = direct()
    const buffer: Buffer = { name: 'w', shape: [3, 2], kind: 'parameter' }
    k.write(buffer, w)
    constraints[name](params as never).apply(k, viewOf(buffer))
    k.read(buffer).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6)
    })
  })

  test('every constraint has a row', () => {
    expect(Object.keys(constraints).filter(name => !places.some(row => row[0] === name))).toEqual([])
  })

  test.each([reference, wasm])('hold after each step', async backend => {
    const model = compiled(network({ kernelConstraint: 'unitNorm', biasConstraint: 'nonNeg' }), 'sgd', backend)
    await model.fit(data, { epochs: 2 })
    const [w, b] = model.weights()
    for (let unit = 0; unit < 4; unit++) expect(norm([0, 1, 2].map(i => w.data[i * 4 + unit]))).toBeCloseTo(1, 5)
    expect(Math.min(...b.data)).toBeGreaterThanOrEqual(0)
  })
})

describe('weights of samples', () => {
  const twice = Array.from({ length: 40 }, (_, row) => (row % 3 === 0 ? 2 : 1))
  const rows = twice.flatMap((n, row) => Array(n).fill(row))

  test('count like samples that are there more than once', async () => {
    const [a, b] = [compiled(network(), 'sgd'), compiled(network(), 'sgd')]
    await a.fit(data, { batchSize: 40, shuffle: false, sampleWeight: twice.map(n => (n * 40) / rows.length) })
    await b.fit(data.select(rows), { batchSize: rows.length, shuffle: false })
    a.weights().forEach(({ data: found }, i) => {
      found.forEach((w, j) => {
        expect(w).toBeCloseTo(b.weights()[i].data[j], 12)
      })
    })
    const weighed = await a.evaluate(data, { sampleWeight: twice, batchSize: 7 })
    expect((weighed.loss * 40) / rows.length).toBeCloseTo((await a.evaluate(data.select(rows))).loss, 12)
  })

  test('of classes are those of their samples', async () => {
    const [a, b] = [compiled(network()), compiled(network())]
    const sampleWeight = Array.from({ length: 40 }, (_, row) => (data.label(row) === 1 ? 3 : 1))
    const first = await a.fit(data, { epochs: 2, classWeight: { 1: 3 } })
    expect(await b.fit(data, { epochs: 2, sampleWeight })).toEqual(first)
    expect(a.weights()).toEqual(b.weights())
  })

  test('do not reach losses by verbs that do not look at them', async () => {
    const model = network()
    const { forward, backward } = losses.meanSquaredError()
    const own = loss('own', {
      forward: (k, { p, t, loss }) => forward(k, { p, t, loss }),
      backward: (k, { p, t, dp }) => backward(k, { p, t, dp }),
    })
    model.compile({ loss: own, backend: reference })
    await expect(model.fit(data, { sampleWeight: twice })).rejects.toThrow('own knows no weights of samples')
  })

  test('must fit', async () => {
    await expect(compiled(network()).fit(data, { sampleWeight: [1] })).rejects.toThrow(
      'sampleWeight has 1 numbers, expected 40',
    )
    await expect(compiled(network()).fit(data, { classWeight: { 0: -1 } })).rejects.toThrow('has the weight -1')
    await expect(compiled(network()).fit(data, { sampleWeight: twice.map(() => NaN) })).rejects.toThrow(
      'the weight NaN',
    )
  })

  test('below 0 unlearn: a policy leaves the action that is worse than expected', async () => {
    const policy = sequential([layers.input([1]), layers.dense(2, { activation: 'softmax' })], { seed: 1 })
    policy.compile({ loss: 'sparseCategoricalCrossentropy', optimizer: 'sgd' })
    const before = policy.predictSync({ x: [[1]] }).data
    await policy.trainOnBatch({ x: [[1]], y: [0] }, { sampleWeight: [-1] })
    const after = policy.predictSync({ x: [[1]] }).data
    expect(after[0]).toBeLessThan(before[0])
    expect(after[1]).toBeGreaterThan(before[1])
  })
})

describe('a schedule', () => {
  const pace = { name: 'exponentialDecay', params: { initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 } }

  test('decides the rate of each step, and goes on after loading', async () => {
    const model = compiled(network(), optimizers.sgd({ learningRate: schedules.exponentialDecay(pace.params) }))
    await model.fit(data, { batchSize: 10 })
    expect(model.learningRate).toBeCloseTo(0.1 * 0.5 ** 1.5, 15)
    const loaded = fromBytes(toBytes(model), { backend: reference })
    for (const each of [model, loaded]) await each.fit(data, { batchSize: 10, initialEpoch: 1, epochs: 2 })
    expect(loaded.learningRate).toBeCloseTo(0.1 * 0.5 ** 3.5, 15)
    expect(loaded.weights()).toEqual(model.weights())
  })

  test.each([
    ['a description', pace],
    ['a formula', '0.1 * 0.5^(step / 2)'],
  ])('can be %s', async (_, learningRate) => {
    const model = compiled(network(), { name: 'sgd', params: { learningRate } })
    await model.fit(data, { batchSize: 10 })
    expect(model.learningRate).toBeCloseTo(0.1 * 0.5 ** 1.5, 15)
  })

  test('that nobody knows is refused', () => {
    const choice = { name: 'sgd', params: { learningRate: 'exponentialDecoy' } }
    expect(() => compiled(network(), choice)).toThrow('unknown schedule "exponentialDecoy"')
  })
})

test.each([
  ['adam', { gradientAccumulationSteps: 3 }],
  ['sgd', { momentum: 0.9, globalClipnorm: 0.1 }],
  ['nadam', { clipnorm: 1, weightDecay: 0.01 }],
  ['lamb', {}],
  ['adafactor', {}],
  ['muon', {}],
  ['scheduleFreeAdamW', {}],
] as const)('%s with %j learns, and a saved model goes on with the same bits', async (name, params) => {
  const optimizer = { name, params: { learningRate: 0.05, ...params } }
  const [whole, first] = [compiled(network(), optimizer, wasm), compiled(network(), optimizer, wasm)]
  const { history } = await whole.fit(data, { epochs: 4, batchSize: 7 })
  expect(history.loss[3]).toBeLessThan(history.loss[0])
  await first.fit(data, { epochs: 2, batchSize: 7 })
  const second = fromBytes(toBytes(first), { backend: wasm })
  await second.fit(data, { initialEpoch: 2, epochs: 4, batchSize: 7 })
  expect(second.weights()).toEqual(whole.weights())
  for (const model of [whole, first, second]) model.close()
})
