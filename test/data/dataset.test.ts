import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Dataset, type DatasetSource, dataset, findNotFinite } from '../../src/data/dataset.ts'
import { batches, order } from '../../src/data/order.ts'

const reference = JSON.parse(readFileSync(new URL('../fixtures/seeds/003/split_42000.json', import.meta.url), 'utf8'))

/** Samples and targets of all rows as plain lists. */
function rows(data: Dataset, chosen = Array.from({ length: data.size }, (_, row) => row)) {
  const width = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  const x = new Float64Array(chosen.length * width(data.inputShape))
  const y = new Float64Array(chosen.length * width(data.targetShape))
  data.fill(chosen, x, data.hasTargets ? y : undefined)
  return { x: [...x], y: [...y] }
}
const numbered = (size: number) => dataset({ x: Array.from({ length: size }, (_, row) => [row]) })

describe('a dataset', () => {
  it('takes its shapes from nested lists', () => {
    const xor = dataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] }) // biome-ignore format: a table
    expect(xor).toMatchObject({ size: 4, inputShape: [2], targetShape: [], hasTargets: true, classes: undefined })
    expect(rows(xor, [3, 1])).toEqual({ x: [1, 1, 0, 1], y: [0, 1] })
    expect(xor.label(2)).toBe(1)
  })

  it('takes images three deep, vectors as targets, and typed rows', () => {
    const data = dataset({
      x: [
        [
          [[1], [2]],
          [[3], [4]],
        ],
      ],
      y: [[0, 0.2, 0.1]],
    })
    expect(data).toMatchObject({ size: 1, inputShape: [2, 2, 1], targetShape: [3] })
    expect(data.label(0)).toBe(1)
    expect(rows(dataset({ x: [Float32Array.of(1, 2), Float32Array.of(3, 4)] })).x).toEqual([1, 2, 3, 4])
  })

  it('reads flat arrays by inputShape, or as single numbers', () => {
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => i)
    const images = dataset({ x: bytes, y: Uint8Array.of(2, 0, 1), inputShape: [2, 2, 1], classes: 3 })
    expect(images).toMatchObject({ size: 3, inputShape: [2, 2, 1], targetShape: [], classes: 3, finite: true })
    expect(dataset({ x: [1, 2, 3] })).toMatchObject({ size: 3, inputShape: [1] })
    expect(dataset({ x: { shape: [3, 4], data: bytes } })).toMatchObject({ size: 3, inputShape: [4] })
  })

  it('scales, selects and takes without copying, in any order of calls', () => {
    const bytes = Uint8Array.of(0, 51, 102, 255)
    const data = dataset({ x: bytes, inputShape: [1], y: [0, 1, 2, 3] })
    const seen = data
      .scale(1 / 255)
      .select([3, 0, 1])
      .take(2)
    expect(rows(seen)).toEqual({ x: [1, 0], y: [3, 0] })
    bytes[3] = 0
    expect(rows(seen).x).toEqual([0, 0])
    expect(data.take(99).size).toBe(4)
  })

  it('turns labels into one-hot targets and back', () => {
    const data = dataset({ x: [5, 6, 7], y: [2, 0, 1] }).oneHot()
    expect(data).toMatchObject({ targetShape: [3], classes: 3 })
    expect(rows(data.select([1, 0]))).toEqual({ x: [6, 5], y: [1, 0, 0, 0, 0, 1] })
    expect([0, 1, 2].map(data.label)).toEqual([2, 0, 1])
    expect(dataset({ x: [5], y: [2] }).oneHot(5).targetShape).toEqual([5])
  })

  it('finds the first value that is not finite', () => {
    expect(findNotFinite(dataset({ x: [[1, 2], [3, Number.NaN]] }))).toEqual({ row: 1, part: 'x', index: 1, value: Number.NaN }) // biome-ignore format: a table
    expect(findNotFinite(dataset({ x: [1, 2], y: [0, -Infinity] }))).toMatchObject({
      row: 1,
      part: 'y',
      value: -Infinity,
    })
    expect(findNotFinite(dataset({ x: [1, 2], y: [0, 1] }))).toBeUndefined()
    expect(findNotFinite(dataset({ x: [1, 1e39] }))).toMatchObject({ row: 1, part: 'x', value: 1e39 }) // more than float32 holds
    const [x, y] = [Float32Array.from({ length: 70_000 }, (_, i) => i), new Float32Array(10_000)]
    const many = dataset({ x, y, inputShape: [7] })
    expect(findNotFinite(many)).toBeUndefined()
    ;[y[9_999], x[69_998]] = [Number.NaN, Infinity]
    expect(findNotFinite(many)).toEqual({ row: 9_999, part: 'x', index: 5, value: Infinity })
    x[69_998] = 0
    expect(findNotFinite(many)).toMatchObject({ row: 9_999, part: 'y', index: 0 })
    expect(findNotFinite(many.take(9_999))).toBeUndefined()
    expect(findNotFinite(dataset({ x: Uint8Array.of(1, 2) }))).toBeUndefined()
  })
})

