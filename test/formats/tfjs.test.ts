import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { layers, sequential } from 'nabla'
import { toKeras } from 'nabla/keras'
import { exportOnnx } from 'nabla/onnx'
import { loadTfjs, toTfjs } from 'nabla/tfjs'
import { describe, expect, test } from 'vitest'
import { NablaError } from '../../src/errors.ts'

const folder = 'test/fixtures/tfjs'
const answers = JSON.parse(readFileSync(`${folder}/answers.json`, 'utf8')) as Record<
  string,
  { x: number[]; y: number[] }
>
const quiet = { warn: () => {} }
const from = (files: Readonly<Record<string, Uint8Array>>) =>
  loadTfjs(files['model.json'], { ...quiet, shard: path => files[path] })

describe.each(Object.entries(answers))('the model %s that TensorFlow.js saved', (name, { x, y }) => {
  test('predicts the same', async () => {
    const model = await loadTfjs(`${folder}/${name}/model.json`, quiet)
    const out = await model.forward(2, x)
    for (const [i, value] of y.entries()) expect(out[i]).toBeCloseTo(value, 5)
  })
})

test.each(Object.keys(answers))('%s goes there and back with every bit', async name => {
  const model = await loadTfjs(`${folder}/${name}/model.json`, quiet)
  const again = await from(toTfjs(model))
  expect(again.weights()).toEqual(model.weights())
  expect(await again.forward(2, answers[name].x)).toEqual(await model.forward(2, answers[name].x))
})

test('the digit network goes there and back, in several shards', async () => {
  const { input, conv2d, maxPooling2d, flatten, dense, dropout } = layers
  const model = sequential([
    input([28, 28, 1]),
    conv2d(8, 3, { activation: 'relu' }),
    maxPooling2d(),
    flatten(),
    dropout(0.3),
    dense(1000, { activation: 'relu' }),
    dense(10, { activation: 'softmax' }),
  ])
  const files = toTfjs(model)
  expect(Object.keys(files)).toEqual(['model.json', 'group1-shard1of2.bin', 'group1-shard2of2.bin'])
  expect((await from(files)).weights()).toEqual(model.weights())
})

const about = (weights: object[], paths: unknown[] = ['a.bin']) => ({
  'model.json': new TextEncoder().encode(
    JSON.stringify({
      modelTopology: {
        class_name: 'Sequential',
        config: [{ class_name: 'Dense', config: { name: 'd', units: 2, batch_input_shape: [null, 2] } }],
      },
      weightsManifest: [{ paths, weights }],
    }),
  ),
})
const bias = { name: 'd/bias', shape: [2], dtype: 'float32' }
const kernel = (more: object) => ({ name: 'd/kernel', shape: [2, 2], dtype: 'float32', ...more })

test.each([
  ['uint8', Uint8Array.of(0, 1, 2, 255), [-1, -0.5, 0, 126.5]],
  ['uint16', Uint16Array.of(0, 1, 2, 1000), [-1, -0.5, 0, 499]],
  ['float16', Uint16Array.of(0x3c00, 0xc000, 0, 0x7bff), [1, -2, 0, 65504]],
])('weights of %s are read', async (dtype, packed, values) => {
  const files = about([bias, kernel({ quantization: { dtype, scale: 0.5, min: -1 } })])
  const shard = new Uint8Array(8 + packed.byteLength)
  shard.set(new Uint8Array(packed.buffer), 8)
  const model = await from({ ...files, 'a.bin': shard })
  expect([...model.weights()[0].data]).toEqual(values)
})

test.each<[string, object[], unknown[] | undefined, string]>([
  ['a shard elsewhere', [bias], ['../a.bin'], 'bad-tfjs'],
  ['a shard at an address', [bias], ['http://a/b'], 'bad-tfjs'],
  ['a shard that is too short', [bias, kernel({ shape: [200, 2] })], undefined, 'bad-tfjs'],
  ['a huge shape', [bias, kernel({ shape: [2 ** 40, 2 ** 40] })], undefined, 'bad-tfjs'],
  ['a shape of no numbers', [bias, kernel({ shape: [null, 2] })], undefined, 'bad-tfjs'],
  ['an unknown type', [bias, kernel({ dtype: 'string' })], undefined, 'bad-tfjs'],
  ['a type of the prototype', [bias, kernel({ quantization: { dtype: '__proto__' } })], undefined, 'bad-tfjs'],
  ['weights of no layer', [bias, kernel({ name: 'other/kernel' })], undefined, 'wrong-weights'],
  ['weights that are missing', [bias, { ...bias, shape: [4] }], undefined, 'wrong-weights'],
])('%s is refused', async (_, weights, paths, code) => {
  await expect(from({ ...about(weights, paths), 'a.bin': new Uint8Array(24) })).rejects.toMatchObject({ code })
})

test('a training goes on where it stopped', async () => {
  const names = ['m', 'v'].flatMap(state => ['kernel', 'bias'].map(name => ({ name: `d/${name}/${state}`, state })))
  const optimizer = names.map(({ name }) => ({ name, shape: /kernel/.test(name) ? [2, 2] : [2], dtype: 'float32', group: 'optimizer' })) // biome-ignore format: short
  const iter = { name: 'iter', shape: [], dtype: 'int32', group: 'optimizer' }
  const files = about([kernel({}), bias, iter, ...optimizer])
  const json = JSON.parse(new TextDecoder().decode(files['model.json']))
  json.trainingConfig = {
    loss: 'mean_squared_error',
    metrics: ['acc'],
    optimizer_config: { class_name: 'Adam', config: { learning_rate: 0.5, beta1: 0.8, beta2: 0.99, epsilon: 1e-7 } },
  }
  const shard = new DataView(new ArrayBuffer(4 * (6 + 1 + 12)))
  shard.setInt32(24, 5, true)
  for (let i = 7; i < 19; i++) shard.setFloat32(4 * i, i, true)
  const model = await from({
    'model.json': new TextEncoder().encode(JSON.stringify(json)),
    'a.bin': new Uint8Array(shard.buffer),
  })
  expect([model.step, model.learningRate]).toEqual([5, 0.5])
  expect(model.training!.optimizer.params).toMatchObject({ beta1: 0.8, beta2: 0.99 })
  expect(Object.fromEntries(model.optimizerState().map(({ name, data }) => [name, [...data]]))).toEqual({
    'm/d/W': [7, 8, 9, 10],
    'm/d/b': [11, 12],
    'v/d/W': [13, 14, 15, 16],
    'v/d/b': [17, 18],
  })
})

test('damaged files end in an error of ours, or are read as they stand', async () => {
  const whole = readFileSync(`${folder}/sequences/model.json`)
  const shard = readFileSync(`${folder}/sequences/weights.bin`)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      async flips => {
        const bad = new Uint8Array(whole)
        for (const [at, bits] of flips) bad[at] ^= bits
        try {
          const model = await loadTfjs(bad, { ...quiet, shard: () => shard })
          model.close()
        } catch (error) {
          expect(error).toBeInstanceOf(NablaError)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('of a thousand layers that cannot be written, some are named', async () => {
  const thousand = Array.from({ length: 1000 })
  const pictures = sequential([layers.input([2, 2, 3]), ...thousand.map(() => layers.randomContrast(0.2))])
  const numbers = sequential([layers.input([2]), ...thousand.map(() => layers.srelu())])
  const writers = [() => exportOnnx(pictures), () => toKeras(numbers), async () => toTfjs(pictures)]
  for (const write of writers) {
    const error = await write().catch(error => error)
    expect(error).toBeInstanceOf(NablaError)
    expect(error.message.length).toBeLessThan(6000)
  }
})
