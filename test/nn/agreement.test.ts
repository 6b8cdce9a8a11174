import { constraints, layers, numpyRandom, reference, regularizers, sequential, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { layerCases, modelOf } from './cases.ts'

const { dense, input } = layers
const random = numpyRandom(9)
const [x, t] = [Array.from(random.randn(8 * 3)), Array.from(random.randn(8 * 2))]

/** Losses and weights of ten steps on a backend, float64 or float32. */
async function walk(options: object, backend: typeof reference) {
  const model = sequential([input([3]), dense(4, { activation: 'tanh', ...options }), dense(2)], { seed: 4 })
  model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', backend, threads: 1 })
  const losses = []
  for (let step = 0; step < 10; step++) losses.push((await model.run('train', 8, x, t))[0])
  const numbers = [...losses, ...model.weights().flatMap(({ data }) => Array.from(data))]
  model.close()
  return numbers
}

const options = [
  ...Object.keys(regularizers).map(name => ['kernelRegularizer', name]),
  ...Object.keys(constraints).map(name => ['kernelConstraint', name]),
]

describe('both backends go the same way', () => {
  test.each(options)('with %s %s', async (option, name) => {
    const [right, fast] = [await walk({ [option]: name }, reference), await walk({ [option]: name }, wasm)]
    right.forEach((value, i) => {
      expect(Math.abs(fast[i] - value)).toBeLessThan(2e-4 * Math.max(1, Math.abs(value)))
    })
  })
})

test.each(layerCases)('%s runs in kernels alone: what falls back to plain loops runs on one thread', (_, example) => {
  const model = modelOf(example)
  model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', threads: 1 })
  expect(model.kernels('train', 2)).not.toContain('fallback')
  model.close()
})

test('so does a dense layer behind a convolution whose gradient goes into an image with a border', () => {
  const { conv2d, flatten } = layers
  const model = sequential([input([6, 6, 4]), conv2d(8, 3, { padding: 'same' }), conv2d(16, 3), flatten(), dense(3)])
  model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', threads: 1 })
  const kernels = model.kernels('train', 2)
  expect(kernels).toContain('gemm product')
  expect(kernels).not.toContain('fallback')
  model.close()
})
