/** 64-bit integers as numbers, each the nearest; read as two words, in a tenth of the time that a bigint for each takes. */
export function narrowed(wide: BigInt64Array | BigUint64Array): Float64Array {
  const low = new Uint32Array(wide.buffer, wide.byteOffset, 2 * wide.length)
  const high = wide instanceof BigInt64Array ? new Int32Array(low.buffer, low.byteOffset, low.length) : low
  const numbers = new Float64Array(wide.length)
  for (let i = 0; i < numbers.length; i++) numbers[i] = high[2 * i + 1] * 2 ** 32 + low[2 * i]
  return numbers
}

/** Whole numbers as 64-bit integers. */
export function widened(numbers: ArrayLike<number>, wide: BigInt64Array | BigUint64Array): typeof wide {
  const words = new Uint32Array(wide.buffer, wide.byteOffset, 2 * wide.length)
  for (let i = 0; i < wide.length; i++) {
    const value = numbers[i]
    if (Number.isSafeInteger(value)) {
      words[2 * i] = value
      words[2 * i + 1] = Math.floor(value / 2 ** 32)
    } else wide[i] = BigInt(value)
  }
  return wide
}

/** Turns the bytes of each number round, in place. */
export function swapped(bytes: Uint8Array, width: number): Uint8Array {
  for (let at = 0; at + width <= bytes.length; at += width)
    for (let low = at, high = at + width - 1; low < high; low++, high--) {
      const byte = bytes[low]
      bytes[low] = bytes[high]
      bytes[high] = byte
    }
  return bytes
}
