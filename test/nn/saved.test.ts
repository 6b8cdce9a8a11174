import {
  constraints,
  dataset,
  fromBytes,
  initializers,
  layers,
  losses,
  type Model,
  metrics,
  numpyRandom,
  optimizers,
  reference,
  regularizers,
  schedules,
  sequential,
  toBytes,
  wasm,
} from 'nabla'
import { describe, expect, test } from 'vitest'
import { drawnFor } from '../../scripts/docs/initializers.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { layerCases, lossCase, modelOf, widthOf } from './cases.ts'

const { dense, input } = layers
const random = numpyRandom(5)
const wave = (n: number) => Array.from({ length: n }, (_, i) => Math.round(100 * Math.sin(2.3 * i + 0.4)) / 50)
/** Numbers of classes and of places in a vocabulary are whole. */
const whole = (n: number) => Array.from({ length: n }, (_, i) => (i * 7) % 3)

/** The weights after some steps, from what a model is now. */
async function trained(model: Model, x: readonly number[], t: readonly number[], steps = 3) {
  for (let step = 0; step < steps; step++) await model.run('train', 2, x, t)
  return model.weights()
}

/** A model that was trained, saved and loaded goes on as if nothing had happened, to the last bit. */
async function goesOn(model: Model, x: readonly number[], t: readonly number[]) {
  await trained(model, x, t)
  const again = fromBytes(toBytes(model), { backend: wasm, threads: 1 })
  expect(again.weights()).toEqual(model.weights())
  expect(await again.forward(2, x)).toEqual(await model.forward(2, x))
  expect(await trained(again, x, t)).toEqual(await trained(model, x, t))
  expect(again.optimizerState()).toEqual(model.optimizerState())
  for (const each of [model, again]) each.close()
}

test.each(layerCases)('%s is saved with its model, predicts the same and goes on training', async (type, of) => {
  const model = modelOf(of)
  model.compile({ loss: 'meanSquaredError', optimizer: 'adam', backend: wasm, threads: 1 })
  const n = 2 * widthOf(model)
  await goesOn(model, type === 'embedding' ? whole(n) : wave(n), wave(2 * sizeOf(model.outputShape)))
})

const network = (options: object = {}) =>
  sequential([input([3]), dense(4, { activation: 'tanh', ...options }), dense(2)], { seed: 1 })
const [x, t] = [wave(6), [1, 0, 0, 1]]

describe('a model with', () => {
  test.each(Object.keys(optimizers))('the optimizer %s goes on from a file', async name => {
    const common = { clipnorm: 1, weightDecay: 0.01, useEma: true, gradientAccumulationSteps: 2 }
    for (const params of [{}, common]) {
      const model = network()
      model.compile({ loss: 'meanSquaredError', optimizer: { name, params }, backend: wasm, threads: 1 })
      await goesOn(model, x, t)
    }
  })

  test.each(Object.keys(schedules))('the schedule %s goes on from a file', async name => {
    const model = network()
    const learningRate = schedules[name as keyof typeof schedules]()
    model.compile({ loss: 'meanSquaredError', optimizer: optimizers.sgd({ learningRate }), backend: wasm, threads: 1 })
    await goesOn(model, x, t)
  })

  test.each(Object.keys(regularizers))('the regularizer %s goes on from a file', async name => {
    const model = network({ kernelRegularizer: name })
    model.compile({ loss: 'meanSquaredError', backend: wasm, threads: 1 })
    await goesOn(model, x, t)
  })

  test.each(Object.keys(constraints))('the constraint %s goes on from a file', async name => {
    const model = network({ kernelConstraint: name })
    model.compile({ loss: 'meanSquaredError', backend: wasm, threads: 1 })
    await goesOn(model, x, t)
  })

  test.each(Object.keys(initializers))('the initializer %s begins the same from a file', async name => {
    const [size, last] = [drawnFor(name)[1], { kernelInitializer: name as 'zeros' }]
    const [window, channels] = [size.slice(0, -2), size[size.length - 2]]
    const kernels = [() => dense(4, last), () => layers.conv1d(17, window[0], last), () => layers.conv2d(8, 3, last)]
    const model = sequential([input([...window, channels]), kernels[window.length]()])
    const again = fromBytes(toBytes(model), { backend: wasm })
    expect(again.weights()).toEqual(model.weights())
    expect(again.layers.map(({ config }) => config)).toEqual(model.layers.map(({ config }) => config))
  })

  test.each(Object.keys(losses))('the loss %s goes on from a file', async name => {
    const { made, p, t } = lossCase(name)
    const model = sequential([
      input([3]),
      dense(sizeOf(p.slice(1)), { activation: 'sigmoid' }),
      layers.reshape(p.slice(1)),
    ])
    model.compile({ loss: made, backend: wasm, threads: 1 })
    const aims = Array.from({ length: sizeOf(t) }, (_, i) =>
      name === 'ctc' || name === 'multiLabelMargin' ? 1 : i % 2,
    )
    await goesOn(model, x, aims)
  })

  test.each(Object.keys(metrics))('the metric %s measures the same from a file, on both backends', async name => {
    const isClass = /^sparse/.test(name)
    const loss = isClass ? 'sparseCategoricalCrossentropy' : 'categoricalCrossentropy'
    const rows = 12
    const classes = whole(rows)
    const y = isClass ? classes : classes.map(c => [0, 1, 2].map(i => Number(i === c)))
    const data = dataset({ x: random.randn(rows * 3), y, inputShape: [3] })
    const model = sequential([input([3]), dense(3, { activation: 'softmax' })], { seed: 2 })
    model.compile({ loss, metrics: [metrics[name as keyof typeof metrics]()], backend: reference })
    const told = await model.evaluate(data, { batchSize: 5 })
    for (const backend of [reference, wasm]) {
      const again = fromBytes(toBytes(model), { backend })
      const found = await again.evaluate(data, { batchSize: 5 })
      expect(Object.keys(found)).toEqual(Object.keys(told))
      for (const [key, value] of Object.entries(told))
        expect(Math.abs(found[key] - value)).toBeLessThan(2e-4 * Math.max(1, Math.abs(value)))
      again.close()
    }
  })
})
