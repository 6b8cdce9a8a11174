import { BackendError, DataError, ShapeError } from '../../errors.ts'
import { turned } from '../../tensor/turned.ts'

export type Dims = readonly number[]

/** Numbers of one type in row-major order; all are computed with as float64 and rounded to their type. */
export interface Tensor {
  readonly type: Dtype
  readonly dims: Dims
  readonly data: Float64Array
}

const cell = new DataView(new ArrayBuffer(8))
/** Whole numbers beyond this are not exact in float64. */
const exact = 2 ** 53

/** Float64 to the nearest float with 11 bits of fraction and 5 of exponent. */
export function roundHalf(x: number): number {
  const size = Math.abs(x)
  if (!(size < 65520)) return Number.isNaN(x) ? x : Math.sign(x) * Infinity
  const step = 2 ** (Math.max(-14, size === 0 ? -14 : Math.floor(Math.log2(size))) - 10)
  return roundEven(x / step) * step
}

/** Float64 to the upper half of a float32, ties to even. */
function roundBrain(x: number): number {
  cell.setFloat32(0, x)
  const bits = cell.getUint32(0)
  if (!Number.isFinite(Math.fround(x))) return Math.fround(x)
  cell.setUint32(0, ((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000) >>> 0)
  return cell.getFloat32(0)
}

/** To the nearest whole number, ties to even. */
export function roundEven(x: number): number {
  const low = Math.floor(x)
  if (x - low !== 0.5) return x < 0 && x >= -0.5 ? -0 : Math.round(x)
  return low % 2 === 0 ? low : low + 1
}

function wide(x: number): number {
  if (Math.abs(x) <= exact) return Math.trunc(x) + 0
  throw unsupportedType(`INT64 result of ${x}, beyond 2^53`)
}

/** Every type: its code in files, the array it comes and goes in, how results are rounded to it. */
export const dtypes = {
  float32: { code: 1, Array: Float32Array, float: true, round: Math.fround },
  uint8: { code: 2, Array: Uint8Array, float: false, round: (x: number) => x & 0xff },
  int8: { code: 3, Array: Int8Array, float: false, round: (x: number) => (x << 24) >> 24 },
  uint16: { code: 4, Array: Uint16Array, float: false, round: (x: number) => x & 0xffff },
  int16: { code: 5, Array: Int16Array, float: false, round: (x: number) => (x << 16) >> 16 },
  int32: { code: 6, Array: Int32Array, float: false, round: (x: number) => x | 0 },
  int64: { code: 7, Array: BigInt64Array, float: false, round: wide },
  bool: { code: 9, Array: Uint8Array, float: false, round: (x: number) => (x === 0 ? 0 : 1) },
  float16: { code: 10, Array: Float32Array, float: true, round: roundHalf },
  float64: { code: 11, Array: Float64Array, float: true, round: (x: number) => x },
  uint32: { code: 12, Array: Uint32Array, float: false, round: (x: number) => x >>> 0 },
  uint64: { code: 13, Array: BigUint64Array, float: false, round: wide },
  bfloat16: { code: 16, Array: Float32Array, float: true, round: roundBrain },
} as const

export type Dtype = keyof typeof dtypes
export const isFloat = (type: Dtype): boolean => dtypes[type].float

/** The least and the greatest whole number of a type. */
export function bounds(type: Dtype): readonly [number, number] {
  if (type === 'bool') return [0, 1]
  const bits = Number(/\d+$/.exec(type)![0])
  return type.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
}

const otherTypes: Record<number, string> = { 8: 'STRING', 14: 'COMPLEX64', 15: 'COMPLEX128' }
const smallTypes =
  'FLOAT8E4M3FN FLOAT8E4M3FNUZ FLOAT8E5M2 FLOAT8E5M2FNUZ UINT4 INT4 FLOAT4E2M1 FLOAT8E8M0 UINT2 INT2'.split(' ')

/**
 * The type of a code in a file, which stands for something.
 * @throws BackendError `unsupported-type`
 */
export function dtypeOf(code: number, what = ''): Dtype {
  const found = Object.entries(dtypes).find(([, { code: own }]) => own === code)
  if (found) return found[0] as Dtype
  throw unsupportedType(otherTypes[code] ?? smallTypes[code - 17] ?? `element type ${code}`, what)
}

/** What to do about types that nothing is computed with. */
const ways: readonly (readonly [RegExp, string])[] = [
  [/^STRING/, 'number classes and words before, and export the model without texts'],
  [/^(SEQUENCE|MAP)/, "export plain tensors; skl2onnx does with options={'zipmap': False}"],
  [/^OPTIONAL/, 'export plain tensors, all of which are there'],
  [/^COMPLEX/, 'export real and imaginary parts as two tensors'],
  [/^(FLOAT[48]|U?INT[24]$)/, 'export the model in float32, or quantized to int8'],
  [/beyond 2\^53/, 'whole numbers are exact up to 2^53 only; use smaller ones, or floats'],
]

export function unsupportedType(type: string, what = ''): BackendError {
  const [, hint] = ways.find(([types]) => types.test(type)) ?? []
  return new BackendError('unsupported-type', `unsupported: ${type}${what && ` of ${what}`}`, {
    hint: hint ?? `export the model with one of ${Object.keys(dtypes).join(', ')}`,
  })
}

export const sizeOf = (dims: Dims) => dims.reduce((product, n) => product * n, 1)

/** How far a step along each axis goes. */
export function stridesOf(dims: Dims): number[] {
  const strides = new Array<number>(dims.length)
  for (let axis = dims.length - 1, step = 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= dims[axis]
  }
  return strides
}

/** What work may still take: numbers to keep, and steps of counting. */
let left = { room: 2 ** 24, steps: Infinity }

/**
 * Does some work on so many numbers: what it may take grows with them, so that a small file stays small work.
 * @throws DataError `too-much`
 */
export function within<T>(size: number, work: () => T): T {
  const before = left
  left = { room: 2 ** 22 + 2 ** 10 * size, steps: 2 ** 27 + 2 ** 16 * size }
  try {
    return work()
  } finally {
    left = before
  }
}

/** Takes steps of counting, and room for numbers, before either is used. */
export function spend(steps: number, room = 0): void {
  left.steps -= steps
  left.room -= room
  if (left.steps >= 0 && left.room >= 0) return
  const what = left.room < 0 ? 'memory' : 'work'
  throw new DataError('too-much', `onnx: the model asks for more ${what} than its weights and inputs give reason for`, {
    hint: 'check the sizes that it computes; models that make much of little cannot be run here',
  })
}

/** Whether these are sizes of a tensor, zeros among them not hiding what the others would take. */
const sound = (dims: Dims) =>
  dims.length <= 32 && dims.every(n => Number.isInteger(n) && n >= 0) && sizeOf(dims.map(n => n || 1)) <= 2 ** 31

/** Room for a tensor; every size is checked before anything is allocated. */
export function room(dims: Dims): Float64Array {
  const size = sizeOf(dims)
  if (sound(dims) && size <= left.room) {
    spend(4 * size, size)
    return new Float64Array(size)
  }
  throw new ShapeError('bad-shape', `a tensor cannot have the shape [${dims.slice(0, 8).join(', ')}]`, {
    hint: 'sizes are whole numbers from 0; a model may not make much of little: check the shapes of the inputs',
  })
}

/** A tensor of numbers that have that type already. */
export function exactly(type: Dtype, dims: Dims, data: Float64Array): Tensor {
  if (sound(dims) && sizeOf(dims) === data.length) return { type, dims, data }
  throw new ShapeError('bad-shape', `${data.length} numbers do not fill the shape [${dims.slice(0, 8).join(', ')}]`, {
    hint: 'the sizes of all axes multiply to the count of numbers',
  })
}

/** A tensor of numbers, each rounded to the type in place. */
export function rounded(type: Dtype, dims: Dims, data: Float64Array): Tensor {
  const { round } = dtypes[type]
  if (type !== 'float64') for (let i = 0; i < data.length; i++) data[i] = round(data[i])
  return exactly(type, dims, data)
}

export const full = (type: Dtype, dims: Dims, value: number) => exactly(type, dims, room(dims).fill(value))
export const scalar = (type: Dtype, value: number) => full(type, [], value)
export const vector = (type: Dtype, values: ArrayLike<number>) =>
  exactly(type, [values.length], Float64Array.from(values))
export const reshape = (t: Tensor, dims: Dims): Tensor => exactly(t.type, dims, t.data)

/** The shape that tensors have together: sizes meet from the right, and a size of 1 repeats. */
export function broadcast(...shapes: readonly Dims[]): number[] {
  const out = new Array<number>(Math.max(...shapes.map(dims => dims.length))).fill(1)
  for (const dims of shapes)
    dims.forEach((n, i) => {
      const axis = out.length - dims.length + i
      if (out[axis] === 1) out[axis] = n
      else if (n !== 1 && n !== out[axis])
        throw new ShapeError('no-broadcast', `shapes do not broadcast: ${shapes.map(s => `[${s}]`).join(', ')}`, {
          hint: 'from the right, sizes must be equal or 1',
        })
    })
  return out
}

/** Elements picked out at regular steps: a transpose, a slice, a repeat, a diagonal. */
export function pick(t: Tensor, dims: Dims, strides: readonly number[], origin = 0): Tensor {
  const out = room(dims)
  const last = dims.length - 1
  if (last < 0) out[0] = t.data[origin]
  const [run, step] = [dims[last], strides[last]]
  const counter = new Int32Array(dims.length)
  for (let i = 0, at = origin; i < out.length; ) {
    for (let j = 0; j < run; j++) out[i++] = t.data[at + j * step]
    for (let axis = last - 1; axis >= 0; axis--) {
      at += strides[axis]
      if (++counter[axis] < dims[axis]) break
      at -= strides[axis] * dims[axis]
      counter[axis] = 0
    }
    if (last < 0) break
  }
  return exactly(t.type, dims, out)
}

/** The tensor repeated to a shape that it broadcasts to. */
export function expand(t: Tensor, dims: Dims): Tensor {
  if (dims.length === t.dims.length && dims.every((n, i) => n === t.dims[i])) return t
  const own = stridesOf(t.dims)
  const missing = dims.length - t.dims.length
  if (missing < 0 || t.dims.some((n, i) => n !== 1 && n !== dims[i + missing])) broadcast([0, ...t.dims], [2, ...dims])
  const stride = (axis: number) => (axis < missing || t.dims[axis - missing] === 1 ? 0 : own[axis - missing])
  return pick(
    t,
    dims,
    dims.map((_, axis) => stride(axis)),
  )
}

export function transpose(t: Tensor, order: readonly number[]): Tensor {
  if (order.every((axis, i) => axis === i)) return t
  const dims = order.map(axis => t.dims[axis])
  return exactly(t.type, dims, turned(t.data, t.dims, order, room(dims)))
}

/** An axis counted from the front. */
export function front(axis: number, rank: number): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis
  throw new ShapeError('no-such-axis', `axis ${axis} does not exist among ${rank} axes`, {
    hint: 'axes are counted from 0, or from -1 backwards',
  })
}

