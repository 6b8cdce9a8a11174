import { type Call, choice, must, type Operators, showDims } from '../call.ts'
import { front, room, roundEven, rounded, sizeOf, spend, type Tensor } from '../tensors.ts'

/** How one axis is made longer or shorter. */
interface Scaling {
  readonly length: number
  readonly target: number
  readonly scale: number
  readonly roi: readonly [number, number]
}

interface Style {
  readonly mode: 'nearest' | 'linear' | 'cubic'
  readonly coordinates: (typeof coordinates)[number]
  readonly nearest: 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil'
  readonly a: number
  readonly inside: boolean
  readonly antialias: boolean
}

const coordinates = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
  'tf_half_pixel_for_nn',
] as const

/** Where place i of the result lies in the source. */
function origin(i: number, { length, target, scale, roi }: Scaling, kind: Style['coordinates']): number {
  const exact = scale * length
  if (kind === 'align_corners') return exact === 1 ? 0 : (i * (length - 1)) / (exact - 1)
  if (kind === 'asymmetric') return i / scale
  if (kind === 'tf_half_pixel_for_nn') return (i + 0.5) / scale
  if (kind === 'pytorch_half_pixel' && target === 1) return 0
  if (kind === 'tf_crop_and_resize') {
    const span = roi[1] - roi[0]
    const inner = exact === 1 ? (span * (length - 1)) / 2 : (i * span * (length - 1)) / (exact - 1)
    return inner + roi[0] * (length - 1)
  }
  const offset = kind === 'half_pixel_symmetric' ? (length / 2) * (1 - target / exact) : 0
  return offset + (i + 0.5) / scale - 0.5
}

function cubic(distance: number, a: number): number {
  const x = Math.abs(distance)
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0
}

const nearestOf = {
  round_prefer_floor: (x: number) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x: number) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

/** Which places of the source make place i, and with what weights. */
function taps(x: number, { length, scale }: Scaling, style: Style): [place: number, weight: number][] {
  if (style.mode === 'nearest') return [[nearestOf[style.nearest](x), 1]]
  const reach = style.mode === 'linear' ? 1 : 2
  const squeeze = style.antialias ? Math.min(scale, 1) : 1
  const first = Math.floor(-reach / squeeze) + 1
  const base = Math.floor(x)
  const found: [number, number][] = []
  for (let k = first; k <= 1 - first; k++) {
    const distance = (base + k - x) * squeeze
    const weight = style.mode === 'linear' ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance, style.a)
    const outside = base + k < 0 || base + k >= length
    if (weight !== 0 && !(outside && style.inside)) found.push([base + k, weight])
  }
  const total = found.reduce((sum, [, weight]) => sum + weight, 0)
  return found.map(([place, weight]) => [place, weight / total])
}

function resizeAxis(x: Tensor, axis: number, scaling: Scaling, style: Style, beyond: number): Tensor {
  const { length, target } = scaling
  const dims = x.dims.with(axis, target)
  const out = room(dims)
  const reach = style.antialias ? Math.max(1, 1 / scaling.scale) : 1
  spend(4 * reach * (4 * target + out.length))
  const [outer, inner] = [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis + 1))]
  for (let i = 0; i < target; i++) {
    const at = origin(i, scaling, style.coordinates)
    const lost = style.coordinates === 'tf_crop_and_resize' && (at < 0 || at > length - 1)
    const weights = lost ? [] : taps(at, scaling, style)
    for (let group = 0; group < outer; group++) {
      const to = (group * target + i) * inner
      if (lost) out.fill(beyond, to, to + inner)
      for (const [place, weight] of weights) {
        const from = (group * length + Math.min(Math.max(place, 0), length - 1)) * inner
        for (let j = 0; j < inner; j++) out[to + j] += weight * x.data[from + j]
      }
    }
  }
  return { type: 'float64', dims, data: out }
}

function resize([x, roiInput, scalesInput, sizesInput]: readonly Tensor[], c: Call): Tensor {
  const style: Style = {
    mode: choice('Resize mode', c.text('mode', 'nearest'), ['nearest', 'linear', 'cubic']),
    coordinates: choice(
      'Resize coordinates',
      c.text('coordinate_transformation_mode', c.opset < 11 ? 'asymmetric' : 'half_pixel'),
      coordinates,
    ),
    nearest: choice('Resize rounding', c.text('nearest_mode', c.opset < 11 ? 'floor' : 'round_prefer_floor'), [
      'round_prefer_floor',
      'round_prefer_ceil',
      'floor',
      'ceil',
    ]),
    a: c.float('cubic_coeff_a', -0.75),
    inside: c.int('exclude_outside', 0) !== 0,
    antialias: c.int('antialias', 0) !== 0,
  }
  const beyond = c.float('extrapolation_value', 0)
  const policy = choice('Resize policy', c.text('keep_aspect_ratio_policy', 'stretch'), [
    'stretch',
    'not_larger',
    'not_smaller',
  ])
  const axes = c.ints('axes')?.map(axis => front(axis, x.dims.length)) ?? x.dims.map((_, i) => i)
  const sizes = sizesInput?.data.length ? Array.from(sizesInput.data) : undefined
  const ratios = sizes ? sizes.map((n, i) => n / x.dims[axes[i]]) : Array.from(scalesInput?.data ?? [])
  must(ratios.length === axes.length && ratios.every(r => r > 0), `Resize got the scales ${showDims(ratios)}`)
  const one = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  const roi = roiInput?.data
  const result = axes.reduce(
    (t, axis, i) => {
      const length = x.dims[axis]
      const scale = sizes && policy !== 'stretch' ? one : ratios[i]
      const target = sizes
        ? policy === 'stretch'
          ? sizes[i]
          : Math.floor(scale * length + 0.5)
        : Math.floor(length * scale)
      const scaling = { length, target, scale, roi: [roi?.[i] ?? 0, roi?.[i + axes.length] ?? 1] as const }
      const still = target === length && scale === 1 && style.coordinates !== 'tf_crop_and_resize'
      return still ? t : resizeAxis(t, axis, scaling, style, beyond)
    },
    { ...x, type: 'float64' } as Tensor,
  )
  return rounded(
    x.type,
    result.dims,
    result.data === x.data ? x.data.slice() : x.type === 'float64' ? result.data : whole(x, result.data),
  )
}

/** Whole numbers are rounded to the nearest, not cut. */
function whole(x: Tensor, data: Float64Array): Float64Array {
  return x.type.startsWith('float') || x.type === 'bfloat16' ? data : data.map(roundEven)
}

export const resizing: Operators = {
  Resize: (inputs, c) => resize(c.opset < 11 ? [inputs[0], undefined as unknown as Tensor, inputs[1]] : inputs, c),
  Upsample: ([x, scales], c) => {
    const asked =
      c.opset < 9 ? { ...x, dims: [x.dims.length], data: Float64Array.from(c.floats('scales') ?? []) } : scales
    return resize([x, undefined as unknown as Tensor, asked], { ...c, opset: 10 })
  },
}
