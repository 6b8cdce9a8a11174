import { type Call, choice, must, type Operators } from '../call.ts'
import { unsupported } from '../file.ts'
import { alongRows, exactly, matmul, reshape, room, rounded, slice, type Tensor, vector, zip } from '../tensors.ts'
import { softmaxRow } from './reduce.ts'

/** Numbers as floats; a single row stands for itself. */
const floats = (x: Tensor): Tensor => zip([x.dims.length === 1 ? reshape(x, [1, ...x.dims]) : x], v => v, 'float32')
const list = (c: Call, name: string, otherwise: number) => vector('float32', c.floats(name) ?? [otherwise])

/** What becomes of scores in the end. */
function transformed(scores: Tensor, c: Call): Tensor {
  const kind = choice('post_transform', c.text('post_transform', 'NONE'), [
    'NONE',
    'LOGISTIC',
    'SOFTMAX',
    'SOFTMAX_ZERO',
  ])
  if (kind === 'NONE') return scores
  if (kind === 'LOGISTIC') return zip([scores], v => 1 / (1 + Math.exp(-v)))
  if (kind === 'SOFTMAX') return alongRows(scores, [scores.dims.length - 1], softmaxRow)
  // Scores of zero are left out.
  return alongRows(scores, [scores.dims.length - 1], (row, out) => {
    softmaxRow(
      row.map(v => (Math.abs(v) > 1e-7 ? v : -Infinity)),
      out,
    )
  })
}

/** x·Wᵀ + b, W having a row a target. */
function linear(x: Tensor, c: Call, count: number): Tensor {
  const weights = vector('float32', c.floats('coefficients') ?? [])
  const features = x.dims[x.dims.length - 1]
  must(weights.data.length === count * features, 'coefficients do not fit the features')
  const W = room([features, count])
  weights.data.forEach((v, i) => void (W[(i % features) * count + Math.floor(i / features)] = v))
  const z = matmul(x, exactly('float32', [features, count], W))
  const b = c.floats('intercepts')
  return b ? zip([z, vector('float32', b)], (v, w) => v + w) : z
}

/** The class with the largest score; of one score, whether it is above zero or a half. */
function classify([given]: readonly Tensor[], c: Call): Tensor[] {
  const labels = c.ints('classlabels_ints')
  if (!labels || c.has('classlabels_strings')) throw unsupported('STRING', 'train with whole numbers as labels')
  c.int('multi_class', 0)
  const x = floats(given)
  const coefficients = c.floats('coefficients')?.length ?? 0
  const plain = linear(x, c, coefficients / x.dims[1])
  const kind = c.text('post_transform', 'NONE')
  const scores = plain.dims[1] === 1 && labels.length === 2 ? both(plain, kind) : transformed(plain, c)
  const rows = scores.dims[1]
  const best = Array.from({ length: scores.dims[0] }, (_, i) => {
    const row = Array.from(slice(scores, 0, i, i + 1).data)
    return labels[row.reduce((top, v, at) => (v > row[top] ? at : top), 0)]
  })
  must(rows === labels.length, 'a classifier has another number of scores than of labels')
  return [vector('int64', best), scores]
}

/** One score as two: what is left of one, and its own. */
function both(z: Tensor, kind: string): Tensor {
  if (kind !== 'LOGISTIC' && kind !== 'NONE') throw unsupported(`post_transform ${kind} of one score`, 'use LOGISTIC')
  const out = room([z.dims[0], 2])
  z.data.forEach((v, i) => {
    out[2 * i + 1] = kind === 'LOGISTIC' ? 1 / (1 + Math.exp(-v)) : v
    out[2 * i] = 1 - out[2 * i + 1]
  })
  return rounded('float32', [z.dims[0], 2], out)
}

const norms = {
  MAX: (row: Float64Array) => row.reduce((a, b) => Math.max(a, b), -Infinity),
  L1: (row: Float64Array) => row.reduce((a, b) => a + Math.abs(b), 0),
  L2: (row: Float64Array) => Math.sqrt(row.reduce((a, b) => a + b * b, 0)),
}

/** What exporters of scikit-learn put around a network. */
export const learning: Operators = {
  Scaler: ([x], c) =>
    zip([zip([x], v => v, 'float32'), list(c, 'offset', 0), list(c, 'scale', 1)], (v, o, s) => (v - o) * s),
  Normalizer: ([x], c) => {
    const size = norms[choice('norm', c.text('norm', 'MAX'), ['MAX', 'L1', 'L2'])]
    return alongRows(
      zip([x], v => v, 'float32'),
      [x.dims.length - 1],
      (row, out) => {
        const n = size(row)
        for (let i = 0; i < row.length; i++) out[i] = n === 0 ? row[i] : row[i] / n
      },
    )
  },
  Binarizer: ([x], c) => {
    const threshold = c.float('threshold', 0)
    return zip([x], v => Number(v > threshold))
  },
  ArrayFeatureExtractor: ([x, places]) => {
    const n = x.dims[x.dims.length - 1]
    const picked = Array.from(places.data)
    must(
      picked.every(i => i >= 0 && i < n),
      'ArrayFeatureExtractor got a place that is not there',
    )
    const rows = x.data.length / n
    const out = room([rows, picked.length])
    for (let i = 0; i < out.length; i++) out[i] = x.data[Math.floor(i / picked.length) * n + picked[i % picked.length]]
    return exactly(x.type, x.dims.length === 1 ? [1, picked.length] : [...x.dims.slice(0, -1), picked.length], out)
  },
  Imputer: ([x], c) => {
    const whole = x.type === 'int64'
    const values = whole ? c.ints('imputed_value_int64s') : c.floats('imputed_value_floats')
    const missing = whole ? c.int('replaced_value_int64', 0) : c.float('replaced_value_float', 0)
    must(
      values !== undefined && (values.length === 1 || values.length === x.dims.at(-1)),
      'Imputer got no values that fit',
    )
    const gone = (v: number) => v === missing || (Number.isNaN(missing) && Number.isNaN(v))
    return { ...x, data: x.data.map((v, i) => (gone(v) ? values![i % values!.length] : v)) }
  },
  LinearRegressor: ([x], c) => transformed(linear(floats(x), c, c.int('targets', 1)), c),
  LinearClassifier: classify,
}
