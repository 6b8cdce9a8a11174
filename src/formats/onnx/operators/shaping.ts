import { type Call, choice, must, numbers, type Operators, showDims } from '../call.ts'
import {
  concat,
  type Dims,
  dtypeOf,
  exactly,
  expand,
  front,
  full,
  pick,
  reshape,
  room,
  rounded,
  scalar,
  sizeOf,
  slice,
  stridesOf,
  type Tensor,
  transpose,
  vector,
} from '../tensors.ts'

/** Axes came as an attribute, and come as an input since opset 13. */
const axesOf = (input: Tensor | undefined, c: Call, rank: number) =>
  (input ? Array.from(input.data) : c.ints('axes'))?.map(axis => front(axis, rank))

function reshaped(x: Tensor, asked: readonly number[], zeroIsZero: boolean): Tensor {
  const dims = asked.map((n, i) => (n === 0 && !zeroIsZero ? x.dims[i] : n))
  const free = dims.indexOf(-1)
  if (free < 0) return reshape(x, dims)
  const rest = sizeOf(dims.toSpliced(free, 1))
  return reshape(x, dims.with(free, rest === 0 ? 0 : x.data.length / rest))
}

function sliced(inputs: readonly Tensor[], c: Call): Tensor {
  const [x, ...given] = inputs
  const [starts, ends, axes, steps] =
    c.opset < 10 ? [c.ints('starts'), c.ints('ends'), c.ints('axes')] : given.map(t => t && Array.from(t.data))
  must(starts !== undefined && ends !== undefined && starts.length === ends.length, 'Slice got no starts or ends')
  const strides = stridesOf(x.dims)
  const dims = [...x.dims]
  const own = [...strides]
  let origin = 0
  starts!.forEach((from, i) => {
    const axis = front(axes ? axes[i] : i, x.dims.length)
    const [n, step] = [x.dims[axis], steps ? steps[i] : 1]
    must(step !== 0, 'Slice got the step 0')
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1]
    const bound = (at: number, least: number) => Math.min(high, Math.max(least, at < 0 ? at + n : at))
    const start = bound(from, 0)
    dims[axis] = n === 0 ? 0 : Math.max(0, Math.ceil((bound(ends![i], low) - start) / step))
    own[axis] = strides[axis] * step
    origin += start * strides[axis]
  })
  return pick(x, dims, own, origin)
}

function split([x, sizesInput]: readonly Tensor[], c: Call): Tensor[] {
  const axis = front(c.int('axis', 0), x.dims.length)
  const n = x.dims[axis]
  const parts = c.has('num_outputs') ? c.int('num_outputs') : c.outputs
  must(parts === c.outputs, `Split got ${parts} parts for ${c.outputs} outputs`)
  const even = Math.ceil(n / parts)
  const given = sizesInput ? Array.from(sizesInput.data) : c.ints('split')
  const sizes = given ?? Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(even, n - i * even)))
  must(
    sizes.reduce((a, b) => a + b, 0) === n && sizes.every(size => size >= 0),
    `Split cannot cut ${n} into ${showDims(sizes)}`,
  )
  let at = 0
  return sizes.map(size => slice(x, axis, at, (at += size)))
}

/** Where a place beyond the end of an axis is read; -1 is the constant. */
const outside = {
  constant: () => -1,
  edge: (at: number, n: number) => Math.min(Math.max(at, 0), n - 1),
  wrap: (at: number, n: number) => ((at % n) + n) % n,
  reflect: (at: number, n: number) => {
    if (n === 1) return 0
    const turn = 2 * (n - 1)
    const folded = ((at % turn) + turn) % turn
    return folded < n ? folded : turn - folded
  },
}

function pad(inputs: readonly Tensor[], c: Call): Tensor {
  const [x, padsInput, valueInput, axesInput] = inputs
  const mode = choice('Pad mode', c.text('mode', 'constant'), ['constant', 'edge', 'reflect', 'wrap'])
  const pads = c.opset < 11 ? (c.ints('pads') ?? []) : numbers(padsInput, 'pads')
  const value = c.opset < 11 ? c.float('value', 0) : (valueInput?.data[0] ?? 0)
  const axes = axesInput ? axesOf(axesInput, c, x.dims.length)! : x.dims.map((_, i) => i)
  must(pads.length === 2 * axes.length, `Pad got ${pads.length} widths for ${axes.length} axes`)
  return axes.reduce((t, axis, i) => padAxis(t, axis, pads[i], pads[i + axes.length], mode, value), x)
}

