import { type Call, choice, must, type Operators, showDims } from '../call.ts'
import {
  exactly,
  front,
  others,
  place,
  reshape,
  room,
  rounded,
  sizeOf,
  spend,
  stridesOf,
  type Tensor,
  transpose,
  vector,
} from '../tensors.ts'

function gather([x, indices]: readonly Tensor[], c: Call): Tensor {
  const axis = front(c.int('axis', 0), x.dims.length)
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)]
  const out = room(dims)
  const inner = sizeOf(x.dims.slice(axis + 1))
  const n = x.dims[axis]
  const places = Array.from(indices.data, index => place(index, n))
  for (let group = 0, at = 0, outer = sizeOf(x.dims.slice(0, axis)); group < outer; group++)
    for (const index of places) {
      out.set(x.data.subarray((group * n + index) * inner, (group * n + index + 1) * inner), at)
      at += inner
    }
  return exactly(x.type, dims, out)
}

/** For each index, the place in x of the same coordinates but for the axis. */
function elements(x: Tensor, indices: Tensor, axis: number): Int32Array {
  must(
    indices.dims.length === x.dims.length,
    `indices ${showDims(indices.dims)} must have the axes of ${showDims(x.dims)}`,
  )
  must(
    indices.dims.every((n, i) => i === axis || n <= x.dims[i]),
    `indices ${showDims(indices.dims)} reach beyond ${showDims(x.dims)}`,
  )
  const [own, strides] = [stridesOf(indices.dims), stridesOf(x.dims)]
  return Int32Array.from(indices.data, (index, i) => {
    let at = place(index, x.dims[axis]) * strides[axis]
    for (let k = 0; k < own.length; k++) if (k !== axis) at += (Math.floor(i / own[k]) % indices.dims[k]) * strides[k]
    return at
  })
}

/** Where the slice of each index tuple begins, and how long it is. */
function tuples(x: Tensor, indices: Tensor, batch: number): { starts: Int32Array; length: number; dims: number[] } {
  const depth = indices.dims.at(-1) ?? 0
  must(
    batch + depth <= x.dims.length && indices.dims.length > batch,
    `tuples of ${depth} do not index ${showDims(x.dims)}`,
  )
  const strides = stridesOf(x.dims)
  const rest = x.dims.slice(batch + depth)
  const rows = indices.dims.slice(0, -1)
  const perBatch = sizeOf(rows.slice(batch))
  const stride = sizeOf(x.dims.slice(batch))
  const starts = new Int32Array(sizeOf(rows))
  for (let i = 0; i < starts.length; i++) {
    starts[i] = Math.floor(i / perBatch) * (batch > 0 ? stride : 0)
    for (let k = 0; k < depth; k++)
      starts[i] += place(indices.data[i * depth + k], x.dims[batch + k]) * strides[batch + k]
  }
  return { starts, length: sizeOf(rest), dims: [...rows, ...rest] }
}

const combine = {
  none: (_: number, y: number) => y,
  add: (x: number, y: number) => x + y,
  mul: (x: number, y: number) => x * y,
  max: Math.max,
  min: Math.min,
}
const reductionOf = (c: Call) =>
  combine[choice('reduction', c.text('reduction', 'none'), ['none', 'add', 'mul', 'max', 'min'])]

function scatterElements([x, indices, updates]: readonly Tensor[], c: Call): Tensor {
  const f = reductionOf(c)
  must(indices.data.length === updates.data.length, 'a scatter got another number of updates than indices')
  const out = x.data.slice()
  elements(x, indices, front(c.int('axis', 0), x.dims.length)).forEach((at, i) => {
    out[at] = f(out[at], updates.data[i])
  })
  return rounded(x.type, x.dims, out)
}

function scatterTuples([x, indices, updates]: readonly Tensor[], c: Call): Tensor {
  const f = reductionOf(c)
  const { starts, length } = tuples(x, indices, 0)
  must(starts.length * length === updates.data.length, 'ScatterND got another number of updates than places')
  const out = x.data.slice()
  starts.forEach((start, i) => {
    for (let k = 0; k < length; k++) out[start + k] = f(out[start + k], updates.data[i * length + k])
  })
  return rounded(x.type, x.dims, out)
}

function oneHot([indices, depth, values]: readonly Tensor[], c: Call): Tensor {
  const n = depth.data[0]
  const axis = front(c.int('axis', -1), indices.dims.length + 1)
  const dims = indices.dims.toSpliced(axis, 0, n)
  const out = room(dims).fill(values.data[0])
  const inner = sizeOf(indices.dims.slice(axis))
  indices.data.forEach((index, i) => {
    const at = Math.trunc(index) < 0 ? Math.trunc(index) + n : Math.trunc(index)
    if (at >= 0 && at < n) out[(Math.floor(i / inner) * n + at) * inner + (i % inner)] = values.data[1]
  })
  return exactly(values.type, dims, out)
}

