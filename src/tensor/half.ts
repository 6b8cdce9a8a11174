/** What a 16-bit float holds: 1 bit of sign, 5 of exponent, 10 of fraction. IEEE 754. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 0x3ff
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The numbers of 16-bit floats, exactly. */
export const halves = (bits: Uint16Array): Float32Array => Float32Array.from(bits, fromHalf)

/** The numbers of bfloat16, which is the upper half of a 32-bit float. */
export const bfloats = (bits: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(bits, upper => upper << 16).buffer)
