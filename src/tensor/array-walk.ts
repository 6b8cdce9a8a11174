import { nothingElse, ShapeError } from '../errors.ts'
import { printShape, type Shape, sameShape, sizeOf, stridesOf } from './shape.ts'

/** One axis or several, counted from the end when negative. */
export type Axis = number | readonly number[]

/** From where to where in which steps; null is the end of the axis. */
export type Range = readonly [start: number | null, stop?: number | null, step?: number]

/** The shape that arrays have together: sizes meet from the right, and a size of 1 repeats. */
export function broadcast(name: string, shapes: readonly Shape[]): Shape {
  const out = new Array<number>(Math.max(...shapes.map(shape => shape.length))).fill(1)
  for (const shape of shapes)
    shape.forEach((n, i) => {
      const axis = out.length - shape.length + i
      if (out[axis] === 1) out[axis] = n
      else if (n !== 1 && n !== out[axis])
        throw new ShapeError('no-broadcast', `${name} got shapes that do not broadcast: axis ${axis - out.length}`, {
          evidence: shapes.map((s, k) => [`array ${k + 1}`, printShape(s)]),
          hint: 'from the right, sizes must be equal or 1; reshape, or reduce with { keepdims: true }',
        })
    })
  return out
}

/** Where each element of `target` lies in a row-major array of `shape` repeated to it; undefined for the same shape. */
export function places(shape: Shape, target: Shape): Int32Array | undefined {
  if (sameShape(shape, target)) return undefined
  const own = stridesOf(shape)
  const missing = target.length - shape.length
  return walk(
    target,
    target.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : own[axis - missing])),
  )
}

/** The places of a grid in row-major order, given how far a step along each axis goes. */
export function walk(shape: Shape, strides: readonly number[], origin = 0): Int32Array {
  const out = new Int32Array(sizeOf(shape))
  const counter = new Int32Array(shape.length)
  for (let i = 0, at = origin; i < out.length; i++) {
    out[i] = at
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]
      if (++counter[axis] < shape[axis]) break
      at -= strides[axis] * shape[axis]
      counter[axis] = 0
    }
  }
  return out
}

/** An axis counted from the front. */
export function front(name: string, axis: number, shape: Shape): number {
  if (Number.isInteger(axis) && axis >= -shape.length && axis < shape.length)
    return (axis + shape.length) % shape.length
  throw new ShapeError('no-such-axis', `${name} got axis ${axis} of an array of ${shape.length} axes`, {
    evidence: [['array', printShape(shape)]],
    hint: 'axes are counted from 0, or from -1 backwards',
  })
}

/** The axes a reduction goes along, in order, and the shape that is left. */
export function along(name: string, shape: Shape, options: { axis?: Axis; keepdims?: boolean }) {
  const { axis, keepdims, ...others } = options
  nothingElse(name, others, { axis, keepdims })
  const asked = axis === undefined ? shape.map((_, i) => i) : [axis].flat()
  const axes = [...new Set(asked.map(a => front(name, a, shape)))].sort((a, b) => a - b)
  const kept = shape.map((n, i) => (axes.includes(i) ? 1 : n))
  return { axes, shape: keepdims ? kept : shape.filter((_, i) => !axes.includes(i)) }
}

/** Neighbouring axes as one: how many groups there are, how long each is, how many elements lie between its members. */
export function runs(shape: Shape, axes: readonly number[]): { outer: number; n: number; inner: number }[] {
  const found: { outer: number; n: number; inner: number }[] = []
  let sizes = [...shape]
  for (let end = axes.length - 1; end >= 0; end--) {
    let start = end
    while (start > 0 && axes[start - 1] === axes[start] - 1) start--
    const [from, to] = [axes[start], axes[end] + 1]
    const [outer, n, inner] = [sizes.slice(0, from), sizes.slice(from, to), sizes.slice(to)].map(sizeOf)
    found.push({ outer, n, inner })
    sizes = sizes.map((size, i) => (i >= from && i < to ? 1 : size))
    end = start
  }
  return found
}

