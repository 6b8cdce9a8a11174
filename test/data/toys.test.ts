import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../src/data/dataset.ts'
import { blobs, circles, moons, planarFlower, sine, spiral, xor } from '../../src/data/toys.ts'

const read = (path: string) => JSON.parse(readFileSync(new URL(`../fixtures/seeds/${path}`, import.meta.url), 'utf8'))

function points(data: Dataset): { x: number[]; y: number[] } {
  const rows = Array.from({ length: data.size }, (_, row) => row)
  const x = new Float64Array(data.size * data.inputShape[0])
  const y = new Float64Array(data.size)
  data.fill(rows, x, y)
  return { x: [...x], y: [...y] }
}
const farthest = (a: number[], b: number[]) => a.reduce((far, value, i) => Math.max(far, Math.abs(value - b[i])), 0)

describe('the spiral', () => {
  const { x, y } = points(spiral({ samples: 100, classes: 3, seed: 0 }))
  it('is the one of the book in float64', () => {
    const expected = read('000/spiral_float64.json')
    expect(x).toHaveLength(600)
    expect(farthest(x, expected.X.flat())).toBeLessThan(4e-16)
    expect(y).toEqual(expected.y)
  })

  it('is the one of the book in float32, as nnfs.init() makes it', () => {
    const expected: number[] = read('000/spiral_network.json').X.flat()
    const rounded = points(spiral({ samples: 100, classes: 3, seed: 0, precision: 'float32' })).x.map(Math.fround)
    expect(farthest(rounded, expected)).toBeLessThan(6e-8)
  })
})

it('the planar flower is the one of the course', () => {
  const { x, y } = points(planarFlower({ samples: 400, seed: 1 }))
  const { X, Y } = read('001/planar_network.json')
  expect(
    farthest(
      x,
      X[0].flatMap((first: number, i: number) => [first, X[1][i]]),
    ),
  ).toBeLessThan(1e-14)
  expect(y).toEqual(Y.flat())
})

describe('toy sets', () => {
  const sets: [string, Dataset, number, number][] = [
    ['spiral', spiral({ samples: 1, classes: 2 }), 2, 2],
    ['planarFlower', planarFlower({ samples: 10 }), 10, 2],
    ['moons', moons({ samples: 10 }), 10, 2],
    ['circles', circles({ samples: 10 }), 10, 2],
    ['blobs', blobs({ samples: 5, classes: 4 }), 20, 4],
    ['xor', xor({ samples: 8, noise: 0.1 }), 8, 2],
  ]
  it.each(sets)('%s has as many finite points and classes as asked for', (_, data, size, classes) => {
    expect(data).toMatchObject({ size, classes, inputShape: [2], targetShape: [] })
    const { x, y } = points(data)
    expect(x.every(Number.isFinite)).toBe(true)
    expect(new Set(y).size).toBe(classes)
  })

  it('moons and circles without noise lie on their curves', () => {
    const onCircles = points(circles({ samples: 8, noise: 0, factor: 0.5 })).x
    const radii = Array.from({ length: 8 }, (_, i) => Math.hypot(onCircles[2 * i], onCircles[2 * i + 1]))
    expect(farthest(radii, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5])).toBeLessThan(1e-15)
    expect(farthest(points(moons({ samples: 4, noise: 0 })).x, [1, 0, -1, 0, 0, 0.5, 2, 0.5])).toBeLessThan(1e-15)
  })

  it('the same seed gives the same points, another seed others', () => {
    expect(points(blobs({ seed: 3 }))).toEqual(points(blobs({ seed: 3 })))
    expect(points(blobs({ seed: 3 }))).not.toEqual(points(blobs({ seed: 4 })))
  })

  it('exclusive or is its truth table, the sine one period', () => {
    expect(points(xor())).toEqual({ x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] })
    expect(points(sine({ samples: 4 })).x).toEqual([0, 0.25, 0.5, 0.75])
    expect(farthest(points(sine({ samples: 4 })).y, [0, 1, 0, -1])).toBeLessThan(1e-15)
  })

  it('a wrong count is refused', () => {
    expect(() => spiral({ samples: 0 })).toThrow('spiral got 0 samples and 3 classes, expected whole numbers from 1')
    expect(() => blobs({ classes: 1.5 })).toThrow('blobs got 100 samples and 1.5 classes')
  })
})
