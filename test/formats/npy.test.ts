import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { NablaError } from '../../src/errors.ts'
import { type NpyInput, readNpy, readNpz, writeNpy, writeNpz } from '../../src/formats/npy/index.ts'
import { fromHalf } from '../../src/tensor/half.ts'

const files = JSON.parse(readFileSync('test/fixtures/numpy/files.json', 'utf8')) as Record<string, string>
const bytesOf = (name: string) => new Uint8Array(Buffer.from(files[name], 'base64'))
const arrays = Object.keys(files).filter(name => /^[<>|]/.test(name))

describe('npy files by NumPy', () => {
  test.each(arrays)('%s is read', async name => {
    const { shape, data, dtype } = await readNpy(bytesOf(name))
    expect(shape).toEqual(JSON.parse(name.match(/\[.*?\]/)![0]))
    const expected = Array.from({ length: data.length }, (_, i) => (dtype === 'bool' ? Number(i > 0) : i))
    expect(Array.from(data as ArrayLike<number>)).toEqual(expected)
  })

  test.each(arrays.filter(name => /^[<|].* C$/.test(name) && !name.startsWith('<f2')))(
    '%s is written to the byte',
    async name => {
      expect(writeNpy(await readNpy(bytesOf(name)))).toEqual(bytesOf(name))
    },
  )

  test.each(['npz', 'npz packed'])('%s gives its arrays by name', async name => {
    const { x, y, flag } = await readNpz(bytesOf(name))
    expect([x.shape, [...x.data]]).toEqual([
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ])
    expect([y.dtype, y.data]).toEqual(['int64', Float64Array.of(0, 1, 2)])
    expect([flag.shape, flag.dtype, [...flag.data]]).toEqual([[], 'bool', [1]])
  })

  test.each(Object.keys(files).filter(name => name.startsWith('refused')))('%s', async name => {
    await expect(readNpy(bytesOf(name))).rejects.toMatchObject({ code: 'unsupported-dtype' })
  })
})

test('64-bit integers come as numbers while they are exact, or as bigints', async () => {
  const large = writeNpy({ shape: [1], data: BigInt64Array.of(2n ** 60n) })
  await expect(readNpy(large)).rejects.toMatchObject({ code: 'large-integer' })
  expect((await readNpy(large, { int64: 'bigint' })).data).toEqual(BigInt64Array.of(2n ** 60n))
})

test.each([
  [0x3c00, 1],
  [0xc000, -2],
  [0x7bff, 65504],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x7c00, Infinity],
  [0xfe00, NaN],
  [0x8000, -0],
])('the 16-bit float %i is %d', (bits, value) => expect(fromHalf(bits)).toBe(value))

const holders = {
  float64: Float64Array,
  float32: Float32Array,
  int64: Float64Array,
  int32: Int32Array,
  int16: Int16Array,
}
const array = fc
  .record({
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    dtype: fc.constantFrom(...(Object.keys(holders) as (keyof typeof holders)[])),
    start: fc.nat(100),
  })
  .map(({ shape, dtype, start }): NpyInput => {
    const data = new holders[dtype](shape.reduce((a, b) => a * b, 1))
    return { shape, dtype, data: data.map((_, i) => start + i) }
  })

test('a Buffer of Node, of which a slice is no copy, is read like any other bytes', async () => {
  const data = Float32Array.from({ length: 1000 }, (_, i) => i)
  const file = Buffer.from(writeNpz({ x: { shape: [1000], data } }))
  expect((await readNpy(Buffer.from(writeNpy({ shape: [1000], data })))).data).toEqual(data)
  expect((await readNpz(file)).x.data).toEqual(data)
})

describe('numbers of a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-npy-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  /** The bytes with a header that is so many spaces longer, so that numbers lie elsewhere. */
  const moved = (file: Uint8Array, by: number) => {
    const length = new DataView(file.buffer).getUint16(8, true)
    const all = new Uint8Array(file.length + by).fill(0x20)
    all.set(file.subarray(0, 10 + length - 1))
    all.set(file.subarray(10 + length - 1), 10 + length - 1 + by)
    new DataView(all.buffer).setUint16(8, length + by, true)
    return all
  }
  test.each(arrays.flatMap(name => [0, 4, 5].map(by => [name, by] as const)))('%s, %i bytes on', async (name, by) => {
    const path = join(folder, 'x.npy')
    const file = moved(bytesOf(name), by)
    writeFileSync(path, file)
    const { data } = await readNpy(path)
    expect(data).toEqual((await readNpy(bytesOf(name))).data)
    // Those of NumPy stay where they were read to.
    if (by === 0 && /^<(f[48]|i[124]|u[124]).* C$/.test(name)) expect(data.buffer.byteLength).toBe(file.length)
  })

  test('that somebody else has are a copy', async () => {
    const file = bytesOf(arrays.find(name => name.startsWith('>f8'))!)
    const before = file.slice()
    const { data } = await readNpy(file)
    data.fill(7 as never)
    expect(file).toEqual(before)
  })
})