/** A place along an axis counted from the front. */
export function place(index: number, size: number): number {
  if (index >= -size && index < size) return index < 0 ? index + size : index
  throw new DataError('no-such-index', `index ${index} does not exist on an axis of ${size}`, {
    hint: `places go from 0 to ${size - 1}, or from -1 backwards`,
  })
}

/** The axes not in `axes`, in order. */
export const others = (rank: number, axes: readonly number[]) =>
  Array.from({ length: rank }, (_, i) => i).filter(axis => !axes.includes(axis))

/** The same work on every row along some axes; it reads a row and writes one. */
export function alongRows(
  t: Tensor,
  axes: readonly number[],
  work: (row: Float64Array, out: Float64Array) => void,
): Tensor {
  const order = [...others(t.dims.length, axes), ...axes]
  const moved = transpose(t, order)
  const n = sizeOf(axes.map(axis => t.dims[axis]))
  const out = room(moved.dims)
  for (let at = 0; at < out.length; at += n) work(moved.data.subarray(at, at + n), out.subarray(at, at + n))
  return transpose(
    rounded(t.type, moved.dims, out),
    order.map((_, axis) => order.indexOf(axis)),
  )
}

/** A number for every row along some axes. */
export function reduceRows(
  t: Tensor,
  axes: readonly number[],
  keep: boolean,
  work: (row: Float64Array) => number,
  type: Dtype = t.type,
): Tensor {
  const rest = others(t.dims.length, axes)
  const moved = transpose(t, [...rest, ...axes])
  const n = sizeOf(axes.map(axis => t.dims[axis]))
  const dims = keep ? t.dims.map((size, axis) => (axes.includes(axis) ? 1 : size)) : rest.map(axis => t.dims[axis])
  const out = room(dims)
  for (let i = 0; i < out.length; i++) out[i] = work(moved.data.subarray(i * n, (i + 1) * n))
  return rounded(type, dims, out)
}

