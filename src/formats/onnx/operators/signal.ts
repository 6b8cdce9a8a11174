import { type Call, must, type Operators } from '../call.ts'
import { unsupported } from '../file.ts'
import { concat, front, others, reshape, room, rounded, spend, type Tensor, transpose, zip } from '../tensors.ts'

/** Numbers [..., n, 1 or 2], the last axis being real and imaginary part, as [rows, n, 2]. */
function complex(x: Tensor): Tensor {
  if (x.dims.at(-1) === 2) return x
  must(x.dims.at(-1) === 1, 'DFT takes a last axis of 1 or 2: real and imaginary parts')
  return concat([x, zip([x], () => 0)], -1)
}

/** X[k] = Σ x[n]·e^(−2πi·k·n/N) for the first k of each row [n, 2]. */
function spectrum(x: Tensor, length: number, kept: number): Tensor {
  const [rows, n] = x.dims
  spend(4 * rows * kept * Math.min(n, length) + 16 * length, length)
  const [cosines, sines] = [Math.cos, Math.sin].map(f =>
    Float64Array.from({ length }, (_, i) => f((2 * Math.PI * i) / length)),
  )
  const out = room([rows, kept, 2])
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < kept; k++) {
      let [re, im] = [0, 0]
      for (let j = 0; j < Math.min(n, length); j++) {
        const [a, b] = [x.data[(row * n + j) * 2], x.data[(row * n + j) * 2 + 1]]
        const at = (k * j) % length
        re += a * cosines[at] + b * sines[at]
        im += b * cosines[at] - a * sines[at]
      }
      out[(row * kept + k) * 2] = re
      out[(row * kept + k) * 2 + 1] = im
    }
  return rounded(x.type, [rows, kept, 2], out)
}

/** The spectrum along an axis; onesided leaves out what follows by symmetry. */
function dft([x, size, along]: readonly Tensor[], c: Call): Tensor {
  const rank = x.dims.length
  const axis = front(c.opset < 20 ? c.int('axis', 1) : (along?.data[0] ?? -2), rank)
  const onesided = c.int('onesided', 0) !== 0
  if (c.int('inverse', 0)) throw unsupported('DFT inverse', 'transform back outside of the model')
  must(axis < rank - 1, 'DFT along the axis of real and imaginary parts')
  const length = size?.data[0] ?? x.dims[axis]
  must(Number.isInteger(length) && length >= 1 && length <= 2 ** 20, 'DFT of no length')
  const rest = others(rank - 1, [axis])
  const order = [...rest, axis, rank - 1]
  const moved = transpose(complex(x), order)
  const rows = rest.reduce((product, i) => product * x.dims[i], 1)
  const kept = onesided ? Math.floor(length / 2) + 1 : length
  const made = spectrum(reshape(moved, [rows, x.dims[axis], 2]), length, kept)
  const dims = [...rest.map(i => x.dims[i]), kept, 2]
  return transpose(
    reshape(made, dims),
    order.map((_, i) => order.indexOf(i)),
  )
}

/** Spectra of windows that step along a signal. */
function stft([signal, step, window, size]: readonly Tensor[], c: Call): Tensor {
  const onesided = c.int('onesided', 1) !== 0
  const length = size?.data[0] ?? window?.data.length ?? 0
  const [batch, total] = signal.dims
  const hop = step.data[0]
  const frames = Math.floor((total - length) / hop) + 1
  must(length >= 1 && hop >= 1 && frames >= 1 && frames <= 2 ** 20, 'STFT got no window that fits')
  const x = complex(signal.dims.length === 2 ? reshape(signal, [...signal.dims, 1]) : signal)
  const cut = room([batch * frames, length, 2])
  for (let i = 0; i < cut.length; i++) {
    const [part, j, row] = [i % 2, Math.floor(i / 2) % length, Math.floor(i / 2 / length)]
    const at = (Math.floor(row / frames) * total + (row % frames) * hop + j) * 2 + part
    cut[i] = x.data[at] * (window?.data[j] ?? 1)
  }
  const kept = onesided ? Math.floor(length / 2) + 1 : length
  const made = spectrum({ type: signal.type, dims: [batch * frames, length, 2], data: cut }, length, kept)
  return reshape(made, [batch, frames, kept, 2])
}

/** Triangles that gather a spectrum into bands as wide as the ear hears them. */
function mel([bands, size, rate, low, high]: readonly Tensor[]): Tensor {
  const [n, length] = [bands.data[0], size.data[0]]
  const bins = Math.floor(length / 2) + 1
  must(n >= 1 && length >= 1 && n * bins <= 2 ** 24, 'MelWeightMatrix got no bands')
  const toMel = (f: number) => 2595 * Math.log10(1 + f / 700)
  const toHertz = (m: number) => 700 * (10 ** (m / 2595) - 1)
  const [from, to] = [toMel(low.data[0]), toMel(high.data[0])]
  const edges = Array.from({ length: n + 2 }, (_, i) =>
    Math.floor(((length + 1) * toHertz(from + (i * (to - from)) / (n + 2))) / rate.data[0]),
  )
  const out = room([bins, n])
  for (let band = 0; band < n; band++) {
    const [left, middle, right] = edges.slice(band, band + 3)
    if (middle === left) out[middle * n + band] = 1
    else for (let bin = left; bin <= middle; bin++) if (bin < bins) out[bin * n + band] = (bin - left) / (middle - left)
    if (right > middle)
      for (let bin = middle; bin < right; bin++) if (bin < bins) out[bin * n + band] = (right - bin) / (right - middle)
  }
  return rounded('float32', [bins, n], out)
}

export const signals: Operators = {
  DFT: dft,
  STFT: stft,
  MelWeightMatrix: (inputs, c) => {
    const type = c.int('output_datatype', 1)
    must(type === 1 || type === 11, 'MelWeightMatrix of whole numbers')
    return { ...mel(inputs), type: type === 1 ? 'float32' : 'float64' }
  },
}
