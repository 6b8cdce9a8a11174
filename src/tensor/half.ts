/** What a 16-bit float holds: 1 bit of sign, 5 of exponent, 10 of fraction. IEEE 754. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 0x3ff
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The numbers of 16-bit floats, exactly. */
export function halves(bits: Uint16Array): Float32Array {
  const numbers = new Float32Array(bits.length)
  const words = new Uint32Array(numbers.buffer)
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]
    const size = half & 0x7fff
    // A normal number keeps its fraction, its exponent counts from 127 instead of 15.
    if (size >= 0x400 && size < 0x7c00) words[i] = ((half & 0x8000) << 16) | ((size << 13) + (112 << 23))
    else numbers[i] = fromHalf(half)
  }
  return numbers
}

/** The numbers of bfloat16, which is the upper half of a 32-bit float. */
export function bfloats(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16
  return new Float32Array(words.buffer)
}
