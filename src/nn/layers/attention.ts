import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { glorotUniform, ones } from '../initializers.ts'
import { type LayerOptions, layer, type Masks, pair, passed } from '../layer.ts'
import { type AttendingOptions, attending, collect, roles, sequences, sight, unweigh, weigh } from './attending.ts'

export interface AttentionOptions extends LayerOptions, AttendingOptions {
  /** Learn a factor for the scores. */
  useScale?: boolean
  /** How alike a query and a key are: 'dot' is q·k, 'concat' is Σ tanh(q + k). */
  scoreMode?: 'dot' | 'concat'
}

export interface AdditiveAttentionOptions extends LayerOptions, AttendingOptions {
  /** Learn a factor for each feature. */
  useScale?: boolean
}

/** Checks query, value and key; gives the shapes of the output and of the weights. */
function shapesOf(who: string, inputs: readonly Shape[]) {
  sequences(who, inputs)
  const [query, value, key] = roles(inputs)
  if (query[1] !== key[1])
    throw new ShapeError('wrong-input', `${who} got queries of ${query[1]} features, but keys of ${key[1]}`, {
      evidence: inputs.map((shape, i) => [['query', 'value', 'key'][i], printShape(shape)]),
      hint: 'queries and keys are compared number by number; put a dense layer in front',
    })
  const weights = [query[0], value[0]]
  return { y: [query[0], value[1]], saved: { s: weights, p: weights, w: weights }, random: { u: weights } }
}

/** What both ways through an attention need; what is learnt only where it is told so. */
type Arrays = Readonly<Record<'y' | 's' | 'p' | 'w' | 'scale', View>> & { readonly u?: View }

/** Every query beside every key: [batch, queries, keys, features]. */
const beside = ([q, , key]: readonly View[]) => ({
  q: q.reshape(q.shape[0], q.shape[1], 1, q.shape[2]),
  key: key.reshape(key.shape[0], 1, key.shape[1], key.shape[2]),
})
const wide = (s: View) => s.reshape(...s.shape, 1)

/**
 * Each query looks at all keys and takes the mean of the values, weighed by how alike they are: y = softmax(q·kᵀ)·v.
 * Called on [query, value] or [query, value, key]; without a key the value is also the key. Nothing is divided by √d
 * unless a scale is learnt, as in Keras; PyTorch's scaled_dot_product_attention does.
 * @equation y = A v, \quad A = \operatorname{softmax}(q k^\top)
 * @slope dv = A^\top dy, \quad dA = dy \, v^\top, \quad dS = A \odot \left(dA - \textstyle\sum dA \odot A\right), \quad dq = dS \, k, \quad dk = dS^\top q
 * @shape [queries, features], [keys, outputs], [keys, features] → [queries, outputs]
 * @throws ShapeError when queries and keys have different features
 * @paper Luong et al. 2015
 * @example
 * const [query, value] = [input([5, 16]), input([7, 16])]
 * attention()([query, value])
 */
export const attention = layer('attention', [], (options: AttentionOptions = {}) => {
  const { useScale = false, scoreMode = 'dot' } = options
  const told = attending('attention', options)
  if (scoreMode !== 'dot' && scoreMode !== 'concat')
    throw new ShapeError('bad-option', `attention got scoreMode ${String(scoreMode).slice(0, 24)}`, {
      hint: "scoreMode is 'dot' or 'concat'",
    })
  const concat = scoreMode === 'concat'
  const run = (
    k: Verbs,
    { y, scale, concatWeight, s, p, w, u }: Arrays & { readonly concatWeight: View },
    xs: readonly View[],
    masks?: Masks,
    rate = told.rate,
  ) => {
    const [q, v, key] = roles(xs)
    if (concat) k.reduce(s, 'sum', 'tanh(a * (q + key))', { ...beside([q, v, key]), a: useScale ? scale : 1 }, [3])
    else k.gemm(s, q, key.T) // s = q·kᵀ, or Σ tanh(a·(q + k))
    k.gemm(y, weigh(k, { s, p, w, u }, { ...told, rate }, factor(scale, concatWeight), sight(s, masks?.slice(0, 2))), v) // y = softmax(s)·v
  }
  /** What the scores are multiplied with. */
  const factor = (scale: View, concatWeight: View) => (concat ? concatWeight : useScale ? scale : 1)
  return pair({
    inputs: [1, 3],
    shapes: (...inputs: Shape[]) => ({
      ...shapesOf('attention', inputs),
      params: { scale: useScale ? [] : undefined, concatWeight: concat ? [] : undefined },
    }),
    initial: { scale: ones(), concatWeight: ones() },
    mask: passed,
    forward(k, views, xs, masks) {
      run(k, views, xs, masks)
    },
    infer(k, views, xs, masks) {
      run(k, views, xs, masks, 0)
    },
    backward(k, { s, p, w, u, ds, dw, dy, scale, concatWeight, dscale, dconcatWeight }, xs, dxs) {
      const [q, v, key] = roles(xs)
      const { rooms, sum } = collect(k, dxs)
      const [dq, dv, dkey] = rooms
      k.gemm(dw, dy, v.T) // dw = dy·vᵀ
      k.gemm(dv, (told.rate > 0 ? w : p).T, dy) // dv = wᵀ·dy
      const slope = k.scratch('slope', s.shape)
      unweigh(k, slope, dw, { p, u }, told)
      const c = factor(scale, concatWeight)
      if (typeof c !== 'number') k.reduce(concat ? dconcatWeight : dscale, 'sum', 'slope * s', { slope, s }, [0, 1, 2])
      k.map(ds, 'c * slope', { slope, c })
      if (concat) {
        const views = { ds: wide(ds), ...beside([q, v, key]), a: useScale ? scale : 1 }
        const bent = 'a * ds * (1 - tanh(a * (q + key))^2)'
        k.reduce(dq, 'sum', bent, views, [2])
        k.reduce(dkey, 'sum', bent, views, [1])
        const stretched = 'ds * (q + key) * (1 - tanh(a * (q + key))^2)'
        if (useScale) k.reduce(dscale, 'sum', stretched, views, [0, 1, 2, 3])
      } else {
        k.gemm(dq, ds, key) // dq = ds·k
        k.gemm(dkey, ds.T, q) // dk = dsᵀ·q
      }
      sum()
    },
  })
})

