import { expect, test } from 'vitest'
import { dataset, layers, type Model, sequential } from '../../src/index.ts'

const { conv2d, dense, flatten, input } = layers

/** A network whose steps take long enough that another thread leads them. */
function large(threads: number): Model {
  const model = sequential(
    [input([28, 28, 4]), conv2d(32, 3, { activation: 'relu' }), conv2d(32, 3), flatten(), dense(3)],
    { seed: 4 },
  )
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', threads })
  return model
}
const samples = 512
const data = dataset({
  x: Float32Array.from({ length: samples * 28 * 28 * 4 }, (_, i) => Math.sin(i * i)),
  y: Float32Array.from({ length: samples * 3 }, (_, i) => Math.cos(i)),
  inputShape: [28, 28, 4],
  targetShape: [3],
})
const options = { batchSize: 64, epochs: 6 }

test('what another thread leads leaves the same bits, and others have their turn meanwhile', async () => {
  const [alone, led] = [large(1), large(2)]
  await alone.fit(data, options)
  let turns = 0
  const timer = setInterval(() => turns++)
  await led.fit(data, options)
  clearInterval(timer)
  expect(led.weights()).toEqual(alone.weights())
  expect(turns).toBeGreaterThan(48)
})

test('while steps run elsewhere, predict waits for its turn and what cannot wait is refused', async () => {
  const model = large(2)
  const few = data.select([0, 1, 2])
  const refusals: unknown[] = []
  const answers: Promise<unknown>[] = []
  const timer = setInterval(() => {
    try {
      model.predictSync(few)
    } catch (error) {
      refusals.push(error)
      answers.push(model.predict(few))
    }
  })
  await model.fit(data, options)
  clearInterval(timer)
  expect(refusals.length).toBeGreaterThan(0)
  expect(refusals[0]).toMatchObject({ code: 'busy' })
  await Promise.all(answers)
  // Questions between steps change nothing of them.
  const other = large(1)
  await other.fit(data, options)
  expect(model.weights()).toEqual(other.weights())
})
