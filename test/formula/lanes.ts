import type { SimdTarget } from '../../src/formula/index.ts'

const floats = new Float32Array(1)
const ints = new Int32Array(floats.buffer)

/** The 32 bits of a float32, and back. */
export const bitsOf = (value: number) => ((floats[0] = value), ints[0])
export const floatOf = (bits: number) => ((ints[0] = bits), floats[0])

const binary = (op: (a: number, b: number) => number) => (a: number, b: number) => bitsOf(op(floatOf(a), floatOf(b)))
const unary = (op: (a: number) => number) => (a: number) => bitsOf(op(floatOf(a)))
const test = (op: (a: number, b: number) => boolean) => (a: number, b: number) => (op(floatOf(a), floatOf(b)) ? -1 : 0)

/** One lane of the machine in plain numbers: a value is its 32 bits. */
export const lanes: SimdTarget<number> = {
  constant: bitsOf,
  intConstant: value => value | 0,
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  min: binary((a, b) => (b < a ? b : a)),
  max: binary((a, b) => (a < b ? b : a)),
  sqrt: unary(Math.sqrt),
  abs: a => a & 0x7fffffff,
  neg: a => a ^ 0x80000000,
  floor: unary(Math.floor),
  ceil: unary(Math.ceil),
  nearest: unary(a => {
    const floor = Math.floor(a)
    const above = a - floor
    return above < 0.5 || (above === 0.5 && floor % 2 === 0) || a === floor ? floor : floor + 1
  }),
  eq: test((a, b) => a === b),
  ne: test((a, b) => a !== b),
  lt: test((a, b) => a < b),
  le: test((a, b) => a <= b),
  gt: test((a, b) => a > b),
  ge: test((a, b) => a >= b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  andNot: (a, b) => a & ~b,
  not: a => ~a,
  select: (mask, a, b) => (a & mask) | (b & ~mask),
  fromMask: mask => mask & 0x3f800000,
  intAdd: (a, b) => (a + b) | 0,
  intSub: (a, b) => (a - b) | 0,
  shiftLeft: (a, bits) => a << bits,
  shiftRight: (a, bits) => a >>> bits,
  truncToInt: a => {
    const value = floatOf(a)
    return Number.isNaN(value) ? 0 : Math.max(-0x80000000, Math.min(0x7fffffff, Math.trunc(value))) | 0
  },
  intToFloat: a => bitsOf(a),
}
