import { fold } from '../../../formula/index.ts'
import type { Reduction } from '../../../program/index.ts'
import { isCounted, viewOf } from '../../../tensor/view.ts'
import type { Lanes, Local } from '../assembler.ts'
import { type Body, type Build, groupWriter } from '../build.ts'
import type { Check, Nest, Operand } from '../nest.ts'
import { indices, range } from '../numbers.ts'
import { sections, walker } from '../walk.ts'
import { type Accumulator, accumulatorsOf, type Job, writeReduction } from './accumulator.ts'

/** Steps of the shorter level that are written out. */
const longest = 12
/** Sums that are made side by side, where each sees much of what the next one sees. */
const beside = 4
/** Summands that are written out at most; levels above are loops. */
const most = 128

/**
 * A reduction in which neighbouring results see some of the same elements, or elements beyond an edge: a window slides
 * along a kept level while a reduced one goes through it, or the other way round. Several places are computed at once, so
 * that what they have in common is loaded once. As each step knows where along these levels it is, nothing is asked
 * there, and what lies beyond the edge or between elements is left out; along others it is asked once for all of them.
 * Levels of `n` before `outer` are kept, and the last of these is the vector. False if it is no such reduction.
 */
export function windows(build: Build, job: Job, n: Nest, outer: number): boolean {
  const slide = slideOf(job, n, outer)
  if (!slide) return false
  const { a, b, inputs, checks, columns, rows, isInside, period } = slide
  const inner = outer - 1
  const reading = inputs.length
  // The longer of the two is a loop, the other is written out.
  const isKeptLong = n.sizes[b] <= longest
  const [long, short] = isKeptLong ? [a, b] : [b, a]
  const rounds = pieces(n.sizes[long], Math.max(isKeptLong ? beside : 1, period), period, i =>
    range(0, n.sizes[short])
      .map(k => (isKeptLong ? isInside(i, k) : isInside(k, i)))
      .join(),
  )
  const width = isKeptLong ? 1 : Math.max(1, Math.floor((2 * beside) / n.sizes[a]))
  const window = range(outer, b)
  const isWritten = isKeptLong && [...window, b].reduce((product, l) => product * n.sizes[l], beside) <= most
  // What place a summand has is known where all of a window is written out.
  if (job.kinds.includes('argmax') && !isWritten) return false

  // To walk along a level that needs no asking is to move a pointer; what must be asked is an operand of its own.
  const isColumn = checks.map(c => columns.includes(c))
  const walked: Nest = {
    ...n,
    operands: [
      ...inputs.map(o => ({
        ...o,
        strides: o.strides.map((stride, l) => stride + columnSum(o, c => (c.steps[l] * c.stride) / c.divisor)),
        checks: [],
      })),
      ...n.operands.slice(reading),
      ...rows.map((c): Operand => ({ view: place, start: c.base, strides: c.steps, checks: [] })),
    ],
  }
  function columnSum(o: Operand, of: (check: Check) => number): number {
    return o.checks.reduce((sum, c, k) => sum + (isColumn[k] ? of(c) : 0), 0)
  }
  const firsts = inputs.map(o => columnSum(o, c => (c.base * c.stride) / c.divisor))
  // In the window's order, and so that what sees the same element comes together and need not stay in a register.
  const { strides } = walked.operands[slide.lead]
  const ahead = strides[b] < 0 ? -1 : 1
  const pairs = (is: readonly number[], js: readonly number[]) =>
    is
      .flatMap(i => js.map(j => ({ i, j, seen: ahead * (strides[a] * i + strides[b] * j) })))
      .filter(({ i, j }) => isInside(i, j))
      .sort((one, other) => one.seen - other.seen || one.j - other.j)

  const body: Body = (f, begin, end) => {
    const write = groupWriter(build, f, job.formula, name => job.names.includes(name))
    const w = walker(f, walked, build.key)
    /** Whether the rows that are seen `at` these steps lie inside, and how many bytes that moves each operand. */
    const rowAt = (at: Steps, step = 0): Row => {
      const first = step * n.sizes[b]
      if (rows.length === 0) return { at, first, moved: [] }
      const coordinates = rows.map((c, k) => {
        const coordinate = f.local('i32')
        f.get(w.pointers[n.operands.length + k])
          .i32(along(c.steps, at))
          .op('i32.add')
          .set(coordinate)
        return coordinate
      })
      const inside = f.local('i32')
      rows.forEach(({ size, divisor }, k) => {
        f.get(coordinates[k])
          .i32(size * divisor)
          .op('i32.lt_u')
        if (divisor !== 1) f.get(coordinates[k]).i32(divisor).op('i32.rem_s').op('i32.eqz').op('i32.and')
        if (k > 0) f.op('i32.and')
      })
      f.set(inside)
      const moved = inputs.map(o => {
        if (o.checks.length === 0) return undefined
        const bytes = f.local('i32')
        rows.forEach(({ divisor }, k) => {
          f.get(coordinates[k])
          if (divisor !== 1) f.i32(divisor).op('i32.div_s')
          f.i32(4 * o.checks[checks.indexOf(rows[k])].stride).op('i32.mul')
          if (k > 0) f.op('i32.add')
        })
        f.set(bytes)
        return bytes
      })
      return { at, first, inside, moved }
    }
    /** Takes what the steps `is` of a and `js` of b see of a row, at each place of the vectors. */
    const take = (row: Row, is: readonly number[], js: readonly number[], own: Group) => {
      const loaded = new Map<string, Local>()
      const load = (i: number, at: Steps): Local => {
        const shift = firsts[i] + along(walked.operands[i].strides, at)
        const key = `${i} ${shift}`
        const value = loaded.get(key) ?? loadAt(i, shift, at)
        loaded.set(key, value)
        return value
      }
      const loadAt = (i: number, shift: number, at: Steps): Local => {
        if (inputs[i].checks.length === 0) return w.load(i, inner, own.lanes, at)
        const value = f.local('v128')
        f.get(w.pointers[i])
        if (row.moved[i]) f.get(row.moved[i]).op('i32.add')
        if (shift < 0) f.i32(4 * shift).op('i32.add')
        f.load(inputs[i].strides[inner] === 1 ? own.lanes : 1, Math.max(0, 4 * shift)).set(value)
        return value
      }
      for (const { i, j } of pairs(is, js))
        own.starts.forEach((start, v) => {
          const at = { ...row.at, [a]: i, [b]: j, [inner]: start }
          write(name => [load(job.names.indexOf(name), at)]).forEach(([value], o) => {
            own.sums.get(i)![v][o].take(value, row.first + j)
          })
        })
    }
    const walk = (body: (steps: readonly number[]) => void) => {
      for (const { steps, count } of rounds) {
        f.times(count, () => {
          body(steps)
          if (count > 1) w.move(long, steps.length)
        })
        if (count > 1) w.move(long, -count * steps.length)
      }
    }
    const group = (lanes: Lanes, starts: readonly number[], is: readonly number[], known?: readonly Row[]) => {
      const own = { lanes, starts, sums: new Map(is.map(i => [i, starts.map(() => accumulatorsOf(f, job))])) }
      const through = (row: Row) => {
        const inRow = () => {
          if (isKeptLong) take(row, is, range(0, n.sizes[b]), own)
          else walk(js => take(row, is, js, own))
        }
        if (row.inside) f.get(row.inside).if(inRow)
        else inRow()
      }
      if (known) known.forEach(through)
      else w.loops(window, () => through(rowAt({})))
      for (const [i, vectors] of own.sums)
        vectors.forEach((accumulators, v) => {
          accumulators.forEach((sum, o) => {
            w.store(reading + o, sum.result(job.scales[o]), lanes, { [a]: i, [inner]: starts[v] })
          })
        })
    }
    const vectors = (is: readonly number[], known?: readonly Row[]) =>
      w.sectioned(inner, sections(n.sizes[inner], true, width), ({ lanes, starts }) => group(lanes, starts, is, known))
    w.share(begin, end, () => {
      w.loops(
        range(1, inner).filter(l => l !== a),
        () => {
          const known = isWritten ? indices(window, n.sizes).map((at, step) => rowAt(at, step)) : undefined
          if (isKeptLong) walk(is => vectors(is, known))
          else vectors(range(0, n.sizes[a]), known)
        },
      )
    })
  }
  writeReduction(build, job, n, body)
  return true
}

