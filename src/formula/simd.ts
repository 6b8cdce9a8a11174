import { type Approximations, approximations } from './approximations.ts'
import { fold, type Node } from './node.ts'
import { once } from './once.ts'
import { HALVES } from './operations.ts'
import { power as anyPower, type Operand } from './power.ts'

/**
 * A machine of four float32 lanes. `V` is a handle to a value it has computed. A mask is all ones or all zeros in each
 * lane; the bitwise and integer operations see the lanes as 32 bits. The functions are called without `this`.
 */
export interface SimdTarget<V> {
  constant(value: number): V
  intConstant(value: number): V
  add(a: V, b: V): V
  sub(a: V, b: V): V
  mul(a: V, b: V): V
  div(a: V, b: V): V
  /** b < a ? b : a */
  min(a: V, b: V): V
  /** a < b ? b : a */
  max(a: V, b: V): V
  sqrt(a: V): V
  abs(a: V): V
  neg(a: V): V
  floor(a: V): V
  ceil(a: V): V
  /** To the nearest whole number, halves to even. */
  nearest(a: V): V
  eq(a: V, b: V): V
  ne(a: V, b: V): V
  lt(a: V, b: V): V
  le(a: V, b: V): V
  gt(a: V, b: V): V
  ge(a: V, b: V): V
  and(a: V, b: V): V
  or(a: V, b: V): V
  xor(a: V, b: V): V
  /** a and not b */
  andNot(a: V, b: V): V
  not(a: V): V
  select(mask: V, a: V, b: V): V
  /** 1 where the mask is set, else 0. */
  fromMask(mask: V): V
  intAdd(a: V, b: V): V
  intSub(a: V, b: V): V
  shiftLeft(a: V, bits: number): V
  /** Zeros come in from the left. */
  shiftRight(a: V, bits: number): V
  /** Towards zero, NaN to 0, saturating. */
  truncToInt(a: V): V
  intToFloat(a: V): V
}

/** What a node became: a value, a mask, or both once somebody asked. */
interface Lane<V> {
  value(): V
  mask(): V
}

/**
 * Computes nodes in float32 lanes: each distinct operation once, functions by polynomials, conditions as masks for as
 * long as only conditions read them. NaN goes through everything but `?:`, which ignores the side not taken.
 */
export function lower<V>(roots: readonly Node[], target: SimdTarget<V>, load: (name: string) => V): V[] {
  const machine = remembering(target)
  const functions = once(() => approximations(machine)) // few formulas need one
  return fold<Lane<V>>(roots, (node, args) => lane(node, args, machine, functions, load)).map(root => root.value())
}

function lane<V>(
  node: Node,
  args: readonly Lane<V>[],
  t: SimdTarget<V>,
  f: () => Approximations<V>,
  load: (name: string) => V,
): Lane<V> {
  const fromValue = (make: () => V): Lane<V> => {
    const value = once(make)
    return { value, mask: once(() => t.ne(value(), t.constant(0))) }
  }
  const fromMask = (make: () => V): Lane<V> => {
    const mask = once(make)
    return { mask, value: once(() => t.fromMask(mask())) }
  }
  if (node.op === 'number') return fromValue(() => t.constant(node.value))
  if (node.op === 'name') return fromValue(() => load(node.name))

  const [a, b, c] = args
  const unary = (op: (a: V) => V) => fromValue(() => op(a.value()))
  const binary = (op: (a: V, b: V) => V) => fromValue(() => op(a.value(), b.value()))
  const test = (op: (a: V, b: V) => V) => fromMask(() => op(a.value(), b.value()))
  switch (node.op) {
    case '+':
      return binary(t.add)
    case '-':
      return binary(t.sub)
    case '*':
      return binary(t.mul)
    case '/':
      return binary(t.div)
    case 'neg':
      return unary(t.neg)
    case '^':
      return fromValue(() => power(node.args, a, b, t))
    case 'min':
      return fromValue(() => extreme(t.min, node.args, a, b, t))
    case 'max':
      return fromValue(() => extreme(t.max, node.args, a, b, t))
    case 'abs':
      return unary(t.abs)
    case 'sqrt':
      return unary(t.sqrt)
    case 'floor':
      return unary(t.floor)
    case 'ceil':
      return unary(t.ceil)
    case 'round':
      return unary(t.nearest)
    case '<':
      return test(t.lt)
    case '<=':
      return test(t.le)
    case '>':
      return test(t.gt)
    case '>=':
      return test(t.ge)
    case '==':
      return test(t.eq)
    case '!=':
      return test(t.ne)
    case '&&':
      return fromMask(() => t.and(a.mask(), b.mask()))
    case '||':
      return fromMask(() => t.or(a.mask(), b.mask()))
    case '!':
      return fromMask(() => t.not(a.mask()))
    case 'select':
      return fromValue(() => choice(node.args, a, b, c, t))
    default:
      return unary(f()[node.op])
  }
}

