import { checkGradients, fromBytes, type Layer, layers, reference, sequential, toBytes } from 'nabla'
import { describe, expect, test } from 'vitest'

const { activation, aconC, batchNormalization, dense, elu, gumbelSoftmax, input, maxout } = layers
const { prelu, relu, rrelu, softmax, srelu, swish } = layers

/** Layers that are activations with settings, or with trained or random numbers; each is gradient-checked. */
const rows: [Layer, number[], number[]][] = [
  [relu(), [5], [5]],
  [relu({ maxValue: 0.8, negativeSlope: 0.1, threshold: 0.2 }), [3, 4], [3, 4]],
  [elu({ alpha: 0.5 }), [5], [5]],
  [softmax(), [2, 3], [2, 3]],
  [softmax({ axis: 1 }), [2, 3], [2, 3]],
  [prelu(), [5], [5]],
  [prelu({ sharedAxes: [1, 2], alphaInitializer: 'ones' }), [3, 2, 4], [3, 2, 4]],
  [prelu({ sharedAxes: [1] }), [6], [6]],
  [swish(), [3, 4], [3, 4]],
  [aconC({ sharedAxes: [1] }), [3, 4], [3, 4]],
  [srelu(), [6], [6]],
  [rrelu(), [6], [6]],
  [gumbelSoftmax({ temperature: 0.7 }), [2, 5], [2, 5]],
  [maxout(3), [12], [3]],
  [maxout(2), [3, 2, 4], [3, 2, 2]],
  [activation('glu'), [2, 6], [2, 3]],
  [activation({ name: 'swiglu', params: { axis: 1 } }), [4, 3], [2, 3]],
  [activation('crelu'), [2, 3], [2, 6]],
]

describe.each(rows)('$type $config', (layer, inputShape, outputShape) => {
  test('has the right shape and slopes', async () => {
    expect(layer.pair.shapes(inputShape).y).toEqual(outputShape)
    const report = await checkGradients(layer, { inputShape })
    expect(report.arrays.filter(({ error }) => !(error < 1e-6))).toEqual([])
  })

  test('is saved and loaded with its numbers', async () => {
    const size = inputShape.reduce((a, b) => a * b)
    const model = sequential([input(inputShape), layer])
    const x = Array.from({ length: size }, (_, i) => Math.sin(3 * i))
    expect(await fromBytes(toBytes(model)).forward(1, x)).toEqual(await model.forward(1, x))
  })

  test('trains the same on both backends', async () => {
    const size = inputShape.reduce((a, b) => a * b)
    const x = Array.from({ length: 3 * size }, (_, i) => Math.sin(5 * i))
    const seen = []
    for (const backend of [reference, undefined]) {
      const model = sequential([input(inputShape), batchNormalization(), layer, layers.flatten(), dense(1)])
      model.compile({ loss: 'meanSquaredError', optimizer: { name: 'sgd', params: { learningRate: 0.01 } }, backend })
      const losses = []
      for (let step = 0; step < 3; step++) losses.push((await model.run('train', 3, x, [1, 0, -1]))[0])
      seen.push(losses)
    }
    for (const [i, loss] of seen[0].entries())
      expect(Math.abs(seen[1][i] - loss) / Math.max(1, loss)).toBeLessThan(2e-4)
  })
})

test('a prelu begins where it is told and shares along the axes it is told', () => {
  const model = sequential([input([4, 4, 3]), prelu({ sharedAxes: [1, 2], alphaInitializer: 'ones' })])
  expect(model.weights()).toMatchObject([{ shape: [1, 1, 3] }])
  expect(Array.from(model.weights()[0].data)).toEqual([1, 1, 1])
  expect(() => sequential([input([4]), prelu({ sharedAxes: [2] })])).toThrow('prelu "p_re_lu" got sharedAxes [2]')
})

test('outside training rrelu has the mean slope and gumbelSoftmax no noise', async () => {
  const leaky = sequential([input([2]), rrelu({ lower: 0.1, upper: 0.3 })])
  expect((await leaky.predict([[-1, 2]])).data[0]).toBeCloseTo(-0.2, 7)
  const soft = sequential([input([2]), gumbelSoftmax({ temperature: 2 })])
  expect((await soft.predict([[0, 2 * Math.log(3)]])).data[1]).toBeCloseTo(0.75, 6)
  const hard = sequential([input([3]), gumbelSoftmax({ hard: true })])
  expect(Array.from((await hard.predict([[0, 2, 1]])).data)).toEqual([0, 1, 0])
})

test.each([
  [() => sequential([input([7]), maxout(3)]), 'maxout got 7 inputs, expected a multiple of its 3 units'],
  [() => rrelu({ lower: 1, upper: 0.5 }), 'rrelu got slopes from 1 to 0.5'],
  [() => gumbelSoftmax({ temperature: 0 }), 'gumbelSoftmax got temperature 0, expected a number above 0'],
])('%s says what is wrong', (make, message) => {
  expect(make).toThrow(message)
})
