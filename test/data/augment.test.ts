import { describe, expect, test } from 'vitest'
import { augment } from '../../src/data/augment.ts'
import { dataset } from '../../src/data/dataset.ts'

const blob = (row: number) =>
  Array.from({ length: 100 }, (_, i) => (Math.hypot((i % 10) - 5, Math.floor(i / 10) - row) < 2 ? 1 : 0))
const data = dataset({ x: [blob(4), blob(5), blob(6)].flat(), y: [0, 1, 2], inputShape: [10, 10, 1] })
const filled = (set: typeof data, rows = [0, 1, 2]) => {
  const x = new Float64Array(rows.length * 100)
  set.fill(rows, x)
  return x
}

describe('augment', () => {
  test('leaves images as they are when nothing may change', () => {
    expect(filled(augment(data, { shift: 0, rotation: 0, zoom: 0 }))).toEqual(filled(data))
  })

  test('changes images from epoch to epoch, and gives the same again for the same epoch', () => {
    const set = augment(data, { seed: 3 })
    const [first, second] = [filled(set.epoch!(1)), filled(set.epoch!(2))]
    expect(first).not.toEqual(second)
    expect(filled(augment(data, { seed: 3 }).epoch!(1))).toEqual(first)
    expect(filled(augment(data, { seed: 4 }).epoch!(1))).not.toEqual(first)
  })

  test('keeps about the ink there was, and values between those there were', () => {
    const ink = (x: Float64Array) => x.reduce((a, b) => a + b)
    const moved = filled(augment(data, { zoom: 0 }))
    expect(ink(moved) / ink(filled(data))).toBeCloseTo(1, 0)
    for (const value of moved) expect(value >= 0 && value <= 1).toBe(true)
  })

  test('a row is changed the same way wherever it stands in a batch', () => {
    const set = augment(data)
    expect(filled(set, [2])).toEqual(filled(set, [1, 2]).subarray(100))
  })

  test('keeps labels, views and a plain look', () => {
    const set = augment(data).select([2, 0]).oneHot(3)
    expect([set.size, set.label(0), set.targetShape]).toEqual([2, 2, [3]])
    expect(filled(augment(data).plain!)).toEqual(filled(data))
  })

  test('refuses samples that are no images', () => {
    expect(() => augment(dataset({ x: [[1, 2]], y: [0] }))).toThrow(
      expect.objectContaining({ message: expect.stringContaining('augment got samples [2], expected images') }),
    )
  })
})
