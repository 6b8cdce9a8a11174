import type { Output } from '../../../nn/call.ts'
import * as layers from '../../../nn/layers/index.ts'
import { choice, must } from '../call.ts'
import { unsupported } from '../file.ts'
import { front, place, type Tensor, vector } from '../tensors.ts'
import { constant, flowing, type Mapping, type Rows, range, steady, weights } from './mapping.ts'
import {
  alikeAfloat,
  dimsOf,
  factors,
  isKnown,
  type Known,
  laid,
  reshaped,
  type Sample,
  sample,
  shapedAs,
  sizeIn,
  type Value,
} from './sample.ts'

/** Whole numbers of a setting that became an input, for each size of the batch. */
function both(m: Mapping, i: number): number[][] {
  const value = m.inputs[i]
  if (!value || !isKnown(value)) throw unsupported('a shape that depends on the sample', 'run it with importOnnx')
  return value.tensors.map(({ data }) => Array.from(data))
}

/** Axes from an attribute, or from an input since the given opset. */
export function axesOf(m: Mapping, rank: number, since: number): number[] | undefined {
  const given = m.opset < since ? m.ints('axes') : constant(m, 1) && Array.from(constant(m, 1)!.data)
  return given?.map(axis => front(axis, rank))
}

const shaped = (m: Mapping, s: Sample, dims: readonly number[][]) => reshaped(s, dims, m.batches)
const dims = (m: Mapping, s: Sample) => m.batches.map(batch => dimsOf(s, batch))

/** A sample that is cut, padded or picked from along some of its axes, which come first; the rest is one axis. */
export function along(s: Sample, axes: readonly number[], work: (output: Output) => Output): Sample {
  const others = range(s.axes.length).filter(axis => !axes.includes(axis))
  const rest = factors(s, others)
  const lists = axes.map(axis => factors(s, [axis]))
  must(
    axes.every(axis => !s.axes[axis].includes(0)),
    'samples cannot be cut along the batch',
  )
  const done = work(laid(s, [...lists, rest]))
  const sizes = rest.map(p => s.output.shape[p - 1])
  const n = axes.length
  const output = shapedAs(done, [...done.shape.slice(0, n), ...sizes])
  const numbers = new Map(rest.map((p, i) => [p, n + 1 + i]))
  return sample(
    output,
    s.axes.map((list, axis) => (axes.includes(axis) ? [axes.indexOf(axis) + 1] : list.map(p => numbers.get(p) ?? 0))),
  )
}

/** The places from `start` up to but without `stop` along an axis. */
function cut(s: Sample, axis: number, start: number, stop: number): Sample {
  const n = sizeIn(s, axis)
  if (start === 0 && stop === n) return s
  return along(s, [axis], output => layers.cropping1d({ cropping: [start, n - stop] as never })(output))
}

function slice(m: Mapping): Value {
  const s = flowing(m)
  const old = m.opset < 10
  const list = (name: string, i: number) => (old ? m.ints(name) : constant(m, i) && Array.from(constant(m, i)!.data))
  const [starts, ends] = [list('starts', 1) ?? [], list('ends', 2) ?? []]
  const axes = list('axes', 3) ?? range(starts.length)
  const steps = old ? starts.map(() => 1) : (list('steps', 4) ?? starts.map(() => 1))
  return axes.reduce((part, given, i) => {
    const axis = front(given, s.axes.length)
    const n = part.axes[axis].includes(0) ? Number.NaN : sizeIn(part, axis)
    const bound = (at: number) => Math.min(Math.max(at < 0 ? at + n : at, 0), n)
    if (Number.isNaN(n) && starts[i] === 0 && ends[i] >= 2 ** 31 - 1) return part
    if (steps[i] !== 1 || Number.isNaN(n) || bound(ends[i]) <= bound(starts[i]))
      throw unsupported('Slice with steps, of nothing, or along the batch', 'run it with importOnnx')
    return cut(part, axis, bound(starts[i]), bound(ends[i]))
  }, s)
}

function split(m: Mapping): Sample[] {
  const s = flowing(m)
  const axis = front(m.int('axis', 0), s.axes.length)
  const n = sizeIn(s, axis)
  const count = m.opset >= 18 ? m.int('num_outputs', m.outputs) : m.outputs
  const even = range(count).map(i => Math.min(Math.ceil(n / count), n - i * Math.ceil(n / count)))
  const sizes = (m.opset < 13 ? m.ints('split') : constant(m, 1) && Array.from(constant(m, 1)!.data)) ?? even
  let end = 0
  return sizes.map(size => cut(s, axis, end, (end += size)))
}