/** Elementwise on tensors that broadcast; the result has the type of the first unless told. */
export function zip(tensors: readonly Tensor[], f: (...x: number[]) => number, type: Dtype = tensors[0].type): Tensor {
  const dims = broadcast(...tensors.map(t => t.dims))
  const out = room(dims)
  const [a, b, c] = tensors.map(t => expand(t, dims).data)
  if (tensors.length === 1) for (let i = 0; i < out.length; i++) out[i] = f(a[i])
  else if (tensors.length === 2) for (let i = 0; i < out.length; i++) out[i] = f(a[i], b[i])
  else for (let i = 0; i < out.length; i++) out[i] = f(a[i], b[i], c[i])
  return rounded(type, dims, out)
}

/** A tensor behind another along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors
  const a = front(axis, first.dims.length)
  const fits = (t: Tensor) =>
    t.dims.length === first.dims.length && t.dims.every((n, i) => i === a || n === first.dims[i])
  if (!tensors.every(fits))
    throw new ShapeError('concat', `shapes differ beside axis ${a}: ${tensors.map(t => `[${t.dims}]`).join(', ')}`, {
      hint: 'all other axes must be of the same size',
    })
  const dims = first.dims.with(
    a,
    tensors.reduce((sum, t) => sum + t.dims[a], 0),
  )
  const out = room(dims)
  const outer = sizeOf(dims.slice(0, a))
  for (let group = 0, at = 0; group < outer; group++)
    for (const { data } of tensors) {
      const part = data.length / outer
      out.set(data.subarray(group * part, (group + 1) * part), at)
      at += part
    }
  return exactly(first.type, dims, out)
}

/** The part of an axis from `start` up to but without `stop`. */
export function slice(t: Tensor, axis: number, start: number, stop: number): Tensor {
  const strides = stridesOf(t.dims)
  return pick(t, t.dims.with(axis, stop - start), strides, start * strides[axis])
}

