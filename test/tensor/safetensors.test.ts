import { readSafetensors, writeSafetensors } from 'nabla'
import { expect, test } from 'vitest'

/** A file of this header and so many zeros, the length told as it is or otherwise. */
function file(header: string, zeros: number, length?: number): Uint8Array {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + zeros)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true)
  bytes.set(text, 8)
  return bytes
}
const one = (entry: object) => JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...entry } })

test('arrays and notes come back as they went', () => {
  const tensors = [
    { name: 'a', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    { name: 'b/ü', shape: [], data: Float64Array.of(Math.PI) },
    { name: 'c', shape: [0, 3], data: new Int16Array(0) },
    { name: 'd', shape: [3], data: Uint8Array.of(1, 2, 3) },
    { name: 'e', shape: [1], data: BigInt64Array.of(-5n) },
  ]
  const metadata = { nabla: '{"a":1}', constructor: 'x' }
  const read = readSafetensors(writeSafetensors(tensors, metadata))
  expect(read.tensors).toEqual(tensors)
  expect({ ...read.metadata }).toEqual(metadata)
})

test('the header starts as the format says and is a multiple of 8 long', () => {
  const bytes = writeSafetensors([{ name: 'a', shape: [1], data: Float32Array.of(1) }])
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  expect(length % 8).toBe(0)
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length))
  expect(text.trimEnd()).toBe('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
  expect(bytes.length).toBe(8 + length + 4)
})

test('a part of a larger buffer is read as well', () => {
  const bytes = writeSafetensors([{ name: 'a', shape: [1], data: Float32Array.of(7) }])
  const larger = new Uint8Array(bytes.length + 3)
  larger.set(bytes, 3)
  expect(readSafetensors(larger.subarray(3)).tensors[0].data).toEqual(Float32Array.of(7))
})

const bad: [string, Uint8Array, string][] = [
  ['nothing', new Uint8Array(0), 'a file of 0 bytes, too short for a header'],
  ['a header past the end', file('{}', 0, 3), 'a header of 3 bytes in a file of 10'],
  ['a huge header', file('{}', 0, 2 ** 60), 'a header of 1152921504606847000 bytes in a file of 10'],
  ['no JSON', file('{"a":', 0), 'a header that is no JSON'],
  ['bytes that are no text', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 255), 'a header that is no JSON'],
  ['a list', file('[]', 0), 'a header that is no JSON object'],
  ['leading space', file(' {}', 0), 'a header that is no JSON object'],
  [
    'a name twice',
    file(
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
    ),
    '"a" twice',
  ],
  ['an unknown type', file(one({ dtype: 'F99' }), 8), '"a" of type "F99"'],
  ['a type of the prototype', file(one({ dtype: 'constructor' }), 8), '"a" of type "constructor"'],
  ['a negative size', file(one({ shape: [-2] }), 8), '"a" without a shape'],
  ['a size past counting', file(one({ shape: [2 ** 40, 2 ** 40] }), 8), '"a" without a shape'],
  ['too few bytes', file(one({}), 7), '"a" from byte 0 to 8 instead of 8 bytes'],
  ['another size', file(one({ shape: [3] }), 8), '"a" from byte 0 to 8 instead of 12 bytes'],
  ['a gap', file(one({ data_offsets: [4, 12] }), 12), 'a gap before "a"'],
  ['bytes behind', file(one({}), 12), '4 bytes behind the last array'],
  [
    'an overlap',
    file(
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
      3,
    ),
    'an overlap before "b"',
  ],
  ['notes that are no text', file('{"__metadata__":{"a":1}}', 0), 'metadata "a" that is no text'],
]

test.each(bad)('reading refuses %s', (_, bytes, what) => {
  expect(() => readSafetensors(bytes)).toThrow(`not a sound safetensors file: it has ${what}\n  hint:`)
})

test('a name that is the prototype stays a name', () => {
  const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
  const { tensors } = readSafetensors(file(`{"__proto__":${entry}}`, 1))
  expect(tensors).toEqual([{ name: '__proto__', shape: [1], data: Uint8Array.of(0) }])
  expect(({} as Record<string, unknown>).dtype).toBeUndefined()
})

test('arrays may begin past the first hundred megabytes', () => {
  const tensors = [
    { name: 'a', shape: [100_000_000], data: new Uint8Array(100_000_000) },
    { name: 'b', shape: [2], data: Float32Array.of(1, 2) },
  ]
  expect(readSafetensors(writeSafetensors(tensors)).tensors[1]).toEqual(tensors[1])
})
