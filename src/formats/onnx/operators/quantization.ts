import { type Call, must, type Operators } from '../call.ts'
import {
  bounds,
  type Dtype,
  dtypeOf,
  dtypes,
  expand,
  front,
  isFloat,
  matmul,
  reshape,
  roundEven,
  rounded,
  scalar,
  type Tensor,
  zip,
} from '../tensors.ts'
import { convolve } from './convolution.ts'

/** One scale for all, one a place of the axis, or one a block along it, laid out to meet x. */
function spread(t: Tensor, x: Tensor, axisGiven: number, block: number): Tensor {
  if (t.data.length === 1) return reshape(t, [])
  const axis = front(axisGiven, x.dims.length)
  if (t.dims.length === 1)
    return reshape(
      t,
      x.dims.map((n, i) => (i === axis ? t.data.length : n && 1)),
    )
  const size = block || Math.ceil(x.dims[axis] / t.dims[axis])
  const doubled = t.dims.toSpliced(axis + 1, 0, 1)
  const repeated = expand(reshape(t, doubled), t.dims.toSpliced(axis + 1, 0, size))
  const whole = reshape(repeated, t.dims.with(axis, t.dims[axis] * size))
  must(
    whole.dims.every((n, i) => n === x.dims[i]),
    'quantisation blocks do not cover the tensor',
  )
  return whole
}

function quantize(x: Tensor, scale: Tensor, zero: Tensor | undefined, type: Dtype): Tensor {
  const [low, high] = bounds(type)
  // The quotient is rounded to the type of x first: ties fall as they do in single precision.
  const { round } = dtypes[isFloat(x.type) ? x.type : 'float32']
  const f = (v: number, s: number, z: number) => Math.min(Math.max(roundEven(round(v / s)) + z, low), high)
  return zip([x, scale, zero ?? scalar(type, 0)], f, type)
}

const shifted = (t: Tensor, zero: Tensor | undefined) => zip([t, zero ?? scalar(t.type, 0)], (v, z) => v - z, 'float64')
/** Scales of the rows of a, or of the columns of b. */
const rows = (t: Tensor) =>
  t.dims.length === 1 && t.data.length > 1 ? reshape(t, [t.data.length, 1]) : t.data.length === 1 ? reshape(t, []) : t
const columns = (t: Tensor) => (t.data.length === 1 ? reshape(t, []) : t)
const channels = (t: Tensor | undefined, rank: number) =>
  t && (t.data.length === 1 ? reshape(t, []) : reshape(t, [t.data.length, ...new Array<number>(rank - 1).fill(1)]))

function dynamic(x: Tensor): Tensor[] {
  const low = x.data.reduce((a, b) => Math.min(a, b), 0)
  const high = x.data.reduce((a, b) => Math.max(a, b), 0)
  const scale = rounded('float32', [], Float64Array.of((high - low) / 255))
  const zero = scalar('uint8', Math.min(Math.max(roundEven(Math.fround(-low / (scale.data[0] || 1))), 0), 255))
  return [quantize(x, scale, zero, 'uint8'), scale, zero]
}

function multiply([a, b, aZero, bZero]: readonly Tensor[]): Tensor {
  return matmul(shifted(a, aZero && rows(aZero)), shifted(b, bZero && columns(bZero)))
}

function quantizedConvolution(
  [x, xScale, xZero, w, wScale, wZero, yScale, yZero, b]: readonly Tensor[],
  c: Call,
): Tensor {
  const y = convolve(shifted(x, columns(xZero)), shifted(w, channels(wZero, w.dims.length)), b, c, 'float64')
  const scales = zip(
    [channels(wScale, x.dims.length - 1)!, columns(xScale), columns(yScale)],
    (p, q, r) => (p * q) / r,
    'float64',
  )
  return quantize(
    zip([y, scales], (v, s) => v * s),
    scalar('float64', 1),
    columns(yZero),
    yZero.type,
  )
}

export const quantized: Operators = {
  QuantizeLinear: ([x, scale, zero], c) => {
    const asked = c.int('output_dtype', 0)
    c.int('saturate', 1)
    c.int('precision', 0)
    const [axis, block] = [c.int('axis', 1), c.int('block_size', 0)]
    const type = zero?.type ?? (asked ? dtypeOf(asked) : 'uint8')
    return quantize(x, spread(scale, x, axis, block), zero && spread(zero, x, axis, block), type)
  },
  DequantizeLinear: ([x, scale, zero], c) => {
    const [axis, block, asked] = [c.int('axis', 1), c.int('block_size', 0), c.int('output_dtype', 0)]
    const type = asked ? dtypeOf(asked) : scale.type
    return zip([shifted(x, zero && spread(zero, x, axis, block)), spread(scale, x, axis, block)], (v, s) => v * s, type)
  },
  DynamicQuantizeLinear: ([x]) => dynamic(x),
  MatMulInteger: inputs => zip([multiply(inputs)], v => v, 'int32'),
  ConvInteger: ([x, w, xZero, wZero], c) =>
    zip(
      [
        convolve(
          shifted(x, xZero && columns(xZero)),
          shifted(w, channels(wZero, w.dims.length)),
          undefined,
          c,
          'float64',
        ),
      ],
      v => v,
      'int32',
    ),
  QLinearMatMul: ([a, aScale, aZero, b, bScale, bZero, yScale, yZero]) => {
    const product = multiply([a, b, aZero, bZero])
    const scaled = zip([product, rows(aScale), columns(bScale)], (v, s, t) => v * s * t, 'float64')
    return quantize(scaled, rows(yScale), rows(yZero), yZero.type)
  },
  QLinearConv: quantizedConvolution,
}