test('an archive may have ten thousand arrays', async () => {
  const arrays = Array.from({ length: 10_000 }, (_, i) => [`a${i}`, { shape: [], data: Float32Array.of(i) }] as const)
  const found = await readNpz(writeNpz(Object.fromEntries(arrays)))
  expect(arrays.every(([name, { data }]) => found[name].data[0] === data[0])).toBe(true)
})

test('64-bit integers keep their value on the way to numbers and back', async () => {
  const exact = [0, 1, -1, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 2 ** 53 - 1, 1 - 2 ** 53]
  const file = writeNpy({ shape: [exact.length], data: Float64Array.from(exact), dtype: 'int64' })
  expect((await readNpy(file, { int64: 'bigint' })).data).toEqual(BigInt64Array.from(exact, BigInt))
  expect((await readNpy(file)).data).toEqual(Float64Array.from(exact))
  const large = writeNpy({ shape: [2], data: Float64Array.of(2 ** 63, 5), dtype: 'uint64' })
  expect((await readNpy(large, { int64: 'bigint' })).data).toEqual(BigUint64Array.of(2n ** 63n, 5n))
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 53n + 1n])
    await expect(readNpy(writeNpy({ shape: [1], data: BigInt64Array.of(value) }))).rejects.toThrow(`holds ${value},`)
})

test('whatever is written is read again', async () => {
  await fc.assert(
    fc.asyncProperty(array, async a => {
      expect(await readNpy(writeNpy(a))).toEqual(a)
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.stringMatching(/^\w{1,9}$/), array, { maxKeys: 4 }), async all => {
      expect(Object.entries(await readNpz(writeNpz(all)))).toEqual(Object.entries(all))
    }),
  )
})

test('damaged files end in an error of ours, or are read as they stand', async () => {
  const samples = ['<f4 [2, 3, 4] F', '<i8 [5] C', 'npz', 'npz packed'].map(name => [name, bytesOf(name)] as const)
  const damage = fc.record({
    sample: fc.constantFrom(...samples),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    flips: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255)), { maxLength: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ sample: [name, bytes], cut, flips }) => {
      const bad = bytes.slice(0, cut === null ? bytes.length : Math.floor(cut * bytes.length))
      for (const [at, bits] of flips) if (bad.length > 0) bad[Math.floor(at * bad.length)] ^= bits
      const reading: Promise<unknown> = name.startsWith('npz') ? readNpz(bad) : readNpy(bad)
      await reading.catch(error => expect(error).toBeInstanceOf(NablaError))
    }),
    { numRuns: 1500 },
  )
})

const header = (text: string, rest = 4) => {
  const file = new Uint8Array(10 + text.length + rest)
  file.set([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, text.length >> 8])
  file.set(Buffer.from(text), 10)
  return file
}

test.each([
  "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
  "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
  "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
  "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
  "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
  "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}",
  "{'__proto__': '<f4', 'fortran_order': False, 'shape': (1,)}",
  '{',
  '',
])('a header %s is refused', async text => {
  await expect(readNpy(header(text))).rejects.toMatchObject({ code: 'bad-npy' })
})

test('names in an archive cannot lead elsewhere or touch a prototype', async () => {
  const x = { shape: [1], data: Float32Array.of(1) }
  for (const name of ['../x', '/x', 'a/../../x', 'C:x', '..\\x'])
    await expect(readNpz(writeNpz({ [name]: x }))).rejects.toMatchObject({ code: 'bad-zip' })
  const read = await readNpz(writeNpz({ ['__proto__']: x }))
  expect(Object.keys(read)).toEqual(['__proto__'])
  expect(({} as { shape?: unknown }).shape).toBeUndefined()
})

test('an archive that unpacks to more than the limit is refused before it is unpacked', async () => {
  await expect(readNpz(bytesOf('npz packed'), { limit: 100 })).rejects.toMatchObject({ code: 'too-large' })
})
