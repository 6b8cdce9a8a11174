import { initializers, layers, numpyRandom, type optimizers, reference, sequential } from 'nabla'
import { expect, test } from 'vitest'

/** Where w = 1 stands after each of two steps with the gradient 0.5 and the rate 0.1. */
const far = (step: number) => (0.1 * 0.5) / (0.5 + 1e-7 / Math.sqrt(1 - 0.999 ** step))
const steps: [keyof typeof optimizers, Record<string, number | boolean>, [number, number]][] = [
  ['sgd', {}, [0.95, 0.9]],
  ['sgd', { momentum: 0.9 }, [0.95, 0.855]],
  ['sgd', { momentum: 0.9, nesterov: true }, [0.905, 0.7695]],
  ['adam', {}, [1 - far(1), 1 - far(1) - far(2)]],
]

test.each(steps)('%s with %j moves a weight to %j', async (name, params, [first, second]) => {
  const { input, dense } = layers
  const model = sequential([input([1]), dense(1, { useBias: false })])
  model.compile({
    optimizer: { name, params: { learningRate: 0.1, ...params } },
    loss: 'meanSquaredError',
    backend: reference,
  })
  model.setWeights([{ name: 'dense/W', data: [1] }])
  // 2·(w·x − t)·x with x = 1 is 0.5 where t = w − 0.25.
  for (const expected of [first, second]) {
    const [w] = model.weights()[0].data
    await model.run('train', 1, [1], [w - 0.25])
    expect(model.weights()[0].data[0]).toBeCloseTo(expected, 13)
  }
})

/** Deviation and limits of 64 × 48 × 32 numbers; a window of 64 of 48 channels has 3072 inputs and 2048 outputs. */
const draws: [keyof typeof initializers, number, number][] = [
  ['zeros', 0, 0],
  ['ones', 0, 1],
  ['randomNormal', 0.05, 0.3],
  ['glorotUniform', Math.sqrt(2 / 5120), Math.sqrt(6 / 5120)],
  ['glorotNormal', Math.sqrt(2 / 5120), (2 * Math.sqrt(2 / 5120)) / 0.8796],
  ['heUniform', Math.sqrt(2 / 3072), Math.sqrt(6 / 3072)],
  ['heNormal', Math.sqrt(2 / 3072), (2 * Math.sqrt(2 / 3072)) / 0.8796],
  ['lecunUniform', Math.sqrt(1 / 3072), Math.sqrt(3 / 3072)],
  ['lecunNormal', Math.sqrt(1 / 3072), (2 * Math.sqrt(1 / 3072)) / 0.8796],
  ['varianceScaling', Math.sqrt(1 / 3072), (2 * Math.sqrt(1 / 3072)) / 0.8796],
  ['randomUniform', 0.05 / Math.sqrt(3), 0.05],
  ['truncatedNormal', 0.05 * 0.8796, 0.1],
  ['constant', 0, 0],
  ['orthogonal', Math.sqrt(1 / 3072), 0.2],
]

test.each(draws)('%s draws numbers of deviation %d within ±%d', (name, deviation, limit) => {
  const values = initializers[name]().draw([64, 48, 32], numpyRandom(7))
  const mean = values.reduce((a, b) => a + b) / values.length
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
  expect(Math.sqrt(variance)).toBeCloseTo(deviation, 3)
  expect(values.every(v => Math.abs(v) <= limit)).toBe(true)
  expect(initializers[name]().draw([64, 48, 32], numpyRandom(7))).toEqual(values)
})

test('identity is the gain on the diagonal', () => {
  expect([...initializers.identity({ gain: 2 }).draw([2, 3], numpyRandom(0))]).toEqual([2, 0, 0, 0, 2, 0])
  expect(() => initializers.identity().draw([2], numpyRandom(0))).toThrow('identity got [2], expected a matrix')
})

test.each([
  [5, 3],
  [3, 5],
  [90, 90],
])('orthogonal of %d × %d has rows or columns of length gain at right angles', (rows, columns) => {
  const q = initializers.orthogonal({ gain: 2 }).draw([rows, columns], numpyRandom(1))
  const at = (i: number, k: number) => (rows < columns ? q[i * columns + k] : q[k * columns + i])
  const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)]
  for (let i = 0; i < short; i++)
    for (let j = 0; j < short; j++) {
      const product = Array.from({ length: long }, (_, k) => at(i, k) * at(j, k)).reduce((a, b) => a + b)
      expect(product).toBeCloseTo(i === j ? 4 : 0, 13)
    }
})

test('dirac lets every channel through', async () => {
  const { conv2d, input } = layers
  const make = (options: object) => sequential([input([2, 3, 2]), conv2d(2, 3, { padding: 'same', ...options })])
  const x = Array.from({ length: 12 }, (_, i) => i - 5)
  expect([...(await make({ kernelInitializer: 'dirac' }).forward(1, x))]).toEqual(x)
  const half = { name: 'dirac', params: { groups: 2 } }
  expect([...(await make({ kernelInitializer: half, groups: 2 }).forward(1, x))]).toEqual(x)
})

test('sparse leaves a share of the inputs of each unit out', () => {
  const w = initializers.sparse({ sparsity: 0.25 }).draw([10, 4], numpyRandom(2))
  for (let unit = 0; unit < 4; unit++)
    expect(Array.from({ length: 10 }, (_, i) => w[i * 4 + unit]).filter(v => v === 0)).toHaveLength(3)
})

/** The first, the second and the last number as Keras 3.15 has them, for a frame of 5 and an fft of 6. */
const waves: [object, number[]][] = [
  [{}, [0.20412413306518437, -0.20412416956542587, -0.0]],
  [{ side: 'imag' }, [-0.35355340858111006, -0.35355338424761573, -0.0]],
  [
    { window: 'hamming', scaling: 'spectrum', periodic: true },
    [0.0736763257173493, -0.07367633889170376, -0.0736763564575097],
  ],
  [{ window: 'none', side: 'imag' }, [-0.866025447845459, -0.8660253882408142, -0.8660252690315247]],
]
test.each(waves)('stft with %j begins with what Keras has', (params, expected) => {
  const w = initializers.stft(params as never).draw([5, 1, 4], numpyRandom(0))
  ;[5, 6, 18].forEach((place, i) => {
    expect(w[place]).toBeCloseTo(expected[i], 6) // it takes π from float32
  })
})

test('variance scaling makes Glorot, He and LeCun', () => {
  const { varianceScaling, glorotUniform, heNormal } = initializers
  const draw = (made: ReturnType<typeof glorotUniform>) => made.draw([4, 5], numpyRandom(3))
  expect(draw(varianceScaling({ mode: 'fanAvg', distribution: 'uniform' }))).toEqual(draw(glorotUniform()))
  expect(draw(varianceScaling({ scale: 2 }))).toEqual(draw(heNormal()))
})

test('every initialiser has a row', () => {
  const known = [...draws.map(([name]) => name), 'identity', 'dirac', 'sparse', 'stft']
  expect(Object.keys(initializers).filter(name => !known.includes(name))).toEqual([])
})