function padAxis(
  x: Tensor,
  axis: number,
  before: number,
  behind: number,
  mode: keyof typeof outside,
  value: number,
): Tensor {
  if (before === 0 && behind === 0) return x
  const n = x.dims[axis]
  const dims = x.dims.with(axis, n + before + behind)
  must(mode === 'constant' || n > 0, 'Pad has nothing to repeat')
  const out = room(dims)
  const inner = sizeOf(dims.slice(axis + 1))
  for (let group = 0, outer = sizeOf(dims.slice(0, axis)); group < outer; group++)
    for (let i = 0; i < dims[axis]; i++) {
      const at = i - before
      const from = at >= 0 && at < n ? at : outside[mode](at, n)
      const to = (group * dims[axis] + i) * inner
      if (from < 0) out.fill(value, to, to + inner)
      else out.set(x.data.subarray((group * n + from) * inner, (group * n + from + 1) * inner), to)
    }
  return exactly(x.type, dims, out)
}

/** Blocks of channels to blocks of places and back: the same reshape, transpose, reshape. */
function depthToSpace(x: Tensor, c: Call): Tensor {
  const b = c.int('blocksize')
  const [n, channels, h, w] = x.dims
  const depth = channels / b ** 2
  must(x.dims.length === 4 && Number.isInteger(depth), 'DepthToSpace got channels that are no whole blocks')
  const crd = choice('DepthToSpace mode', c.text('mode', 'DCR'), ['DCR', 'CRD']) === 'CRD'
  const blocks = reshape(x, crd ? [n, depth, b, b, h, w] : [n, b, b, depth, h, w])
  return reshape(transpose(blocks, crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]), [n, depth, h * b, w * b])
}

function spaceToDepth(x: Tensor, c: Call): Tensor {
  const b = c.int('blocksize')
  const [n, channels, h, w] = x.dims
  must(x.dims.length === 4 && h % b === 0 && w % b === 0, 'SpaceToDepth got an image that is no whole blocks')
  const crd = choice('SpaceToDepth mode', c.text('mode', 'DCR'), ['DCR', 'CRD']) === 'CRD'
  const blocks = reshape(x, [n, channels, h / b, b, w / b, b])
  return reshape(transpose(blocks, crd ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), [n, channels * b * b, h / b, w / b])
}

/** Keeps the part on one side of a diagonal. */
function triangle([x, diagonal]: readonly Tensor[], upper: boolean): Tensor {
  const k = diagonal?.data[0] ?? 0
  const [rows, columns] = x.dims.slice(-2)
  const side = (row: number, column: number) => (upper ? column - row >= k : column - row <= k)
  return exactly(
    x.type,
    x.dims,
    x.data.map((v, i) => (side(Math.floor(i / columns) % rows, i % columns) ? v : 0)),
  )
}

function range([start, limit, delta]: readonly Tensor[]): Tensor {
  const [from, to, step] = [start, limit, delta].map(t => t.data[0])
  const out = room([Math.max(0, Math.ceil((to - from) / step))])
  return rounded(
    start.type,
    [out.length],
    out.map((_, i) => from + i * step),
  )
}

/** Cuts around the middle, or fills around it with zeros. */
function centerCropPad([x, shape]: readonly Tensor[], c: Call): Tensor {
  const axes = c.ints('axes')?.map(axis => front(axis, x.dims.length)) ?? x.dims.map((_, i) => i)
  return axes.reduce((t, axis, i) => {
    const [n, wanted] = [t.dims[axis], shape.data[i]]
    const before = Math.floor(Math.abs(wanted - n) / 2)
    return wanted <= n
      ? slice(t, axis, before, before + wanted)
      : padAxis(t, axis, before, wanted - n - before, 'constant', 0)
  }, x)
}

function squeeze(x: Tensor, axes: readonly number[] | undefined): Tensor {
  const gone = axes ?? x.dims.flatMap((n, axis) => (n === 1 ? axis : []))
  must(
    gone.every(axis => x.dims[axis] === 1),
    `Squeeze got axes of ${showDims(x.dims)} that are not 1`,
  )
  return reshape(
    x,
    x.dims.filter((_, axis) => !gone.includes(axis)),
  )
}

