import { initializers, layers, metrics, numpyRandom, optimizers, reference, sequential } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

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

test('every optimiser has a row', () => {
  expect(Object.keys(optimizers).filter(name => !steps.some(row => row[0] === name))).toEqual([])
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
]

test.each(draws)('%s draws numbers of deviation %d within ±%d', (name, deviation, limit) => {
  const values = initializers[name]().draw([64, 48, 32], numpyRandom(7))
  const mean = values.reduce((a, b) => a + b) / values.length
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
  expect(Math.sqrt(variance)).toBeCloseTo(deviation, 3)
  expect(values.every(v => Math.abs(v) <= limit)).toBe(true)
  expect(initializers[name]().draw([64, 48, 32], numpyRandom(7))).toEqual(values)
})

test('every initialiser has a row', () => {
  expect(Object.keys(initializers).filter(name => !draws.some(row => row[0] === name))).toEqual([])
})

/** Predictions, targets, share of right answers. */
const answers: [keyof typeof metrics, string, number[][], number[] | number[][], number][] = [
  ['accuracy', 'one output', [[0.6], [0.5], [0.4], [0.9]], [1, 1, 0, 0], 0.5],
  [
    'accuracy',
    'one-hot rows',
    [
      [0.1, 0.9],
      [0.8, 0.2],
    ],
    [
      [0, 1],
      [0, 1],
    ],
    0.5,
  ],
  [
    'accuracy',
    'class numbers',
    [
      [0.1, 0.9, 0],
      [0.8, 0.2, 0],
      [0, 0, 1],
    ],
    [1, 0, 0],
    2 / 3,
  ],
]

describe('metrics', () => {
  test.each(answers)('%s sees what %s mean', (name, _, p, t, expected) => {
    const k = direct()
    const shapes = {
      p: [p.length, p[0].length],
      t: Array.isArray(t[0]) ? [t.length, t[0].length] : [t.length],
      out: [1],
    }
    const buffers = Object.entries(shapes).map(([key, shape]): Buffer => ({ name: key, shape, kind: 'input' }))
    k.write(buffers[0], p.flat())
    k.write(buffers[1], t.flat())
    const [vp, vt, out] = buffers.map(viewOf)
    metrics[name]().measure(k, { p: vp, t: vt, out })
    expect(k.read(buffers[2])[0]).toBeCloseTo(expected, 14)
  })

  test('every metric has a row', () => {
    expect(Object.keys(metrics).filter(name => !answers.some(row => row[0] === name))).toEqual([])
  })
})
