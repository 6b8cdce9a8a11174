import { isCounted } from '../../tensor/view.ts'
import type { Code, Lanes, Local } from './assembler.ts'
import { type Nest, type Operand, pointerOf, unitOf } from './nest.ts'
import { range } from './numbers.ts'

/** A loop over a level: how many elements at once, where in each round such groups start, and how far a round goes. */
export interface Section {
  readonly count: number
  readonly lanes: Lanes
  readonly starts: readonly number[]
  readonly length: number
  /** Elements at the beginning of the last group that an earlier one has gone over. */
  readonly repeats?: number
}

/**
 * A level of `size` elements as vectors, so many in step where there are enough, and the first lanes of one for the rest;
 * or as single elements. With `again` the rest is one vector more, which goes over some elements a second time.
 */
export function sections(
  size: number,
  vector: boolean,
  width: number,
  again: 'never' | 'alone' | 'always' = 'never',
): Section[] {
  const vectors = vector ? Math.floor(size / 4) : 0
  const rounds = Math.floor(vectors / width)
  const rest = range(0, vectors - rounds * width).map(i => 4 * i)
  const single = vector ? size % 4 : size
  const left = 4 * rest.length + single
  const whole = { count: rounds, lanes: 4 as Lanes, starts: range(0, width).map(i => 4 * i), length: 4 * width }
  const all: Section[] =
    vectors > 0 && single > 0 && (again === 'always' || (again === 'alone' && rounds === 0))
      ? [whole, { count: 1, lanes: 4, starts: [...rest, left - 4], length: left, repeats: 4 - single }]
      : [
          whole,
          { count: 1, lanes: 4, starts: rest, length: 4 * rest.length },
          vector
            ? { count: 1, lanes: single as Lanes, starts: single > 0 ? [0] : [], length: single }
            : { count: single, lanes: 1, starts: [0], length: 1 },
        ]
  return all.filter(s => s.count > 0 && s.starts.length > 0)
}

/** Whether level `l` can go four elements at a time. */
export const vectorizable = (n: Nest, l: number, outputs: readonly Operand[]): boolean =>
  n.operands.every(o => o.strides[l] === 0 || o.strides[l] === 1) &&
  n.operands.every(o => o.checks.every(c => c.steps[l] === 0)) &&
  outputs.every(o => o.strides[l] === 1)

/** Steps of levels, by their numbers. */
type Places = Readonly<Record<number, number>>

