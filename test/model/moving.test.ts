import { expect, test } from 'vitest'
import { layers, type Model, sequential } from '../../src/index.ts'

const { input, dense } = layers
const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i))
const data = { x: { shape: [64, 4], data: wave(256) }, y: wave(64) }
const options = { epochs: 6, batchSize: 16 }
const rows = 2 ** 24

function network(): Model {
  const model = sequential([input([4]), dense(8, { activation: 'tanh' }), dense(1)], { seed: 2 })
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', threads: 1 })
  return model
}
async function trained(model: Model): Promise<Model> {
  await model.fit(data, options)
  return model
}

test('a model that moves to other threads in the middle of fit goes on there', async () => {
  const model = network()
  const { history } = await model.fit(data, {
    ...options,
    callbacks: [event => void (event.type === 'epoch' && event.epoch === 2 && model.use({ threads: 2 }))],
  })
  const still = network()
  expect(history).toEqual((await still.fit(data, options)).history)
  expect(model.weights()).toEqual(still.weights())
  expect(model.optimizerState()).toEqual(still.optimizerState())
})

test('a model that is compiled in the middle of fit learns as it was told then', async () => {
  const model = network()
  await model.fit(data, {
    ...options,
    callbacks: [
      event => {
        if (event.type === 'epoch' && event.epoch === 2) model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      },
    ],
  })
  const other = network()
  await other.fit(data, { ...options, epochs: 3 })
  other.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  await other.fit(data, { ...options, initialEpoch: 3 })
  expect(model.weights()).toEqual(other.weights())
})

test('a batch for which there is no memory is refused, and others go on', async () => {
  const model = network()
  for (const size of [40 * rows, 20 * rows])
    expect(() => model.feed('train', size)).toThrow(expect.objectContaining({ code: 'out-of-memory' }))
  expect((await trained(model)).weights()).toEqual((await trained(network())).weights())
})

test('batches of so many sizes that their plans fill the memory go on in a new one', async () => {
  const model = network()
  await model.fit(data, { ...options, epochs: 3 })
  for (let size = rows; size < 2 * rows; size += rows / 8) model.feed('predict', size)
  await model.fit(data, { ...options, initialEpoch: 3 })
  const still = await trained(network())
  expect(model.weights()).toEqual(still.weights())
  expect(model.optimizerState()).toEqual(still.optimizerState())
})

test.each([1, 2])(
  'where memory may not grow far models have less, and where there is none they say so, threads: %i',
  async threads => {
    const { Memory } = WebAssembly
    let most = 2 ** 13
    WebAssembly.Memory = class extends Memory {
      constructor(settings: WebAssembly.MemoryDescriptor) {
        if (settings.maximum! > most) throw new RangeError('could not allocate memory')
        super(settings)
      }
    }
    const model = network()
    model.use({ threads })
    expect((await trained(model)).weights()).toEqual((await trained(network())).weights())
    expect(() => model.feed('train', 3 * rows)).toThrow(expect.objectContaining({ code: 'out-of-memory' }))
    most = 0
    expect(() => network().weights()).toThrow(
      'there is no memory for another engine\n' +
        '  reason  RangeError: could not allocate memory\n' +
        '  hint: close() models that are no longer needed',
    )
    WebAssembly.Memory = Memory
  },
)