function unsqueeze(x: Tensor, axes: readonly number[]): Tensor {
  const dims = [...x.dims]
  for (const axis of [...axes].sort((a, b) => a - b)) dims.splice(axis, 0, 1)
  must(new Set(axes).size === axes.length, 'Unsqueeze got an axis twice')
  return reshape(x, dims)
}

function blend(terms: readonly number[]) {
  return ([size]: readonly Tensor[], c: Call): Tensor => {
    const n = size.data[0]
    const turns = c.int('periodic', 1) ? n : n - 1
    const type = dtypeOf(c.int('output_datatype', 1))
    const out = room([n]).map((_, i) =>
      terms.reduce((sum, a, k) => sum + a * Math.cos((2 * Math.PI * k * i) / turns), 0),
    )
    return rounded(type, [n], out)
  }
}

const counts = (dims: Dims) => vector('int64', dims)

export const shaping: Operators = {
  Reshape: ([x, shape], c) =>
    reshaped(x, c.opset < 5 ? c.ints('shape')! : numbers(shape, 'shape'), c.int('allowzero', 0) !== 0),
  Flatten: ([x], c) => {
    const asked = c.int('axis', 1)
    const axis = asked < 0 ? asked + x.dims.length : asked
    must(axis >= 0 && axis <= x.dims.length, `Flatten got axis ${asked} of ${showDims(x.dims)}`)
    return reshape(x, [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))])
  },
  Transpose: ([x], c) => {
    const order = c.ints('perm') ?? x.dims.map((_, i) => x.dims.length - 1 - i)
    must(
      order.length === x.dims.length && x.dims.every((_, i) => order.includes(i)),
      `Transpose got the order ${showDims(order)}`,
    )
    return transpose(x, order)
  },
  Squeeze: ([x, axes], c) => squeeze(x, axesOf(axes, c, x.dims.length)),
  Unsqueeze: ([x, axes], c) => {
    const count = axes ? axes.data.length : (c.ints('axes') ?? []).length
    return unsqueeze(x, axesOf(axes, c, x.dims.length + count) ?? [])
  },
  Shape: ([x], c) => counts(x.dims.slice(c.int('start', 0), c.has('end') ? c.int('end') : undefined)),
  Size: ([x]) => scalar('int64', x.data.length),
  Concat: (inputs, c) => concat(inputs, c.int('axis', c.opset < 4 ? 1 : undefined)),
  Split: split,
  Slice: sliced,
  Pad: pad,
  Tile: ([x, repeats]) => {
    must(repeats.data.length === x.dims.length, 'Tile takes one count for each axis')
    const doubled = x.dims.flatMap(n => [1, n])
    const wide = expand(
      reshape(x, doubled),
      x.dims.flatMap((n, i) => [repeats.data[i], n]),
    )
    return reshape(
      wide,
      x.dims.map((n, i) => n * repeats.data[i]),
    )
  },
  Expand: ([x, shape]) => {
    const asked = numbers(shape, 'shape')
    const rank = Math.max(asked.length, x.dims.length)
    const at = (dims: readonly number[], i: number) => dims[i - rank + dims.length] ?? 1
    return expand(
      x,
      Array.from({ length: rank }, (_, i) => (at(asked, i) === 1 ? at(x.dims, i) : at(asked, i))),
    )
  },
  Range: range,
  ConstantOfShape: ([shape], c) => {
    const value = c.tensor('value')
    return full(value?.type ?? 'float32', numbers(shape, 'shape'), value?.data[0] ?? 0)
  },
  EyeLike: ([x], c) => {
    const type = c.has('dtype') ? dtypeOf(c.int('dtype')) : x.type
    const k = c.int('k', 0)
    const columns = x.dims[1]
    return exactly(
      type,
      x.dims,
      room(x.dims).map((_, i) => Number((i % columns) - Math.floor(i / columns) === k)),
    )
  },
  Trilu: (inputs, c) => triangle(inputs, c.int('upper', 1) !== 0),
  DepthToSpace: ([x], c) => depthToSpace(x, c),
  SpaceToDepth: ([x], c) => spaceToDepth(x, c),
  CenterCropPad: centerCropPad,
  HannWindow: blend([0.5, -0.5]),
  HammingWindow: blend([25 / 46, -21 / 46]),
  BlackmanWindow: blend([0.42, -0.5, 0.08]),
}
