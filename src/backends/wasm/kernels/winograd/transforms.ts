import type { Code, Local } from '../../assembler.ts'
import { range } from '../../numbers.ts'
import { simdTarget } from '../../simd.ts'

/*
 * A filter of r taps over m + r - 1 inputs gives m outputs. Read as polynomials, that takes one product for each of
 * m + r - 1 points: y = Aᵀ·((G·g) ⊙ (Bᵀ·d)). G gives the filter's values at the points, A the outputs' powers of them, and
 * Bᵀ the polynomials that are 0 at all points but one. Toom 1963, Winograd 1980, Lavin & Gray 2016.
 */

/** The points, from the first on as many as a tile needs: beside infinity small numbers and their reciprocals. */
const points = [Infinity, 0, 1, -1, 2, -2, 0.5, -0.5]
export const mostPoints = points.length

/** What is done along one axis of an image: filters of `taps`, and tiles of `out` outputs, which meet all points. */
export interface Axis {
  readonly taps: number
  readonly out: number
}

/** How many points so many outputs need. */
export const pointsFor = ({ taps }: Axis, outputs: number): number => outputs + taps - 1
const pointsOf = (axis: Axis, outputs: number) => points.slice(0, pointsFor(axis, outputs))

export type Matrix = readonly (readonly number[])[]

const transpose = (m: Matrix): Matrix => m[0].map((_, c) => m.map(row => row[c]))

/** Coefficients of Π (x − root), lowest power first. */
const polynomial = (roots: readonly number[]): number[] => {
  if (roots.length === 0) return [1]
  const [root, ...others] = roots
  const p = polynomial(others)
  return range(0, roots.length + 1).map(i => (p[i - 1] ?? 0) - root * (p[i] ?? 0))
}

/** The finite ones of some points, without one of them. */
const besides = (used: readonly number[], point: number) => used.filter(other => other !== point && other < Infinity)

/** Π (x − root) at a point; at infinity, its highest coefficient. */
const valueAt = (point: number, roots: readonly number[]) =>
  point === Infinity ? 1 : roots.reduce((p, root) => p * (point - root), 1)

/** 1, x, x², … at a point; at infinity, the highest of them. */
const powersAt = (point: number, count: number) =>
  range(0, count).map(k => (point === Infinity ? Number(k === count - 1) : point ** k))

/** What each row of G is divided by, so that Bᵀ of a whole tile has round numbers. */
const scale = (axis: Axis, point: number) => valueAt(point, besides(pointsOf(axis, axis.out), point))

/** Bᵀ: inputs as the products need them. */
export const toTile = (axis: Axis, outputs: number): Matrix =>
  pointsOf(axis, outputs).map((point, _, used) => {
    const others = besides(used, point)
    const by = scale(axis, point) / valueAt(point, others)
    return used.map((_, k) => (polynomial(others)[k] ?? 0) * by)
  })

/** A: the gradient of the outputs, spread over the points. */
export const toTileOfGradient = (axis: Axis, outputs: number): Matrix =>
  pointsOf(axis, outputs).map(point => powersAt(point, outputs))

/** Aᵀ: sums of products to outputs. */
export const fromTile = (axis: Axis, outputs: number): Matrix => transpose(toTileOfGradient(axis, outputs))

/** G: a filter's taps as the products need them. */
export const ofFilter = (axis: Axis): Matrix =>
  pointsOf(axis, axis.out).map(point => powersAt(point, axis.taps).map(power => power / scale(axis, point)))

/** Gᵀ: the gradient of a filter's taps. */
export const gradientOfFilter = (axis: Axis): Matrix => transpose(ofFilter(axis))

type Arithmetic = ReturnType<typeof simdTarget>

/** A value, or its negative. */
interface Signed {
  readonly sign: number
  readonly value: Local
}

