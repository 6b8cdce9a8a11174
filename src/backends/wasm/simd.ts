import type { SimdTarget } from '../../formula/index.ts'
import type { Code, Local, Op } from './assembler.ts'

/** Formulas lowered into the code of a function: each value is a local of four floats. */
export function simdTarget(f: Code): SimdTarget<Local> {
  const result = (emit: () => void): Local => {
    const local = f.local('v128')
    emit()
    f.set(local)
    return local
  }
  const one = (op: Op) => (a: Local) => result(() => f.get(a).op(op))
  const two = (op: Op) => (a: Local, b: Local) => result(() => f.get(a).get(b).op(op))
  const shift = (op: Op) => (a: Local, bits: number) => result(() => f.get(a).i32(bits).op(op))
  return {
    constant: x => result(() => f.f32x4(x)),
    intConstant: n => result(() => f.i32x4(n)),
    add: two('f32x4.add'),
    sub: two('f32x4.sub'),
    mul: two('f32x4.mul'),
    div: two('f32x4.div'),
    min: two('f32x4.pmin'),
    max: two('f32x4.pmax'),
    and: two('v128.and'),
    or: two('v128.or'),
    xor: two('v128.xor'),
    andNot: two('v128.andnot'),
    eq: two('f32x4.eq'),
    ne: two('f32x4.ne'),
    lt: two('f32x4.lt'),
    le: two('f32x4.le'),
    gt: two('f32x4.gt'),
    ge: two('f32x4.ge'),
    sqrt: one('f32x4.sqrt'),
    // The same as f32x4.abs and neg, whose masks older compilers build anew each time.
    abs: a => result(() => f.get(a).i32x4(0x7fffffff).op('v128.and')),
    neg: a => result(() => f.get(a).i32x4(-0x80000000).op('v128.xor')),
    floor: one('f32x4.floor'),
    ceil: one('f32x4.ceil'),
    nearest: one('f32x4.nearest'),
    not: one('v128.not'),
    select: (mask, a, b) => result(() => f.get(a).get(b).get(mask).op('v128.bitselect')),
    fromMask: mask => result(() => f.get(mask).f32x4(1).op('v128.and')),
    intAdd: two('i32x4.add'),
    intSub: two('i32x4.sub'),
    shiftLeft: shift('i32x4.shl'),
    shiftRight: shift('i32x4.shr_u'),
    truncToInt: one('i32x4.trunc_sat_f32x4_s'),
    intToFloat: one('f32x4.convert_i32x4_s'),
  }
}

/**
 * The same machine on several vectors at once, an operation of one beside that of the next: a function is a chain of
 * operations that wait for each other, and a processor looks ahead no further than over a few dozen of them. What is the
 * same for all vectors is one.
 */
export function inStep<V>(target: SimdTarget<V>): SimdTarget<readonly V[]> {
  const together =
    (op: (...args: unknown[]) => V) =>
    (...args: readonly (readonly V[] | number)[]): readonly V[] => {
      const width = args.reduce<number>((most, arg) => (typeof arg === 'number' ? most : Math.max(most, arg.length)), 1)
      const pick = (arg: readonly V[] | number, i: number) =>
        typeof arg === 'number' ? arg : arg[arg.length === 1 ? 0 : i]
      return Array.from({ length: width }, (_, i) => op(...args.map(arg => pick(arg, i))))
    }
  const entries = Object.entries(target).map(([name, op]) => [name, together(op as (...args: unknown[]) => V)])
  return Object.fromEntries(entries) as unknown as SimdTarget<readonly V[]>
}
