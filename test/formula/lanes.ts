import type { SimdTarget } from '../../src/formula/index.ts'

/** As many lanes as there are numbers: a value is the 32 bits of each. */
export type Lanes = Int32Array

export const lanesOf = (values: readonly number[]): Lanes => new Int32Array(Float32Array.from(values).buffer)
export const numbersOf = (lanes: Lanes) => new Float32Array(lanes.buffer)

/** The machine in plain numbers. */
export function machine(length: number): SimdTarget<Lanes> {
  const floats = (...args: Lanes[]) => args.map(numbersOf)
  const unary = (op: (a: number) => number) => (a: Lanes) => {
    const [x] = floats(a)
    return lanesOf(Array.from(x, op))
  }
  const binary = (op: (a: number, b: number) => number) => (a: Lanes, b: Lanes) => {
    const [x, y] = floats(a, b)
    return lanesOf(Array.from(x, (value, i) => op(value, y[i])))
  }
  const test = (op: (a: number, b: number) => boolean) => (a: Lanes, b: Lanes) => {
    const [x, y] = floats(a, b)
    return a.map((_, i) => (op(x[i], y[i]) ? -1 : 0))
  }
  const bits = (op: (a: number, b: number) => number) => (a: Lanes, b: Lanes) => a.map((value, i) => op(value, b[i]))
  return {
    constant: value => lanesOf(Array(length).fill(value)),
    intConstant: value => new Int32Array(length).fill(value),
    add: binary((a, b) => a + b),
    sub: binary((a, b) => a - b),
    mul: binary((a, b) => a * b),
    div: binary((a, b) => a / b),
    // Not Math.min: the machine's keeps the first number unless the second is smaller, which a NaN never is.
    min: (a, b) => select(test((a, b) => b < a)(a, b), b, a),
    max: (a, b) => select(test((a, b) => a < b)(a, b), b, a),
    sqrt: unary(Math.sqrt),
    abs: a => a.map(a => a & 0x7fffffff),
    neg: a => a.map(a => a ^ 0x80000000),
    floor: unary(Math.floor),
    ceil: unary(Math.ceil),
    nearest: unary(halfToEven),
    eq: test((a, b) => a === b),
    ne: test((a, b) => a !== b),
    lt: test((a, b) => a < b),
    le: test((a, b) => a <= b),
    gt: test((a, b) => a > b),
    ge: test((a, b) => a >= b),
    and: bits((a, b) => a & b),
    or: bits((a, b) => a | b),
    xor: bits((a, b) => a ^ b),
    andNot: bits((a, b) => a & ~b),
    not: a => a.map(a => ~a),
    select,
    fromMask: mask => mask.map(mask => mask & 0x3f800000),
    intAdd: bits((a, b) => a + b),
    intSub: bits((a, b) => a - b),
    shiftLeft: (a, bits) => a.map(a => a << bits),
    shiftRight: (a, bits) => a.map(a => a >>> bits),
    truncToInt: a => Int32Array.from(numbersOf(a), saturate),
    intToFloat: a => lanesOf([...a]),
  }
}

const select = (mask: Lanes, a: Lanes, b: Lanes) => a.map((value, i) => (value & mask[i]) | (b[i] & ~mask[i]))
const saturate = (a: number) => (Number.isNaN(a) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(a))))

function halfToEven(a: number): number {
  const below = Math.floor(a)
  const above = a - below
  return a === below || above < 0.5 || (above === 0.5 && below % 2 === 0) ? below : below + 1
}
