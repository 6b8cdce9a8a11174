import { erf } from '../../../formula/erf.ts'
import { choice, must, type Operator, type Operators } from '../call.ts'
import { large, unsupported } from '../file.ts'
import {
  bounds,
  type Dtype,
  dtypeOf,
  dtypes,
  exactly,
  isFloat,
  reshape,
  roundEven,
  type Tensor,
  unsupportedType,
  vector,
  zip,
} from '../tensors.ts'

const unary =
  (f: (x: number) => number): Operator =>
  ([x]) =>
    zip([x], f)
const binary =
  (f: (x: number, y: number) => number): Operator =>
  ([a, b]) =>
    zip([a, b], f)
const compare =
  (f: (x: number, y: number) => boolean): Operator =>
  ([a, b]) =>
    zip([a, b], (x, y) => Number(f(x, y)), 'bool')
const fold =
  (f: (x: number, y: number) => number): Operator =>
  ([first, ...rest]) =>
    rest.reduce((sum, t) => zip([sum, t], f), first)

const sigmoid = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const clamp = (x: number, low: number, high: number) => (Number.isNaN(x) ? x : Math.min(Math.max(x, low), high))
const elu = (x: number, alpha: number) => (x > 0 ? x : alpha * Math.expm1(x))
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
/** What is left of x after whole steps of y, with the sign of y. */
function remainder(x: number, y: number): number {
  const rest = x % y
  if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0
  return rest < 0 === y < 0 ? rest : rest + y
}

/** Products of 32 bits keep their low bits, as in C. */
function times(type: Dtype): (x: number, y: number) => number {
  return type === 'int32' || type === 'uint32' ? Math.imul : (x, y) => x * y
}

function mod([a, b]: readonly Tensor[], fmod: number, opset: number): Tensor {
  must(fmod !== 0 || !isFloat(a.type) || opset >= 28, 'Mod of fractions needs fmod = 1')
  if (!isFloat(a.type)) must(!b.data.includes(0), 'Mod by zero')
  return zip([a, b], fmod ? (x, y) => x % y : remainder)
}

function divide([a, b]: readonly Tensor[]): Tensor {
  if (isFloat(a.type)) return zip([a, b], (x, y) => x / y)
  must(!b.data.includes(0), 'Div of whole numbers by zero')
  return zip([a, b], (x, y) => Math.trunc(x / y))
}

function cast(x: Tensor, type: Dtype): Tensor {
  if (isFloat(type) || type === 'bool' || !isFloat(x.type)) return zip([x], v => v, type)
  const [low, high] = bounds(type)
  return zip([x], v => Math.trunc(clamp(v, low, Math.min(high, 2 ** 53))) || 0, type)
}

/** A bit operation on whole numbers, in 64 bits where 32 are too few. */
const bits =
  (f: (x: bigint, y: bigint) => bigint): Operator =>
  ([a, b = a]) => {
    must(!isFloat(a.type), 'a bit operation got fractions')
    const cut = a.type.startsWith('u') ? BigInt.asUintN : BigInt.asIntN
    const width = a.type === 'bool' ? 64 : Number(/\d+$/.exec(a.type)![0])
    return zip([a, b], (x, y) => Number(cut(width, f(BigInt(x), BigInt(y)))))
  }

function clip(inputs: readonly Tensor[], least: number, most: number): Tensor {
  const [x, min, max] = inputs
  const low = min ? min.data[0] : least
  const high = max ? max.data[0] : most
  return zip([x], v => (Number.isNaN(v) ? v : Math.min(Math.max(v, low), high)))
}

