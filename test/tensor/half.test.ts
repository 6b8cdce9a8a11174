import { expect, test } from 'vitest'
import { bfloats, fromHalf, halves } from '../../src/tensor/half.ts'
import { narrowed } from '../../src/tensor/wide.ts'

const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits)

test('each 16-bit float is the number that its parts say', () => {
  expect(halves(all)).toEqual(Float32Array.from(all, fromHalf))
})

test('each bfloat16 is the upper half of a 32-bit float', () => {
  expect(bfloats(all)).toEqual(new Float32Array(Uint32Array.from(all, upper => upper << 16).buffer))
})

test('64-bit integers become the nearest number, as they do one by one', () => {
  const wide = BigInt64Array.from({ length: 200 }, (_, i) => (i % 2 ? -1n : 1n) * (2n ** BigInt(i % 63) + BigInt(i)))
  expect(narrowed(wide)).toEqual(Float64Array.from(wide, Number))
  const unsigned = BigUint64Array.from({ length: 64 }, (_, i) => 2n ** BigInt(i) + 1025n * BigInt(i))
  expect(narrowed(unsigned)).toEqual(Float64Array.from(unsigned, Number))
})