function topK([x, kInput]: readonly Tensor[], c: Call): Tensor[] {
  const axis = front(c.int('axis', -1), x.dims.length)
  const k = c.opset < 10 ? c.int('k') : kInput.data[0]
  const largest = c.int('largest', 1) !== 0
  c.int('sorted', 1)
  must(k >= 0 && k <= x.dims[axis], `TopK got ${k} of an axis of ${x.dims[axis]}`)
  const rest = others(x.dims.length, [axis])
  const moved = transpose(x, [...rest, axis])
  const n = x.dims[axis]
  const dims = [...rest.map(i => x.dims[i]), k]
  const [values, places] = [room(dims), room(dims)]
  spend(8 * moved.data.length * (1 + Math.log2(n + 1)), 2 * moved.data.length)
  for (let row = 0; row * n < moved.data.length; row++) {
    const cells = moved.data.subarray(row * n, (row + 1) * n)
    const order = Array.from(cells, (_, i) => i).sort(
      (i, j) => (largest ? cells[j] - cells[i] : cells[i] - cells[j]) || i - j,
    )
    for (let i = 0; i < k; i++) {
      values[row * k + i] = cells[order[i]]
      places[row * k + i] = order[i]
    }
  }
  const order = [...rest, axis]
  const back = order.map((_, i) => order.indexOf(i))
  return [exactly(x.type, dims, values), exactly('int64', dims, places)].map(t => transpose(t, back))
}

function nonZero(x: Tensor): Tensor {
  const found = Array.from(x.data.keys()).filter(i => x.data[i] !== 0)
  const strides = stridesOf(x.dims)
  spend(8 * found.length * strides.length, 4 * found.length * (strides.length + 1))
  const data = Float64Array.from(
    strides.flatMap((stride, axis) => found.map(i => Math.floor(i / stride) % x.dims[axis])),
  )
  return exactly('int64', [x.dims.length, found.length], data)
}

function compress([x, keep]: readonly Tensor[], c: Call): Tensor {
  const found = Array.from(keep.data.keys()).filter(i => keep.data[i] !== 0)
  const flat = c.has('axis') ? x : reshape(x, [x.data.length])
  return gather([flat, vector('int64', found)], { ...c, int: () => (c.has('axis') ? c.int('axis') : 0) })
}

/** Turns the first steps of each sequence around, and leaves what lies behind them. */
function reverseSequence([x, lengths]: readonly Tensor[], c: Call): Tensor {
  const [time, batch] = [c.int('time_axis', 0), c.int('batch_axis', 1)]
  must(time + batch === 1 && x.dims.length >= 2, 'ReverseSequence takes the axes 0 and 1 for time and batch')
  const inner = sizeOf(x.dims.slice(2))
  const out = x.data.slice()
  for (let b = 0; b < x.dims[batch]; b++)
    for (let t = 0; t < Math.min(lengths.data[b], x.dims[time]); t++) {
      const from =
        (time === 0 ? (lengths.data[b] - 1 - t) * x.dims[1] + b : b * x.dims[1] + lengths.data[b] - 1 - t) * inner
      const to = (time === 0 ? t * x.dims[1] + b : b * x.dims[1] + t) * inner
      out.set(x.data.subarray(from, from + inner), to)
    }
  return exactly(x.type, x.dims, out)
}

function unique(x: Tensor, c: Call): Tensor[] {
  const sorted = c.int('sorted', 1) !== 0
  const flat = !c.has('axis')
  const axis = flat ? 0 : front(c.int('axis'), x.dims.length)
  const source = flat ? reshape(x, [x.data.length]) : x
  const order = [axis, ...others(source.dims.length, [axis])]
  const moved = transpose(source, order)
  const size = moved.data.length / (moved.dims[0] || 1)
  const row = (i: number) => moved.data.subarray(i * size, (i + 1) * size)
  spend(64 * moved.data.length, 8 * (moved.data.length + moved.dims[0]))
  const seen = new Map<string, { first: number; count: number }>()
  const keys = Array.from({ length: moved.dims[0] }, (_, i) => row(i).join())
  keys.forEach((key, i) => {
    const found = seen.get(key)
    if (found) found.count++
    else seen.set(key, { first: i, count: 1 })
  })
  const compare = (a: Float64Array, b: Float64Array) => {
    const at = a.findIndex((v, i) => v !== b[i])
    return at < 0 ? 0 : a[at] - b[at]
  }
  const kept = [...seen.entries()]
  if (sorted) kept.sort(([, a], [, b]) => compare(row(a.first), row(b.first)))
  const rank = new Map(kept.map(([key], i) => [key, i]))
  const firsts = kept.map(([, { first }]) => first)
  const y = gather([source, vector('int64', firsts)], { ...c, int: () => axis })
  return [
    y,
    vector('int64', firsts),
    vector(
      'int64',
      keys.map(key => rank.get(key)!),
    ),
    vector(
      'int64',
      kept.map(([, { count }]) => count),
    ),
  ]
}