/** What slides along what. */
interface Slide {
  /** The kept level and the reduced one. */
  readonly a: number
  readonly b: number
  readonly inputs: readonly Operand[]
  /** The number of the input that is seen through windows. */
  readonly lead: number
  /** What must be asked of inputs that reach over an edge: along the two levels, and along others. */
  readonly checks: readonly Check[]
  readonly columns: readonly Check[]
  readonly rows: readonly Check[]
  /** Whether step i of a and j of b see an element. */
  isInside(i: number, j: number): boolean
  /** After how many steps zeros between elements come round. */
  readonly period: number
}

function slideOf(job: Job, n: Nest, outer: number): Slide | undefined {
  const inputs = n.operands.slice(0, job.names.length)
  const b = n.sizes.length - 1
  const a = range(1, outer - 1).findLast(l => inputs.some(o => slides(n, o, l, b)))
  if (a === undefined || b < outer || Math.min(n.sizes[a], n.sizes[b]) > longest) return
  const checked = inputs.filter(o => o.checks.length > 0)
  const { checks = [] } = checked[0] ?? {}
  const columns = checks.filter(c => c.steps[a] !== 0 || c.steps[b] !== 0)
  const rows = checks.filter(c => !columns.includes(c))
  const period = Math.max(1, ...columns.map(c => c.divisor))
  const isPlain =
    columns.every(c => c.steps.every((step, l) => step === 0 || l === a || l === b)) &&
    columns.every(c => [1, 2, 4].includes(c.divisor)) && // so that parts of a step are exact
    checked.every(o => !isCounted(o.view.buffer) && sameChecks(o.checks, checks)) &&
    n.operands.slice(inputs.length).every(o => o.checks.length === 0)
  if (!isPlain || (checked.length > 0 && !isNeutral(job, n))) return
  const isInside = (i: number, j: number) =>
    columns.every(({ base, steps, size, divisor }) => {
      const at = base + steps[a] * i + steps[b] * j
      return at % divisor === 0 && at >= 0 && at < size * divisor
    })
  const lead = inputs.findIndex(o => slides(n, o, a, b))
  return { a, b, inputs, lead, checks, columns, rows, isInside, period }
}

