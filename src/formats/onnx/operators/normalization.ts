import { type Call, must, type Operators } from '../call.ts'
import {
  alongRows,
  type Dtype,
  dtypeOf,
  front,
  full,
  reduceRows,
  reshape,
  room,
  rounded,
  sizeOf,
  spend,
  type Tensor,
  zip,
} from '../tensors.ts'
import { standardize } from './reduce.ts'

const rest = (x: Tensor, from: number) => x.dims.map((_, i) => i).slice(from)
/** One number a channel, laid out to meet [batch, channels, ...]. */
const perChannel = (t: Tensor, x: Tensor) => reshape(t, [t.data.length, ...x.dims.slice(2).map(() => 1)])
const scaled = (y: Tensor, scale: Tensor, shift: Tensor, type: Dtype) =>
  zip([y, scale, shift], (v, s, b) => v * s + b, type)

function batchNormalization([x, scale, bias, mean, variance]: readonly Tensor[], c: Call): Tensor | readonly Tensor[] {
  const [epsilon, momentum] = [c.float('epsilon', 1e-5), c.float('momentum', 0.9)]
  const training = c.int('training_mode', 0) !== 0
  must(c.int('spatial', 1) !== 0, 'BatchNormalization is understood with spatial = 1 only')
  must(scale.data.length === x.dims[1] && x.dims.length >= 2, 'BatchNormalization got another number of channels')
  const [s, b] = [perChannel(scale, x), perChannel(bias, x)]
  if (!training) {
    const centred = zip([x, perChannel(mean, x)], (v, m) => v - m, 'float64')
    const y = zip([centred, perChannel(variance, x)], (v, w) => v / Math.sqrt(w + epsilon), 'float64')
    return scaled(y, s, b, x.type)
  }
  const axes = [0, ...rest(x, 2)]
  const { y, mean: m, inverse } = standardize(x, axes, epsilon)
  const blend = (old: Tensor, now: Tensor) =>
    zip([old, reshape(now, old.dims)], (o, n) => o * momentum + n * (1 - momentum))
  const spread = zip([inverse], v => 1 / v ** 2 - epsilon)
  return [scaled(y, s, b, x.type), blend(mean, m), blend(variance, spread)]
}

/** Mean and variance over the axes from one on, then scale and shift. */
function layerNormalization([x, scale, bias]: readonly Tensor[], c: Call): readonly Tensor[] {
  const axes = rest(x, front(c.int('axis', -1), x.dims.length))
  const kept = dtypeOf(c.int('stash_type', 1))
  const { y, mean, inverse } = standardize(x, axes, c.float('epsilon', 1e-5))
  const done = bias ? scaled(y, scale, bias, x.type) : zip([y, scale], (v, s) => v * s, x.type)
  return [done, zip([mean], v => v, kept), zip([inverse], v => v, kept)]
}

function groupNormalization([x, scale, bias]: readonly Tensor[], c: Call): Tensor {
  c.int('stash_type', 1)
  const groups = c.int('num_groups')
  const [batch, channels, ...input] = x.dims
  must(
    groups >= 1 && channels % groups === 0,
    `GroupNormalization cannot cut ${channels} channels into ${groups} groups`,
  )
  const { y } = standardize(
    reshape(x, [batch, groups, x.data.length / (batch * groups)]),
    [2],
    c.float('epsilon', 1e-5),
  )
  const each = (t: Tensor) => {
    const spread =
      t.data.length === channels
        ? t.data
        : Float64Array.from({ length: channels }, (_, i) => t.data[Math.floor((i * groups) / channels)])
    return { ...t, dims: [channels, ...input.map(() => 1)], data: spread }
  }
  return scaled(reshape(y, x.dims), each(scale), each(bias), x.type)
}

/** Divides by the squares of neighbouring channels. Krizhevsky et al. 2012. */
function localResponse(x: Tensor, c: Call): Tensor {
  const [alpha, beta, bias, size] = [c.float('alpha', 1e-4), c.float('beta', 0.75), c.float('bias', 1), c.int('size')]
  spend(4 * x.data.length * Math.min(size, x.dims[1] ?? 1))
  return alongRows(x, [1], (row, out) => {
    for (let i = 0; i < row.length; i++) {
      let sum = 0
      const from = Math.max(0, i - Math.floor((size - 1) / 2))
      const to = Math.min(row.length - 1, i + Math.ceil((size - 1) / 2))
      for (let j = from; j <= to; j++) sum += row[j] ** 2
      out[i] = row[i] / (bias + (alpha / size) * sum) ** beta
    }
  })
}

