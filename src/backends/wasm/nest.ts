import { sizeOf } from '../../tensor/shape.ts'
import { type Buffer, contiguous, isCounted, type Layout, reach, type View } from '../../tensor/view.ts'

/** Where a buffer lies in memory: a layout in elements, and how many zeros surround it in each dimension. */
export interface Location extends Layout {
  readonly low: readonly number[]
  readonly high: readonly number[]
}

/** One array of a loop nest: where it starts, how far each level moves it, and which coordinates must be checked. */
export interface Operand {
  readonly view: View
  /** Element at the first iteration, not counting checked dimensions. */
  readonly start: number
  /** Elements moved by a step of each level. */
  readonly strides: number[]
  /** Dimensions whose coordinate may fall outside or between elements. */
  readonly checks: readonly Check[]
}

export interface Check {
  readonly base: number
  readonly size: number
  readonly divisor: number
  readonly stride: number
  /** Coordinate moved by a step of each level. */
  readonly steps: number[]
}

/** Loops, outermost first, that all operands go through together. */
export interface Nest {
  sizes: number[]
  /** For each level the axis of the common shape it came from. */
  axes: number[]
  operands: Operand[]
}

/**
 * The common loops of views of one shape: axes are cut where any view needs it, then neighbouring levels are joined
 * wherever every view walks on evenly. Undefined if the views cut an axis in ways that do not meet.
 */
export function nest(
  views: readonly View[],
  locate: (buffer: Buffer) => Location,
  group: (axis: number) => unknown = () => 0,
): Nest | undefined {
  const rank = views[0].shape.length
  const sizes: number[] = []
  const axes: number[] = []
  const factors: { size: number; dim: number; step: number }[][] = views.map(() => [])
  for (let axis = 0; axis < rank; axis++) {
    const cuts = new Set<number>()
    for (const view of views) {
      let product = 1
      for (const f of [...view.axes[axis]].reverse()) cuts.add((product *= f.size))
    }
    const sorted = [...cuts].sort((a, b) => b - a)
    if (sorted.some((n, i) => i > 0 && sorted[i - 1] % n !== 0)) return undefined
    const levels = sorted.map((n, i) => n / (sorted[i + 1] ?? 1)).filter(n => n !== 1)
    for (const size of levels) {
      sizes.push(size)
      axes.push(axis)
    }
    views.forEach((view, v) => {
      const queue = view.axes[axis].filter(f => f.size !== 1)
      for (const size of levels) {
        const f = queue.shift() ?? { size, dim: 0, step: 0 }
        const inner = f.size / size
        factors[v].push({ size, dim: f.dim, step: f.step * inner })
        if (inner !== 1) queue.unshift({ ...f, size: inner })
      }
    })
  }
  const operands = views.map((view, v) => operand(view, factors[v], locate))
  const result = { sizes, axes, operands }
  join(result, group)
  return result
}

function operand(
  view: View,
  factors: readonly { dim: number; step: number }[],
  locate: (b: Buffer) => Location,
): Operand {
  const { buffer, base, divisor, fill } = view
  const { origin, strides, low, high } = isCounted(buffer) ? free(buffer) : locate(buffer)
  const span = reach(view)
  const checks: Check[] = []
  const checked: boolean[] = []
  let start = origin
  for (let d = 0; d < buffer.shape.length; d++) {
    const size = buffer.shape[d]
    const [before, after] = fill === 0 ? [low[d], high[d]] : [0, 0]
    checked[d] = divisor[d] !== 1 || span.low[d] < -before || span.high[d] > size - 1 + after
    if (!checked[d]) start += base[d] * strides[d]
    else {
      const steps = factors.map(f => (f.dim === d ? f.step : 0))
      checks.push({ base: base[d], size, divisor: divisor[d], stride: strides[d], steps })
    }
  }
  return { view, start, strides: factors.map(f => (checked[f.dim] ? 0 : f.step * (strides[f.dim] ?? 0))), checks }
}

/** Where the elements of an array lie that is stored nowhere. */
function free({ shape }: Buffer): Location {
  const none = shape.map(() => 0)
  return { ...contiguous(shape), low: none, high: none }
}

/** What an operand's pointer steps in: bytes, or places where nothing is stored. */
export const unitOf = ({ view }: Operand): number => (isCounted(view.buffer) ? 1 : 4)

/** Where an operand's pointer starts. */
export const pointerOf = (o: Operand): number => o.start * unitOf(o)

/** Joins neighbouring levels of one group that every operand walks as one. */
function join(n: Nest, group: (axis: number) => unknown): void {
  for (let l = n.sizes.length - 2; l >= 0; l--) {
    const inner = n.sizes[l + 1]
    const even = (steps: readonly number[]) => steps[l] === steps[l + 1] * inner
    const together = group(n.axes[l]) === group(n.axes[l + 1])
    if (!together || !n.operands.every(o => even(o.strides) && o.checks.every(c => even(c.steps)))) continue
    n.sizes.splice(l, 2, n.sizes[l] * inner)
    n.axes.splice(l, 1)
    for (const o of n.operands) {
      o.strides.splice(l, 1)
      for (const c of o.checks) c.steps.splice(l, 1)
    }
  }
}

/** A level of one step in front, for kernels whose outermost loop must not be the vector loop. */
export function wrap(n: Nest): Nest {
  return {
    sizes: [1, ...n.sizes],
    axes: [-1, ...n.axes],
    operands: n.operands.map(o => ({
      ...o,
      strides: [0, ...o.strides],
      checks: o.checks.map(c => ({ ...c, steps: [0, ...c.steps] })),
    })),
  }
}

/** Cuts level `l` into `outer` runs of equal length. */
export function cut(n: Nest, l: number, outer: number): void {
  const inner = n.sizes[l] / outer
  n.sizes.splice(l, 1, outer, inner)
  n.axes.splice(l, 0, n.axes[l])
  const split = (steps: number[]) => steps.splice(l, 0, steps[l] * inner)
  for (const o of n.operands) {
    split(o.strides)
    for (const c of o.checks) split(c.steps)
  }
}

/** The part of a nest whose outermost level starts at `from` and has `count` steps. */
export function part(n: Nest, from: number, count: number): Nest {
  return {
    sizes: n.sizes.with(0, count),
    axes: n.axes,
    operands: n.operands.map(o => ({
      ...o,
      start: o.start + from * o.strides[0],
      checks: o.checks.map(c => ({ ...c, base: c.base + from * c.steps[0] })),
    })),
  }
}

export const iterations = (n: Nest): number => sizeOf(n.sizes)

/** Bytes of all elements that the operands show, each counted once. */
export const traffic = (n: Nest): number =>
  n.operands.reduce((sum, o) => {
    const walked = (l: number) => o.strides[l] !== 0 || o.checks.some(c => c.steps[l] !== 0)
    return sum + 4 * n.sizes.reduce((product, size, l) => (walked(l) ? product * size : product), 1)
  }, 0)
