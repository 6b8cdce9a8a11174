import { fromBytes, layers as l, loss, losses, metric, model, reference, register, sequential, toBytes } from 'nabla'
import { describe, expect, test } from 'vitest'

const net = (options: object = {}) => {
  const made = sequential([l.input([2]), l.dense(3, { activation: 'tanh' }), l.dense(1, { activation: 'sigmoid' })])
  made.compile({ loss: 'binaryCrossentropy', optimizer: 'sgd', metrics: ['accuracy'], backend: reference, ...options })
  return made
}
const x = Array.from({ length: 10 }, (_, i) => [Math.sin(i), Math.cos(3 * i)])
const y = x.map(([a, b]) => (a > b ? 1 : 0))
const part = (from: number, to: number) => ({ x: x.slice(from, to), y: y.slice(from, to) })

test('batches one by one are an epoch', async () => {
  const [whole, single] = [net(), net()]
  await whole.fit({ x, y }, { batchSize: 4, shuffle: false })
  const told = []
  for (const at of [0, 4, 8]) told.push(await single.trainOnBatch(part(at, at + 4)))
  expect(single.weights()).toEqual(whole.weights())
  expect(Object.keys(told[0])).toEqual(['loss', 'accuracy'])
  expect(await single.testOnBatch({ x, y })).toEqual(await single.evaluate({ x, y }, { batchSize: 10 }))
  expect(await single.predictOnBatch(x)).toEqual(await single.predict(x, { batchSize: 10 }))
})

test('a batch may be weighed', async () => {
  const [a, b] = [net(), net()]
  const sampleWeight = y.map(t => (t === 1 ? 3 : 1))
  expect(await a.trainOnBatch({ x, y }, { sampleWeight })).toEqual(
    await b.trainOnBatch({ x, y }, { classWeight: { 1: 3 } }),
  )
  expect(a.weights()).toEqual(b.weights())
})

test('an epoch of fewer steps goes on where the last one ended', async () => {
  const [whole, short] = [net(), net()]
  await whole.fit({ x, y }, { batchSize: 2, epochs: 2 })
  const { history } = await short.fit({ x, y }, { batchSize: 2, epochs: 5, stepsPerEpoch: 2 })
  expect(short.weights()).toEqual(whole.weights())
  expect(history.loss).toHaveLength(5)
})

test('an epoch may have more steps than the data has batches', async () => {
  const [whole, long] = [net(), net()]
  await whole.fit({ x, y }, { batchSize: 5, epochs: 3 })
  await long.fit({ x, y }, { batchSize: 5, stepsPerEpoch: 6 })
  expect(long.weights()).toEqual(whole.weights())
})

test('validation and evaluation may look at fewer batches', async () => {
  const made = net()
  const options = { batchSize: 2, validationData: { x, y }, validationSteps: 2 }
  const { history } = await made.fit({ x, y }, options)
  expect(history.val_loss[0]).toBe((await made.evaluate({ x, y }, { batchSize: 2, steps: 2 })).loss)
  expect(history.val_loss[0]).toBe((await made.evaluate(part(0, 4))).loss)
  await expect(made.fit({ x, y }, { stepsPerEpoch: 0 })).rejects.toThrow('fit got stepsPerEpoch 0')
})

test('what was made known by name is found in options and in files', async () => {
  const far = loss('far', {
    forward: (k, { p, t, loss }) => k.reduce(loss, 'mean', 'abs(p - t)', { p, t: t.reshape(...p.shape) }, [0, 1]),
    backward: (k, { p, t, dp }) => k.map(dp, 'sign(p - t) / n', { p, t: t.reshape(...p.shape), n: p.shape[0] }),
  })
  const bias = metric('bias', {
    measure: (k, { p, t, out }) => k.reduce(out, 'sum', 'p - t', { p, t: t.reshape(...p.shape) }, [0, 1]),
  })
  const made = net({ loss: far(), metrics: [bias()] })
  const bytes = toBytes(made)
  expect(() => fromBytes(bytes)).toThrow('unknown loss "far"')
  register({ losses: { far }, metrics: { bias } })
  const loaded = fromBytes(bytes, { backend: reference })
  const told = await loaded.evaluate({ x, y })
  expect(Object.keys(told)).toEqual(['loss', 'bias'])
  expect(await net({ loss: 'far', metrics: ['bias'] }).evaluate({ x, y })).toEqual(told)
  expect(Object.keys(losses)).not.toContain('far')
})

