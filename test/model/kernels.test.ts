import { layers, reference, sequential } from 'nabla'
import { expect, test } from 'vitest'

const { dense, input } = layers
const network = () => {
  const model = sequential([input([4]), dense(16, { activation: 'relu' }), dense(3, { activation: 'softmax' })])
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', threads: 1 })
  return model
}

test('the kernels of a step are told with operations, bytes, times and the limit, and leave the weights alone', () => {
  const model = network()
  const before = model.weights()
  const table = model.kernels('train', 8).split('\n')
  expect(table[0]).toMatch(/^kernel +MFLOP +MB +ms +share +of limit$/)
  expect(table.some(line => /^gemm dW2 .* % +\d+ %$/.test(line))).toBe(true)
  expect(table[table.length - 1]).toMatch(/ms on one core, whose limit is [\d.]+ GFLOP\/s and [\d.]+ GB\/s$/)
  expect(model.weights()).toEqual(before)
})

test('plain loops have no kernels', () => {
  const model = network()
  model.use({ backend: reference })
  expect(model.kernels()).toBe('The reference engine runs plain loops; there are no kernels to time.')
})

test('predictSync gives at once what predict gives', async () => {
  const model = network()
  const x = [
    [1, 2, 3, 4],
    [0, -1, 0, 1],
  ]
  expect(model.predictSync(x)).toEqual(await model.predict(x))
})

test('a formula of x is an activation, also between layers, saved or not; another text is not', async () => {
  const model = sequential([input([2]), dense(3, { activation: 'x * tanh(x)' })])
  const [w] = model.weights()
  const { data } = await model.predict([[1, 2]])
  const z = [0, 1, 2].map(j => w.data[j] + 2 * w.data[3 + j])
  z.forEach((value, j) => {
    expect(data[j]).toBeCloseTo(value * Math.tanh(value), 5)
  })
  expect(() => dense(3, { activation: 'rleu' })).toThrow('unknown activation "rleu"')
})

test('a gate halves the width of a dense layer', () => {
  expect(dense(6, { activation: 'glu' }).pair.shapes([4]).y).toEqual([3])
})

test('a summary for a batch size says what memory a step takes', () => {
  const model = network()
  expect(model.summary({ batchSize: 8 })).toMatch(/Memory of a training step of 8: \d+\.\d MB\n$/)
  expect(model.summary()).not.toContain('Memory')
})