/** Starts with what is positive, so that a sign is left over only where all are negative. */
function sumOf(t: Arithmetic, terms: readonly Signed[]): Signed {
  const [first, ...rest] = [...terms].sort((a, b) => b.sign - a.sign)
  const value = rest.reduce((sum, term) => (term.sign === first.sign ? t.add : t.sub)(sum, term.value), first.value)
  return { sign: first.sign, value }
}

/** Σ row[i] · values[i]: values under the same number are summed before they are multiplied. */
function weighted(t: Arithmetic, row: readonly number[], values: readonly Local[]): Local {
  const sizes = [...new Set(row.map(Math.abs))].filter(size => size !== 0)
  const parts = sizes.map(size => {
    const under = row.flatMap((by, i) => (Math.abs(by) === size ? [{ sign: Math.sign(by), value: values[i] }] : []))
    const { sign, value } = sumOf(t, under)
    return size === 1 ? { sign, value } : { sign: 1, value: t.mul(value, t.constant(sign * size)) }
  })
  const { sign, value } = sumOf(t, parts)
  return sign < 0 ? t.neg(value) : value
}

/** Rows that differ in signs alone, where not in all or none, two by two: what they share and what they do not. */
function pairs(m: Matrix): number[][] {
  const rows = range(0, m.length)
  const likes = (i: number, j: number, sign: number) => m[i].some((x, k) => x !== 0 && x === sign * m[j][k])
  const isPair = (i: number, j: number) =>
    likes(i, j, 1) && likes(i, j, -1) && m[i].every((x, k) => Math.abs(x) === Math.abs(m[j][k]))
  const partner = (i: number) => rows.find(j => j !== i && isPair(i, j))
  return rows.flatMap(i => {
    const j = partner(i)
    return j === undefined ? [[i]] : i < j ? [[i, j]] : []
  })
}

/** The sum and the difference of rows `i` and `j` of a pair, halved. */
const halves = (m: Matrix, [i, j]: readonly number[]) =>
  j === undefined ? [m[i]] : [1, -1].map(sign => m[i].map((x, k) => (x === sign * m[j][k] ? x : 0)))

/** A matrix times values. Columns that differ in signs alone take sums and differences of values; rows give them. */
function product(t: Arithmetic, matrix: Matrix, values: readonly Local[]): Local[] {
  const both = (a: Local, b: Local) => [t.add(a, b), t.sub(a, b)]
  const columns = pairs(transpose(matrix))
  const inputs = columns.flatMap(([i, j]) => (j === undefined ? [values[i]] : both(values[i], values[j])))
  const narrow = transpose(columns.flatMap(pair => halves(transpose(matrix), pair)))
  const results: Local[] = []
  for (const pair of pairs(narrow)) {
    const sums = halves(narrow, pair).map(row => weighted(t, row, inputs))
    ;(pair.length === 1 ? sums : both(sums[0], sums[1])).forEach((sum, i) => {
      results[pair[i]] = sum
    })
  }
  return results
}

export interface Ends {
  /** Leaves four channels of element (row, column) on the stack. */
  load(row: number, column: number): void
  store(row: number, column: number, value: Local): void
}

/**
 * Both axes of a tile, four channels at a time: down · tile · acrossᵀ. Rows wait in memory at `rough`: they are more than
 * there are registers.
 */
export function transform(f: Code, [down, across]: readonly [Matrix, Matrix], rough: Local, ends: Ends): void {
  const t = simdTarget(f)
  const [rows, width] = [down[0].length, across.length]
  for (const r of range(0, rows)) {
    const row = across[0].map((_, c) => {
      const value = f.local('v128')
      ends.load(r, c)
      f.set(value)
      return value
    })
    product(t, across, row).forEach((value, c) => {
      f.get(rough)
        .get(value)
        .mem('v128.store', (r * width + c) * 16)
    })
  }
  for (const c of range(0, width)) {
    const column = range(0, rows).map(r => {
      const value = f.local('v128')
      f.get(rough)
        .mem('v128.load', (r * width + c) * 16)
        .set(value)
      return value
    })
    product(t, down, column).forEach((value, r) => {
      ends.store(r, c, value)
    })
  }
}
