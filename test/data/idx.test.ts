import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readBytes } from '../../src/data/files.ts'
import { readIdx } from '../../src/data/idx.ts'
import { gunzip } from '../../src/data/inflate.ts'
import { mnist, mnistFrom } from '../../src/data/mnist.ts'
import { DataError } from '../../src/errors.ts'

const idx = (type: number, shape: number[], values: ArrayLike<number>) =>
  Uint8Array.from([
    0,
    0,
    type,
    shape.length,
    ...shape.flatMap(n => [n >>> 24, n >>> 16, n >>> 8, n]),
    ...Array.from(values),
  ])
const images = idx(8, [2, 2, 2], [0, 255, 51, 0, 1, 2, 3, 4])
const labels = idx(8, [2], [7, 3])

describe('an idx file', () => {
  it.each([
    ['uint8', 8, [1, 255], Uint8Array.of(1, 255)],
    ['int8', 9, [1, 255], Int8Array.of(1, -1)],
    ['int16', 11, [1, 2, 255, 255], Int16Array.of(258, -1)],
    ['int32', 12, [0, 1, 0, 0, 255, 255, 255, 254], Int32Array.of(65536, -2)],
    ['float32', 13, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], Float32Array.of(1, -2)],
    ['float64', 14, [0x3f, 0xf0, ...Array(6).fill(0), 0xc0, ...Array(7).fill(0)], Float64Array.of(1, -2)],
  ])('of %s is read big-endian', (_, type, bytes, expected) => {
    expect(readIdx(idx(type, [2], bytes))).toEqual({ shape: [2], data: expected })
  })

  it('keeps its axes, and bytes are not copied', () => {
    const { shape, data } = readIdx(images)
    expect(shape).toEqual([2, 2, 2])
    expect(data.buffer).toBe(images.buffer)
  })

  it.each<[string, string, Uint8Array]>([
    ['idx-truncated', 'the idx data ends early: 3 bytes, no whole head', images.subarray(0, 3)],
    ['idx-truncated', 'the idx data ends early: 10 bytes, but 3 axes need 16', images.subarray(0, 10)],
    ['idx-truncated', 'the idx data ends early: 23 bytes of 24', images.subarray(0, 23)],
    ['idx-magic', 'the idx data is no idx file: it starts with 1f 8b 08 00, not 00 00', gzipSync(images)],
    ['idx-type', 'the idx data has the unknown value type 0x0a', idx(10, [1], [0])],
    ['idx-trailing', 'the idx data goes on after its last value: 1 bytes more', Uint8Array.of(...images, 0)],
    ['idx-too-large', 'the idx data claims 4294967295 × 4294967295 values, more than 4 GiB', idx(8, [-1, -1], [])],
    [
      'idx-too-large',
      'the idx data claims 4294967295 × 4294967295 × 4294967295 × 4294967295 … values, more than 4 GiB',
      idx(8, [...Array(40).fill(-1), 0], []),
    ],
  ])('%s: %s', (code, firstLine, bytes) => {
    const error = failure(() => readIdx(bytes))
    expect(error).toMatchObject({ code })
    expect(error.message.split('\n')[0]).toBe(firstLine)
  })

  it('with any bytes changed, cut or added is read or refused, quickly', () => {
    const edits = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 0, max: 255 })), { maxLength: 4 })
    fc.assert(
      fc.property(edits, fc.nat(40), fc.uint8Array({ maxLength: 8 }), (changes, end, tail) => {
        const bytes = Uint8Array.from([...images.subarray(0, end), ...tail])
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        try {
          const { shape, data } = readIdx(bytes)
          expect(data.length).toBe(shape.reduce((a, b) => a * b, 1))
        } catch (error) {
          expect(error).toBeInstanceOf(DataError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('gunzip', () => {
  it('unpacks', async () => expect(await gunzip(gzipSync(images))).toEqual(images))

  it('stops at the limit', async () => {
    const bomb = gzipSync(new Uint8Array(5_000_000))
    await expect(gunzip(bomb, { limit: 1000 })).rejects.toMatchObject({ code: 'too-large' })
  })

  it.each([
    ['cut', gzipSync(images).subarray(0, 20)],
    ['damaged', Uint8Array.from(gzipSync(images), (byte, i) => (i > 12 ? byte ^ 85 : byte))],
    ['other', images],
  ])('refuses %s bytes', async (_, bytes) => {
    await expect(gunzip(bytes)).rejects.toMatchObject({ code: 'bad-gzip' })
  })
})

describe('the digits', () => {
  it('come from the installed package, scaled, with the printed first labels', async () => {
    const { train, test } = await mnist()
    expect(train).toMatchObject({ size: 60000, inputShape: [28, 28, 1], targetShape: [], classes: 10, finite: true })
    expect(test).toMatchObject({ size: 10000, inputShape: [28, 28, 1] })
    expect([0, 1, 2, 3, 4].map(train.label)).toEqual([5, 0, 4, 1, 9])
    expect([0, 1, 2, 3, 4].map(test.label)).toEqual([7, 2, 1, 0, 4])
    const x = new Float32Array(784)
    train.fill([0], x)
    expect(Math.max(...x)).toBe(1)
    expect(x[5 * 28 + 12]).toBe(Math.fround(3 / 255))
  })

  it('come from a folder, packed or not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'idx-'))
    writeFileSync(join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(images))
    writeFileSync(join(folder, 'train-labels-idx1-ubyte'), labels)
    writeFileSync(join(folder, 't10k-images-idx3-ubyte'), images)
    await expect(mnist({ folder })).rejects.toThrow('t10k-labels-idx1-ubyte cannot be read: no such file')
    writeFileSync(join(folder, 't10k-labels-idx1-ubyte'), labels)
    const { train, test } = await mnist({ folder })
    expect([train.size, test.label(1), train.inputShape]).toEqual([2, 3, [2, 2, 1]])
  })

  it('come from bytes and Blobs', async () => {
    const data = await mnistFrom({ images: new Blob([images]), labels: gzipSync(labels) })
    const x = new Float64Array(4)
    data.fill([0], x)
    expect([...x]).toEqual([0, 1, 0.2, 0])
  })

  it('mixed up are refused', async () => {
    await expect(mnistFrom({ images: labels, labels: images })).rejects.toMatchObject({ code: 'not-images' })
    await expect(mnistFrom({ images, labels: idx(8, [1], [1]) })).rejects.toMatchObject({ code: 'size-mismatch' })
  })
})

it('reading stops at the limit', async () => {
  await expect(readBytes(new Blob([images]), { limit: 10 })).rejects.toThrow('the data has more than 10 bytes')
  const path = join(mkdtempSync(join(tmpdir(), 'nabla-')), 'long')
  writeFileSync(path, images)
  await expect(readBytes(path, { limit: 10 })).rejects.toThrow('long has more than 10 bytes')
  expect(await readBytes(path, { limit: images.length })).toEqual(images)
})

it.runIf(process.platform === 'linux')('a file whose size is not known is read to its end', async () => {
  expect(new TextDecoder().decode(await readBytes('/proc/self/status'))).toMatch(/^Name:[\s\S]*\n$/)
  await expect(readBytes('/proc/self/status', { limit: 10 })).rejects.toThrow('has more than 10 bytes')
})

function failure(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