/** Sums in NumPy's order: pairwise along a row, one after another down a column; each step rounded. */
export function sums(data: ArrayLike<number>, outer: number, n: number, inner: number, round: (x: number) => number) {
  const out = new Float64Array(outer * inner)
  for (let i = 0; i < outer; i++)
    if (inner === 1) out[i] = pairwise(data, i * n, n, round)
    else
      for (let k = 0; k < n; k++)
        for (let j = 0; j < inner; j++) out[i * inner + j] = round(out[i * inner + j] + data[(i * n + k) * inner + j])
  return out
}

/** NumPy's pairwise sum: eight running sums up to 128 numbers, halves above. */
function pairwise(data: ArrayLike<number>, at: number, n: number, round: (x: number) => number): number {
  if (n > 128) {
    const half = Math.floor(n / 16) * 8
    return round(pairwise(data, at, half, round) + pairwise(data, at + half, n - half, round))
  }
  let total = 0
  let i = 0
  if (n >= 8) {
    const r = Array.from({ length: 8 }, (_, j) => data[at + j])
    for (i = 8; i < n - (n % 8); i += 8) for (let j = 0; j < 8; j++) r[j] = round(r[j] + data[at + i + j])
    const pair = (j: number) => round(r[j] + r[j + 1])
    total = round(round(pair(0) + pair(2)) + round(pair(4) + pair(6)))
  }
  for (; i < n; i++) total = round(total + data[at + i])
  return total
}

/** Where along an axis the largest (or smallest) number of each group lies; the first one, and NaN before all. */
export function best(data: ArrayLike<number>, outer: number, n: number, inner: number, largest: boolean): Int32Array {
  const out = new Int32Array(outer * inner)
  for (let i = 0; i < outer; i++)
    for (let j = 0; j < inner; j++) {
      const at = (k: number) => data[(i * n + k) * inner + j]
      let [place, found] = [0, at(0)]
      for (let k = 1; k < n && !Number.isNaN(found); k++) {
        const value = at(k)
        if (Number.isNaN(value) || (largest ? value > found : value < found)) [place, found] = [k, value]
      }
      out[i * inner + j] = place
    }
  return out
}

/** One product [m, k]·[k, n], summed in float64, written into `out` from `to` on. */
export function product(
  [a, fromA]: readonly [ArrayLike<number>, number],
  [b, fromB]: readonly [ArrayLike<number>, number],
  [m, depth, n]: readonly [number, number, number],
  out: { [index: number]: number },
  to: number,
): void {
  const row = new Float64Array(n)
  for (let i = 0; i < m; i++) {
    row.fill(0)
    for (let k = 0; k < depth; k++) {
      const left = a[fromA + i * depth + k]
      for (let j = 0; j < n; j++) row[j] += left * b[fromB + k * n + j]
    }
    for (let j = 0; j < n; j++) out[to + i * n + j] = row[j]
  }
}

/** A place on an axis counted from the front. */
export function position(i: number, n: number, axis: number): number {
  if (Number.isInteger(i) && i >= -n && i < n) return i < 0 ? i + n : i
  throw new ShapeError('no-such-place', `place ${i} is not on axis ${axis} of size ${n}`, {
    hint: `places go from 0 to ${n - 1}, or from -1 backwards`,
  })
}

/** Python's slice: ends beyond the axis are moved onto it. */
export function range([start = null, stop = null, step = 1]: Range, n: number) {
  if (!Number.isInteger(step) || step === 0)
    throw new ShapeError('slice', `slice got the step ${step}, expected a whole number but 0`, {
      hint: '[null, null, -1] reverses an axis',
    })
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1]
  const bound = (i: number) => Math.min(high, Math.max(low, i < 0 ? i + n : i))
  const from = start === null ? (step > 0 ? low : high) : bound(start)
  const to = stop === null ? (step > 0 ? high : low) : bound(stop)
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)), step }
}
