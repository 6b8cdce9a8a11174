import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Callback,
  callbacks,
  dataset,
  layers,
  loadModel,
  type Model,
  numpyRandom,
  reference,
  sequential,
  type TrainEvent,
} from 'nabla'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { crc32c, fileVersion, frame, scalars } from '../../src/training/callbacks/eventFile.ts'

const { dense, input } = layers
const random = numpyRandom(5)
const data = dataset({ x: random.randn(40 * 3), y: random.randint(0, 2, 40), inputShape: [3] })
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-'))
})
afterAll(() => rm(folder, { recursive: true }))

function network(optimizer: unknown = 'sgd'): Model {
  const model = sequential([input([3]), dense(1, { activation: 'sigmoid' })], { seed: 1 })
  model.compile({
    optimizer: optimizer as 'sgd',
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
    backend: reference,
  })
  return model
}

/** What a callback does when epochs end with these losses: the epochs seen, the rates, whether it stopped. */
async function told(callback: ReturnType<typeof callbacks.earlyStopping>, losses: number[]) {
  const model = network()
  model.learningRate = 1
  const rates: number[] = []
  let stopped = false
  const run = { model, stop: () => void (stopped = true), goOn: () => {} }
  const sizes = { steps: 1, batchSize: 40, samples: 40, validationSamples: 0, seed: 0, parameters: 4 }
  await callback({ type: 'begin', epochs: losses.length, initialEpoch: 0, ...sizes }, run)
  let epoch = 0
  for (; epoch < losses.length && !stopped; epoch++) {
    model.setWeights([{ name: 'dense/b', data: [epoch] }])
    rates.push(Number(model.learningRate.toPrecision(12)))
    await callback({ type: 'epoch', epoch, metrics: { val_loss: losses[epoch] }, seconds: 0 }, run)
  }
  await callback({ type: 'end', epochs: epoch, reason: stopped ? 'stopped' : 'complete', seconds: 0 }, run)
  return { epochs: epoch, rates, b: model.weights()[1].data[0] }
}

describe('earlyStopping', () => {
  test.each([
    [{}, [3, 2, 2, 1], 3, 2],
    [{ patience: 2 }, [3, 2, 2, 1, 1, 1, 1], 6, 5],
    [{ patience: 2, restoreBestWeights: true }, [3, 2, 2, 1, 1, 1, 1], 6, 3],
    [{ patience: 1, minDelta: 0.5 }, [3, 2.8, 2.6], 2, 1],
    [{ patience: 1, mode: 'max' }, [3, 4, 5, 5], 4, 3],
    [{ patience: 2, baseline: 2 }, [3, 2.5, 2.4], 3, 2],
    [{ patience: 1, startFromEpoch: 3 }, [1, 2, 3, 4, 5], 5, 4],
  ] as const)(
    'with %j and the losses %j ends after %d epochs with the weights of %d',
    async (options, losses, n, b) => {
      const found = await told(callbacks.earlyStopping(options), [...losses])
      expect([found.epochs, found.b]).toEqual([n, b])
    },
  )

  test('ends a training, which says so', async () => {
    const events: TrainEvent[] = []
    const stop = callbacks.earlyStopping({ monitor: 'loss', mode: 'max', patience: 2 })
    const { epoch, reason } = await network().fit(data, {
      epochs: 50,
      callbacks: [stop, event => void events.push(event)],
    })
    expect([epoch, reason]).toEqual([[0, 1, 2], 'stopped'])
    expect(events.at(-1)).toMatchObject({ type: 'end', epochs: 3, reason: 'stopped' })
  })

  test('says which numbers there are', async () => {
    const wrong = network().fit(data, { callbacks: [callbacks.earlyStopping()] })
    await expect(wrong).rejects.toThrow('a callback watches "val_loss", which no epoch has\n  known  loss, accuracy\n')
  })
})

test.each([
  [{ patience: 2, factor: 0.5 }, [3, 2, 2, 2, 2, 2, 1], [1, 1, 1, 1, 0.5, 0.5, 0.25]],
  [{ patience: 1, factor: 0.5, cooldown: 2 }, [3, 3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25, 0.25]],
  [{ patience: 1, factor: 0.1, minLearningRate: 0.05 }, [3, 3, 3, 3], [1, 1, 0.1, 0.05]],
])('reduceLROnPlateau with %j and the losses %j goes through the rates %j', async (options, losses, rates) => {
  expect((await told(callbacks.reduceLROnPlateau(options), losses)).rates).toEqual(rates)
})

test('learningRateScheduler sets the rate of each epoch', async () => {
  const byHand = callbacks.learningRateScheduler((epoch, rate) => (epoch < 2 ? rate : rate / 2))
  expect((await told(byHand, [1, 1, 1, 1])).rates).toEqual([1, 1, 0.5, 0.25])
  const byFormula = callbacks.learningRateScheduler('0.3 / (1 + step)')
  expect((await told(byFormula, [1, 1, 1])).rates).toEqual([0.3, 0.15, 0.1])
})