/** One place of a sample, rows of a table by the numbers of a sample, or what is known of both. */
function gather(m: Mapping): Value {
  const [data, index] = m.inputs
  if (data && isKnown(data)) {
    const table = steady(data)
    if (m.int('axis', 0) !== 0 || table.dims.length !== 2 || !index || isKnown(index))
      throw unsupported('Gather from a table that is no matrix', 'run it with importOnnx')
    const [rows, width] = table.dims
    const made = m.learn(layers.embedding(rows, width, m.options(0)), { W: table.data })(
      laid(
        index,
        index.output.shape.map((_, i) => [i + 1]),
      ),
    )
    return sample(made, [...index.axes, [made.shape.length]])
  }
  const s = flowing(m)
  const axis = front(m.int('axis', 0), s.axes.length)
  const at = weights(m, 1)
  if (at.data.length !== 1) throw unsupported('Gather of several places', 'run it with importOnnx')
  const start = place(at.data[0], sizeIn(s, axis))
  const one = cut(s, axis, start, start + 1)
  return shaped(
    m,
    one,
    dims(m, one).map(list => list.toSpliced(axis, 1, ...at.dims)),
  )
}

function concat(m: Mapping): Value {
  const all = alikeAfloat(m.inputs.map((_, i) => flowing(m, i)))
  const axis = front(m.int('axis'), all[0].axes.length)
  const others = range(all[0].axes.length).filter(i => i !== axis)
  const alike = all.every(s => others.every(i => s.axes[i].length === all[0].axes[i].length))
  // Factors stay apart where all have the same, in the order of the first.
  const order = (s: Sample) => {
    const own = alike ? factors(all[0], others) : []
    const from = factors(all[0], others)
    const mine = factors(s, others)
    return alike
      ? [...own].sort((a, b) => a - b).map(p => [mine[from.indexOf(p)]])
      : others.filter(i => s.axes[i][0] !== 0).map(i => factors(s, [i]))
  }
  const output = layers.concatenate()(all.map(s => laid(s, [...order(s), factors(s, [axis])])))
  const last = output.shape.length
  if (!alike) {
    let next = 0
    return sample(
      output,
      all[0].axes.map((list, i) => (i === axis ? [last] : list[0] === 0 ? [0] : [++next])),
    )
  }
  const sorted = factors(all[0], others).sort((a, b) => a - b)
  return sample(
    output,
    all[0].axes.map((list, i) => (i === axis ? [last] : list.map(p => (p === 0 ? 0 : sorted.indexOf(p) + 1)))),
  )
}

function pad(m: Mapping): Value {
  const s = flowing(m)
  const rank = s.axes.length
  const given = m.opset < 11 ? m.ints('pads')! : Array.from(weights(m, 1).data)
  const axes = m.opset >= 18 && m.inputs[3] ? Array.from(weights(m, 3).data, axis => front(axis, rank)) : range(rank)
  const value = m.opset < 11 ? m.float('value', 0) : (constant(m, 2)?.data[0] ?? 0)
  if (m.text('mode', 'constant') !== 'constant') throw unsupported('Pad by copies', 'run it with importOnnx')
  const ends = axes
    .map((axis, i) => ({ axis, before: given[i], after: given[i + axes.length] }))
    .filter(e => e.before || e.after)
  if (ends.length === 0) return s
  if (ends.length > 3 || value !== 0)
    throw unsupported('Pad with other numbers than 0, or along many axes', 'run it with importOnnx')
  return bordered(s, ends)
}

export interface Ends {
  readonly axis: number
  readonly before: number
  readonly after: number
}

