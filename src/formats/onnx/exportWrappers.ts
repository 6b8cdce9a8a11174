import { formula } from '../../formula/index.ts'
import type { Builder } from './build.ts'
import { first, last, type Writer, type Written, writerOf } from './export.ts'
import { within } from './exportAttention.ts'
import { asRead, steps } from './exportRecurrent.ts'
import { unsupported } from './file.ts'
import { writeFormula } from './formulas.ts'

const inner = ({ config }: Written) => ({ config: config.layer!.config as Written['config'], type: config.layer!.type })

/** Steps become samples, and samples steps again. */
const timeDistributed: Writer = (b, [x], layer) => {
  const { config, type } = inner(layer)
  const [[count, ...sample]] = layer.inputs
  const folded = b.node('Reshape', [x, b.whole([-1, ...sample])])
  const y = writerOf(type)(b, [folded], { ...layer, config, inputs: [sample], shape: layer.shape.slice(1) })
  return b.node('Reshape', [y, b.whole([-1, count, ...layer.shape.slice(1)])])
}

const merges: Readonly<Record<string, string>> = { sum: 'ReduceSum', mul: 'ReduceProd', ave: 'ReduceMean' }

const bidirectional: Writer = (b, [x], layer) => {
  const { config, type } = inner(layer)
  const ways = ['forward_', 'backward_'].map(prefix => within(layer, prefix, { config }))
  const inTime = config.goBackwards ? ways.toReversed() : ways
  const axis = config.returnSequences ? 2 : 1
  const y = steps(type, b, x, inTime, layer.array)
  const both = config.goBackwards ? b.node('Gather', [y, b.whole([1, 0])], { axis }) : y
  const mode = layer.config.mergeMode ?? 'concat'
  const merged =
    mode === 'concat'
      ? b.node('Reshape', [both, b.whole([0, ...layer.shape])])
      : mode === 'sum'
        ? b.node('ReduceSum', [both, b.whole([axis])], { keepdims: 0 })
        : b.node(merges[mode], [both], { axes: [axis], keepdims: 0 })
  return asRead(b, merged, config)
}

/** The weights divided by their largest stretch, once and for all. */
const spectral: Writer = (b, xs, layer) => {
  const { config, type } = inner(layer)
  const { W, direction } = layer.weights
  const columns = W!.shape[W!.shape.length - 1]
  let [square, length] = [0, 0]
  for (let row = 0; row < W!.data.length; row += columns) {
    let sum = 0
    for (let i = 0; i < columns; i++) sum += W!.data[row + i] * direction!.data[i]
    square += sum * sum
  }
  for (let i = 0; i < columns; i++) length += direction!.data[i] ** 2
  const sigma = Math.sqrt(square / length)
  const normal = { shape: W!.shape, data: Float64Array.from(W!.data, v => v / sigma) }
  const weights: Written['weights'] = { ...layer.weights, W: normal }
  return writerOf(type)(b, xs, {
    ...layer,
    config,
    weights,
    array: (key, dims, values) => layer.array(key, dims, values ?? weights[key]!.data),
  })
}

/** An activation with trained numbers, which repeat over the batch. */
const trained =
  (text: string, names: readonly string[]): Writer =>
  (b, [x], { array }) =>
    writeFormula(b, formula(text), { x, ...Object.fromEntries(names.map(name => [name, array(name)])) })

/** Products of rows along one axis of each. */
const dot: Writer = (b, xs, { config, inputs, shape }) => {
  const axes = [config.axes as number | readonly number[]].flat()
  const rows = xs.map((x, i) => {
    const rank = inputs[i].length + 1
    const at = axes[i] ?? axes[0]
    const axis = at < 0 ? at + rank : at
    const order = [...Array.from({ length: rank }, (_, j) => j).filter(j => j !== axis), axis]
    const flat = b.node('Reshape', [b.transpose(x, order), b.whole([0, -1, inputs[i][axis - 1]])])
    if (!config.normalize) return flat
    const length = b.node('ReduceL2', [flat], { axes: [2], keepdims: 1 })
    return b.node('Div', [flat, b.node('Max', [length, b.number(1e-7)])])
  })
  const y = b.node('MatMul', [rows[0], b.transpose(rows[1], [0, 2, 1])])
  return b.node('Reshape', [y, b.whole([-1, ...shape])])
}

const maxout: Writer = (b, [x], { inputs, shape }) => {
  const pieces = inputs[0][inputs[0].length - 1] / shape[shape.length - 1]
  const cut = b.node('Reshape', [x, b.whole([-1, ...shape, pieces])])
  return b.node('ReduceMax', [cut], { axes: [shape.length + 1], keepdims: 0 })
}

/** Windows as large as the input asks; only where they do not overlap. */
const adaptive =
  (operator: 'MaxPool' | 'AveragePool', n: number): Writer =>
  (b, [x], { inputs, shape }) => {
    const size = shape.slice(0, n).map((m, i) => inputs[0][i] / m)
    if (size.some(m => !Number.isInteger(m)))
      throw unsupported('adaptive pooling with uneven windows', 'choose sizes that divide')
    return b.transpose(b.node(operator, [b.transpose(x, first(n))], { kernel_shape: size, strides: size }), last(n))
  }

