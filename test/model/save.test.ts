import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  activation,
  type Backend,
  fromBytes,
  layer,
  layers,
  loadModel,
  type Model,
  NablaError,
  numpyRandom,
  pair,
  readSafetensors,
  reference,
  sequential,
  toBytes,
  wasm,
  writeSafetensors,
} from 'nabla'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const { batchNormalization, conv2d, dense, dropout, flatten, input, leakyRelu, maxPooling2d } = layers
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-'))
})
afterAll(() => rm(folder, { recursive: true }))

const random = numpyRandom(3)
const data = { x: random.rand(40 * 36), y: Array.from({ length: 40 }, () => random.randint(0, 3)[0]) }

function network(backend: Backend, optimizer: 'adam' | 'sgd' = 'adam'): Model {
  const model = sequential(
    [
      input([6, 6, 1]),
      conv2d(4, 3, { padding: 'same', activation: 'relu' }),
      batchNormalization(),
      leakyRelu({ slope: 0.1 }),
      maxPooling2d({ padding: 'same' }),
      dropout(0.3),
      flatten(),
      dense(3, { activation: 'softmax' }),
    ],
    { seed: 5 },
  )
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], backend })
  return model
}

describe.each([reference, wasm].map(backend => [backend.name, backend] as const))('on %s', (_, backend) => {
  test.each(['adam', 'sgd'] as const)(
    'two epochs, a file and two more are the same bits as four with %s',
    async optimizer => {
      const whole = network(backend, optimizer)
      await whole.fit(data, { epochs: 4, batchSize: 16 })
      const first = network(backend, optimizer)
      await first.fit(data, { epochs: 2, batchSize: 16 })
      const path = join(folder, `${backend.name}-${optimizer}.safetensors`)
      await first.save(path)
      const second = await loadModel(path, { backend })
      await second.fit(data, { initialEpoch: 2, epochs: 4, batchSize: 16 })
      expect(second.weights()).toEqual(whole.weights())
      expect(second.optimizerState()).toEqual(whole.optimizerState())
      for (const model of [whole, first, second]) model.close()
    },
  )
})

test('a folder holds the topology as JSON and the numbers as safetensors', async () => {
  const model = network(reference)
  await model.fit(data, { epochs: 1 })
  await model.save(join(folder, 'a', 'model'))
  expect(await readdir(join(folder, 'a', 'model'))).toEqual(['model.json', 'weights.safetensors'])
  const loaded = await loadModel(join(folder, 'a', 'model'), { backend: reference })
  expect(loaded.summary()).toBe(model.summary())
  expect(await loaded.predict(data.x)).toEqual(await model.predict(data.x))
})

test('bytes carry a model where there are no files', async () => {
  const model = network(wasm)
  const loaded = fromBytes(toBytes(model))
  expect(loaded.weights()).toEqual(model.weights())
  expect(loaded.step).toBe(0)
})

test('a formula of the user is saved as data', async () => {
  const mine = { name: 'mine', forward: 'x * tanh(a * x)', params: { a: 2 } }
  const made = activation('mine', { forward: 'x * tanh(a * x)', params: { a: 1 } })
  for (const choice of [mine, made({ a: 2 })]) {
    const model = sequential([input([3]), dense(4, { activation: choice })], { seed: 2 })
    const loaded = fromBytes(toBytes(model))
    expect(await loaded.predict([[1, 2, 3]])).toEqual(await model.predict([[1, 2, 3]]))
    expect(loaded.explain('predict', 1)).toBe('p = (x·W1 + b1) * tanh(2 * (x·W1 + b1))')
  }
})

test('a layer of the user is found when its maker is given', async () => {
  const twice = layer('twice', [], (_: { name?: string } = {}) =>
    pair({
      shapes: shape => ({ y: shape }),
      forward: (k, { x, y }) => k.map(y, '2 * x', { x }),
      backward: (k, { dx, dy }) => k.map(dx, '2 * dy', { dy }),
    }),
  )
  const bytes = toBytes(sequential([input([2]), twice()]))
  expect(() => fromBytes(bytes)).toThrow('the model has a layer of type "twice"')
  const loaded = fromBytes(bytes, { layers: { twice } })
  expect(Array.from((await loaded.predict([[1, 2]])).data)).toEqual([2, 4])
})