/** A batch of matrices times another: [..., m, k] × [..., k, n], in float64. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const left = a.dims.length === 1 ? reshape(a, [1, ...a.dims]) : a
  const right = b.dims.length === 1 ? reshape(b, [...b.dims, 1]) : b
  const [m, k] = left.dims.slice(-2)
  const [rows, n] = right.dims.slice(-2)
  if (k !== rows || k === undefined)
    throw new ShapeError('matmul', `matrices do not fit: [${a.dims}] times [${b.dims}]`, {
      hint: 'the columns of the first are the rows of the second',
    })
  const batch = broadcast(left.dims.slice(0, -2), right.dims.slice(0, -2))
  const x = expand(left, [...batch, m, k]).data
  const y = expand(right, [...batch, k, n]).data
  const dims = [...batch, ...(a.dims.length === 1 ? [] : [m]), ...(b.dims.length === 1 ? [] : [n])]
  const out = room(dims)
  spend(sizeOf(batch) * m * k * n)
  for (let group = 0, count = sizeOf(batch); group < count; group++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < k; j++) {
        const factor = x[(group * m + i) * k + j]
        const from = (group * k + j) * n
        const to = (group * m + i) * n
        for (let l = 0; l < n; l++) out[to + l] += factor * y[from + l]
      }
  return rounded(a.type, dims, out)
}