/** Writes new keys or values behind those that a cache holds. */
function tensorScatter([past, update, at]: readonly Tensor[], c: Call): Tensor {
  const axis = front(c.int('axis', -2), past.dims.length)
  const ring = choice('TensorScatter mode', c.text('mode', 'linear'), ['linear', 'circular']) === 'circular'
  const [n, m] = [past.dims[axis], update.dims[axis]]
  const inner = sizeOf(past.dims.slice(axis + 1))
  const outer = sizeOf(past.dims.slice(0, axis))
  const perSample = outer / past.dims[0]
  const out = past.data.slice()
  for (let group = 0; group < outer; group++)
    for (let i = 0; i < m; i++) {
      const start = (at?.data[Math.floor(group / perSample)] ?? 0) + i
      const to = ring ? start % n : place(start, n)
      out.set(update.data.subarray((group * m + i) * inner, (group * m + i + 1) * inner), (group * n + to) * inner)
    }
  return exactly(past.type, past.dims, out)
}

/** Boxes best first, without those that overlap a better one too much. */
function nonMaxSuppression([boxes, scores, most, overlap, least]: readonly Tensor[], c: Call): Tensor {
  const centred = c.int('center_point_box', 0) !== 0
  const [limit, threshold] = [most?.data[0] ?? 0, overlap?.data[0] ?? 0]
  const [batch, classes, n] = scores.dims
  const found: number[] = []
  spend(batch * classes * n * (64 + 16 * Math.min(n, Math.max(limit, 0))))
  const corners = (b: number, i: number) => {
    const [p, q, r, s] = boxes.data.subarray((b * n + i) * 4, (b * n + i) * 4 + 4)
    if (centred) return [p - r / 2, q - s / 2, p + r / 2, q + s / 2]
    return [Math.min(p, r), Math.min(q, s), Math.max(p, r), Math.max(q, s)]
  }
  const area = ([x0, y0, x1, y1]: readonly number[]) => (x1 - x0) * (y1 - y0)
  for (let b = 0; b < batch; b++)
    for (let k = 0; k < classes; k++) {
      const score = (i: number) => scores.data[(b * classes + k) * n + i]
      const order = Array.from({ length: n }, (_, i) => i).filter(i => !least || score(i) > least.data[0])
      const kept: number[] = []
      for (const i of order.sort((i, j) => score(j) - score(i) || i - j)) {
        if (kept.length >= limit) break
        const a = corners(b, i)
        const free = kept.every(j => {
          const o = corners(b, j)
          const w = Math.min(a[2], o[2]) - Math.max(a[0], o[0])
          const h = Math.min(a[3], o[3]) - Math.max(a[1], o[1])
          if (w <= 0 || h <= 0) return true
          return (w * h) / (area(a) + area(o) - w * h) <= threshold
        })
        if (free) kept.push(i)
      }
      for (const i of kept) found.push(b, k, i)
    }
  return exactly('int64', [found.length / 3, 3], Float64Array.from(found))
}
export const indexing: Operators = {
  Gather: gather,
  GatherElements: ([x, indices], c) => {
    const at = elements(x, indices, front(c.int('axis', 0), x.dims.length))
    return exactly(
      x.type,
      indices.dims,
      Float64Array.from(at, i => x.data[i]),
    )
  },
  GatherND: ([x, indices], c) => {
    const { starts, length, dims } = tuples(x, indices, c.int('batch_dims', 0))
    const out = room(dims)
    starts.forEach((start, i) => {
      out.set(x.data.subarray(start, start + length), i * length)
    })
    return exactly(x.type, dims, out)
  },
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterTuples,
  TensorScatter: tensorScatter,
  OneHot: oneHot,
  TopK: topK,
  NonZero: ([x]) => nonZero(x),
  Compress: compress,
  ReverseSequence: reverseSequence,
  Unique: ([x], c) => unique(x, c),
  NonMaxSuppression: nonMaxSuppression,
}