/** Whose numbers are the coordinates to ask about. */
const place = viewOf({ name: 'place', shape: [1], kind: 'index' })

type Steps = Readonly<Record<number, number>>

/** A row of the window: the steps of the levels outside, whether it lies inside, and bytes from there to each operand's. */
interface Row {
  readonly at: Steps
  /** How many steps of the window come before it. */
  readonly first: number
  readonly inside?: Local
  readonly moved: readonly (Local | undefined)[]
}

/** Sums under way: of each place, of each vector, of each output. */
interface Group {
  readonly lanes: Lanes
  readonly starts: readonly number[]
  readonly sums: ReadonlyMap<number, readonly (readonly Accumulator[])[]>
}

/** How far `at` these steps of the levels is. */
const along = (strides: readonly number[], at: Steps): number =>
  Object.entries(at).reduce((sum, [l, index]) => sum + strides[Number(l)] * index, 0)

/** Whether steps of two levels come to the same elements of an operand, or to such as must be checked. */
function slides(n: Nest, { strides, checks }: Operand, a: number, b: number): boolean {
  if (checks.some(c => c.steps[a] !== 0 && c.steps[b] !== 0)) return true
  const [s, t] = [Math.abs(strides[a]), Math.abs(strides[b])]
  return s > 0 && t > 0 && s * n.sizes[a] > t && t * n.sizes[b] > s
}

/** Whether one answer does for both. */
const sameChecks = (some: readonly Check[], others: readonly Check[]): boolean =>
  some.length === others.length &&
  some.every((c, k) => {
    const { base, size, divisor, steps } = others[k]
    return c.base === base && c.size === size && c.divisor === divisor && c.steps.every((step, l) => step === steps[l])
  })

const neutral: Partial<Record<Reduction, number>> = { max: -Infinity, argmax: -Infinity, min: Infinity }

/** Whether what lies beyond an edge changes nothing: 0 to a sum, -∞ to a maximum and its place. */
function isNeutral({ kinds, formula, names }: Job, n: Nest): boolean {
  const fills = new Map(
    names.flatMap((name, i) => (n.operands[i].checks.length > 0 ? [[name, n.operands[i].view.fill]] : [])),
  )
  const values = fold<number | undefined>([...formula.outputs.values()], (node, args) => {
    const [x, y, z] = args
    if (node.op === 'name') return fills.get(node.name)
    if (node.op === 'number') return node.value
    if (node.op === '*') return x === 0 || y === 0 ? 0 : undefined
    if (node.op === '/' || node.op === 'neg') return x === 0 ? 0 : undefined
    return node.op === 'select' && y === z ? y : undefined
  })
  return values.every((value, o) => value === (neutral[kinds[o]] ?? 0))
}

/** Steps that are written out together, and how many times: after so many the next ones do the same. */
interface Piece {
  readonly steps: readonly number[]
  readonly count: number
}

/** A level cut into pieces of up to `most` steps: loops for as long as the same is to be done in each round. */
function pieces(size: number, most: number, period: number, doneAt: (i: number) => string): Piece[] {
  const done = range(0, size).map(doneAt)
  const length = Math.ceil(most / period) * period
  const all: Piece[] = []
  for (let i = 0; i < size; ) {
    let end = Math.min(size, i + period)
    while (end < size && done[end] === done[end - period]) end++
    const rounds = Math.floor((end - i) / length)
    const count = Math.max(1, rounds)
    const steps = range(i, Math.min(size, i + length))
    all.push({ steps, count })
    i += count * steps.length
  }
  return all
}
