import { erf } from './erf.ts'
import { exactPower } from './exact.ts'

/**
 * Every operation of the language with its float64 meaning; the number of parameters is its arity.
 * Truth is "not zero", so NaN is true; comparisons and logic give 1 or 0.
 */
export const operations = {
  neg: (a: number) => -a,
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '^': power,
  '<': (a: number, b: number) => (a < b ? 1 : 0),
  '<=': (a: number, b: number) => (a <= b ? 1 : 0),
  '>': (a: number, b: number) => (a > b ? 1 : 0),
  '>=': (a: number, b: number) => (a >= b ? 1 : 0),
  '==': (a: number, b: number) => (a === b ? 1 : 0),
  '!=': (a: number, b: number) => (a !== b ? 1 : 0),
  '&&': (a: number, b: number) => (a !== 0 && b !== 0 ? 1 : 0),
  '||': (a: number, b: number) => (a !== 0 || b !== 0 ? 1 : 0),
  '!': (a: number) => (a === 0 ? 1 : 0),
  select: (c: number, a: number, b: number) => (c !== 0 ? a : b),
  exp: (a: number) => Math.exp(a),
  log: (a: number) => Math.log(a),
  log1p: (a: number) => Math.log1p(a),
  expm1: (a: number) => Math.expm1(a),
  sqrt: (a: number) => Math.sqrt(a),
  abs: (a: number) => Math.abs(a),
  sign: (a: number) => Math.sign(a),
  floor: (a: number) => Math.floor(a),
  ceil: (a: number) => Math.ceil(a),
  round: (a: number) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a)),
  sin: (a: number) => Math.sin(a),
  cos: (a: number) => Math.cos(a),
  tan: (a: number) => Math.tan(a),
  atan: (a: number) => Math.atan(a),
  sinh: (a: number) => Math.sinh(a),
  cosh: (a: number) => Math.cosh(a),
  tanh: (a: number) => Math.tanh(a),
  erf: (a: number) => erf(a),
  sigmoid: (a: number) => 1 / (1 + Math.exp(-a)),
  softplus: (a: number) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
}

export type Operation = keyof typeof operations

/** The functions a formula may call, with how many arguments each takes at least and at most. */
export const functions: ReadonlyMap<string, readonly [least: number, most: number]> = new Map([
  ...Object.entries(operations)
    .filter(([op]) => /^[a-z]/.test(op) && op !== 'neg' && op !== 'select')
    .map(([op, { length }]) => [op, [length, length === 2 ? Infinity : length]] as const),
  ['clamp', [3, 3]] as const,
])

/** Multiples of ½ up to this size are products and at most one square root. */
export const HALVES = 64

/** Whole powers by repeated squaring, others by logarithms: the same bits on every engine, which `Math.pow` does not promise. */
function power(base: number, exponent: number): number {
  const size = Math.abs(exponent)
  const whole = Math.floor(size)
  if (!(size <= 2 ** 31) || (size !== whole && (size !== whole + 0.5 || size > HALVES)))
    return base > 0 && base < Infinity && size < Infinity ? exactPower(base, exponent) : base ** exponent
  let result = size === whole ? 1 : Math.sqrt(base)
  for (let n = whole, square = base; n > 0; n = Math.floor(n / 2), square *= square) if (n % 2 === 1) result *= square
  return exponent < 0 ? 1 / result : result
}
