import type { Output } from '../../../nn/call.ts'
import * as layers from '../../../nn/layers/index.ts'
import { windowsOver } from '../../../nn/window.ts'
import { choice, must } from '../call.ts'
import { unsupported } from '../file.ts'
import { front, sizeOf, type Tensor } from '../tensors.ts'
import { placesOf, type Sliding, slidingOf } from '../windows.ts'
import { constant, flowing, type Mapping, type Row, type Rows, range, turned, weights } from './mapping.ts'
import { batchAt, channelled, factors, laid, mapped, type Sample, sample, settled, shapedAs, sizeIn } from './sample.ts'
import { axesOf, bordered } from './shapes.ts'

/** One layer for each number of axes that a window slides over. */
type Family = Readonly<Record<1 | 2 | 3, (...args: never[]) => (output: Output) => Output>>
const family = (one: unknown, two: unknown, three: unknown) => ({ 1: one, 2: two, 3: three }) as Family
const convolutions = family(layers.conv1d, layers.conv2d, layers.conv3d)
const transposed = family(layers.conv1dTranspose, layers.conv2dTranspose, layers.conv3dTranspose)
const maxima = family(layers.maxPooling1d, layers.maxPooling2d, layers.maxPooling3d)
const means = family(layers.averagePooling1d, layers.averagePooling2d, layers.averagePooling3d)
const repeats = family(layers.upSampling1d, layers.upSampling2d, layers.upSampling3d)

const pick = <F extends Family>(layersOf: F, n: number): ((...args: unknown[]) => never) => {
  if (n === 1 || n === 2 || n === 3) return layersOf[n] as never
  throw unsupported(`windows over ${n} axes`, 'use one to three')
}

/** A sample with channels last, what a layer makes of it, and the way back to channels behind the batch. */
function channelsLast(s: Sample, make: (output: Output) => Output): Sample {
  const n = s.axes.length - 2
  return sample(make(channelled(batchAt(s, 0), [...range(n, 2), 1])), [[0], [n + 1], ...range(n, 1).map(p => [p])])
}

const spatial = (s: Sample) => range(s.axes.length - 2, 2).map(axis => sizeIn(s, axis))

/** The sample with its padding as 'same', where that is what was asked for, or else as zeros around it. */
function framed(
  s: Sample,
  { kernel, strides, dilations, pads }: Sliding,
): { framed: Sample; padding: 'same' | 'valid' } {
  const n = kernel.length
  if (pads.every(p => p === 0)) return { framed: s, padding: 'valid' }
  const same = windowsOver('conv', spatial(s), { size: kernel, strides, dilation: dilations, padding: 'same' })
  if (same.windows.padding.every(([a, b], i) => a === pads[i] && b === pads[i + n]))
    return { framed: s, padding: 'same' }
  const ends = kernel.map((_, i) => ({ axis: i + 2, before: pads[i], after: pads[i + n] }))
  return {
    framed: bordered(
      batchAt(s, 0),
      ends.filter(e => e.before || e.after),
    ),
    padding: 'valid',
  }
}

function convolution(m: Mapping): Sample {
  const [s, w] = [flowing(m), weights(m, 1)]
  const [filters, depth, ...kernel] = w.dims
  const n = kernel.length
  must(
    s.axes.length === n + 2 && (m.ints('kernel_shape') ?? kernel).join() === kernel.join(),
    'Conv does not fit its kernels',
  )
  const group = m.int('group', 1)
  const sliding = slidingOf(m, spatial(s), kernel)
  const { framed: x, padding } = framed(s, sliding)
  const b = constant(m, 2) ?? m.bias(filters, n + 2)
  const options = {
    strides: sliding.strides,
    dilation: sliding.dilations,
    padding,
    useBias: b !== undefined,
    ...m.options(1),
  }
  const channels = sizeIn(s, 1)
  must(depth * group === channels && filters % group === 0, 'Conv does not fit its channels')
  const arrays = (key: string, values: Float64Array) => ({ [key]: values, ...(b && { b: b.data }) })
  const places = range(n, 2)
  if (depth === 1 && group > 1 && n < 3) {
    // [channels · M, 1, …window] as [...window, channels, M]
    const D = turned({ dims: [channels, filters / channels, ...kernel], data: w.data }, [...places, 0, 1])
    const make = n === 1 ? layers.depthwiseConv1d : layers.depthwiseConv2d
    return channelsLast(
      x,
      m.learn(make(kernel as never, { ...options, depthMultiplier: filters / channels } as never), arrays('D', D)),
    )
  }
  const make = pick(convolutions, n)(filters, kernel, { ...options, groups: group })
  return channelsLast(x, m.learn(make, arrays('W', turned(w, [...places, 1, 0]))))
}

