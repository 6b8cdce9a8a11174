import { dataset, layers, metrics, numpyRandom, sequential } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

type Name = keyof typeof metrics
type Rows = number[][]

/** One way to look at a batch: sums, then the number. */
function value(name: Name, params: object, p: Rows, t: number[] | Rows): number {
  const made = metrics[name](params as never)
  const k = direct()
  const target = Array.isArray(t[0]) ? [t.length, t[0].length] : [t.length]
  const size = made.size([p[0].length], target.slice(1))
  const shapes = { p: [p.length, p[0].length], t: target, out: [size] }
  const [bp, bt, out] = Object.entries(shapes).map(([key, shape]): Buffer => ({ name: key, shape, kind: 'input' }))
  k.write(bp, p.flat())
  k.write(bt, t.flat())
  made.measure(k, { p: viewOf(bp), t: viewOf(bt), out: viewOf(out) })
  return made.value(k.read(out), p.length)
}

const hot = (classes: number[], n: number): Rows => classes.map(c => Array.from({ length: n }, (_, j) => +(j === c)))
const column = (list: number[]): Rows => list.map(n => [n])
const guesses = [
  [0.1, 0.9, 0],
  [0.8, 0.2, 0],
  [0, 0, 1],
  [0.2, 0.5, 0.3],
]
const truths = [1, 0, 0, 2]
const p4 = column([0.1, 0.5, 0.3, 0.9])
const t4 = column([0, 0, 1, 1])
const [three, two] = [
  [
    [0, 1, 0.5],
    [1, 1, 0.2],
  ],
  [
    [0.1, 0.9, 0.5],
    [1, 0.9, 0.2],
  ],
]
const fScores: [Rows, Rows] = [
  [
    [0.2, 0.6, 0.7],
    [0.2, 0.6, 0.6],
    [0.6, 0.8, 0],
  ],
  [
    [1, 1, 1],
    [1, 0, 0],
    [1, 1, 0],
  ],
]

