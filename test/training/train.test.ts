import { type Callback, dataset, layers, numpyRandom, sequential, type TrainEvent, train } from 'nabla'
import { describe, expect, test } from 'vitest'

const { dense, dropout, input } = layers
const random = numpyRandom(1)
const data = dataset({ x: random.randn(50 * 3), y: random.randint(0, 2, 50), inputShape: [3] })

function network(seed = 0) {
  const model = sequential(
    [input([3]), dense(6, { activation: 'relu' }), dropout(0.2), dense(2, { activation: 'softmax' })],
    { seed },
  )
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return model
}

test.each([
  [[0.5, 1], 'row 0 has label 0.5, expected 0 … 1'],
  [[1, -1], 'row 1 has label -1, expected 0 … 1'],
])('labels %j are refused', async (y, line) => {
  await expect(network().fit({ x: [1, 2, 3, 4, 5, 6], y, inputShape: [3] })).rejects.toThrow(line)
})

test('every label of a sequence is looked at', async () => {
  const model = sequential([input([2, 3]), layers.lstm(3, { returnSequences: true })])
  const x = Array(12).fill(1)
  const data = (y: number[][]) => ({ x, y, inputShape: [2, 3] })
  model.compile({ loss: 'sparseCategoricalCrossentropy' })
  const bad = [
    [0, 1],
    [2, 3],
  ]
  await expect(model.fit(data(bad))).rejects.toThrow('row 1 has label 3, expected 0 … 2')
  model.compile({ loss: 'ctc' })
  await expect(model.fit(data(bad))).rejects.toThrow('row 1 has label 3, expected 0 … 2')
  expect((await model.fit(data(bad.map(row => row.map(Math.sign))))).history.loss[0]).toBeGreaterThan(0)
})

test.each([{ epochs: -1 }, { epochs: 1.5 }, { initialEpoch: Number.NaN }])('fit with %j is refused', async options => {
  await expect(network().fit(data, options)).rejects.toThrow(
    /^fit got (epochs|initialEpoch) .*, expected a whole number/,
  )
})

test('a training is told as events', async () => {
  const events: TrainEvent[] = []
  for await (const event of train(network(), data, { epochs: 2, batchSize: 16, validationSplit: 0.2 }))
    events.push(event)
  const said = events.map(({ type }) => type).join(' ')
  expect(said).toBe(
    `begin${' step step step validation validation validation epoch'.repeat(2)} end`.replaceAll(
      ' validation'.repeat(3),
      ' validation',
    ),
  )
  expect(events[0]).toEqual({
    type: 'begin',
    epochs: 2,
    initialEpoch: 0,
    steps: 3,
    batchSize: 16,
    samples: 40,
    validationSamples: 10,
    seed: 0,
    parameters: 38,
  })
  expect(events[3]).toMatchObject({ type: 'step', epoch: 0, step: 3, steps: 3, size: 8 })
  expect(events[4]).toEqual({ type: 'validation', epoch: 0, step: 1, steps: 1 })
  const names = ['loss', 'accuracy', 'val_loss', 'val_accuracy']
  expect(events[5]).toMatchObject({ type: 'epoch', epoch: 0 })
  expect(Object.keys((events[5] as { metrics: object }).metrics)).toEqual(names)
  expect(events.at(-1)).toMatchObject({ type: 'end', epochs: 2, reason: 'complete' })
  expect(JSON.parse(JSON.stringify(events))).toEqual(events)
})

test('the history has one number an epoch', async () => {
  const seen: string[] = []
  const callbacks = [async (event: TrainEvent) => seen.push(event.type)]
  const { epoch, history, reason } = await network().fit(data, { epochs: 3, validationData: data.take(10), callbacks })
  expect(epoch).toEqual([0, 1, 2])
  expect(Object.values(history).map(({ length }) => length)).toEqual([3, 3, 3, 3])
  expect(reason).toBe('complete')
  expect(seen[0] + seen.at(-1)).toBe('beginend')
})