function convolutionTransposed(m: Mapping): Sample {
  const [s, w] = [flowing(m), weights(m, 1)]
  const [, filters, ...kernel] = w.dims
  const n = kernel.length
  if (m.int('group', 1) !== 1) throw unsupported('ConvTranspose in groups', 'run it with importOnnx')
  const auto = choice('auto_pad', m.text('auto_pad', 'NOTSET'), ['NOTSET', 'VALID'])
  if (m.has('output_shape')) throw unsupported('ConvTranspose with output_shape', 'export it with pads')
  must((m.ints('kernel_shape') ?? kernel).join() === kernel.join(), 'ConvTranspose does not fit its kernels')
  const { strides, dilations, pads } = slidingOf({ ...m, text: () => auto }, spatial(s), kernel)
  const outputPadding = m.ints('output_padding') ?? kernel.map(() => 0)
  const b = constant(m, 2)
  const options = { strides, dilation: dilations, outputPadding, useBias: b !== undefined, ...m.options(1) }
  const made = pick(transposed, n)(filters, kernel, options)
  const y = channelsLast(s, m.learn(made, { W: turned(w, [...range(n, 2), 1, 0]), ...(b && { b: b.data }) }))
  if (pads.every(p => p === 0)) return y
  return bordered(
    y,
    kernel.map((_, i) => ({ axis: i + 2, before: -pads[i], after: -pads[i + n] })),
  )
}

const pooling =
  (layersOf: Family): Row =>
  m => {
    const s = flowing(m)
    const kernel = m.ints('kernel_shape')!
    const sliding = slidingOf(m, spatial(s), kernel)
    const ceil = m.int('ceil_mode', 0) !== 0
    const counted = layersOf === means && m.int('count_include_pad', 0) !== 0
    if (layersOf === maxima) m.int('storage_order', 0)
    const later = placesOf(spatial(s), sliding, ceil).join() !== placesOf(spatial(s), sliding).join()
    if (sliding.dilations.some(d => d !== 1) || later || m.outputs > 1)
      throw unsupported('pooling with dilations, ceil_mode or places', 'run it with importOnnx')
    const { framed: x, padding } = framed(s, sliding)
    const zeros = padding === 'same' ? !counted : counted || x === s || isPositive(s)
    if (!zeros) throw unsupported('padding of this pooling', 'run it with importOnnx')
    return channelsLast(x, pick(layersOf, kernel.length)({ poolSize: kernel, strides: sliding.strides, padding }))
  }

/** Whether zeros around the sample are below all that is in it, as after relu. */
const isPositive = (s: Sample): boolean => {
  const { layer } = settled(s)
  return (
    layer.type === 'activation' && ['relu', 'relu6', 'sigmoid', 'softplus'].includes(String(layer.config.activation))
  )
}

const globally =
  (mean: boolean): Row =>
  m => {
    const n = flowing(m).axes.length - 2
    const pools = mean
      ? family(layers.globalAveragePooling1d, layers.globalAveragePooling2d, layers.globalAveragePooling3d)
      : family(layers.globalMaxPooling1d, layers.globalMaxPooling2d, layers.globalMaxPooling3d)
    return channelsLast(flowing(m), pick(pools, n)({ keepdims: true }))
  }