/** The pointers and coordinates of a nest's operands in a function, and the loops that move them. */
export function walker(f: Code, n: Nest, keyOf: (operand: Operand) => number) {
  const pointers = n.operands.map(() => f.local('i32'))
  const coordinates = n.operands.map(o => o.checks.map(() => f.local('i32')))
  /** Which of the function's numbers the pointers start at. */
  const starts: number[] = []

  function start(begin: Local): void {
    n.operands.forEach((o, i) => {
      const from = (local: Local, base: number, step: number) => {
        f.i32(base)
        if (step !== 0 && n.sizes[0] > 1) f.get(begin).i32(step).op('i32.mul').op('i32.add')
        f.set(local)
      }
      starts[i] = f.numbers.length / 2
      from(pointers[i], pointerOf(o), o.strides[0] * unitOf(o))
      o.checks.forEach((c, k) => {
        from(coordinates[i][k], c.base, c.steps[0])
      })
    })
  }

  /** Moves everything by so many steps of level `l`. */
  function move(l: number, count: number): void {
    n.operands.forEach((o, i) => {
      f.add(pointers[i], o.strides[l] * count * unitOf(o))
      o.checks.forEach((c, k) => {
        f.add(coordinates[i][k], c.steps[l] * count)
      })
    })
  }

  /** Loops over `levels`, outermost first; pointers come back to where they were. */
  function loops(levels: readonly number[], body: () => void): void {
    const [l, ...inner] = levels
    if (l === undefined) return body()
    f.times(n.sizes[l], () => {
      loops(inner, body)
      move(l, 1)
    })
    move(l, -n.sizes[l])
  }

  /** Level `l` in sections; the body moves nothing. */
  function sectioned(l: number, all: readonly Section[], body: (section: Section) => void): void {
    for (const section of all)
      f.times(section.count, () => {
        body(section)
        move(l, section.length)
      })
    move(l, -n.sizes[l])
  }

  /** The outermost level from `begin` to `end`. */
  function share(begin: Local, end: Local, body: () => void): void {
    start(begin)
    if (n.sizes[0] === 1) return body()
    const left = f.local('i32')
    f.get(end).get(begin).op('i32.sub').tee(left).i32(0).op('i32.gt_s')
    f.if(() => {
      f.loop(() => {
        body()
        move(0, 1)
        f.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
      })
    })
  }

  /** Leaves on the stack: is the operand's element here inside its buffer? */
  function valid(i: number, at: Places): void {
    n.operands[i].checks.forEach((c, k) => {
      coordinate(i, k, at)
      f.i32(c.size * c.divisor).op('i32.lt_u')
      if (c.divisor !== 1) {
        coordinate(i, k, at)
        f.i32(c.divisor).op('i32.rem_s').op('i32.eqz').op('i32.and')
      }
      if (k > 0) f.op('i32.and')
    })
  }

  function coordinate(i: number, k: number, at: Places): void {
    const { steps } = n.operands[i].checks[k]
    const shift = moved(steps, at)
    f.get(coordinates[i][k])
    if (shift) f.i32(shift).op('i32.add')
  }

  /**
   * Leaves the address of an element on the stack; what is returned goes into the instruction's offset. `by` holds
   * bytes that an index adds.
   */
  function address(i: number, at: Places, by?: Local): number {
    const o = n.operands[i]
    const shift = moved(o.strides, at) * unitOf(o)
    f.get(pointers[i])
    if (by) f.get(by).op('i32.add')
    o.checks.forEach((c, k) => {
      coordinate(i, k, at)
      if (c.divisor !== 1) f.i32(c.divisor).op('i32.div_s')
      f.i32(c.stride * unitOf(o))
        .op('i32.mul')
        .op('i32.add')
    })
    if (shift >= 0) return shift
    f.i32(shift).op('i32.add')
    return 0
  }

  /** The four (or one) elements of operand `i` where the loops stand, moved by `at` steps of each level. */
  function load(i: number, level: number, lanes: Lanes, at: Places = {}, by?: Local): Local {
    const o = n.operands[i]
    const value = f.local('v128')
    const spread = lanes > 1 && o.strides[level] === 1
    const read = () => {
      const shift = address(i, at, by)
      if (!isCounted(o.view.buffer)) {
        f.load(spread ? lanes : 1, shift).set(value)
        return
      }
      f.i32(shift).op('i32.add').op('i32x4.splat')
      if (spread) f.i32x4(0, 1, 2, 3).op('i32x4.add')
      if (o.view.buffer.kind === 'index') f.op('f32x4.convert_i32x4_s')
      else uniform(f, keyOf(o))
      f.set(value)
    }
    if (o.checks.length === 0) read()
    else {
      f.f32x4(o.view.fill).set(value)
      valid(i, at)
      f.if(read)
    }
    return value
  }

  function store(i: number, value: Local, lanes: Lanes, at: Places = {}, by?: Local): void {
    const write = () => {
      f.store(() => address(i, at, by), value, lanes)
    }
    if (n.operands[i].checks.length === 0) write()
    else {
      valid(i, at)
      f.if(write)
    }
  }

  /** Whether operand `i` shows another element at another step of level `l`. */
  const varies = (i: number, l: number) =>
    n.operands[i].strides[l] !== 0 || n.operands[i].checks.some(c => c.steps[l] !== 0)

  return { start, starts, varies, move, loops, sectioned, share, load, store, pointers }
}

/** How far so many steps of each level go. */
function moved(steps: readonly number[], at: Places): number {
  let sum = 0
  for (const l in at) sum += steps[l] * at[l]
  return sum
}

/** Turns four places on the stack into four uniform numbers: `uniformAt` of `tensor/counter.ts`, in SIMD. */
function uniform(f: Code, keyAddress: number): void {
  const x = f.local('v128')
  const key = f.local('v128')
  const mix = () => {
    const stage = (shift: number, factor?: number) => {
      f.set(x).get(x).get(x).i32(shift).op('i32x4.shr_u').op('v128.xor')
      if (factor !== undefined) f.i32x4(factor).op('i32x4.mul')
    }
    stage(16, 0x21f0aaad)
    stage(15, 0x735a2d97)
    stage(15)
  }
  f.i32(keyAddress).mem('v128.load32_splat').tee(key).op('v128.xor')
  mix()
  f.get(key).op('i32x4.add')
  mix()
  f.i32(8)
    .op('i32x4.shr_u')
    .op('f32x4.convert_i32x4_s')
    .f32x4(1 / 0x1000000)
    .op('f32x4.mul')
}
