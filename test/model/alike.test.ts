import {
  activation,
  activations,
  type Layer,
  layers as l,
  layer,
  loss,
  losses,
  type Model,
  optimizers,
  pair,
  register,
  schedules,
  sequential,
} from 'nabla'
import { describe, expect, test } from 'vitest'
import { plan } from '../../src/model/programs.ts'

const programOf = (model: Model, mode: 'train' | 'predict' = 'train', batch = 4) =>
  plan(model.network, mode, batch, model.training).program

const net = (hidden: () => Layer, settings: Partial<Parameters<Model['compile']>[0]> = {}, seed = 0) => {
  const model = sequential([l.input([2]), hidden(), l.dense(1)], { seed })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', ...settings })
  return model
}

const swish = activation('swish of mine', { forward: 'x * a / (1 + exp(-x))', params: { a: 1 } })
const wide = (factor: number) =>
  layer('wide', [], () =>
    pair({ shapes: input => ({ y: input }), forward: (k, { x, y }) => k.map(y, 'a * x', { x, a: factor }) }),
  )
const double = wide(2)
const cubed = loss('cubed', { forward: 'abs(p - t)^3' })
const dense = () => l.dense(3)

describe('models that are made alike share what is recorded of them', () => {
  test.each<[string, () => Model]>([
    ['layers by name', () => net(() => l.dense(3, { activation: 'tanh' }))],
    [
      'an activation that is made each time',
      () => net(() => l.dense(3, { activation: activations.leakyRelu({ slope: 0.2 }) })),
    ],
    ['a formula', () => net(() => l.dense(3, { activation: 'x * tanh(x)' }))],
    ['an activation of one’s own', () => net(() => l.dense(3, { activation: swish({ a: 2 }) }))],
    ['a layer of one’s own', () => net(() => double())],
    ['a loss of one’s own', () => net(dense, { loss: cubed() })],
    ['moving averages', () => net(() => l.batchNormalization(), { optimizer: 'adam' })],
  ])('%s', (_, make) => {
    const [one, other] = [make(), make()]
    expect(programOf(one) === programOf(other)).toBe(true)
    expect(programOf(one, 'predict') === programOf(other, 'predict')).toBe(true)
  })

  test('whatever the rate and the seed are', () => {
    const optimizer = optimizers.sgd({ learningRate: schedules.exponentialDecay({ initialLearningRate: 1 }) })
    expect(programOf(net(dense, { optimizer }, 3)) === programOf(net(dense, { optimizer: 'sgd' }))).toBe(true)
  })
})

describe('models that differ in anything do not', () => {
  const frozen = () => {
    const model = sequential([l.input([2]), l.dense(3, { trainable: false }), l.dense(1)])
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    return model
  }
  test.each<[string, Model, Model]>([
    ['units', net(dense), net(() => l.dense(4))],
    ['a slope', net(() => l.leakyRelu({ slope: 0.1 })), net(() => l.leakyRelu({ slope: 0.2 }))],
    ['what is frozen', net(dense), frozen()],
    ['a penalty', net(dense), net(() => l.dense(3, { kernelRegularizer: { name: 'l2', params: { l2: 0.1 } } }))],
    ['functions that look alike', net(() => wide(2)()), net(() => wide(3)())],
    ['the loss', net(dense), net(dense, { loss: losses.huber({ delta: 2 }) })],
    ['the metrics', net(dense), net(dense, { metrics: ['meanAbsoluteError'] })],
    ['the momentum', net(dense, { optimizer: 'sgd' }), net(dense, { optimizer: optimizers.sgd({ momentum: 0.5 }) })],
    ['the weight of the loss', net(dense), net(dense, { lossWeights: 2 })],
  ])('%s', (_, one, other) => {
    expect(programOf(one) === programOf(other)).toBe(false)
  })

  test('and what a name stands for may change', () => {
    const named = (factor: number) => {
      register({ activations: { bent: activation('bent', { forward: `${factor} * x` }) } })
      return net(() => l.dense(3, { activation: 'bent' }))
    }
    expect(programOf(named(2)) === programOf(named(3))).toBe(false)
  })
})

test('models with a program in common keep numbers and slots of their own', async () => {
  const [x, y] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 0)]
  const make = (seed: number) => net(dense, { optimizer: 'adam' }, seed)
  const told = async (model: Model) => [await model.run('train', 2, x, y), await model.run('train', 2, x, y)].flat()
  const alone = [await told(make(1)), await told(make(2))]
  const [one, other] = [make(1), make(2)]
  const first = [await one.run('train', 2, x, y), await other.run('train', 2, x, y)]
  const second = [await one.run('train', 2, x, y), await other.run('train', 2, x, y)]
  expect([0, 1].map(i => [first[i], second[i]].flat())).toEqual(alone)
  const weights = make(1).weights()
  one.compile({ optimizer: 'adam', loss: 'meanSquaredError' }) // the optimiser starts afresh
  one.setWeights(weights)
  expect(await told(one)).toEqual(alone[0])
})
