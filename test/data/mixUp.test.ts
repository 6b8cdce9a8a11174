import { dataset, layers, mixUp, sequential } from 'nabla'
import { describe, expect, test } from 'vitest'
import { betaAt } from '../../src/tensor/beta.ts'

const data = dataset({ x: [0, 10, 20, 30], y: [0, 1, 2, 0], inputShape: [1] }).oneHot(3)
const read = (set: typeof data) => {
  const [x, y] = [new Float64Array(4), new Float64Array(12)]
  set.fill([0, 1, 2, 3], x, y)
  return { x, y }
}

describe('mixUp', () => {
  test('blends samples and targets by the same share, otherwise in each epoch', () => {
    const set = mixUp(data, { alpha: 1, seed: 2 })
    const [first, second] = [read(set.epoch!(0)), read(set.epoch!(1))]
    expect(first).not.toEqual(second)
    expect(read(mixUp(data, { alpha: 1, seed: 2 }).epoch!(1))).toEqual(second)
    for (const { x, y } of [first, second])
      for (let row = 0; row < 4; row++) {
        const target = y.subarray(3 * row, 3 * row + 3)
        expect(target.reduce((a, b) => a + b)).toBeCloseTo(1, 12)
        expect(x[row]).toBeGreaterThanOrEqual(0)
        expect(x[row]).toBeLessThanOrEqual(30)
        // The blend says how much of which: 10 is the only sample of class 1, 20 that of class 2.
        const least = 10 * target[1] + 20 * target[2]
        expect(x[row] - least).toBeGreaterThanOrEqual(-1e-9)
        expect(x[row] - least).toBeLessThanOrEqual(30 * target[0] + 1e-9)
      }
    expect(read(set.plain!)).toEqual(read(data))
  })

  test('trains with one-hot targets, and refuses numbers of classes', async () => {
    const model = sequential([layers.input([1]), layers.dense(3, { activation: 'softmax' })])
    model.compile({ loss: 'categoricalCrossentropy' })
    expect((await model.fit(mixUp(data), { epochs: 2 })).history.loss.every(Number.isFinite)).toBe(true)
    const labels = dataset({ x: [1, 2], y: [0, 1], inputShape: [1], classes: 2 })
    expect(() => mixUp(labels)).toThrow('mixUp got targets that are numbers of classes')
    expect(() => mixUp(data, { alpha: 0 })).toThrow('mixUp got alpha 0, expected a number in (0, 4]')
  })

  test.each([0.2, 1, 3])('its shares have the mean and the variance of Beta(%d, %d)', alpha => {
    const shares = Array.from({ length: 20_000 }, (_, i) => betaAt(i * 2654435761, 1, alpha))
    const mean = shares.reduce((a, b) => a + b) / shares.length
    const variance = shares.reduce((sum, s) => sum + (s - mean) ** 2, 0) / shares.length
    expect(mean).toBeCloseTo(0.5, 1)
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1)
  })
})
