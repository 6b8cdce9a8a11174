import { count, formula } from '../../../formula/index.ts'
import type { Reduce } from '../../../program/index.ts'
import type { View } from '../../../tensor/view.ts'
import type { Code, Lanes, Local } from '../assembler.ts'
import { type Body, type Build, type Emit, groupWriter } from '../build.ts'
import { cut, type Nest, nest, type Operand, wrap } from '../nest.ts'
import { indices, largestDivisor, range } from '../numbers.ts'
import { sections, vectorizable, walker } from '../walk.ts'
import { type Accumulator, accumulatorsOf, type Job, writeReduction } from './accumulator.ts'
import { rows } from './rows.ts'
import { windows } from './window.ts'

/** From how many summands a reduction to few elements is cut into parts, which are then reduced themselves. */
const long = 2048
const parts = 64
/** From how many summands on a running sum keeps what rounding takes: a mean of ten million tenths was 0.0999. */
const veryLong = 8192
/** Summands of a part where the usual number of parts would be that long, and of a block of a row. */
const partLength = 256
const longestRow = 1 << 15

/**
 * out = reduction of formula(inputs). Long sums are cut into a fixed number of parts by shape alone: they are more
 * accurate than a running sum, and the same bits for any number of threads.
 */
export const reduce: Emit<Reduce> = (build, instruction) => {
  const { axes } = instruction
  const inputs = Object.entries(instruction.inputs)
  const outputs = Object.entries(instruction.outputs)
  const kinds = outputs.map(([name]) => instruction.kinds[name])
  const { shape } = inputs[0][1]
  const spread = (view: View) => [...axes].sort((a, b) => a - b).reduce((v, axis) => v.repeat(axis, shape[axis]), view)
  const views = [...inputs.map(([, v]) => v), ...outputs.map(([, v]) => spread(v))]
  const n = nest(views, build.locate, axis => axes.includes(axis))
  if (!n) return false
  const names = inputs.map(([name]) => name)
  const label = `${[...new Set(kinds)].join(', ')} ${outputs.map(([, v]) => v.name).join(' ')}`
  const depth = axes.reduce((product, axis) => product * shape[axis], 1)
  const scales = kinds.map(kind => (kind === 'mean' ? 1 / depth : 1))
  const job = { kinds, formula: instruction.formula, names, scales, label }
  const reduced = (l: number) => axes.includes(n.axes[l])
  const kept = n.sizes.filter((_, l) => !reduced(l)).reduce((a, b) => a * b, 1)
  const cutLevel = range(0, n.sizes.length).find(l => reduced(l) && n.sizes[l] >= 8)
  // A row is summed block by block while it is in the cache; and where there are enough, rows are what threads share.
  const isRow = axes.includes(n.axes[n.axes.length - 1]) && kept >= parts
  const most = isRow ? longestRow : long
  if (kinds.includes('argmax') || depth < most || kept > 8192 || cutLevel === undefined) {
    emit(build, job, n, reduced)
    return true
  }
  // First the parts into scratch memory …
  const careful = depth > parts * veryLong
  const pieces = largestDivisor(n.sizes[cutLevel], careful ? Math.ceil(depth / partLength) : parts)
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
  emit(build, { ...job, scales: kinds.map(() => 1), label: `${label} (parts)` }, first, l => isReduced[order[l]])
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
  last.forEach((one, o) => {
    const [kind, scale] = [kinds[o] === 'mean' ? 'sum' : kinds[o], scales[o]]
    emit(
      build,
      { ...job, careful, kinds: [kind], scales: [scale], formula: formula('x'), names: ['x'] },
      one,
      l => l === 0,
    )
  })
  return true
}