/** Zeros around a sample, or less of it where the numbers are below 0. */
export function bordered(s: Sample, ends: readonly Ends[]): Sample {
  const n = ends.length as 1 | 2 | 3
  const sides = (sign: number) => {
    const pairs = ends.map(({ before, after }) => [Math.max(0, sign * before), Math.max(0, sign * after)])
    return pairs.flat().some(v => v > 0) ? pairs : undefined
  }
  const [more, less] = [sides(1), sides(-1)]
  const shown = (pairs: number[][]) => (n === 1 ? pairs[0] : pairs) as never
  const pads = [layers.zeroPadding1d, layers.zeroPadding2d, layers.zeroPadding3d][n - 1]
  const crops = [layers.cropping1d, layers.cropping2d, layers.cropping3d][n - 1]
  return along(
    s,
    ends.map(({ axis }) => axis),
    output => {
      const padded = more ? pads({ padding: shown(more) })(output) : output
      return less ? crops({ cropping: shown(less) })(padded) : padded
    },
  )
}

/** Channels become places in blocks of b × b: three steps that cost no work. */
function depthToSpace(m: Mapping): Value {
  const s = flowing(m)
  const b = m.int('blocksize')
  const crd = choice('DepthToSpace mode', m.text('mode', 'DCR'), ['DCR', 'CRD']) === 'CRD'
  const sizes = dims(m, s)
  const depth = sizes[0][1] / b / b
  must(Number.isInteger(depth) && sizes[0].length === 4, 'DepthToSpace got channels that are no whole blocks')
  const blocks = crd ? [depth, b, b] : [b, b, depth]
  const cut = shaped(
    m,
    s,
    sizes.map(([n, , h, w]) => [n, ...blocks, h, w]),
  )
  const turned = { ...cut, axes: (crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]).map(axis => cut.axes[axis]) }
  return shaped(
    m,
    turned,
    sizes.map(([n, , h, w]) => [n, depth, h * b, w * b]),
  )
}

const known = (m: Mapping, make: (dims: number[]) => Tensor, s: Sample): Known => {
  const [a, b] = dims(m, s).map(make)
  return { tensors: [a, b], learnt: false }
}

export const shapes: Rows = {
  Shape: m => {
    const s = flowing(m)
    const [start, end] = [m.int('start', 0), m.int('end', s.axes.length)]
    return known(m, list => vector('int64', list.slice(start, end)), s)
  },
  Size: m => known(m, list => ({ ...vector('int64', [list.reduce((a, b) => a * b, 1)]), dims: [] }), flowing(m)),
  Reshape: m => {
    m.int('allowzero', 0)
    return shaped(m, flowing(m), both(m, 1))
  },
  Flatten: m => {
    const s = flowing(m)
    const axis = m.int('axis', 1)
    const at = axis < 0 ? axis + s.axes.length : axis
    const total = (list: number[]) => list.reduce((a, b) => a * b, 1)
    return shaped(
      m,
      s,
      dims(m, s).map(list => [total(list.slice(0, at)), total(list.slice(at))]),
    )
  },
  Transpose: m => {
    const s = flowing(m)
    const order = m.ints('perm') ?? range(s.axes.length).reverse()
    must(
      [...order].sort((a, b) => a - b).every((axis, i) => axis === i) && order.length === s.axes.length,
      'Transpose got no order of axes',
    )
    return { ...s, axes: order.map(axis => s.axes[axis]) }
  },
  Squeeze: m => {
    const s = flowing(m)
    const axes =
      axesOf(m, s.axes.length, 13) ?? range(s.axes.length).filter(i => !s.axes[i].includes(0) && sizeIn(s, i) === 1)
    must(
      axes.every(axis => !s.axes[axis].includes(0) && sizeIn(s, axis) === 1),
      'Squeeze of an axis that is not 1',
    )
    return { ...s, axes: s.axes.filter((_, i) => !axes.includes(i)) }
  },
  Unsqueeze: m => {
    const s = flowing(m)
    const given = m.opset < 13 ? m.ints('axes')! : Array.from(weights(m, 1).data)
    const axes = given.map(axis => front(axis, s.axes.length + given.length)).sort((a, b) => a - b)
    return { ...s, axes: axes.reduce<Sample['axes']>((list, axis) => list.toSpliced(axis, 0, []), s.axes) }
  },
  Expand: m => {
    const s = flowing(m)
    const to = both(m, 1)
    const from = dims(m, s)
    const same = to.every(
      (list, n) =>
        list.length <= from[n].length && list.every((size, i) => size === 1 || size === from[n].at(i - list.length)),
    )
    if (same) return s
    throw unsupported('Expand of samples', 'run it with importOnnx')
  },
  Slice: slice,
  Split: split,
  Gather: gather,
  DepthToSpace: depthToSpace,
  Concat: concat,
  Pad: pad,
}
