import { count, type Formula, formula } from '../../../formula/index.ts'
import type { Reduce, Reduction } from '../../../program/index.ts'
import type { View } from '../../../tensor/view.ts'
import type { Code, Local } from '../assembler.ts'
import { type Build, type Emit, formulaWriter } from '../build.ts'
import { cut, iterations, type Nest, nest, type Operand, traffic, wrap } from '../nest.ts'
import { largestDivisor, range } from '../numbers.ts'
import { sections, vectorizable, walker } from '../walk.ts'

/** From how many summands a reduction to few elements is cut into parts, which are then reduced themselves. */
const long = 2048
const parts = 64

/**
 * out = reduction of formula(inputs). Long sums are cut into a fixed number of parts by shape alone: they are more
 * accurate than a running sum, and the same bits for any number of threads.
 */
export const reduce: Emit<Reduce> = (build, instruction) => {
  const { axes, kind } = instruction
  const inputs = Object.entries(instruction.inputs)
  const outputs = Object.entries(instruction.outputs)
  const { shape } = inputs[0][1]
  const spread = (view: View) => [...axes].sort((a, b) => a - b).reduce((v, axis) => v.repeat(axis, shape[axis]), view)
  const views = [...inputs.map(([, v]) => v), ...outputs.map(([, v]) => spread(v))]
  const n = nest(views, build.locate, axis => axes.includes(axis))
  if (!n) return false
  const names = inputs.map(([name]) => name)
  const label = `${kind} ${outputs.map(([, v]) => v.name).join(' ')}`
  const depth = axes.reduce((product, axis) => product * shape[axis], 1)
  const job = { kind, formula: instruction.formula, names, scale: kind === 'mean' ? 1 / depth : 1, label }
  const reduced = (l: number) => axes.includes(n.axes[l])
  const kept = n.sizes.filter((_, l) => !reduced(l)).reduce((a, b) => a * b, 1)
  const cutLevel = range(0, n.sizes.length).find(l => reduced(l) && n.sizes[l] >= 8)
  if (kind === 'argmax' || depth < long || kept > 8192 || cutLevel === undefined) {
    emit(build, job, n, reduced)
    return true
  }
  // First the parts into scratch memory …
  const pieces = largestDivisor(n.sizes[cutLevel], parts)
  cut(n, cutLevel, pieces)
  const isReduced = range(0, n.sizes.length).map(l => l !== cutLevel && axes.includes(n.axes[l]))
  const strides = keptStrides(n, isReduced, cutLevel)
  const scratch = outputs.map(() => build.scratch(pieces * kept) / 4)
  const results = n.operands.slice(names.length)
  const partial = scratch.map((start, o): Operand => {
    const along = n.sizes.map((_, l) => (isReduced[l] ? 0 : l === cutLevel ? kept : strides[l]))
    return { view: results[o].view, start, strides: along, checks: [] }
  })
  const order = [cutLevel, ...range(0, n.sizes.length).filter(l => l !== cutLevel)]
  const first: Nest = permute({ ...n, operands: [...n.operands.slice(0, names.length), ...partial] }, order)
  emit(build, { ...job, scale: 1, label: `${label} (parts)` }, first, l => isReduced[order[l]])
  // … then the parts to the result.
  const levels = range(0, n.sizes.length).filter(l => !isReduced[l] && l !== cutLevel)
  const last = outputs.map(([, v], o): Nest => {
    const put = (own: Operand, along: number): Operand => ({
      ...own,
      strides: [along, ...levels.map(l => own.strides[l])],
    })
    const source = { ...partial[o], strides: [kept, ...levels.map(l => strides[l])] }
    return {
      sizes: [pieces, ...levels.map(l => n.sizes[l])],
      axes: [0, ...levels.map(l => n.axes[l])],
      operands: [{ ...source, view: v }, put({ ...results[o], checks: [] }, 0)],
    }
  })
  const combine = { ...job, kind: kind === 'mean' ? ('sum' as const) : kind, formula: formula('x'), names: ['x'] }
  for (const one of last) emit(build, combine, one, l => l === 0)
  return true
}

interface Job {
  readonly kind: Reduction
  readonly formula: Formula
  readonly names: readonly string[]
  readonly scale: number
  readonly label: string
}