export const elementwise: Operators = {
  Identity: ([x]) => x,
  Relu: unary(x => Math.max(x, 0)),
  LeakyRelu: ([x], c) => {
    const alpha = c.float('alpha', Math.fround(0.01))
    return zip([x], v => (v >= 0 ? v : alpha * v))
  },
  ThresholdedRelu: ([x], c) => {
    const alpha = c.float('alpha', 1)
    return zip([x], v => (v > alpha ? v : 0))
  },
  PRelu: binary((x, slope) => (x >= 0 ? x : slope * x)),
  Elu: ([x], c) => {
    const alpha = c.float('alpha', 1)
    return zip([x], v => elu(v, alpha))
  },
  Celu: ([x], c) => {
    const alpha = c.float('alpha', 1)
    return zip([x], v => Math.max(v, 0) + Math.min(0, alpha * Math.expm1(v / alpha)))
  },
  Selu: ([x], c) => {
    const alpha = c.float('alpha', c.opset < 6 ? 1.6732 : 1.6732632423543772)
    const gamma = c.float('gamma', c.opset < 6 ? 1.0507 : 1.0507009873554805)
    return zip([x], v => gamma * elu(v, alpha))
  },
  Gelu: ([x], c) => {
    const kind = choice('Gelu approximate', c.text('approximate', 'none'), ['none', 'tanh'])
    return zip([x], kind === 'tanh' ? geluTanh : v => 0.5 * v * (1 + erf(v / Math.SQRT2)))
  },
  Mish: unary(x => x * Math.tanh(softplus(x))),
  Swish: ([x], c) => {
    const alpha = c.float('alpha', 1)
    return zip([x], v => v * sigmoid(alpha * v))
  },
  SwiGLU: ([a, b], c) => {
    const alpha = c.float('alpha', 1)
    return zip([a, b], (x, y) => x * sigmoid(alpha * x) * y)
  },
  Sigmoid: unary(sigmoid),
  HardSigmoid: ([x], c) => {
    const [alpha, beta] = [c.float('alpha', 0.2), c.float('beta', 0.5)]
    return zip([x], v => clamp(alpha * v + beta, 0, 1))
  },
  HardSwish: unary(x => x * clamp(x / 6 + 0.5, 0, 1)),
  Softplus: unary(softplus),
  Softsign: unary(x => x / (1 + Math.abs(x))),
  Shrink: ([x], c) => {
    const [bias, lambda] = [c.float('bias', 0), c.float('lambd', 0.5)]
    return zip([x], v => (v < -lambda ? v + bias : v > lambda ? v - bias : 0))
  },
  Abs: unary(Math.abs),
  Neg: unary(x => -x),
  Ceil: unary(Math.ceil),
  Floor: unary(Math.floor),
  Round: unary(roundEven),
  Sign: unary(Math.sign),
  Reciprocal: unary(x => 1 / x),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Erf: unary(erf),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tan: unary(Math.tan),
  Asin: unary(Math.asin),
  Acos: unary(Math.acos),
  Atan: unary(Math.atan),
  Sinh: unary(Math.sinh),
  Cosh: unary(Math.cosh),
  Tanh: unary(Math.tanh),
  Asinh: unary(Math.asinh),
  Acosh: unary(Math.acosh),
  Atanh: unary(Math.atanh),
  IsNaN: ([x]) => zip([x], v => Number(Number.isNaN(v)), 'bool'),
  IsInf: ([x], c) => {
    const [up, down] = [c.int('detect_positive', 1), c.int('detect_negative', 1)]
    return zip([x], v => Number((v === Infinity && up !== 0) || (v === -Infinity && down !== 0)), 'bool')
  },
  Not: ([x]) => zip([x], v => Number(v === 0), 'bool'),
  Add: binary((x, y) => x + y),
  Sub: binary((x, y) => x - y),
  Mul: ([a, b]) => zip([a, b], times(a.type)),
  Div: inputs => divide(inputs),
  Mod: (inputs, c) => mod(inputs, c.int('fmod', 0), c.opset),
  Pow: ([a, b]) => zip([a, b], (x, y) => (isFloat(a.type) ? x ** y : Math.trunc(x ** y))),
  Max: fold(Math.max),
  Min: fold(Math.min),
  Sum: fold((x, y) => x + y),
  Mean: inputs => {
    const total = inputs.slice(1).reduce((sum, t) => zip([sum, t], (x, y) => x + y, 'float64'), inputs[0])
    return zip([total], x => x / inputs.length, inputs[0].type)
  },
  And: compare((x, y) => x !== 0 && y !== 0),
  Or: compare((x, y) => x !== 0 || y !== 0),
  Xor: compare((x, y) => (x !== 0) !== (y !== 0)),
  Equal: compare((x, y) => x === y),
  Greater: compare((x, y) => x > y),
  GreaterOrEqual: compare((x, y) => x >= y),
  Less: compare((x, y) => x < y),
  LessOrEqual: compare((x, y) => x <= y),
  Where: ([when, a, b]) => zip([when, a, b], (c, x, y) => (c ? x : y), a.type),
  BitwiseAnd: bits((x, y) => x & y),
  BitwiseOr: bits((x, y) => x | y),
  BitwiseXor: bits((x, y) => x ^ y),
  BitwiseNot: bits(x => ~x),
  BitShift: (inputs, c) => {
    const left = choice('BitShift direction', c.text('direction'), ['LEFT', 'RIGHT']) === 'LEFT'
    return bits((x, y) => (y >= 0n && y < 64n ? (left ? x << y : x >> y) : left || x >= 0n ? 0n : -1n))(inputs, c)
  },
  Clip: (inputs, c) => {
    const [low, high] = c.opset < 11 ? [c.float('min', -Infinity), c.float('max', Infinity)] : [-Infinity, Infinity]
    return clip(inputs, low, high)
  },
  Cast: ([x], c) => {
    c.int('saturate', 1)
    c.has('round_mode')
    return cast(x, dtypeOf(c.int('to')))
  },
  CastLike: ([x, like], c) => {
    c.int('saturate', 1)
    c.has('round_mode')
    return cast(x, like.type)
  },
  BitCast: ([x], c) => {
    const to = dtypeOf(c.int('to'))
    const [from, into] = [dtypes[x.type], dtypes[to]]
    const plain = ![x.type, to].some(type => type === 'float16' || type === 'bfloat16')
    if (!plain) throw unsupportedType('BitCast of two-byte floats')
    must(from.Array.BYTES_PER_ELEMENT === into.Array.BYTES_PER_ELEMENT, 'BitCast between types of different widths')
    const values =
      x.type === 'int64' || x.type === 'uint64'
        ? BigInt64Array.from(x.data, BigInt)
        : new (from.Array as typeof Float64Array)(x.data)
    return exactly(
      to,
      x.dims,
      Float64Array.from(new into.Array(values.buffer) as ArrayLike<unknown>, v => large(v, to)),
    )
  },
  Constant: (_, c) => {
    const value = c.tensor('value')
    if (value) return value
    if (c.has('value_float')) return reshape(vector('float32', [c.float('value_float')]), [])
    if (c.has('value_int')) return reshape(vector('int64', [c.int('value_int')]), [])
    const floats = c.floats('value_floats')
    const ints = c.ints('value_ints')
    if (floats ?? ints) return floats ? vector('float32', floats) : vector('int64', ints!)
    throw unsupported('Constant that is no dense tensor', 'export the model without constant text')
  },
}

/** Activations by the names that recurrent operators use; alpha and beta as they are for each. */
export const gates: Record<
  string,
  { f: (x: number, alpha: number, beta: number) => number; alpha?: number; beta?: number }
> = {
  relu: { f: x => Math.max(x, 0) },
  tanh: { f: Math.tanh },
  sigmoid: { f: sigmoid },
  affine: { f: (x, alpha, beta) => alpha * x + beta, alpha: 1, beta: 0 },
  leakyrelu: { f: (x, alpha) => (x >= 0 ? x : alpha * x), alpha: 0.01 },
  thresholdedrelu: { f: (x, alpha) => (x >= alpha ? x : 0), alpha: 1 },
  scaledtanh: { f: (x, alpha, beta) => alpha * Math.tanh(beta * x), alpha: 1, beta: 1 },
  hardsigmoid: { f: (x, alpha, beta) => clamp(alpha * x + beta, 0, 1), alpha: 0.2, beta: 0.5 },
  elu: { f: elu, alpha: 1 },
  softsign: { f: x => x / (1 + Math.abs(x)) },
  softplus: { f: softplus },
}