test('terminateOnNaN ends a training that went wrong', async () => {
  const model = network()
  model.learningRate = Number.NaN
  const { reason, epoch } = await model.fit(data, { epochs: 9, batchSize: 10, callbacks: [callbacks.terminateOnNaN()] })
  expect([reason, epoch.length]).toEqual(['stopped', 0])
})

test('fit leaves the averages of useEma, and swapEmaWeights validates with them on the way', async () => {
  const make = () => network({ name: 'sgd', params: { learningRate: 0.5, useEma: true, emaMomentum: 0.5 } })
  const average = (model: Pick<Model, 'optimizerState'>) =>
    model.optimizerState().find(({ name }) => name === 'average/dense/W')!.data
  const [plain, swapping] = [make(), make()]
  const options = { epochs: 3, batchSize: 8, validationSplit: 0.25 }
  const seen: boolean[] = []
  const see: Callback = (event, { model }) => {
    if (event.type === 'epoch') seen.push(model.weights()[0].data.every((w, i) => w === average(model)[i]))
  }
  const first = await plain.fit(data, { ...options, callbacks: [see] })
  const second = await swapping.fit(data, { ...options, callbacks: [see, callbacks.swapEmaWeights(), see] })
  for (const model of [plain, swapping]) expect(model.weights()[0].data).toEqual(average(model))
  expect(swapping.weights()).toEqual(plain.weights())
  expect(seen).toEqual([false, false, false, true, false, true, false, true, false])
  expect(second.history.loss).toEqual(first.history.loss)
  expect(second.history.val_loss).not.toEqual(first.history.val_loss)
  const held = data.select(Int32Array.from({ length: 10 }, (_, i) => 30 + i))
  expect((await swapping.evaluate(held)).loss).toBeCloseTo(second.history.val_loss[2], 12)
  await expect(network().fit(data, { callbacks: [callbacks.swapEmaWeights()] })).rejects.toThrow('no averages')
})

