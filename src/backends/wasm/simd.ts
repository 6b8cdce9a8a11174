import { lower, type Node, type SimdTarget } from '../../formula/index.ts'
import type { Code, Local, Op } from './assembler.ts'

type Name = keyof SimdTarget<unknown>

/** What each operation is, of values on the stack. */
const codes: Readonly<Record<Name, Op | ((f: Code, number: number) => void)>> = {
  constant: (f, x) => f.f32x4(x),
  intConstant: (f, n) => f.i32x4(n),
  add: 'f32x4.add',
  sub: 'f32x4.sub',
  mul: 'f32x4.mul',
  div: 'f32x4.div',
  min: 'f32x4.pmin',
  max: 'f32x4.pmax',
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
  andNot: 'v128.andnot',
  eq: 'f32x4.eq',
  ne: 'f32x4.ne',
  lt: 'f32x4.lt',
  le: 'f32x4.le',
  gt: 'f32x4.gt',
  ge: 'f32x4.ge',
  sqrt: 'f32x4.sqrt',
  // The same as f32x4.abs and neg, whose masks older compilers build anew each time.
  abs: f => f.i32x4(0x7fffffff).op('v128.and'),
  neg: f => f.i32x4(-0x80000000).op('v128.xor'),
  floor: 'f32x4.floor',
  ceil: 'f32x4.ceil',
  nearest: 'f32x4.nearest',
  not: 'v128.not',
  select: 'v128.bitselect',
  fromMask: f => f.f32x4(1).op('v128.and'),
  intAdd: 'i32x4.add',
  intSub: 'i32x4.sub',
  shiftLeft: (f, bits) => f.i32(bits).op('i32x4.shl'),
  shiftRight: (f, bits) => f.i32(bits).op('i32x4.shr_u'),
  truncToInt: 'i32x4.trunc_sat_f32x4_s',
  intToFloat: 'f32x4.convert_i32x4_s',
}

/** A machine that hands each operation, its values in the order of the stack and its number to `make`. */
function machine<V>(make: (name: Name, args: readonly V[], number: number) => V): SimdTarget<V> {
  const plain = (name: Name) => [name, (...args: V[]) => make(name, args, 0)] as const
  return {
    ...(Object.fromEntries(Object.keys(codes).map(name => plain(name as Name))) as unknown as SimdTarget<V>),
    constant: x => make('constant', [], x),
    intConstant: n => make('intConstant', [], n),
    select: (mask, a, b) => make('select', [a, b, mask], 0),
    shiftLeft: (a, bits) => make('shiftLeft', [a], bits),
    shiftRight: (a, bits) => make('shiftRight', [a], bits),
  }
}

function write(f: Code, name: Name, number: number): Local {
  const code = codes[name]
  const local = f.local('v128')
  if (typeof code === 'string') f.op(code)
  else code(f, number)
  f.set(local)
  return local
}

/** Formulas lowered into the code of a function: each value is a local of four floats. */
export function simdTarget(f: Code): SimdTarget<Local> {
  return machine((name, args, number) => {
    for (const arg of args) f.get(arg)
    return write(f, name, number)
  })
}

/** An operation on the values of steps before it, or a name to load. */
type Step =
  | { readonly load: string }
  | { readonly name: Name; readonly args: readonly number[]; readonly number: number }

/** What computes formulas, step by step, and which steps give the results: for one of many functions. */
export interface Lowered {
  readonly steps: readonly Step[]
  readonly roots: readonly number[]
}

/** The steps of nodes. */
export function lowered(nodes: readonly Node[]): Lowered {
  const steps: Step[] = []
  const target = machine<number>((name, args, number) => steps.push({ name, args, number }) - 1)
  return { roots: lower(nodes, target, load => steps.push({ load }) - 1), steps }
}

/** What steps have come to, by their numbers. */
export type Known = ReadonlyMap<number, readonly Local[]>

/**
 * Writes the steps on several vectors at once, an operation of one beside that of the next: a function is a chain of
 * operations that wait for each other, and a processor looks ahead no further than over a few dozen of them. What is the
 * same for all vectors is one, and what is known already is not written again.
 */
export function writeLowered(f: Code, all: Lowered, load: (name: string) => readonly Local[], known?: Known) {
  const { steps, roots } = all
  const isNeeded = known && needed(all, known)
  const values: (readonly Local[])[] = []
  steps.forEach((step, i) => {
    if (isNeeded && !isNeeded[i]) {
      values.push(known.get(i) ?? [])
      return
    }
    if ('load' in step) {
      values.push(load(step.load))
      return
    }
    const { name, args, number } = step
    let width = 1
    for (const arg of args) width = Math.max(width, values[arg].length)
    const made: Local[] = []
    for (let i = 0; i < width; i++) {
      for (const arg of args) f.get(values[arg][values[arg].length === 1 ? 0 : i])
      made.push(write(f, name, number))
    }
    values.push(made)
  })
  return roots.map(root => values[root])
}

/** Which steps the roots need, beside what is known. */
function needed({ steps, roots }: Lowered, known: Known): boolean[] {
  const all: boolean[] = []
  for (const root of roots) all[root] = true
  for (let i = steps.length - 1; i >= 0; i--) {
    all[i] &&= !known.has(i)
    const step = steps[i]
    if (all[i] && 'args' in step) for (const arg of step.args) all[arg] = true
  }
  return all
}

/** Operations from which on what is the same all along a loop is worth a register. */
const dear = 4

/**
 * Writes ahead of a loop what is the same all along it and takes some work, such as the logarithm of a number that each
 * row has one of.
 */
export function writeAhead(
  f: Code,
  { steps, roots }: Lowered,
  isStill: (name: string) => boolean,
  load: (name: string) => readonly Local[],
): Known {
  // Of each step the operations behind it, or nothing where it changes; a constant by itself is no work.
  const work: (number | undefined)[] = []
  const ahead = new Set<number>()
  const keep = (i: number) => work[i] !== undefined && work[i] >= dear && ahead.add(i)
  for (const step of steps) {
    if ('load' in step) work.push(isStill(step.load) ? 0 : undefined)
    else {
      const all = step.args.map(arg => work[arg])
      const isSame = step.args.length === 0 || all.every(n => n !== undefined)
      const own = step.args.length === 0 ? 0 : step.name === 'div' || step.name === 'sqrt' ? dear : 1
      work.push(isSame ? all.reduce<number>((sum, n) => sum + n!, own) : undefined)
      if (!isSame) step.args.forEach(keep)
    }
  }
  roots.forEach(keep)
  const values = writeLowered(f, { steps, roots: [...ahead] }, load, new Map())
  return new Map([...ahead].map((i, at) => [i, values[at]]))
}
