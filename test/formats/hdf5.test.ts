import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Hdf5, withHdf5 } from '../../src/formats/hdf5/read.ts'

const value = (i: number) => ((i * 7) % 23) - 5

describe.each(['earliest', 'latest', 'v108', 'ordered'])('a file of the kind %s that h5py wrote', kind => {
  const bytes = readFileSync(`test/fixtures/hdf5/${kind}.h5`)
  const read = <T>(work: (file: Hdf5) => T | Promise<T>) => withHdf5(bytes, kind, work)
  const numbers = (path: string) =>
    read(async file => {
      const found = await file.array(path)
      return found && { shape: found.shape, data: Array.from(found.data) }
    })

  test.each<[string, number[], number]>([
    ['little f4', [3, 4], 0],
    ['big f4', [3, 4], 0],
    ['little f8', [3, 4], 0],
    ['little f2', [3, 4], 0],
    ['i1', [3, 4], 0],
    ['little i4', [3, 4], 0],
    ['big i8', [3, 4], 0],
    ['u1', [3, 4], 5],
    ['little u2', [3, 4], 5],
    ['scalar', [], 0],
    ['empty', [0, 3], 0],
  ])('has the array plain/%s', async (name, shape, more) => {
    const size = shape.reduce((a, b) => a * b, 1)
    const data = Array.from({ length: size }, (_, i) => value(i) + more)
    expect(await numbers(`plain/${name}`)).toEqual({ shape, data })
  })

  test.each<[string, number[]]>([
    ['packed', [30, 20]],
    ['loose', [5, 4, 3]],
    ['one', [4, 4]],
    ['many', [900]],
    ['packed big', [9, 9]],
  ])('has the array chunks/%s', async (name, shape) => {
    const size = shape.reduce((a, b) => a * b, 1)
    expect(await numbers(`chunks/${name}`)).toEqual({ shape, data: Array.from({ length: size }, (_, i) => value(i)) })
  })

  test('has zeros where nothing was written', async () => {
    const data = Array.from({ length: 24 }, (_, i) => (i < 12 ? value(i) : 0))
    expect(await numbers('chunks/half')).toEqual({ shape: [4, 6], data })
  })

  test('has many arrays and attributes', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `array number ${i}`)
    expect(await read(file => new Set(file.keys('many')))).toEqual(new Set(names))
    for (const [i, name] of names.entries()) {
      expect(await numbers(`many/${name}`)).toEqual({ shape: [2], data: [value(0), value(1)] })
      expect(await read(file => file.text('many', `attribute number ${i}`))).toBe(`value ${i}`)
    }
  })

  test('has texts of fixed and of varying length', async () => {
    expect(await read(file => file.texts('', 'names'))).toEqual(['first', 'second'])
    expect(await read(file => file.texts('', 'texts'))).toEqual(['eins', 'zwei'])
    expect(await read(file => file.text('chunks/packed big', 'note'))).toBe('a text')
    const long = await read(file => file.texts('', 'long'))
    expect(long?.length).toBe(100)
    expect(new Set(long?.join(''))).toEqual(new Set('x'))
  })

  test('has nothing else', async () => {
    expect(await read(file => [file.has('plain'), file.has('other'), file.has('plain/other')])).toEqual([
      true,
      false,
      false,
    ])
    expect(await numbers('other')).toBeUndefined()
    expect(await read(file => file.text('', 'other'))).toBeUndefined()
  })
})

describe('an array that may grow', () => {
  const bytes = readFileSync('test/fixtures/hdf5/growing.h5')
  const array = (name: string) => withHdf5(bytes, 'growing', file => file.array(name))

  test.each<[string, number[]]>([
    ['one axis', [300]],
    ['rows', [40, 5]],
    ['columns', [5, 40]],
    ['packed columns', [5, 40]],
    ['the middle', [3, 30, 2]],
    ['both axes', [30, 20]],
    ['both axes, packed', [30, 20]],
    ['up to an end', [5, 7]],
    ['packed up to an end', [5, 7]],
  ])('along %s', async (name, shape) => {
    const found = await array(name)
    const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i))
    expect(found && { shape: found.shape, data: Array.from(found.data) }).toEqual({ shape, data })
  })

  test('and has chunks far away', async () => {
    const { data } = (await array('far'))!
    expect(data.length).toBe(150_000)
    const found = Array.from(data, (n, i) => [i, n]).filter(([, n]) => n !== 0)
    expect(found).toEqual([3, 4, 99, 20_000, 140_000, 149_999].map(i => [i, i % 251]))
  })
})

test('chunks are found in pages, and those that were never written are zeros', async () => {
  const bytes = readFileSync('test/fixtures/hdf5/pages.h5')
  const found = await withHdf5(bytes, 'pages', file => file.array('x'))
  const at = (i: number, j: number) => (i >= 31 && j >= 5 ? 28 * (i - 31) + j - 5 : 0)
  const data = Array.from({ length: 33 * 33 }, (_, i) => at(Math.floor(i / 33), i % 33))
  expect(found && { shape: found.shape, data: Array.from(found.data) }).toEqual({ shape: [33, 33], data })
})