const gumbel: Writer = (b, [x], { config, inputs }) => {
  if (!config.hard) return b.node('Softmax', [b.node('Div', [x, b.number(config.temperature ?? 1)])], { axis: -1 })
  const count = inputs[0][inputs[0].length - 1]
  const at = b.node('ArgMax', [x], { axis: -1, keepdims: 0 })
  const ends = b.array('off and on', [2], [0, 1])
  return b.node('OneHot', [at, b.whole([count]), ends], { axis: -1 })
}

/** Zeros around, or less of it. */
const bordered =
  (n: number, crop: boolean): Writer =>
  (b, [x], { config, inputs }) => {
    const given = (crop ? config.cropping : config.padding) as unknown
    const list: unknown[] = Array.isArray(given) && n > 1 ? given : Array.from({ length: n }, () => given ?? 1)
    const ends = list.map(e => (Array.isArray(e) ? [e[0], e[e.length - 1]] : [e, e]) as [number, number])
    const axes = ends.map((_, i) => i + 1)
    if (crop) {
      const stops = ends.map(([, after], i) => inputs[0][i] - after)
      return b.node('Slice', [x, b.whole(ends.map(([before]) => before)), b.whole(stops), b.whole(axes)])
    }
    const side = (i: 0 | 1) => [0, ...ends.map(e => e[i]), 0]
    return b.node('Pad', [x, b.whole([...side(0), ...side(1)])])
  }

const enlarged =
  (n: number): Writer =>
  (b, [x], { config }) => {
    const size = Array.isArray(config.size)
      ? config.size
      : Array.from({ length: n }, () => (config.size as number) ?? 2)
    const scales = b.array(`scales ${size}`, [n + 2], [1, 1, ...size], 'float32')
    const nearest = (config.interpolation ?? 'nearest') === 'nearest'
    const mode: Record<string, string> = nearest
      ? { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
      : { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }
    return b.transpose(b.node('Resize', [b.transpose(x, first(n)), '', scales], mode), last(n))
  }

const halves = (b: Builder, x: string, size: number) => {
  const a = b.node('Slice', [x, b.whole([0]), b.whole([size / 2]), b.whole([-1])])
  return { a, b: b.node('Slice', [x, b.whole([size / 2]), b.whole([size]), b.whole([-1])]) }
}

const gates: Readonly<Record<string, string>> = {
  glu: 'a * sigmoid(b)',
  geglu: 'a * (0.5 * b * (1 + erf(b * sqrt(0.5))))',
  swiglu: 'a * b * sigmoid(b)',
  reglu: 'a * max(b, 0)',
}

/** An activation that looks at two halves of the last axis. */
export function gated(b: Builder, x: string, name: string, size: number): string | undefined {
  return Object.hasOwn(gates, name) ? writeFormula(b, formula(gates[name]), halves(b, x, size)) : undefined
}

export const wrapperWriters: Readonly<Record<string, Writer>> = {
  timeDistributed,
  bidirectional,
  spectralNormalization: spectral,
  prelu: trained('x > 0 ? x : alpha * x', ['alpha']),
  swish: trained('x * sigmoid(beta * x)', ['beta']),
  aconC: trained('let d = (p1 - p2) * x; d * sigmoid(beta * d) + p2 * x', ['p1', 'p2', 'beta']),
  srelu: trained('x >= tRight ? tRight + aRight * (x - tRight) : x <= tLeft ? tLeft + aLeft * (x - tLeft) : x', [
    'tLeft',
    'aLeft',
    'tRight',
    'aRight',
  ]),
  dot,
  maxout,
  adaptiveAveragePooling1d: adaptive('AveragePool', 1),
  adaptiveAveragePooling2d: adaptive('AveragePool', 2),
  adaptiveAveragePooling3d: adaptive('AveragePool', 3),
  adaptiveMaxPooling1d: adaptive('MaxPool', 1),
  adaptiveMaxPooling2d: adaptive('MaxPool', 2),
  adaptiveMaxPooling3d: adaptive('MaxPool', 3),
  gumbelSoftmax: gumbel,
  zeroPadding1d: bordered(1, false),
  zeroPadding2d: bordered(2, false),
  zeroPadding3d: bordered(3, false),
  cropping1d: bordered(1, true),
  cropping2d: bordered(2, true),
  cropping3d: bordered(3, true),
  upSampling1d: enlarged(1),
  upSampling2d: enlarged(2),
  upSampling3d: enlarged(3),
  matmul: (b, xs) => b.node('MatMul', xs),
  affine: (b, [x], { weights, array }) => {
    const scaled = weights.scale ? b.node('Mul', [x, array('scale')]) : x
    return weights.shift ? b.node('Add', [scaled, array('shift')]) : scaled
  },
}
