import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { readData, readImages } from 'nabla/data'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import type { Dataset } from '../../src/data/dataset.ts'
import { readPng, resized } from '../../src/data/png.ts'
import { DataError } from '../../src/errors.ts'
import fixtures from '../fixtures/pillow/pictures.json' with { type: 'json' }

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'))
const grey = (value: number, width = 2, height = 2) =>
  encode({ width, height, channels: 1, data: new Uint8Array(width * height).fill(value) })
const red = encode({ width: 2, height: 2, channels: 3, data: Uint8Array.from([255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0]) }) // biome-ignore format: pixels

function rows(data: Dataset) {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, data.size)
  const [x, y] = [new Float64Array(size(data.inputShape)), new Float64Array(data.size)]
  data.fill(Array.from({ length: data.size }, (_, row) => row), x, data.hasTargets ? y : undefined) // biome-ignore format: one thought
  return { x: [...x], y: data.hasTargets ? [...y] : [] }
}

describe('a PNG by Pillow', () => {
  it.each(Object.entries(fixtures.pictures))('of %s is read as Pillow reads it', async (_, { png, shape, data }) => {
    const { height, width, channels, data: read } = await readPng(bytes(png))
    expect([height, width, channels]).toEqual(shape)
    expect([...read]).toEqual(data)
  })

  it.each(Object.entries(fixtures.resize.sizes))(
    'resized to %s is within one of what Pillow makes',
    async (size, data) => {
      const [height, width] = size.split('x').map(Number)
      const picture = resized(await readPng(bytes(fixtures.resize.png)), [height, width])
      expect([picture.height, picture.width, picture.data.length]).toEqual([height, width, data.length])
      for (const [i, value] of data.entries()) expect(Math.abs(picture.data[i] - value)).toBeLessThanOrEqual(1)
    },
  )
})

test('a PNG cut anywhere, or with any bit changed where it counts, is refused', async () => {
  const whole = bytes(fixtures.pictures.colours.png)
  for (let length = 0; length < whole.length; length++)
    await expect(readPng(whole.subarray(0, length))).rejects.toBeInstanceOf(DataError)
  for (let at = 0; at < whole.length - 12; at++) {
    const changed = whole.slice()
    changed[at] ^= 1 << (at % 8)
    await expect(readPng(changed), String(at)).rejects.toBeInstanceOf(DataError)
  }
})

describe('a folder a class', () => {
  const root = mkdtempSync(join(tmpdir(), 'nabla-images-'))
  const put = (path: string, content: Uint8Array | string) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  beforeAll(() => {
    for (const [i, name] of ['rose/b.png', 'rose/a.PNG', 'daisy/c.png'].entries()) put(`good/${name}`, grey(10 * i))
    put('good/.hidden', 'x')
    put('good/rose/.DS_Store', 'x')
    put('test/rose/x.png', grey(7))
    put('other/tulip/x.png', grey(7))
    put('sizes/a/1.png', grey(1))
    put('sizes/a/2.png', grey(2, 4, 4))
    put('colours/a/1.png', grey(1))
    put('colours/b/2.png', red)
    put('flat/1.png', grey(1))
    put('strange/a/1.jpg', 'x')
    put('broken/a/1.png', 'no picture')
    mkdirSync(join(root, 'empty/a'), { recursive: true })
  })
  afterAll(() => rmSync(root, { recursive: true }))
  const read = (name: string, options = {}) => readData(join(root, name), options)

  it('is read in the order of the names, as bytes', async () => {
    const data = await read('good')
    expect(data).toMatchObject({ size: 3, inputShape: [2, 2, 1], classes: 2, finite: true })
    expect(rows(data)).toEqual({ x: [20, 20, 20, 20, 10, 10, 10, 10, 0, 0, 0, 0], y: [0, 1, 1] })
    expect(data.schema?.label?.categories).toEqual(['daisy', 'rose'])
  })

  it('gives another folder the same classes', async () => {
    const { schema } = await read('good')
    const data = await read('test', { schema })
    expect(data).toMatchObject({ classes: 2, inputShape: [2, 2, 1] })
    expect(rows(data)).toEqual({ x: [7, 7, 7, 7], y: [1] })
    await expect(read('other', { schema })).rejects.toMatchObject({ code: 'unknown-category' })
  })

  it('is resized and turned to grey or colours where that is asked for', async () => {
    expect((await read('sizes', { size: [3, 5] })).inputShape).toEqual([3, 5, 1])
    expect(rows(await read('colours', { channels: 1 })).x).toEqual([1, 1, 1, 1, 76, 76, 76, 76])
    expect(rows(await read('colours', { channels: 3, limit: 1 })).x.slice(0, 6)).toEqual([1, 1, 1, 1, 1, 1])
    expect(await read('flat')).toMatchObject({ size: 1, hasTargets: false })
  })

  it.each([
    ['wrong-image-size', /2\.png is 4×4, expected 2×2[\s\S]*size: \[2, 2\]/, 'sizes'],
    ['wrong-image-size', /2\.png is in colours, but those before are grey/, 'colours'],
    ['bad-png', /holds "1\.jpg", expected PNG files/, 'strange'],
    ['bad-png', /1\.png is no sound PNG/, 'broken'],
    ['no-images', /has no pictures of "a"/, 'empty'],
    ['unreadable', /cannot be read: no such/, 'nowhere'],
  ])('%s: %s', async (code, message, name) => {
    await expect(name === 'nowhere' ? readImages(join(root, name)) : read(name)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it.each([new Uint8Array(2 ** 26), { a: grey(1) }, undefined, 7])(
    'refuses what is no list of pictures',
    async source => {
      await expect(readImages(source as never)).rejects.toMatchObject({ code: 'no-images' })
    },
  )

  it('comes from the Files of a page as well', async () => {
    const file = (path: string, value: number) =>
      Object.defineProperty(new File([grey(value) as BlobPart], path.split('/').at(-1)!), 'webkitRelativePath', { value: path }) // biome-ignore format: one thought
    const data = await readImages([file('top/b/1.png', 5), file('top/a/1.png', 6)])
    expect(rows(data)).toEqual({ x: [6, 6, 6, 6, 5, 5, 5, 5], y: [0, 1] })
    expect(rows(await readImages({ b: [grey(5)], a: [grey(6)] })).y).toEqual([0, 1])
  })
})