/**
 * Attention whose scores are sums: y = softmax(Σ a ⊙ tanh(q + k))·v, with a learnt for each feature.
 * Called on [query, value] or [query, value, key]; without a key the value is also the key.
 * @equation y = A v, \quad A = \operatorname{softmax}(S), \quad S_{ij} = \sum a \odot \tanh(q_i + k_j)
 * @slope dv = A^\top dy, \quad dS = A \odot \left(dA - \textstyle\sum dA \odot A\right), \quad dq_i = \sum_j dS_{ij} \, a \odot (1 - \tanh^2(q_i + k_j))
 * @shape [queries, features], [keys, outputs], [keys, features] → [queries, outputs]
 * @throws ShapeError when queries and keys have different features
 * @paper Bahdanau, Cho & Bengio 2015
 * @example
 * const [query, value] = [input([5, 16]), input([7, 16])]
 * additiveAttention()([query, value])
 */
export const additiveAttention = layer('additiveAttention', [], (options: AdditiveAttentionOptions = {}) => {
  const { useScale = true } = options
  const told = attending('additiveAttention', options)
  const run = (k: Verbs, { y, scale, s, p, w, u }: Arrays, xs: readonly View[], masks?: Masks, rate = told.rate) => {
    const all = roles(xs)
    k.reduce(s, 'sum', 'a * tanh(q + key)', { ...beside(all), a: useScale ? scale : 1 }, [3]) // s = Σ a ⊙ tanh(q + k)
    k.gemm(y, weigh(k, { s, p, w, u }, { ...told, rate }, 1, sight(s, masks?.slice(0, 2))), all[1]) // y = softmax(s)·v
  }
  return pair({
    inputs: [1, 3],
    shapes: (...inputs: Shape[]) => ({
      ...shapesOf('additiveAttention', inputs),
      params: { scale: useScale ? [roles(inputs)[2][1]] : undefined },
    }),
    initial: { scale: glorotUniform() },
    mask: passed,
    forward(k, views, xs, masks) {
      run(k, views, xs, masks)
    },
    infer(k, views, xs, masks) {
      run(k, views, xs, masks, 0)
    },
    backward(k, { p, w, u, ds, dw, dy, scale, dscale }, xs, dxs) {
      const all = roles(xs)
      const { rooms, sum } = collect(k, dxs)
      const [dq, dv, dkey] = rooms
      k.gemm(dw, dy, all[1].T) // dw = dy·vᵀ
      k.gemm(dv, (told.rate > 0 ? w : p).T, dy) // dv = wᵀ·dy
      unweigh(k, ds, dw, { p, u }, told)
      const views = { ds: wide(ds), ...beside(all), a: useScale ? scale : 1 }
      const bent = 'ds * a * (1 - tanh(q + key)^2)'
      k.reduce(dq, 'sum', bent, views, [2])
      k.reduce(dkey, 'sum', bent, views, [1])
      if (useScale) k.reduce(dscale, 'sum', 'ds * tanh(q + key)', views, [0, 1, 2])
      sum()
    },
  })
})