/** The mean or the largest along some axes of a sample. */
const reduction =
  (mean: boolean, since: number, after: (count: number) => string = () => 'x', before = 'x'): Row =>
  m => {
    const s = mapped(flowing(m), before)
    const rank = s.axes.length
    const given = axesOf(m, rank, since) ?? []
    const keep = m.int('keepdims', 1) !== 0
    if (m.int('noop_with_empty_axes', 0) !== 0 && given.length === 0)
      throw unsupported('a reduction along no axes', 'leave it out')
    const axes = given.length > 0 ? given : range(rank)
    if (axes.some(axis => s.axes[axis].includes(0)))
      throw unsupported('a reduction over the batch', 'leave it to the loss')
    const others = range(rank).filter(axis => !axes.includes(axis))
    const [over, rest] = [factors(s, axes), factors(s, others)]
    const sizes = rest.map(p => s.output.shape[p - 1])
    const n = over.length === 2 && rest.length === 1 ? 2 : 1
    const pool = mean
      ? [layers.globalAveragePooling1d, layers.globalAveragePooling2d][n - 1]
      : [layers.globalMaxPooling1d, layers.globalMaxPooling2d][n - 1]
    const done = pool()(laid(s, n === 2 ? [[over[0]], [over[1]], rest] : [over, rest]))
    const output = sizes.length > 1 ? layers.reshape(sizes)(done) : done
    const number = (p: number) => (p === 0 ? 0 : rest.indexOf(p) + 1)
    const lists = range(rank).flatMap(axis => (axes.includes(axis) ? (keep ? [[]] : []) : [s.axes[axis].map(number)]))
    return mapped(sample(output, lists), after(sizeOf(over.map(p => s.output.shape[p - 1]))))
  }

function batchNormalization(m: Mapping): Sample {
  const [gamma, beta, movingMean, movingVariance] = [1, 2, 3, 4].map(i => weights(m, i).data)
  const [epsilon, momentum] = [m.float('epsilon', 1e-5), m.float('momentum', 0.9)]
  if (m.int('training_mode', 0) || m.int('spatial', 1) !== 1)
    throw unsupported('BatchNormalization in training', 'export it in evaluation')
  const made = layers.batchNormalization({ epsilon, momentum: Math.min(momentum, 0.999999), ...m.options(1) })
  return channelsLast(flowing(m), m.learn(made, { gamma, beta, movingMean, movingVariance }))
}

/** Where the axes of a sample from one on are normalised together. */
function layerNormalization(m: Mapping): Sample {
  const [s, gamma, b] = [flowing(m), weights(m, 1), constant(m, 2)]
  const rank = s.axes.length
  m.int('stash_type', 1)
  const first = front(m.int('axis', -1), rank)
  const epsilon = m.float('epsilon', 1e-5)
  return rowwise(s, range(rank - first, first), output => {
    must(gamma.data.length === output.shape.at(-1), 'LayerNormalization does not fit its scale')
    if (m.operator === 'RMSNormalization')
      return m.learn(layers.rmsNormalization({ epsilon, ...m.options(1) }), { gamma: gamma.data })(output)
    const made = layers.layerNormalization({ epsilon, center: b !== undefined, ...m.options(1) })
    return m.learn(made, { gamma: gamma.data, ...(b && { beta: b.data }) })(output)
  })
}

/** Work on the last axis, which some of the file's axes are joined to; the others stay as they lie. */
function rowwise(s: Sample, axes: readonly number[], work: (output: Output) => Output): Sample {
  must(
    axes.every(axis => !s.axes[axis].includes(0)),
    'rows go along the batch',
  )
  const row = factors(s, axes)
  const rest = s.output.shape.map((_, i) => i + 1).filter(p => !row.includes(p))
  const made = work(laid(s, [...rest.map(p => [p]), row]))
  const sizes = row.map(p => s.output.shape[p - 1])
  const output = shapedAs(made, [...made.shape.slice(0, -1), ...sizes])
  const order = [...rest, ...row]
  return sample(
    output,
    s.axes.map(list => list.map(p => (p === 0 ? 0 : order.indexOf(p) + 1))),
  )
}

const softmax =
  (name: 'softmax' | 'logSoftmax'): Row =>
  m => {
    const s = flowing(m)
    const rank = s.axes.length
    const axis = front(m.int('axis', m.opset < 13 ? 1 : -1), rank)
    const axes = m.opset < 13 ? range(rank - axis, axis) : [axis]
    return rowwise(s, axes, layers.activation(name))
  }