describe('loading refuses', () => {
  const rows: [string, (about: Record<string, unknown>) => unknown, string][] = [
    [
      'another program',
      about => ({ ...about, format: 'x' }),
      'this is not a saved model: its topology is of another program',
    ],
    ['a newer version', about => ({ ...about, version: 2 }), 'the model has version 2, expected 1'],
    [
      'layers that are no list',
      about => ({ ...about, layers: {} }),
      'this is not a saved model: a list in its topology is missing',
    ],
    [
      'layers of another size',
      about => ({
        ...about,
        layers: [
          { type: 'input', config: { shape: [3] } },
          { type: 'dense', config: { units: 1e9, name: 'dense' } },
        ],
      }),
      'makes the model larger',
    ],
    [
      'weights of another shape',
      about => ({
        ...about,
        layers: [
          { type: 'input', config: { shape: [3] } },
          { type: 'dense', config: { units: 7 } },
        ],
      }),
      'the file has [2, 1] for dense/W',
    ],
    [
      'a prototype',
      about => ({ ...about, layers: [{ type: '__proto__', config: {} }] }),
      'the model has a layer of type "__proto__"',
    ],
    [
      'a training without step',
      about => ({ ...about, training: { optimizer: { name: 'sgd' }, loss: 'meanSquaredError', metrics: [] } }),
      'step or learning rate is missing',
    ],
    [
      'a formula that is none',
      about => ({
        ...about,
        training: { optimizer: { name: 'sgd' }, loss: { name: 'l', forward: 3, backward: 'p' }, metrics: [] },
      }),
      'unknown loss "l"',
    ],
  ]
  test.each(rows)('%s', async (name, change, message) => {
    const path = join(folder, name)
    await sequential([input([2]), dense(1)]).save(path)
    const about = JSON.parse(await readFile(join(path, 'model.json'), 'utf8'))
    await writeFile(join(path, 'model.json'), JSON.stringify(change(about)))
    await expect(loadModel(path)).rejects.toThrow(message)
  })

  test('a path where nothing is', async () => {
    await expect(loadModel(join(folder, 'nothing'))).rejects.toThrow(/^cannot read .*model.json/)
  })

  test('a path of another format', async () => {
    await expect(loadModel('net.keras')).rejects.toThrow('loadKeras and toKeras of nabla/keras')
    await expect(sequential([input([2]), dense(1)]).save(join(folder, 'net.onnx'))).rejects.toThrow('exportOnnx')
  })

  test.runIf(process.platform === 'linux')('a folder that can be made nowhere', async () => {
    await expect(sequential([input([2]), dense(1)]).save('/proc/none/model')).rejects.toThrow(/^cannot write \/proc/)
  })

  test('a folder that cannot be written leaves nothing behind', async () => {
    const path = join(folder, 'blocked')
    await writeFile(path, '')
    await expect(sequential([input([2]), dense(1)]).save(path)).rejects.toThrow(/^cannot write/)
    expect((await readdir(folder)).filter(name => name.includes('part'))).toEqual([])
  })
})

test('whatever stands in a topology, it is read or refused with a reason', () => {
  const bytes = toBytes(network(reference))
  const { tensors, metadata } = readSafetensors(bytes)
  const text = metadata.nabla
  const paths: (string | number)[][] = []
  const walk = (value: unknown, path: (string | number)[]) => {
    paths.push(path)
    if (typeof value === 'object' && value !== null)
      for (const [key, part] of Object.entries(value)) walk(part, [...path, key])
  }
  walk(JSON.parse(text), [])
  for (const path of paths.slice(1))
    for (const strange of [null, -1, 0.5, 1e9, 'x', '__proto__', true, {}, [], [1, 2], { name: 'x', forward: 'x' }]) {
      const about = JSON.parse(text)
      const last = path.at(-1)!
      path.slice(0, -1).reduce((part, key) => part[key], about)[last] = strange
      try {
        fromBytes(writeSafetensors(tensors, { nabla: JSON.stringify(about) }), { backend: reference })
      } catch (error) {
        expect(error, `${path.join('.')} = ${JSON.stringify(strange)}: ${(error as Error).stack}`).toBeInstanceOf(
          NablaError,
        )
      }
    }
})
