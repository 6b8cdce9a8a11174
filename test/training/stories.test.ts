import { type Backend, layers, numpyRandom, reference, sequential, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'

const { dense, input } = layers

/** nnfs's three-armed spiral. */
function spiral(points: number, classes: number) {
  const random = numpyRandom(0)
  const x: number[][] = []
  const y: number[] = []
  for (let c = 0; c < classes; c++) {
    const noise = random.randn(points)
    for (let i = 0; i < points; i++) {
      const r = i / (points - 1)
      const angle = 4 * (c + r) + 0.2 * noise[i]
      x.push([r * Math.sin(2.5 * angle), r * Math.cos(2.5 * angle)])
      y.push(c)
    }
  }
  return { x, y }
}

const xor = {
  x: [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ],
  y: [0, 1, 1, 0],
}

const backends: [string, Backend][] = [reference, wasm].map(backend => [backend.name, backend])

describe.each(backends)('on %s', (_, backend) => {
  test('a small network learns exclusive or', async () => {
    const model = sequential([input([2]), dense(8, { activation: 'tanh' }), dense(1, { activation: 'sigmoid' })], {
      seed: 1,
    })
    const optimizer = { name: 'adam', params: { learningRate: 0.05 } }
    model.compile({ optimizer, loss: 'binaryCrossentropy', metrics: ['accuracy'], backend })
    const { history } = await model.fit(xor, { epochs: 200, batchSize: 4 })
    expect(history.loss[0]).toBeGreaterThan(0.5)
    expect(history.loss.at(-1)).toBeLessThan(0.01)
    expect(history.accuracy.at(-1)).toBe(1)
    const { shape, data } = await model.predict(xor.x)
    expect(shape).toEqual([4, 1])
    expect(Array.from(data, Math.round)).toEqual(xor.y)
    const { loss } = await model.evaluate(xor)
    expect(loss).toBeLessThan(history.loss.at(-1)!)
    model.close()
  })
})

test('two hidden layers unwind the spiral', async () => {
  const hidden = () => dense(64, { activation: 'relu', kernelInitializer: 'heNormal' })
  const model = sequential([input([2]), hidden(), hidden(), dense(3, { activation: 'softmax' })], { seed: 0 })
  const optimizer = { name: 'adam', params: { learningRate: 0.01 } }
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  const { history } = await model.fit(spiral(100, 3), { epochs: 150, batchSize: 30 })
  expect(history.accuracy.at(-1)).toBeGreaterThan(0.9)
  expect(history.loss.at(-1)).toBeLessThan(0.25)
  model.close()
})