/** Settings, predictions, targets and the number: closed forms, and the examples of Keras's pages. */
const rows: [Name, object, Rows, number[] | Rows, number][] = [
  ['accuracy', {}, column([0.6, 0.5, 0.4, 0.9]), column([1, 1, 0, 0]), 0.5],
  ['accuracy', {}, guesses, hot(truths, 3), 0.5],
  ['accuracy', {}, guesses, truths, 0.5],
  ['binaryAccuracy', {}, column([0.98, 1, 0, 0.6]), column([1, 1, 0, 0]), 0.75],
  ['binaryAccuracy', { threshold: 0.7 }, column([0.98, 1, 0, 0.6]), column([1, 1, 0, 0]), 1],
  ['categoricalAccuracy', {}, guesses, hot(truths, 3), 0.5],
  ['sparseCategoricalAccuracy', {}, guesses, truths, 0.5],
  ['topKCategoricalAccuracy', { k: 1 }, guesses, hot(truths, 3), 0.5],
  ['sparseTopKCategoricalAccuracy', { k: 2 }, guesses, truths, 1],
  ['sparseTopKCategoricalAccuracy', {}, guesses, truths, 1],
  ['truePositives', {}, column([1, 0, 1, 1]), column([0, 1, 1, 1]), 2],
  ['falsePositives', {}, column([0, 0, 1, 1]), column([0, 1, 0, 0]), 2],
  ['trueNegatives', {}, column([1, 1, 0, 0]), column([0, 1, 0, 0]), 2],
  ['falseNegatives', {}, column([0, 1, 0, 0]), column([0, 1, 1, 1]), 2],
  ['recallAtPrecision', { precision: 0.5 }, column([0, 0, 0.4, 0.8]), column([1, 0, 1, 0]), 0.5],
  ['oneHotMeanIou', { numClasses: 3 }, hot([0, 1, 2], 3), hot([0, 1, 1], 3), 0.5],
  ['precision', {}, column([1, 0, 1, 1]), column([0, 1, 1, 1]), 2 / 3],
  ['precision', { classId: 1 }, guesses, hot([1, 1, 0, 2], 3), 1],
  ['recall', {}, column([1, 0, 1, 1]), column([0, 1, 1, 1]), 2 / 3],
  ['recall', { threshold: 2 }, column([1, 0]), column([0, 1]), 0],
  ['fBetaScore', { beta: 2, threshold: 0.5 }, ...fScores, (0.3846154 + 0.90909094 + 0.8333334) / 3],
  ['f1Score', { threshold: 0.5 }, ...fScores, (0.5 + 0.8 + 0.6666667) / 3],
  ['f1Score', { average: 'micro' }, guesses, hot(truths, 3), 0.5],
  ['f1Score', { average: 'weighted' }, guesses, hot(truths, 3), (2 * (2 / 3) + 2 / 3) / 4],
  ['auc', { numThresholds: 3 }, column([0, 0.5, 0.3, 0.9]), t4, 0.75],
  ['auc', {}, p4, t4, 0.75],
  ['auc', { curve: 'PR', summationMethod: 'majoring' }, column([0.1, 0.9]), column([0, 1]), 1],
  ['auc', { curve: 'PR' }, column([0.1, 0.9]), column([0, 1]), 1],
  ['sensitivityAtSpecificity', {}, column([0, 0.3, 0.8, 0.3, 0.8]), column([0, 0, 0, 1, 1]), 0.5],
  ['specificityAtSensitivity', {}, column([0, 0.3, 0.8, 0.3, 0.8]), column([0, 0, 0, 1, 1]), 2 / 3],
  ['precisionAtRecall', {}, column([0, 0.3, 0.8, 0.3, 0.8]), column([0, 0, 0, 1, 1]), 0.5],
  ['recallAtPrecision', { precision: 0.8 }, column([0, 0.3, 0.8, 0.9]), column([0, 0, 1, 1]), 1],
  ['iou', { numClasses: 2, targetClassIds: [0] }, column([0, 1, 0, 1]), column([0, 0, 1, 1]), 1 / 3],
  ['meanIou', { numClasses: 2 }, column([0, 1, 0, 1]), column([0, 0, 1, 1]), 1 / 3],
  ['meanIou', {}, guesses, truths, (1 / 2 + 1 / 2 + 0) / 3],
  ['oneHotIou', { targetClassIds: [0, 2] }, guesses, hot(truths, 3), 0.25],
  ['oneHotMeanIou', {}, guesses, hot(truths, 3), 1 / 3],
  ['binaryIou', { threshold: 0.3 }, column([0.1, 0.2, 0.4, 0.7]), column([0, 1, 0, 1]), 1 / 3],
  ['binaryCrossentropy', {}, [[0.6, 0.4]], [[0, 1]], -Math.log(0.4)],
  ['categoricalCrossentropy', {}, [[0.05, 0.95, 0]], [[0, 1, 0]], -Math.log(0.95)],
  ['sparseCategoricalCrossentropy', {}, [[0.05, 0.95, 0]], [1], -Math.log(0.95)],
  ['categoricalHinge', {}, [[0.6, 0.4]], [[0, 1]], 1.2],
  ['hinge', {}, [[0.6, 0.4]], [[0, 1]], 1.1],
  ['squaredHinge', {}, [[0.6, 0.4]], [[0, 1]], (1.6 ** 2 + 0.6 ** 2) / 2],
  ['klDivergence', {}, [[0.6, 0.4]], [[0.5, 0.5]], 0.5 * Math.log(0.5 / 0.6) + 0.5 * Math.log(0.5 / 0.4)],
  ['poisson', {}, [[1, 2]], [[0, 3]], (1 + 2 - 3 * Math.log(2 + 1e-7)) / 2],
  ['logCoshError', {}, [[1, 0]], [[0, 0]], Math.log(Math.cosh(1)) / 2],
  ['meanSquaredError', {}, column([1, 1, 0, 0]), column([0, 1, 0, 0]), 0.25],
  [
    'rootMeanSquaredError',
    {},
    [
      [1, 1],
      [0, 0],
    ],
    [
      [0, 1],
      [0, 0],
    ],
    0.5,
  ],
  ['meanAbsoluteError', {}, column([1, 1, 0, 0]), column([0, 1, 0, 0]), 0.25],
  ['meanAbsolutePercentageError', {}, [[3]], [[2]], 50],
  ['meanSquaredLogarithmicError', {}, [[Math.E - 1]], [[0]], (1 - Math.log1p(1e-7)) ** 2],
  [
    'meanPrediction',
    {},
    [
      [3, 5],
      [0, 2],
    ],
    [
      [2, 0],
      [0, 0],
    ],
    2.5,
  ],
  [
    'cosineSimilarity',
    {},
    [
      [1, 0],
      [1, 1],
    ],
    [
      [0, 1],
      [1, 1],
    ],
    0.5,
  ],
  ['pearsonCorrelation', {}, two, three, 0.9966996338993913],
  ['concordanceCorrelation', {}, two, three, 0.9816320385426076],
  ['r2Score', {}, [[1], [4], [3]], [[1], [4], [4]], 1 - 1 / 6],
  ['r2Score', { numRegressors: 1 }, [[1], [4], [3]], [[1], [4], [4]], 1 - (1 / 6) * 2],
]

