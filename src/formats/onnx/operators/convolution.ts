import { type Call, must, type Operators, showDims } from '../call.ts'
import { type Dtype, matmul, room, rounded, sizeOf, spend, type Tensor, transpose, zip } from '../tensors.ts'
import { type Sliding, slidingOf, windows } from '../windows.ts'

/** Each kernel slides over the channels of its group: y[n, m, p] = b[m] + Σ w[m, c, k] · x[n, c, place of k at p]. */
export function convolve(x: Tensor, w: Tensor, b: Tensor | undefined, c: Call, type: Dtype = x.type): Tensor {
  const [batch, channels, ...input] = x.dims
  const [filters, depth, ...kernel] = w.dims
  const groups = c.int('group', 1)
  const fits = groups >= 1 && depth * groups === channels && filters % groups === 0 && x.dims.length === w.dims.length
  must(fits && input.length > 0, `Conv of ${showDims(x.dims)} by ${showDims(w.dims)} in ${groups} groups does not fit`)
  const shape = c.ints('kernel_shape')
  must(!shape || shape.join() === kernel.join(), 'kernel_shape differs from the shape of the kernels')
  const { out, count, cells, at } = windows(input, slidingOf(c, input, kernel))
  const size = sizeOf(input)
  const dims = [batch, filters, ...out]
  const y = room(dims)
  spend(y.length * depth * cells)
  // One cell behind the channel holds the zero that the border reads.
  const from = at.map(place => (place < 0 ? size : place))
  const channel = new Float64Array(size + 1)
  const perGroup = filters / groups
  for (let n = 0; n < batch; n++)
    for (let ch = 0; ch < channels; ch++) {
      channel.set(x.data.subarray((n * channels + ch) * size, (n * channels + ch + 1) * size))
      const group = Math.floor(ch / depth)
      for (let m = group * perGroup; m < (group + 1) * perGroup; m++) {
        const to = (n * filters + m) * count
        for (let k = 0; k < cells; k++) {
          const weight = w.data[(m * depth + (ch % depth)) * cells + k]
          for (let p = 0, i = k * count; p < count; p++, i++) y[to + p] += weight * channel[from[i]]
        }
      }
    }
  if (b) for (let i = 0; i < y.length; i++) y[i] += b.data[Math.floor(i / count) % filters]
  return rounded(type, dims, y)
}

/** The gradient of a convolution: every place of the input spreads its kernel over the output. */
function convolveTransposed([x, w, b]: readonly Tensor[], c: Call): Tensor {
  const [batch, channels, ...input] = x.dims
  const [depth, perGroup, ...kernel] = w.dims
  const groups = c.int('group', 1)
  const rank = input.length
  must(
    depth === channels && channels % groups === 0 && kernel.length === rank && rank > 0,
    'ConvTranspose does not fit its kernels',
  )
  const filters = perGroup * groups
  const auto = c.text('auto_pad', 'NOTSET')
  const {
    strides,
    dilations,
    pads: given,
  } = slidingOf({ ...c, text: () => 'NOTSET' }, input, c.ints('kernel_shape') ?? kernel)
  const extra = c.ints('output_padding') ?? input.map(() => 0)
  const asked =
    c.ints('output_shape')?.slice(-rank) ?? (auto.startsWith('SAME') ? input.map((n, i) => n * strides[i]) : undefined)
  const whole = input.map((n, i) => (n - 1) * strides[i] + extra[i] + (kernel[i] - 1) * dilations[i] + 1)
  const total = asked?.map((n, i) => whole[i] - n)
  const begin = total?.map(n => (auto === 'SAME_UPPER' ? Math.floor(n / 2) : Math.ceil(n / 2)))
  // Without SAME_UPPER the larger half goes before, as the formula of the operator says.
  const pads = total ? [...begin!, ...total.map((n, i) => n - begin![i])] : given
  const out = asked ?? whole.map((n, i) => n - pads[i] - pads[i + rank])
  const sliding: Sliding = { kernel, strides, dilations, pads }
  const { count, cells, at } = windows(out, sliding, false, input)
  const size = sizeOf(out)
  const dims = [batch, filters, ...out]
  const y = room(dims)
  spend(2 * batch * channels * perGroup * cells * count)
  for (let n = 0; n < batch; n++)
    for (let ch = 0; ch < channels; ch++) {
      const group = Math.floor((ch * groups) / channels)
      const from = (n * channels + ch) * count
      for (let m = 0; m < perGroup; m++) {
        const to = (n * filters + group * perGroup + m) * size
        for (let k = 0; k < cells; k++) {
          const weight = w.data[(ch * perGroup + m) * cells + k]
          for (let p = 0, i = k * count; p < count; p++, i++) if (at[i] >= 0) y[to + at[i]] += weight * x.data[from + p]
        }
      }
    }
  if (b) for (let i = 0; i < y.length; i++) y[i] += b.data[Math.floor(i / size) % filters]
  return rounded(x.type, dims, y)
}

/** Columns of patches back to an image; where patches overlap they add up. */
function columnsToImage([x, image, block]: readonly Tensor[], c: Call): Tensor {
  const [input, kernel] = [Array.from(image.data), Array.from(block.data)]
  const { count, cells, at } = windows(input, slidingOf(c, input, kernel))
  const [batch, rows, columns] = x.dims
  must(columns === count && rows % cells === 0, 'Col2Im got columns that do not fit the image')
  const channels = rows / cells
  const dims = [batch, channels, ...input]
  const y = room(dims)
  const size = sizeOf(input)
  for (let plane = 0; plane < batch * channels; plane++)
    for (let i = 0; i < cells * count; i++) if (at[i] >= 0) y[plane * size + at[i]] += x.data[plane * cells * count + i]
  return rounded(x.type, dims, y)
}

export const products: Operators = {
  MatMul: ([a, b]) => matmul(a, b),
  Gemm: ([a, b, bias], c) => {
    const [alpha, beta] = [c.float('alpha', 1), c.float('beta', 1)]
    must(a.dims.length === 2 && b.dims.length === 2, 'Gemm takes two matrices')
    const left = c.int('transA', 0) ? transpose(a, [1, 0]) : a
    const right = c.int('transB', 0) ? transpose(b, [1, 0]) : b
    const product = matmul({ ...left, type: 'float64' }, right)
    if (!bias || beta === 0) return zip([product], x => alpha * x, a.type)
    return zip([product, bias], (x, y) => alpha * x + beta * y, a.type)
  },
  Conv: ([x, w, b], c) => convolve(x, w, b, c),
  ConvTranspose: convolveTransposed,
  Col2Im: columnsToImage,
  Det: ([x]) => {
    const n = x.dims.at(-1)!
    must(x.dims.length >= 2 && x.dims.at(-2) === n, 'Det takes square matrices')
    spend(x.data.length * n)
    const dims = x.dims.slice(0, -2)
    const out = room(dims).map((_, i) => determinant(x.data.slice(i * n * n, (i + 1) * n * n), n))
    return rounded(x.type, dims, out)
  },
}

/** By elimination with the largest pivot of each column. */
function determinant(a: Float64Array, n: number): number {
  let value = 1
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[pivot * n + k])) pivot = i
    if (a[pivot * n + k] === 0) return 0
    if (pivot !== k) {
      for (let j = 0; j < n; j++) [a[k * n + j], a[pivot * n + j]] = [a[pivot * n + j], a[k * n + j]]
      value = -value
    }
    value *= a[k * n + k]
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k] / a[k * n + k]
      for (let j = k; j < n; j++) a[i * n + j] -= factor * a[k * n + j]
    }
  }
  return value
}