test.each([
  ['step', true],
  ['epoch', false],
] as const)('averages of an optimizer that came at the first %s of a fit: %s', async (on, kept) => {
  const model = network()
  await model.fit(data, { epochs: 5, batchSize: 8 })
  let isChanged = false
  const change: Callback = event => {
    if (event.type !== on || isChanged) return
    isChanged = true
    const optimizer = { name: 'sgd', params: { useEma: true, emaMomentum: 0.5 } } as const
    model.compile({ optimizer, loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  }
  const before = model.weights()[0].data
  await model.fit(data, { batchSize: 8, callbacks: [change] })
  const [{ data: left }] = model.weights()
  expect(left).not.toEqual(before)
  expect(left.every(w => w !== 0)).toBe(true)
  expect(model.optimizerState().some(({ data }) => data.every((w, i) => w === left[i]))).toBe(kept)
})

test('backupAndRestore goes on where a training broke, and ends with the same bits', async () => {
  const backup = join(folder, 'backup')
  const make = () => network({ name: 'adam', params: { useEma: true } })
  const [whole, broken, again] = [make(), make(), make()]
  const options = { epochs: 4, batchSize: 8 }
  const { history } = await whole.fit(data, options)
  const fall: Callback = event => {
    if (event.type === 'step' && event.epoch === 2) throw new Error('power cut')
  }
  await expect(
    broken.fit(data, { ...options, callbacks: [callbacks.backupAndRestore(backup), fall] }),
  ).rejects.toThrow()
  expect(await readdir(backup)).toEqual(['epoch-2.safetensors'])
  const rest = await again.fit(data, { ...options, callbacks: [callbacks.backupAndRestore(backup)] })
  expect(rest.epoch).toEqual([2, 3])
  expect(rest.history.loss).toEqual(history.loss.slice(2))
  expect(again.weights()).toEqual(whole.weights())
  expect(await readdir(backup)).toEqual([])
})

test('remoteMonitor sends the numbers of each epoch, and goes on when nobody answers', async () => {
  const { createServer } = await import('node:http')
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', part => (body += part))
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${body}`)
      response.end()
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const root = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const { history } = await network().fit(data, {
    callbacks: [callbacks.remoteMonitor({ root, sendAsJson: true }), callbacks.remoteMonitor({ root, field: 'n' })],
  })
  const json = JSON.stringify({ epoch: 0, loss: history.loss[0], accuracy: history.accuracy[0] })
  const path = 'POST /publish/epoch/end/ '
  expect(bodies).toEqual([path + json, path + new URLSearchParams({ n: json })])
  await new Promise(done => server.close(done))
  const errors: unknown[] = []
  await network().fit(data, { callbacks: [callbacks.remoteMonitor({ root, onError: error => errors.push(error) })] })
  expect(errors).toHaveLength(1)
})

test('lambdaCallback and progbarLogger tell of a training in the words of Keras', async () => {
  const lines: string[] = []
  const said: string[] = []
  const note = ({ type }: TrainEvent) => said.push(type)
  const { history } = await network().fit(data, {
    batchSize: 20,
    validationSplit: 0.5,
    callbacks: [
      callbacks.progbarLogger(line => lines.push(line)),
      callbacks.lambdaCallback({
        ...{ onTrainBegin: note, onTrainBatchEnd: note, onTestBatchEnd: note, onEpochEnd: note, onTrainEnd: note },
      }),
    ],
  })
  expect(said).toEqual(['begin', 'step', 'validation', 'epoch', 'end'])
  expect(lines[0]).toBe('Epoch 1/1')
  expect(lines[1]).toMatch(/^1\/1 ━{20} \d+s \d+ms\/step - loss: /)
  expect(lines[1]).toContain(` - val_loss: ${Number(history.val_loss[0].toPrecision(4))}`)
})

test('csvLogger writes a line an epoch and goes on where it was', async () => {
  const path = join(folder, 'log.csv')
  const model = network()
  const { history } = await model.fit(data, { epochs: 2, callbacks: [callbacks.csvLogger(path)] })
  await model.fit(data, { initialEpoch: 2, epochs: 3, callbacks: [callbacks.csvLogger(path, { append: true })] })
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  expect(lines.slice(0, 3)).toEqual([
    'epoch,accuracy,loss',
    ...[0, 1].map(i => `${i},${history.accuracy[i]},${history.loss[i]}`),
  ])
  expect(lines.length).toBe(4)
})

test('modelCheckpoint saves under the numbers of an epoch, or only the best', async () => {
  const model = network()
  const each = callbacks.modelCheckpoint(join(folder, 'each-{epoch:02d}-{loss:.2f}.safetensors'))
  const best = callbacks.modelCheckpoint(join(folder, 'best.safetensors'), {
    monitor: 'loss',
    mode: 'max',
    saveBestOnly: true,
  })
  const { history } = await model.fit(data, { epochs: 3, callbacks: [each, best] })
  const names = (await readdir(folder)).filter(name => name.startsWith('each')).sort()
  expect(names).toEqual(history.loss.map((loss, i) => `each-0${i + 1}-${loss.toFixed(2)}.safetensors`))
  const first = await loadModel(join(folder, names[0]), { backend: reference })
  expect(first.weights()).toEqual((await loadModel(join(folder, 'best.safetensors'), { backend: reference })).weights())
  await first.fit(data, { initialEpoch: 1, epochs: 3 })
  expect(first.weights()).toEqual(model.weights())
})

describe('event files', () => {
  test('have the checksums of CRC-32C', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  })

  test('are records of events, to the byte', () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    expect(hex(fileVersion(1.5))).toBe(`09000000000000f83f1a0d${Buffer.from('brain.Event:2').toString('hex')}`)
    expect(hex(frame(fileVersion(0)))).toMatch(/^1800000000000000a37f4b22/)
    expect(hex(scalars(0, 300, { a: 0.5 }))).toBe(
      // wall_time, step 300, summary of one value: tag, tensor (DT_FLOAT, no axes, 0.5), metadata of scalars
      '09000000000000000010ac022a1f0a1d0a016142090801120' + '02d0000003f4a0d0a090a077363616c6172732001',
    )
  })

  test('hold the numbers of training and validation', async () => {
    const logs = join(folder, 'logs')
    const model = network()
    const { history } = await model.fit(data, {
      epochs: 2,
      batchSize: 10,
      validationSplit: 0.25,
      callbacks: [callbacks.tensorBoard(logs, { updateFreq: 2 })],
    })
    expect((await readdir(logs)).sort()).toEqual(['train', 'validation'])
    const [name] = await readdir(join(logs, 'validation'))
    expect(name).toMatch(/^events\.out\.tfevents\.\d+\./)
    const bytes = await readFile(join(logs, 'validation', name))
    const floats: number[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at))
      expect(frame(bytes.subarray(at + 12, at + 12 + length))).toEqual(
        new Uint8Array(bytes.subarray(at, at + 16 + length)),
      )
      const event = bytes.subarray(at + 12, at + 12 + length)
      for (let i = event.indexOf('epoch_'); i >= 0; i = event.indexOf('epoch_', i + 1)) {
        const value = event.indexOf(0x2d, i)
        floats.push(event.readFloatLE(value + 1))
      }
      at += 16 + length
    }
    const expected = [0, 1].flatMap(i => [history.val_loss[i], history.val_accuracy[i]])
    expect(floats).toEqual(expected.map(Math.fround))
  })
})

test('every callback is tried', async () => {
  const text = await readFile(new URL(import.meta.url), 'utf8')
  expect(Object.keys(callbacks).filter(name => !text.includes(`callbacks.${name}(`))).toEqual([])
})