describe('metrics', () => {
  test.each(rows)('%s with %j of %j for %j is %d', (name, params, p, t, expected) => {
    expect(value(name, params, p, t)).toBeCloseTo(expected, 5)
  })

  test('every metric has a row', () => {
    expect(Object.keys(metrics).filter(name => !rows.some(row => row[0] === name))).toEqual([])
  })
})

test('two metrics of one name are told apart', async () => {
  const model = sequential([layers.input([1]), layers.dense(1)])
  const metric = [metrics.precision, metrics.precision({ threshold: 2 })]
  model.compile({ loss: 'meanSquaredError', metrics: metric })
  expect(Object.keys(await model.evaluate({ x: [1], y: [1] }))).toEqual(['loss', 'precision', 'precision_1'])
})

test('rows of an ignored class count nothing', async () => {
  const { dense, input } = layers
  const model = sequential([input([2]), dense(3, { activation: 'softmax' })])
  const x = [
    [1, 2],
    [3, 4],
    [5, 6],
  ]
  model.compile({ loss: { name: 'sparseCategoricalCrossentropy', params: { ignoreClass: 255 } } })
  const some = await model.evaluate({ x, y: [0, 255, 2] })
  const rest = await model.evaluate({ x: [x[0], x[2]], y: [0, 2] })
  expect(some.loss).toBeCloseTo(rest.loss, 6)
  await expect(model.evaluate({ x, y: [0, 254, 2] })).rejects.toThrow('row 1 has label 254')
})

test('the numbers of an epoch do not depend on how it was divided into batches', async () => {
  const { dense, input } = layers
  const random = numpyRandom(2)
  const data = dataset({ x: random.randn(50 * 3), y: random.randint(0, 2, 50), inputShape: [3] })
  const model = sequential([input([3]), dense(1, { activation: 'sigmoid' })])
  const watched = ['auc', 'precision', 'recall', 'f1Score', 'r2Score', 'rootMeanSquaredError', 'binaryIou'] as const
  model.compile({ loss: 'binaryCrossentropy', metrics: watched })
  const whole = await model.evaluate(data, { batchSize: 50 })
  const parts = await model.evaluate(data, { batchSize: 7 })
  for (const name of ['loss', ...watched]) expect(parts[name]).toBeCloseTo(whole[name], 5)
})