function lpNormalize(x: Tensor, c: Call): Tensor {
  const p = c.int('p', 2)
  return alongRows(x, [front(c.int('axis', -1), x.dims.length)], (row, out) => {
    const size = row.reduce((sum, v) => sum + Math.abs(v) ** p, 0) ** (1 / p)
    for (let i = 0; i < row.length; i++) out[i] = size === 0 ? 0 : row[i] / size
  })
}

function dropout([x, ratioInput, trainingInput]: readonly Tensor[], c: Call): readonly Tensor[] {
  const ratio = c.opset < 12 ? c.float('ratio', 0.5) : ratioInput ? ratioInput.data[0] : 0.5
  const random = c.random(c.int('seed', 0))
  const training = trainingInput !== undefined && trainingInput.data[0] !== 0 && ratio > 0
  if (!training) return [x, full('bool', x.dims, 1)]
  const mask = room(x.dims).map(() => Number(random() >= ratio))
  const y = x.data.map((v, i) => (mask[i] ? v / (1 - ratio) : 0))
  return [rounded(x.type, x.dims, y), { type: 'bool', dims: x.dims, data: mask }]
}

/** The loss of each sample is minus its target's log-probability times that class's weight. */
function negativeLogLikelihood([x, target, weight]: readonly Tensor[], c: Call): Tensor {
  const reduction = c.text('reduction', 'mean')
  const ignored = c.has('ignore_index') ? c.int('ignore_index') : undefined
  const [, classes] = x.dims
  const inner = sizeOf(x.dims.slice(2))
  const weights = new Float64Array(target.data.length)
  const losses = target.data.map((t, i) => {
    if (t === ignored) return 0
    must(t >= 0 && t < classes, `a loss got the class ${t}, expected 0 to ${classes - 1}`)
    weights[i] = weight ? weight.data[t] : 1
    return -x.data[(Math.floor(i / inner) * classes + t) * inner + (i % inner)] * weights[i]
  })
  if (reduction === 'none') return rounded(x.type, target.dims, losses)
  must(reduction === 'mean' || reduction === 'sum', `a loss got the reduction ${reduction}`)
  const total = losses.reduce((a, b) => a + b, 0)
  return rounded(x.type, [], Float64Array.of(reduction === 'sum' ? total : total / weights.reduce((a, b) => a + b, 0)))
}

function softmaxCrossEntropy([scores, target, weight]: readonly Tensor[], c: Call): readonly Tensor[] {
  const logs = alongRows({ ...scores, type: 'float64' }, [1], (row, out) => {
    const top = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const sum = top + Math.log(row.reduce((a, b) => a + Math.exp(b - top), 0))
    for (let i = 0; i < row.length; i++) out[i] = row[i] - sum
  })
  const loss = negativeLogLikelihood([logs, target, weight], c)
  return [loss, logs].map(t => zip([t], v => v, scores.type))
}

export const normalizations: Operators = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: ([x, scale, bias], c) => {
    const { y } = standardize(x, rest(x, 2), c.float('epsilon', 1e-5))
    return scaled(y, perChannel(scale, x), perChannel(bias, x), x.type)
  },
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: ([x, scale], c) => {
    c.int('stash_type', 1)
    const epsilon = c.float('epsilon', 1e-5)
    const axes = rest(x, front(c.int('axis', -1), x.dims.length))
    const mean = reduceRows(
      { ...x, type: 'float64' },
      axes,
      true,
      row => row.reduce((a, b) => a + b * b, 0) / row.length,
    )
    const y = zip([x, mean], (v, m) => v / Math.sqrt(m + epsilon), 'float64')
    return zip([y, scale], (v, s) => v * s, x.type)
  },
  MeanVarianceNormalization: ([x], c) => {
    const axes = c.ints('axes') ?? [0, 2, 3]
    const { y } = standardize(
      x,
      axes.map(axis => front(axis, x.dims.length)),
      1e-18,
    )
    return zip([y], v => v, x.type)
  },
  LRN: ([x], c) => localResponse(x, c),
  LpNormalization: ([x], c) => lpNormalize(x, c),
  Dropout: dropout,
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
}