function emit(build: Build, job: Job, whole: Nest, reduced: (l: number) => boolean): void {
  const levels = range(0, whole.sizes.length)
  // Kept levels outside, reduced ones inside; a level of one step where threads would otherwise share the vector loop.
  const keptCount = levels.filter(l => !reduced(l)).length
  let n = permute(whole, [...levels.filter(l => !reduced(l)), ...levels.filter(reduced)])
  let outer = keptCount
  if (keptCount < 2) {
    n = wrap(n)
    outer++
  }
  const inside = range(outer, n.sizes.length)
  const outputs = n.operands.slice(job.names.length)
  const inner = outer - 1
  const vector = inner > 0 && vectorizable(n, inner, outputs)
  // Where the sums lie side by side in no vector, the summands may: four partial sums, added at the end.
  const along = inside[inside.length - 1]
  const flat =
    !vector &&
    job.kind !== 'argmax' &&
    along !== undefined &&
    n.sizes[along] >= 8 &&
    vectorizable({ ...n, operands: n.operands.slice(0, job.names.length) }, along, [])
  const unrolled = !flat && inside.reduce((product, l) => product * n.sizes[l], 1) <= 16

  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end) => {
    const write = formulaWriter(build, f, job.formula, name => job.names.includes(name))
    const w = walker(f, n, build.key)
    const group = (lanes: 1 | 4, unroll: number) => {
      const places = range(0, unroll).map(u => ({ [inner]: u * lanes }))
      const accumulators = places.map(() => outputs.map(() => accumulator(f, job.kind)))
      const step = (at: Record<number, number>) =>
        places.forEach((place, u) => {
          write(name => w.load(job.names.indexOf(name), inner, lanes, { ...place, ...at })).forEach((value, o) => {
            accumulators[u][o].take(value)
          })
        })
      if (flat) {
        const [wide, single] = [accumulators[0], outputs.map(() => accumulator(f, job.kind))]
        w.loops(inside.slice(0, -1), () =>
          w.sectioned(along, sections(n.sizes[along], true, 2), section => {
            for (let u = 0; u < section.unroll; u++) {
              const at = { [along]: u * section.lanes }
              write(name => w.load(job.names.indexOf(name), along, section.lanes, at)).forEach((value, o) => {
                const target = section.lanes === 4 ? wide[o] : single[o]
                target.take(value)
              })
            }
          }),
        )
        wide.forEach((total, o) => {
          total.gather(single[o])
        })
      } else if (unrolled) for (const at of indices(inside, n.sizes)) step(at)
      else w.loops(inside, () => step({}))
      places.forEach((place, u) => {
        accumulators[u].forEach((a, o) => {
          w.store(job.names.length + o, a.result(job.scale), lanes, place)
        })
      })
    }
    w.share(begin, end, () => {
      w.loops(range(1, inner), () => {
        if (inner === 0) group(1, 1)
        else w.sectioned(inner, sections(n.sizes[inner], vector, 4), ({ lanes, unroll }) => group(lanes, unroll))
      })
    })
  })
  build.add({
    name: job.label,
    code,
    units: n.sizes[0],
    flops: iterations(n) * (count(...job.formula.outputs.values()) + outputs.length),
    bytes: traffic(n),
  })
}

function accumulator(f: Code, kind: Reduction) {
  const total = f.local('v128')
  const sums = kind === 'sum' || kind === 'mean'
  f.f32x4(sums ? 0 : kind === 'min' ? Infinity : -Infinity).set(total)
  const chosen = kind === 'argmax' ? f.local('v128') : undefined
  const place = kind === 'argmax' ? f.local('v128') : undefined
  if (chosen && place) f.f32x4(0).set(chosen).f32x4(0).set(place)
  return {
    take(value: Local) {
      if (sums) return f.get(total).get(value).op('f32x4.add').set(total)
      // Not "value > total": a NaN must not vanish.
      const worse = f.local('v128')
      f.get(value)
        .get(total)
        .op(kind === 'min' ? 'f32x4.ge' : 'f32x4.le')
        .set(worse)
      f.get(total).get(value).get(worse).op('v128.bitselect').set(total)
      if (chosen && place) {
        f.get(chosen).get(place).get(worse).op('v128.bitselect').set(chosen)
        f.get(place).f32x4(1).op('f32x4.add').set(place)
      }
    },
    /** Takes the four lanes together, and another accumulator's first. */
    gather(other: { result(scale: number): Local }) {
      const turned = f.local('v128')
      f.get(total).get(total).shuffle(2, 3, 0, 1).set(turned)
      this.take(turned)
      f.get(total).get(total).shuffle(1, 0, 3, 2).set(turned)
      this.take(turned)
      this.take(other.result(1))
    },
    result(scale: number): Local {
      const value = chosen ?? total
      if (scale !== 1) f.get(value).f32x4(scale).op('f32x4.mul').set(value)
      return value
    },
  }
}

function permute(n: Nest, order: readonly number[]): Nest {
  const by = <T>(list: readonly T[]) => order.map(l => list[l])
  return {
    sizes: by(n.sizes),
    axes: by(n.axes),
    operands: n.operands.map(o => ({
      ...o,
      strides: by(o.strides),
      checks: o.checks.map(c => ({ ...c, steps: by(c.steps) })),
    })),
  }
}

/** Row-major strides over the kept levels alone, without the level that counts parts. */
function keptStrides(n: Nest, isReduced: readonly boolean[], cutLevel: number): number[] {
  const strides = n.sizes.map(() => 0)
  let step = 1
  for (let l = n.sizes.length - 1; l >= 0; l--) {
    if (isReduced[l] || l === cutLevel) continue
    strides[l] = step
    step *= n.sizes[l]
  }
  return strides
}

/** Every combination of indices of `levels`, in row-major order. */
function indices(levels: readonly number[], sizes: readonly number[]): Record<number, number>[] {
  return levels.reduce<Record<number, number>[]>(
    (all, l) => all.flatMap(at => range(0, sizes[l]).map(i => ({ ...at, [l]: i }))),
    [{}],
  )
}