/** Each group of channels with its places. */
function grouped(m: Mapping, groups: number): Sample {
  const [gamma, beta, s] = [weights(m, 1), weights(m, 2), flowing(m)]
  m.int('stash_type', 1)
  const channels = sizeIn(s, 1)
  must(gamma.data.length === channels || m.operator === 'GroupNormalization', `${m.operator} does not fit its channels`)
  const each = (t: Tensor) =>
    t.data.length === channels
      ? t.data
      : Float64Array.from({ length: channels }, (_, i) => t.data[Math.floor((i * t.data.length) / channels)])
  const options = { epsilon: m.float('epsilon', 1e-5), ...m.options(1) }
  const made =
    groups === channels ? layers.instanceNormalization(options) : layers.groupNormalization({ groups, ...options })
  return channelsLast(s, m.learn(made, { gamma: each(gamma), beta: each(beta) }))
}

function resize(m: Mapping): Sample {
  const s = flowing(m)
  const upsample = m.operator === 'Upsample'
  const mode = m.text('mode', 'nearest')
  const at = upsample
    ? 'asymmetric'
    : m.text('coordinate_transformation_mode', m.opset < 11 ? 'asymmetric' : 'half_pixel')
  const rounding = upsample ? 'floor' : m.text('nearest_mode', m.opset < 11 ? 'floor' : 'round_prefer_floor')
  for (const name of [
    'cubic_coeff_a',
    'extrapolation_value',
    'exclude_outside',
    'antialias',
    'keep_aspect_ratio_policy',
    'axes',
  ])
    m.has(name)
  const last = m.opset < 11 || upsample ? 1 : 2
  const scales =
    (upsample && m.opset < 9 ? m.floats('scales') : constant(m, last) && Array.from(constant(m, last)!.data)) ?? []
  const sizes = !upsample && m.opset >= 11 && m.inputs[3] ? Array.from(weights(m, 3).data) : undefined
  const n = s.axes.length - 2
  const times = range(n, 2).map(axis => (sizes ? sizes[axis] / sizeIn(s, axis) : scales[axis]))
  const whole = times.every(t => Number.isInteger(t) && t >= 1) && (sizes || (scales[0] === 1 && scales[1] === 1))
  const nearest =
    mode === 'nearest' &&
    ((at === 'asymmetric' && rounding === 'floor') || (at === 'half_pixel' && rounding.startsWith('round')))
  if (!whole || m.has('axes') || !(nearest || (mode === 'linear' && at === 'half_pixel' && n === 2)))
    throw unsupported(`${m.operator} by ${times.join(' × ')}, ${mode}, ${at}`, 'run it with importOnnx')
  const options = { size: times, ...(nearest ? {} : { interpolation: 'bilinear' }) }
  return channelsLast(s, pick(repeats, n)(options))
}

export const neural: Rows = {
  Conv: convolution,
  ConvTranspose: convolutionTransposed,
  MaxPool: pooling(maxima),
  AveragePool: pooling(means),
  GlobalAveragePool: globally(true),
  GlobalMaxPool: globally(false),
  ReduceMean: reduction(true, 18),
  ReduceSum: reduction(true, 13, count => `x * ${count}`),
  ReduceMax: reduction(false, 18),
  ReduceL1: reduction(true, 18, count => `x * ${count}`, 'abs(x)'),
  ReduceL2: reduction(true, 18, count => `sqrt(x * ${count})`, 'x^2'),
  ReduceSumSquare: reduction(true, 18, count => `x * ${count}`, 'x^2'),
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: layerNormalization,
  InstanceNormalization: m => grouped(m, sizeIn(flowing(m), 1)),
  GroupNormalization: m => grouped(m, m.int('num_groups')),
  LpNormalization: m => {
    const s = flowing(m)
    if (m.int('p', 2) !== 2) throw unsupported('LpNormalization with p = 1', 'run it with importOnnx')
    return rowwise(s, [front(m.int('axis', -1), s.axes.length)], layers.unitNormalization())
  },
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('logSoftmax'),
  Resize: resize,
  Upsample: resize,
}