test('several outputs take lists, and tell of each', async () => {
  const start = l.input([2])
  const h = l.dense(4, { activation: 'tanh' })(start)
  const two = model({
    inputs: start,
    outputs: [l.dense(1, { name: 'a' })(h), l.dense(3, { activation: 'softmax', name: 'b' })(h)],
  })
  two.compile({
    loss: ['meanSquaredError', 'sparseCategoricalCrossentropy'],
    lossWeights: [1, 0.3],
    metrics: [['meanAbsoluteError'], ['accuracy']],
    backend: reference,
  })
  const data = { x, y: [x.map(([v]) => v), x.map((_, i) => i % 3)] }
  const told = await two.trainOnBatch(data)
  expect(Object.keys(told)).toEqual(['loss', 'a_loss', 'b_loss', 'a_meanAbsoluteError', 'b_accuracy'])
  expect(told.loss).toBeCloseTo(told.a_loss + 0.3 * told.b_loss, 12)
  const { history } = await two.fit(data, { epochs: 20, validationSplit: 0.2 })
  expect(history.loss[19]).toBeLessThan(history.loss[0])
})

// Data whose parts are not those of the model, and what is said of it whatever is done with it.
describe('what the model does not know', () => {
  const [left, right] = [l.input([2], { name: 'left' }), l.input([2], { name: 'right' })]
  const two = model({ inputs: [left, right], outputs: l.dense(1, { name: 'size' })(l.add()([left, right])) })
  two.compile({ loss: 'meanSquaredError' })
  const one = net()
  const unknown = (name: string, inputs: string, hint: string) =>
    `the model has no input "${name}"\n  inputs  ${inputs}\n  hint: ${hint}`
  const setting = (name: string, hint: string) =>
    `dataset has no setting "${name}"\n  settings  x, y, inputShape, targetShape, classes, schema\n  hint: ${hint}`
  test.each([
    [two, { x: { left: x, rigth: x } }, unknown('rigth', 'left, right', 'did you mean "right"?')],
    [two, { x: { left: x, right: x, middle: x } }, unknown('middle', 'left, right', 'did you mean "left"?')],
    [one, { x: { points: x } }, unknown('points', 'x', 'the numbers of "x" can be given without a name')],
    [one, { x, inputshape: [2] }, setting('inputshape', 'did you mean "inputShape"?')],
    [two, { x: [x, x], other: x }, setting('other', 'give settings under these names')],
  ])('is told: %#', async (made, data, message) => {
    const given = data as { x: typeof x }
    await expect(made.fit({ ...given, y })).rejects.toThrow(message)
    await expect(made.predict(given)).rejects.toThrow(message)
    expect(() => made.predictSync(given)).toThrow(message)
  })
  test('is told of inputs without x, and of targets', async () => {
    const bare = { left: x, right: x, middle: x }
    await expect(two.predict(bare)).rejects.toThrow(unknown('middle', 'left, right', 'did you mean "left"?'))
    await expect(one.fit({ y } as never)).rejects.toThrow('dataset got x undefined, expected numbers')
    await expect(two.fit({ x: [x, x], y: { sise: y } })).rejects.toThrow('the model has no output "sise"')
  })
})

test('what comes with the samples that are predicted is no obstacle', async () => {
  const one = net()
  expect(await one.predict({ x, y, classes: 2 } as never)).toEqual(await one.predict(x))
})
