import { count, type Formula } from '../../../formula/index.ts'
import type { Reduction } from '../../../program/index.ts'
import type { Code, Local } from '../assembler.ts'
import type { Body, Build } from '../build.ts'
import { iterations, type Nest, traffic } from '../nest.ts'
import { range } from '../numbers.ts'
import { touches } from '../strips.ts'

/** What a nest of loops is reduced to. */
export interface Job {
  /** Of each output: what it is of its part of the formula, and what that is multiplied by at the end. */
  readonly kinds: readonly Reduction[]
  readonly scales: readonly number[]
  readonly formula: Formula
  readonly names: readonly string[]
  readonly label: string
  /** Whether sums are of so many numbers that they keep what rounding takes. */
  readonly careful?: boolean
}

/** Writes the kernel of a reduction. */
export function writeReduction(build: Build, { label, names, kinds, formula }: Job, n: Nest, body: Body): void {
  const kernel = {
    name: label,
    units: n.sizes[0],
    flops: iterations(n) * (count(...formula.outputs.values()) + kinds.length),
    bytes: traffic(n),
    touches: touches(n, names.length),
  }
  build.write(kernel, body)
}

/** What a reduction has so far of the summands of four elements. */
export interface Accumulator {
  /** Takes one more of the values, the next one unless its index is given, or those of its four. */
  take(value: Local, index?: number | Local): void
  /** Takes what another one has. */
  join(other: Accumulator): void
  /** The vector with what leaves this as it is in its first lanes. */
  without(value: Local, lanes: number): Local
  /** Takes the four lanes together. */
  gather(): void
  result(scale: number): Local
}

export function accumulatorsOf(
  f: Code,
  { kinds, formula, careful = false }: Pick<Job, 'kinds' | 'formula' | 'careful'>,
): Accumulator[] {
  const roots = [...formula.outputs.values()]
  const places = kinds.map(kind => (kind === 'argmax' ? place(f) : undefined))
  return kinds.map((kind, o) => {
    if (kind === 'sum' || kind === 'mean') return total(f, careful)
    const own = places[o]
    if (own) return own
    // A maximum whose place is asked for too has been found already.
    const beside = kind === 'max' ? places.find((place, p) => place && roots[p] === roots[o]) : undefined
    return beside ? { ...beside, ...idle, result: () => beside.best } : extreme(f, kind)
  })
}

const idle = { take() {}, join() {}, gather() {} }

function total(f: Code, careful: boolean): Accumulator {
  const sum = f.local('v128')
  f.f32x4(0).set(sum)
  const take = careful ? compensated(f, sum) : (value: Local) => void f.get(sum).get(value).op('f32x4.add').set(sum)
  return {
    take,
    join: other => take(other.result(1)),
    without(value, lanes) {
      const rest = f.local('v128')
      const bits = range(0, 4).map(lane => (lane < lanes ? 0 : -1))
      f.get(value).i32x4(bits[0], bits[1], bits[2], bits[3]).op('v128.and').set(rest)
      return rest
    },
    gather: () => across(f, [sum], ([value]) => take(value)),
    result(scale) {
      if (scale !== 1) f.get(sum).f32x4(scale).op('f32x4.mul').set(sum)
      return sum
    },
  }
}

/** What a sum has lost to rounding so far joins its next summand (Kahan 1965); of what is infinite nothing is lost. */
function compensated(f: Code, sum: Local): (value: Local) => void {
  const [lost, next, summand] = [f.local('v128'), f.local('v128'), f.local('v128')]
  f.f32x4(0).set(lost)
  return value => {
    f.get(value).get(lost).op('f32x4.sub').set(summand)
    f.get(sum).get(summand).op('f32x4.add').set(next)
    f.get(next).get(sum).op('f32x4.sub').get(summand).op('f32x4.sub').set(lost)
    f.get(next).get(next).op('f32x4.sub').f32x4(0).op('f32x4.eq').get(lost).op('v128.and').set(lost)
    f.get(next).set(sum)
  }
}

/** The machine's extreme of value and best takes the value unless it is the lesser one: a NaN stays if it comes last. */
function extreme(f: Code, kind: Reduction): Accumulator & { best: Local } {
  const best = f.local('v128')
  f.f32x4(kind === 'min' ? Infinity : -Infinity).set(best)
  const take = (value: Local) =>
    void f
      .get(value)
      .get(best)
      .op(kind === 'min' ? 'f32x4.pmin' : 'f32x4.pmax')
      .set(best)
  // Looked at twice the largest is the same.
  const join = (other: Accumulator) => take(other.result(1))
  return {
    best,
    take,
    join,
    without: value => value,
    gather: () => across(f, [best], ([value]) => take(value)),
    result: () => best,
  }
}

interface Place extends Accumulator {
  readonly best: Local
  readonly chosen: Local
}

/** Where the largest stood: 0, 1, 2, … as they come. A later place is a larger number than what has been chosen. */
function place(f: Code): Place {
  const [best, worse, chosen, here] = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128')]
  f.f32x4(-Infinity).set(best).f32x4(0).set(chosen).f32x4(0).set(here)
  /** Of equals the one that stood first. */
  const join = (other: { readonly best: Local; readonly chosen: Local }) => {
    f.get(chosen).get(other.chosen).op('f32x4.pmin').set(here)
    f.get(other.chosen).get(chosen).get(other.best).get(best).op('f32x4.gt').op('v128.bitselect').set(chosen)
    f.get(here).get(chosen).get(other.best).get(best).op('f32x4.eq').op('v128.bitselect').set(chosen)
    f.get(other.best).get(best).op('f32x4.pmax').set(best)
  }
  return {
    best,
    chosen,
    take(value, index) {
      f.get(value).get(best).op('f32x4.le').set(worse)
      f.get(value).get(best).op('f32x4.pmax').set(best)
      if (typeof index === 'number') f.f32x4(index).set(here)
      f.get(typeof index === 'object' ? index : here)
        .get(worse)
        .op('v128.andnot')
        .get(chosen)
        .op('f32x4.pmax')
        .set(chosen)
      if (index === undefined) f.get(here).f32x4(1).op('f32x4.add').set(here)
    },
    join: other => join(other as Place),
    without: value => value,
    gather: () => across(f, [best, chosen], ([best, chosen]) => join({ best, chosen })),
    result: () => chosen,
  }
}

/** Takes the four lanes of vectors together: the one half with the other, then the one pair. */
function across(f: Code, vectors: readonly Local[], take: (turned: readonly Local[]) => void): void {
  const turned = vectors.map(() => f.local('v128'))
  const turn = (a: number, b: number, c: number, d: number) => {
    vectors.forEach((vector, i) => void f.get(vector).get(vector).shuffle(a, b, c, d).set(turned[i]))
    take(turned)
  }
  turn(2, 3, 0, 1)
  turn(1, 0, 3, 2)
}