function emit(build: Build, told: Job, whole: Nest, reduced: (l: number) => boolean): void {
  const levels = range(0, whole.sizes.length)
  const depth = levels.filter(reduced).reduce((product, l) => product * whole.sizes[l], 1)
  // Kept levels outside, reduced ones inside; a level of one step where threads would otherwise share the vector loop.
  const keptCount = levels.filter(l => !reduced(l)).length
  let n = permute(whole, [...levels.filter(l => !reduced(l)), ...levels.filter(reduced)])
  let outer = keptCount
  const outputOperands = (of: Nest) => of.operands.slice(told.names.length)
  if (keptCount === 0 || (keptCount === 1 && vectorizable(n, 0, outputOperands(n)))) {
    n = wrap(n)
    outer++
  }
  const inside = range(outer, n.sizes.length)
  const outputs = outputOperands(n)
  const inner = outer - 1
  const vector = inner > 0 && vectorizable(n, inner, outputs)
  const simple = { ...told, careful: told.careful || depth > veryLong }
  if (vector && (windows(build, simple, n, outer) || rows(build, simple, n, outer))) return
  // Where the sums lie side by side in no vector, the summands may: four partial sums, added at the end.
  let along = inside[inside.length - 1]
  const flat =
    !vector &&
    along !== undefined &&
    n.sizes[along] >= 8 &&
    vectorizable({ ...n, operands: n.operands.slice(0, told.names.length) }, along, [])
  // Sums of a long row are those of its blocks, so that none is of many.
  const isSum = told.kinds.some(kind => kind === 'sum' || kind === 'mean')
  const blocks =
    flat && isSum && depth >= long ? largestDivisor(n.sizes[along], Math.ceil(n.sizes[along] / partLength)) : 1
  if (blocks > 1) {
    cut(n, along++, blocks)
    inside.push(along)
  }
  const job = blocks > 1 && depth < longestRow ? told : simple
  // Short loops are written out: all of a window, or the innermost of many. Few sums are made side by side, so that none
  // waits for the one before: of a long loop the innermost four steps.
  const isFew = !flat && !job.kinds.includes('argmax') && (!vector || n.sizes[inner] <= 8)
  const steps = (from: number) => inside.slice(from).reduce((product, l) => product * n.sizes[l], 1)
  if (isFew && steps(0) > 16 && n.sizes[along] > 4 && n.sizes[along] % 4 === 0) {
    cut(n, along, n.sizes[along] / 4)
    inside.push(along + 1)
  }
  const looped = steps(0) <= 16 ? 0 : range(0, inside.length + 1).find(from => steps(from) <= 4)!
  const operations = count(...job.formula.outputs.values())
  // A long formula needs the registers that more sums side by side would take.
  const width = operations > 4 ? 2 : 4

  const body: Body = (f, begin, end) => {
    const write = groupWriter(build, f, job.formula, name => job.names.includes(name))
    const w = walker(f, n, build.key)
    // The summands at several places in step: for each output one value a place.
    const summands = (level: number, lanes: Lanes, places: readonly Record<number, number>[]) => {
      const load = (name: string) => {
        const i = job.names.indexOf(name)
        return (w.varies(i, level) ? places : places.slice(0, 1)).map(at => w.load(i, level, lanes, at))
      }
      return write(load).map(values => places.map((_, u) => values[values.length === 1 ? 0 : u]))
    }
    const group = (lanes: Lanes, starts: readonly number[]) => {
      const places = starts.map(start => ({ [inner]: start }))
      const accumulators = places.map(() => accumulatorsOf(f, job))
      const step = (at: Record<number, number>, sums: readonly (readonly Accumulator[])[]) =>
        places.forEach((place, u) => {
          summands(inner, lanes, [{ ...place, ...at }]).forEach(([value], o) => {
            sums[u][o].take(value)
          })
        })
      if (flat) {
        // Sums side by side, so that none waits for the one before.
        const vectors = Math.min(width, Math.floor(n.sizes[along] / 4))
        const [total] = accumulators
        const others = (from: number) => range(from, vectors).map(() => accumulatorsOf(f, job))
        const all = blocks === 1 ? [total, ...others(1)] : undefined
        const here = f.local('v128') // the places of the four that come next
        const asksPlace = job.kinds.includes('argmax')
        if (asksPlace) f.i32x4(0, 1, 2, 3).op('f32x4.convert_i32x4_s').set(here)
        w.loops(inside.slice(0, -1), () => {
          const wide = all ?? others(0)
          const still = job.names.filter((_, i) => !w.varies(i, along))
          write.ahead(still, name => w.load(job.names.indexOf(name), along, 1))
          w.sectioned(along, sections(n.sizes[along], true, width, 'always'), ({ starts, length, repeats = 0 }) => {
            const places = starts.map(start => ({ [along]: start }))
            const indices = asksPlace ? starts.map(start => plus(f, here, start)) : []
            summands(along, 4, places).forEach((values, o) => {
              values.forEach((value, u) => {
                const isNew = u < starts.length - 1 || repeats === 0
                wide[u % vectors][o].take(isNew ? value : wide[0][o].without(value, repeats), indices[u])
              })
            })
            if (asksPlace) f.get(plus(f, here, length)).set(here)
          })
          if (all) return
          together(wide[0], wide.slice(1))
          together(total, [wide[0]])
        })
        if (all) together(total, all.slice(1))
        for (const sum of total) sum.gather()
      } else {
        const all = indices(inside.slice(looped), n.sizes)
        const beside = isFew && looped > 0 ? all.length - 1 : 0
        const others = range(0, beside).map(() => places.map(() => accumulatorsOf(f, job)))
        w.loops(inside.slice(0, looped), () => {
          all.forEach((at, i) => {
            step(at, others[i - 1] ?? accumulators)
          })
        })
        accumulators.forEach((sums, u) => {
          together(
            sums,
            others.map(other => other[u]),
          )
        })
      }
      places.forEach((place, u) => {
        accumulators[u].forEach((a, o) => {
          w.store(job.names.length + o, a.result(job.scales[o]), lanes, place)
        })
      })
    }
    w.share(begin, end, () => {
      w.loops(range(1, inner), () => {
        if (inner === 0) group(1, [0])
        else w.sectioned(inner, sections(n.sizes[inner], vector, width), ({ lanes, starts }) => group(lanes, starts))
      })
    })
  }
  writeReduction(build, job, n, body)
}

/** Takes to each of the sums what others have. */
function together(sums: readonly Accumulator[], others: readonly (readonly Accumulator[])[]): void {
  sums.forEach((sum, o) => {
    for (const other of others) sum.join(other[o])
  })
}

function plus(f: Code, vector: Local, n: number): Local {
  if (n === 0) return vector
  const sum = f.local('v128')
  f.get(vector).f32x4(n).op('f32x4.add').set(sum)
  return sum
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