describe('a split', () => {
  const cases: [string, number, number, { train: number[]; test: number[] }][] = [
    ['42000 rows', 42000, 0.166, reference],
    ...Object.entries(reference.small_cases_random_state_0).map(([name, expected]): (typeof cases)[number] => {
      const [, n, testSize] = /n=(\d+),test_size=([\d.]+)/.exec(name)!
      return [name, Number(n), Number(testSize), expected as { train: number[]; test: number[] }]
    }),
  ]
  it.each(cases)('of %s is the one of scikit-learn', (_, size, testSize, expected) => {
    const { train, test } = numbered(size).split({ testSize, seed: 0 })
    expect(rows(train).x).toEqual(expected.train)
    expect(rows(test).x).toEqual(expected.test)
  })

  it('has the same checksum', () => {
    const { train, test } = numbered(42000).split({ testSize: 0.166, seed: 0 })
    const sha = (part: Dataset) =>
      createHash('sha256')
        .update(Int32Array.from(rows(part).x))
        .digest('hex')
    expect({ train: sha(train), test: sha(test) }).toEqual(reference.sha256_int32_le)
  })

  it('takes a count as well', () => {
    const { train, test } = numbered(10).split({ testSize: 3, seed: 0 })
    expect([train.size, test.size]).toEqual([7, 3])
  })
})

describe('an epoch', () => {
  const options = { shuffle: true, seed: 1, epoch: 3 }
  it('has an order of its own that depends on seed and epoch alone', () => {
    const first = order(100, options)
    expect(order(100, options)).toEqual(first)
    expect(order(100, { ...options, epoch: 4 })).not.toEqual(first)
    expect(order(100, { ...options, seed: 2 })).not.toEqual(first)
    expect([...first].sort((a, b) => a - b)).toEqual([...order(100, { shuffle: false })])
  })

  it('is cut into batches, the last one smaller', () => {
    const cut = batches(numbered(7), 3, order(7, { shuffle: false }))
    expect(cut.map(batch => [...batch])).toEqual([[0, 1, 2], [3, 4, 5], [6]])
  })
})

describe('errors', () => {
  const labelled = dataset({ x: [1, 2, 3], y: [0, 1, 5] })
  const rowsOf: [string, () => unknown][] = [
    ['dataset got 0 samples, expected at least one', () => dataset({ x: [] })],
    ['dataset got 0 samples, expected at least one', () => labelled.select([])],
    ['dataset got 3 samples, but 2 targets', () => dataset({ x: [1, 2, 3], y: [1, 2] })],
    ['x[1] has 1 items, but 2 come before it', () => dataset({ x: [[1, 2], [3]] })],
    ['x[1][0] is "a", expected a number', () => dataset({ x: [[1], ['a']] } as unknown as DatasetSource)],
    ['x[1] is 3, expected a number', () => dataset({ x: [[1], 3] } as unknown as DatasetSource)],
    ['x[1] is null, expected a number', () => dataset({ x: [1, null] } as unknown as DatasetSource)],
    ['x[1] is a list of 1, expected a number', () => dataset({ x: [1, [2]] } as unknown as DatasetSource)],
    ['x has 5 numbers, no multiple of [2]', () => dataset({ x: [1, 2, 3, 4, 5], inputShape: [2] })],
    ['x is [2, 2], which is not 2 × [4]', () => dataset({ x: [[1, 2], [3, 4]], inputShape: [4] })], // biome-ignore format: a table
    ['row 2 has label 5, expected 0 … 2', () => labelled.oneHot(3)],
    ['row 2 has label 5, expected 0 … 3', () => dataset({ x: [1, 2, 3], y: [0, 1, 5], classes: 4 })],
    ['row 0 has label 0.5, expected 0 … 1', () => dataset({ x: [1], y: [0.5] }).oneHot(2)],
    ['oneHot got targets [2], expected one label a sample', () => dataset({ x: [1], y: [[1, 0]] }).oneHot()],
    ['dataset has samples only, but targets were asked for', () => numbered(2).label(0)],
    ['dataset got row 3, expected 0 … 2', () => labelled.select([0, 3])],
    ['dataset got row -1, expected 0 … 2', () => labelled.fill([-1], new Float32Array(1))],
    ['fill got x of 1 numbers, expected 2', () => labelled.fill([0, 1], new Float32Array(1))],
    ['split got testSize 1 of 1 rows, one part would be empty', () => numbered(1).split({ testSize: 1, seed: 0 })],
    ['batches got a batch size of 0, expected a whole number from 1', () => batches(labelled, 0)],
  ]
  it.each(rowsOf)('%s', (firstLine, act) => {
    let message = ''
    try {
      act()
    } catch (error) {
      message = (error as Error).message
    }
    expect(message.split('\n')[0]).toBe(firstLine)
    expect(message).toMatch(/\n {2}hint: .+$/)
  })
})
