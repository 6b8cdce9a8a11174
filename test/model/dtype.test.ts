import { expect, test } from 'vitest'
import { fromBytes, layers, sequential, toBytes, wasm } from '../../src/index.ts'

const { input, dense } = layers
const network = () => [input([2]), dense(1)]
const third = [{ name: 'dense/W', data: [1 / 3, 0] }]
const weight = (model: ReturnType<typeof sequential>) => model.weights()[0].data[0]

test('a model is of float32 unless it is told otherwise, when it is made or compiled', () => {
  const single = sequential(network())
  single.setWeights(third)
  expect(weight(single)).toBe(Math.fround(1 / 3))

  const double = sequential(network(), { dtype: 'float64' })
  double.setWeights(third)
  expect(weight(double)).toBe(1 / 3)

  const compiled = sequential(network())
  compiled.compile({ loss: 'meanSquaredError', dtype: 'float64' })
  compiled.setWeights(third)
  expect(weight(compiled)).toBe(1 / 3)
})

test('a float64 model trains in float64 and stays so when it is saved and loaded', async () => {
  const model = sequential(network(), { dtype: 'float64' })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  await model.fit({ x: [[1, 1 / 3]], y: [0.1] }, { epochs: 3 })
  const loaded = fromBytes(toBytes(model))
  expect(loaded.dtype).toBe('float64')
  expect(loaded.weights()).toEqual(model.weights())
  expect(weight(loaded)).not.toBe(Math.fround(weight(loaded)))
})

test('a loaded model can be told another dtype', () => {
  const model = sequential(network(), { dtype: 'float64' })
  model.setWeights(third)
  expect(weight(fromBytes(toBytes(model), { dtype: 'float32' }) as typeof model)).toBe(Math.fround(1 / 3))
})

test('says so when a backend does not compute in the dtype asked for, or nothing does', () => {
  const model = sequential(network(), { dtype: 'float64' })
  model.compile({ loss: 'meanSquaredError', backend: wasm })
  expect(() => model.weights()).toThrow(/the backend wasm computes in float32, not in float64\n {2}hint: /)
  expect(() => sequential(network(), { dtype: 'float16' as never }).weights()).toThrow(/nothing to run on in float16/)
})