/** `c ? a : b` in fewer operations where a side is zero, or where it is a leaky rectifier: there the larger is right. */
function choice<V>([test, yes, no]: readonly Node[], a: Lane<V>, b: Lane<V>, c: Lane<V>, t: SimdTarget<V>): V {
  if (isZero(no)) return t.and(a.mask(), b.value())
  if (isZero(yes)) return t.andNot(c.value(), a.mask())
  const [x, zero] = test.args
  if ((test.op === '>' || test.op === '>=') && x === yes && isZero(zero) && no.op === '*' && no.args.includes(x)) {
    const slope = no.args.find(arg => arg.op === 'number')
    if (slope && slope.value > 0 && slope.value < 1) return t.max(c.value(), b.value())
  }
  return t.select(a.mask(), b.value(), c.value())
}

const isZero = (node: Node | undefined) => node?.op === 'number' && Object.is(node.value, 0)

/** The machine's min and max drop a NaN in their second operand; numbers cannot be NaN, so they go second. */
function extreme<V>(
  op: (a: V, b: V) => V,
  [first, second]: readonly Node[],
  a: Lane<V>,
  b: Lane<V>,
  t: SimdTarget<V>,
): V {
  if (first.op === 'number') return op(b.value(), a.value())
  if (second.op === 'number') return op(a.value(), b.value())
  const right = b.value()
  return t.select(t.eq(right, right), op(a.value(), right), right)
}

function power<V>([base, exponent]: readonly Node[], a: Lane<V>, b: Lane<V>, t: SimdTarget<V>): V {
  if (exponent.op === 'number') {
    const size = Math.abs(exponent.value)
    const whole = Number.isInteger(size) ? size <= 2 ** 31 : Number.isInteger(2 * size) && size <= HALVES
    if (whole) {
      const product = wholePower(a.value(), Math.floor(size), t)
      const root = Number.isInteger(size) ? undefined : t.sqrt(a.value())
      const result = product && root ? t.mul(product, root) : (product ?? root ?? t.constant(1))
      return exponent.value < 0 ? t.div(t.constant(1), result) : result
    }
  }
  const operand = (node: Node, lane: Lane<V>): Operand<V> =>
    node.op === 'number' ? { number: node.value } : { lanes: lane.value() }
  return anyPower(t, operand(base, a), operand(exponent, b))
}

function wholePower<V>(base: V, exponent: number, t: SimdTarget<V>): V | undefined {
  let result: V | undefined
  let square = base
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = result === undefined ? square : t.mul(result, square)
    if (n > 1) square = t.mul(square, square)
  }
  return result
}

/** The same machine, which makes each constant once. */
function remembering<V>(target: SimdTarget<V>): SimdTarget<V> {
  const known = new Map<string, V>()
  const remember = (make: (value: number) => V, kind: string) => (value: number) => {
    const key = `${kind}${Object.is(value, -0) ? '-0' : value}`
    if (!known.has(key)) known.set(key, make(value))
    return known.get(key)!
  }
  return {
    ...target,
    constant: remember(target.constant, 'float'),
    intConstant: remember(target.intConstant, 'int'),
  }
}
