import { activation, checkGradients, layer, layers, pair, sequential, wasm } from 'nabla'
import { expect, test } from 'vitest'

const { conv2d, dense, dropout, batchNormalization, flatten, input, maxPooling2d } = layers

test('a whole model is checked, loss and all', async () => {
  const model = sequential([
    input([6, 5, 2]),
    conv2d(3, 3, { padding: 'same', activation: 'relu' }),
    batchNormalization(),
    maxPooling2d({ padding: 'same' }),
    dropout(0.3),
    flatten(),
    dense(4, { activation: 'softmax' }),
  ])
  model.compile({ loss: 'sparseCategoricalCrossentropy' })
  const report = await checkGradients(model, { points: 8 })
  expect(report.passed).toBe(true)
  expect(report.arrays.map(({ name }) => name)).toEqual([
    'x',
    'conv2d/W',
    'conv2d/b',
    'batch_normalization/gamma',
    'batch_normalization/beta',
    'dense/W',
    'dense/b',
  ])
})

test('a wrong backward pass is found, and where', async () => {
  const wrong = layer('wrong', [], (_: { name?: string } = {}) =>
    pair({
      shapes: shape => ({ y: shape }),
      forward: (k, { x, y }) => k.map(y, 'x^2', { x }),
      backward: (k, { x, dx, dy }) => k.map(dx, 'x * dy', { x, dy }),
    }),
  )
  const { passed, arrays } = await checkGradients(wrong())
  expect(passed).toBe(false)
  const { error, at } = arrays[0]
  expect(error).toBeCloseTo(0.5, 6)
  expect(at!.measured / at!.written).toBeCloseTo(2, 6)
})

test('points where a comparison flips are left out', async () => {
  const saw = activation('saw', { forward: 'x > 0.3 ? x : 2 * x - 0.3', backward: 'x > 0.3 ? dy : 2 * dy' })
  const wide = { inputShape: [40], h: 0.1 }
  const [x] = (await checkGradients(layers.activation(saw), wide)).arrays
  expect(x.skipped).toBeGreaterThan(0)
  expect(x.error).toBeLessThan(1e-9)
})

test('float32 is refused', async () => {
  await expect(checkGradients(dense(1), { backend: wasm })).rejects.toThrow(
    'checkGradients got the backend wasm, which rounds to float32\n  hint: leave backend out',
  )
})

test('the first layer may say what a sample looks like', () => {
  expect(sequential([dense(3, { inputShape: [4] })]).network.nodes[0].parameters[0].shape).toEqual([4, 3])
})
