import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, type Masks, pair, passed, whole } from '../layer.ts'
import { type InitializerChoice, resolveInitializer } from '../resolve.ts'
import { type AttendingOptions, attending, roles, sequences, sight, weigh } from './attending.ts'

export interface GroupQueryAttentionOptions extends LayerOptions, AttendingOptions {
  /** Whether b is added. */
  useBias?: boolean
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}

/**
 * Attention whose heads share keys and values in groups: nearly as good as a key and a value for each head, and much less to
 * keep. Called on (query, value, key) as multiHeadAttention; with one key and value head it is multi-query attention, with
 * as many as queries multiHeadAttention itself. Its backward pass is derived from the forward one.
 * @equation y = \sum_h A_h v_{g(h)} W^o_h + b_o, \quad A_h = \operatorname{softmax}\left(\frac{q_h k_{g(h)}^\top}{\sqrt{\mathit{headDim}}}\right), \quad g(h) = \left\lfloor \frac{h \, \mathit{groups}}{\mathit{heads}} \right\rfloor
 * @slope dk_g = \sum_{g(h) = g} \frac{dS_h^\top q_h}{\sqrt{\mathit{headDim}}}, \quad dv_g = \sum_{g(h) = g} A_h^\top do_h
 * @shape [queries, features], [keys, …], [keys, …] → [queries, features]
 * @param headDim size of each head
 * @param numQueryHeads how many attentions
 * @param numKeyValueHeads how many groups of them share a key and a value; divides numQueryHeads
 * @throws ShapeError when the heads do not divide, or the inputs are no sequences
 * @paper Ainslie et al. 2023
 * @example
 * groupQueryAttention(8, 4, 2)(input([5, 16]))
 */
export const groupQueryAttention = layer(
  'groupQueryAttention',
  ['headDim', 'numQueryHeads', 'numKeyValueHeads'],
  (headDim: number, numQueryHeads: number, numKeyValueHeads: number, options: GroupQueryAttentionOptions = {}) => {
    const who = 'groupQueryAttention'
    const { useBias = true, kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
    for (const [what, value] of Object.entries({ headDim, numQueryHeads, numKeyValueHeads })) whole(who, what, value)
    const [groups, each] = [numKeyValueHeads, numQueryHeads / numKeyValueHeads]
    if (!Number.isInteger(each))
      throw new ShapeError('uneven-groups', `${who} cannot split ${numQueryHeads} heads into ${groups} groups`, {
        hint: 'choose numKeyValueHeads that divides numQueryHeads',
      })
    const told = attending(who, options)
    const [W, b] = [resolveInitializer(kernelInitializer), resolveInitializer(biasInitializer)]
    const scale = 1 / Math.sqrt(headDim)
    /** z = x·W + b, [batch, steps, heads, headDim]. */
    const project = (k: Verbs, name: string, x: View, W: View, b?: View): View => {
      const z = k.scratch(name, [...x.shape.slice(0, 2), ...W.shape.slice(1)])
      k.gemm(z.matrix(2), x.matrix(2), W.matrix(1), { bias: b?.reshape(W.shape[1] * W.shape[2]) })
      return z
    }
    /** Heads of queries as a stack [batch, group, of the group, steps, headDim]; those of keys and values repeated. */
    const apart = (z: View) => z.reshape(z.shape[0], z.shape[1], groups, each, headDim).transpose(0, 2, 3, 1, 4)
    const shared = (k: Verbs, z: View) => {
      const [batch, steps] = z.shape
      const wide = k.scratch('shared', [batch, groups, each, steps, headDim])
      k.copy(wide, z.transpose(0, 2, 1, 3).repeat(2, each))
      return wide
    }
    const run = (
      k: Verbs,
      of: Readonly<Record<string, View>>,
      xs: readonly View[],
      masks?: Masks,
      rate = told.rate,
    ) => {
      const [query, value, key] = roles(xs)
      const q = project(k, 'q', query, of.Wq, of.bq)
      const [keys, values] = [project(k, 'k', key, of.Wk, of.bk), project(k, 'v', value, of.Wv, of.bv)].map(z =>
        shared(k, z),
      )
      const shape = [query.shape[0], groups, each, query.shape[1], key.shape[1]]
      const [s, p, w] = ['s', 'p', 'w'].map(name => k.scratch(name, shape))
      k.gemm(s, apart(q), keys.T) // s = q·kᵀ
      const seen = sight(s, masks?.slice(0, 3), xs[3])
      const weights = weigh(k, { s, p, w, u: of.u }, { ...told, rate }, scale, seen) // softmax(s / √headDim)
      const o = k.scratch('o', [...query.shape.slice(0, 2), numQueryHeads, headDim])
      const sums = k.scratch('sums', [...shape.slice(0, 4), headDim])
      k.gemm(sums, weights, values) // o = weights·v
      k.copy(apart(o), sums)
      k.gemm(of.y.matrix(2), o.matrix(2), of.Wo.matrix(2), { bias: of.bo }) // y = o·Wo + bo
    }
    return pair({
      inputs: [1, 4],
      shapes(...inputs) {
        sequences(who, inputs)
        const [query, value, key] = roles(inputs)
        const heads = (size: number, count: number): Shape => [size, count, headDim]
        const bias = (shape: Shape) => (useBias ? shape : undefined)
        return {
          y: query,
          params: {
            Wq: heads(query[1], numQueryHeads),
            bq: bias([numQueryHeads, headDim]),
            Wk: heads(key[1], groups),
            bk: bias([groups, headDim]),
            Wv: heads(value[1], groups),
            bv: bias([groups, headDim]),
            Wo: [numQueryHeads, headDim, query[1]],
            bo: bias([query[1]]),
          },
          random: { u: [groups, each, query[0], key[0]] },
        }
      },
      initial: { Wq: W, Wk: W, Wv: W, Wo: W, bq: b, bk: b, bv: b, bo: b },
      mask: passed,
      forward: (k, views, xs, masks) => run(k, views, xs, masks),
      infer: (k, views, xs, masks) => run(k, views, xs, masks, 0),
    })
  },
)
