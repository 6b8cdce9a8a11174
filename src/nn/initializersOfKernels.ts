import { ShapeError } from '../errors.ts'
import { printShape } from '../tensor/shape.ts'
import { exactCos } from './exact.ts'
import { initializer } from './initializer.ts'

/**
 * A convolution that does nothing at first: 1 in the middle of the window from each channel to the filter of its number.
 * PyTorch's dirac_; with groups, each group of filters begins anew.
 * @equation w_{\mathrm{middle},\, c,\, f} = [c = f]
 */
export const dirac = initializer('dirac', { groups: 1 }, ({ shape, size }, { groups }) => {
  if (shape.length < 3)
    throw new ShapeError('wrong-rank', `dirac got ${printShape(shape)}, expected the window of a convolution`, {
      hint: 'use it for the kernel of conv1d, conv2d or conv3d',
    })
  const [channels, filters] = shape.slice(-2)
  const middle = shape.slice(0, -2).reduce((at, n) => at * n + Math.floor(n / 2), 0)
  const out = new Float64Array(size)
  const each = filters / groups
  for (let f = 0; f < filters; f++) if (f % each < channels) out[(middle * channels + (f % each)) * filters + f] = 1
  return out
})

/**
 * Normal numbers, of which a share is 0 in the weights of each unit. PyTorch's sparse_; Martens 2010.
 * @equation w \sim N(0, \mathit{stddev}^2), \quad w = 0 \text{ for a share of the inputs}
 */
export const sparse = initializer('sparse', { sparsity: 0.1, stddev: 0.01 }, ({ shape, size, random }, p) => {
  if (shape.length !== 2)
    throw new ShapeError('wrong-rank', `sparse got ${printShape(shape)}, expected a matrix`, {
      hint: 'use it for the kernel of a dense layer',
    })
  const [inputs, units] = shape
  const out = random.normal(0, p.stddev, size)
  const none = Math.ceil(p.sparsity * inputs)
  for (let unit = 0; unit < units; unit++)
    for (const input of random.permutation(inputs).slice(0, none)) out[input * units + unit] = 0
  return out
})

/**
 * The waves of a short-time Fourier transform as the filters of a conv1d, [frame, 1, frequencies]: cosines ('real') or sines
 * ('imag') within a window ('hann', 'hamming' or 'none'), scaled as a 'density', a 'spectrum' or not ('none').
 * @equation w_{n, f} = \frac{v_n}{s} \cos\frac{2 \pi n f}{F} \quad \text{or} \quad -\frac{v_n}{s} \sin\frac{2 \pi n f}{F}
 */
export const stft = initializer(
  'stft',
  { side: 'real', window: 'hann', scaling: 'density', periodic: false },
  ({ shape, size }, { side, window, scaling, periodic }) => {
    const [frame, one, bins] = shape
    if (shape.length !== 3 || one !== 1 || bins < 2)
      throw new ShapeError('wrong-shape', `stft got ${printShape(shape)}, expected [frame, 1, fft / 2 + 1]`, {
        hint: 'use it for the kernel of a conv1d on one channel',
      })
    const turns = 2 * (bins - 1)
    const low = { hann: 0.5, hamming: 0.54 }[window as string] ?? 1
    const last = Math.max(1, periodic ? frame : frame - 1)
    const shown = Float64Array.from({ length: frame }, (_, n) => low - (1 - low) * exactCos((2 * Math.PI * n) / last))
    const sum = shown.reduce((a, w) => a + (scaling === 'density' ? w * w : w), 0)
    const scale = window === 'none' || scaling === 'none' ? 1 : scaling === 'density' ? Math.sqrt(sum) : sum
    return Float64Array.from({ length: size }, (_, i) => {
      const [n, bin] = [Math.floor(i / bins), i % bins]
      // Whole turns change nothing, and small angles are exact.
      const angle = (2 * Math.PI * ((n * bin) % turns)) / turns
      const wave = side === 'imag' ? exactCos(angle + Math.PI / 2) : exactCos(angle)
      return (wave * shown[n]) / scale
    })
  },
)