test('metrics of an epoch are means over its samples', async () => {
  const model = network()
  model.learningRate = 0
  const { history } = await model.fit(data.take(20), { batchSize: 16, shuffle: false })
  const still = sequential([input([3]), ...model.layers.filter(({ type }) => type === 'dense')])
  still.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  const whole = await still.evaluate(data, { batchSize: 50 })
  const parts = await still.evaluate(data, { batchSize: 7 })
  expect(parts.loss).toBeCloseTo(whole.loss, 6)
  expect(parts.accuracy).toBeCloseTo(whole.accuracy, 6)
  expect(history.loss[0]).toBeGreaterThan(0)
})

test('a signal stops after the current step', async () => {
  const stop = new AbortController()
  let steps = 0
  const callbacks = [(event: TrainEvent) => event.type === 'step' && ++steps === 5 && stop.abort()]
  const model = network()
  const { epoch, reason } = await model.fit(data, { epochs: 9, batchSize: 16, signal: stop.signal, callbacks })
  expect([steps, model.step, epoch, reason]).toEqual([5, 5, [0], 'aborted'])
})

describe('one seed', () => {
  test('gives the same bits twice', async () => {
    const [a, b] = [network(3), network(3)]
    for (const model of [a, b]) await model.fit(data, { epochs: 2, batchSize: 8 })
    expect(a.weights()).toEqual(b.weights())
  })

  test('and another seed others', async () => {
    const [a, b] = [network(3), network(3)]
    await a.fit(data, { batchSize: 8 })
    await b.fit(data, { batchSize: 8, seed: 4 })
    expect(a.weights()).not.toEqual(b.weights())
  })
})

test('dropout is silent outside training', async () => {
  const model = network()
  expect(await model.predict(data)).toEqual(await model.predict(data))
})

test('a NaN in the loss does not stop a training: it is told', async () => {
  const model = network()
  model.learningRate = Number.NaN
  const { history } = await model.fit(data, { epochs: 2 })
  expect(history.loss[1]).toBeNaN()
})

describe('a model compiled anew within a fit', () => {
  const again = (on: TrainEvent['type'], metrics: 'accuracy'[], loss = 'sparseCategoricalCrossentropy'): Callback => {
    let done = 0
    return (event, { model }) => {
      if (event.type !== on || done++ > 0) return
      model.compile({ optimizer: 'sgd', loss: loss as 'categoricalCrossentropy', metrics })
    }
  }
  test.each(['begin', 'step', 'epoch'] as const)('goes on with another optimizer: at %s', async on => {
    const model = network()
    const { history } = await model.fit(data, { epochs: 3, batchSize: 16, callbacks: [again(on, ['accuracy'])] })
    expect(history.loss).toHaveLength(3)
    expect(history.accuracy).toHaveLength(3)
    expect(model.training?.optimizer.name).toBe('sgd')
  })
  test.each([
    ['begin', [], undefined],
    ['step', [], undefined],
    ['epoch', [], undefined],
    ['validation', [], undefined],
    ['begin', ['accuracy'], 'categoricalCrossentropy'],
    ['step', ['accuracy'], 'categoricalCrossentropy'],
  ] as const)('keeps its goals: at %s', async (on, metrics, loss) => {
    const fit = network().fit(data, {
      epochs: 3,
      batchSize: 16,
      validationData: data,
      callbacks: [again(on, [...metrics], loss)],
    })
    await expect(fit).rejects.toThrow(
      'compile was called within a fit, for another loss or other metrics\n' +
        '  before  sparseCategoricalCrossentropy, accuracy\n' +
        `  now     ${[loss ?? 'sparseCategoricalCrossentropy', ...metrics].join(', ')}\n` +
        '  hint: stop the fit first, run.stop(), and go on with another fit; a new optimizer may come at any time',
    )
  })
})
