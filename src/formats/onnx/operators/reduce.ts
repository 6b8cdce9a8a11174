import type { Operator, Operators } from '../call.ts'
import { must } from '../call.ts'
import { alongRows, bounds, type Dtype, front, isFloat, reduceRows, reshape, type Tensor, zip } from '../tensors.ts'

type Row = Float64Array
const total = (row: Row) => {
  let sum = 0
  for (const x of row) sum += x
  return sum
}
const highest = (row: Row) => row.reduce((a, b) => Math.max(a, b), -Infinity)
const power = (row: Row, p: number) => {
  let sum = 0
  for (const x of row) sum += Math.abs(x) ** p
  return sum
}
function logSumExp(row: Row): number {
  const top = highest(row)
  if (!Number.isFinite(top)) return top
  let sum = 0
  for (const x of row) sum += Math.exp(x - top)
  return top + Math.log(sum)
}

/** Axes came as an attribute, and come as an input since opset 18 (13 for sums). */
const reduce =
  (f: (row: Row, type: Dtype) => number): Operator =>
  ([x, axesInput], c) => {
    const given = axesInput ? Array.from(axesInput.data) : (c.ints('axes') ?? [])
    const noop = c.int('noop_with_empty_axes', 0) !== 0
    const keep = c.int('keepdims', 1) !== 0
    if (given.length === 0 && noop)
      return reduceRows(reshape(x, [...x.dims, 1]), [x.dims.length], false, row => f(row, x.type))
    const rank = x.dims.length
    const axes = given.length > 0 ? given.map(axis => front(axis, rank)) : x.dims.map((_, i) => i)
    return reduceRows(x, axes, keep, row => f(row, x.type))
  }

function extreme(row: Row, type: Dtype, high: boolean): number {
  const [low, top] = isFloat(type) ? [-Infinity, Infinity] : bounds(type)
  return high ? row.reduce((a, b) => Math.max(a, b), low) : row.reduce((a, b) => Math.min(a, b), top)
}

const best =
  (better: (x: number, y: number) => boolean): Operator =>
  ([x], c) => {
    const last = c.int('select_last_index', 0) !== 0
    const find = (row: Row) => {
      let at = 0
      for (let i = 1; i < row.length; i++) if (better(row[i], row[at]) || (last && row[i] === row[at])) at = i
      return at
    }
    return reduceRows(x, [front(c.int('axis', 0), x.dims.length)], c.int('keepdims', 1) !== 0, find, 'int64')
  }

/** Until opset 13 the axes from `axis` on are one row. */
const rowwise =
  (work: (row: Row, out: Float64Array) => void): Operator =>
  ([x], c) => {
    const old = c.opset < 13
    const rank = x.dims.length
    const axis = front(c.int('axis', old ? 1 : -1), Math.max(rank, old ? 2 : 1))
    if (rank === 0) return reshape(alongRows(reshape(x, [1]), [0], work), [])
    return alongRows(x, old ? x.dims.map((_, i) => i).slice(axis) : [axis], work)
  }

export function softmaxRow(row: Row, out: Float64Array): void {
  const top = highest(row)
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += out[i] = Math.exp(row[i] - top)
  for (let i = 0; i < row.length; i++) out[i] /= sum
}
export function logSoftmaxRow(row: Row, out: Float64Array): void {
  const sum = logSumExp(row)
  for (let i = 0; i < row.length; i++) out[i] = row[i] - sum
}
function hardmaxRow(row: Row, out: Float64Array): void {
  if (row.length > 0) out[row.indexOf(highest(row))] = 1
}

function scan([x, axisInput]: readonly Tensor[], exclusive: boolean, reverse: boolean, product: boolean): Tensor {
  const axis = front(axisInput.data[0], x.dims.length)
  return alongRows(x, [axis], (row, out) => {
    const n = row.length
    let sum = product ? 1 : 0
    for (let k = 0; k < n; k++) {
      const i = reverse ? n - 1 - k : k
      const before = sum
      sum = product ? sum * row[i] : sum + row[i]
      out[i] = exclusive ? before : sum
    }
  })
}

export const reductions: Operators = {
  ReduceSum: reduce(total),
  ReduceMean: reduce(row => total(row) / row.length),
  ReduceMax: reduce((row, type) => extreme(row, type, true)),
  ReduceMin: reduce((row, type) => extreme(row, type, false)),
  ReduceProd: reduce(row => row.reduce((a, b) => a * b, 1)),
  ReduceL1: reduce(row => power(row, 1)),
  ReduceL2: reduce(row => Math.sqrt(power(row, 2))),
  ReduceLogSum: reduce(row => Math.log(total(row))),
  ReduceLogSumExp: reduce(logSumExp),
  ReduceSumSquare: reduce(row => power(row, 2)),
  ArgMax: best((x, y) => x > y),
  ArgMin: best((x, y) => x < y),
  Softmax: rowwise(softmaxRow),
  LogSoftmax: rowwise(logSoftmaxRow),
  Hardmax: rowwise(hardmaxRow),
  CumSum: (x, c) => scan(x, c.int('exclusive', 0) !== 0, c.int('reverse', 0) !== 0, false),
  CumProd: (x, c) => scan(x, c.int('exclusive', 0) !== 0, c.int('reverse', 0) !== 0, true),
}

/** The mean of squares and the mean along axes, and x with both taken away. */
export function standardize(
  x: Tensor,
  axes: readonly number[],
  epsilon: number,
): { y: Tensor; mean: Tensor; inverse: Tensor } {
  must(
    axes.every(axis => axis < x.dims.length),
    'normalisation along axes that are not there',
  )
  const wide = { ...x, type: 'float64' as const }
  const mean = reduceRows(wide, axes, true, row => total(row) / row.length)
  const centred = zip([wide, mean], (v, m) => v - m)
  const inverse = reduceRows(centred, axes, true, row => 1 / Math.sqrt(power(row, 2) / row.length + epsilon))
  return { y: zip([centred, inverse], (v, s) => v * s), mean, inverse }
}
