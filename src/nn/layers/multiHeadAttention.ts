import type { Verbs } from '../../program/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, type Masks, pair, passed, whole } from '../layer.ts'
import { type InitializerChoice, resolveInitializer } from '../resolve.ts'
import { type AttendingOptions, attending, collect, roles, sequences, sight, unweigh, weigh } from './attending.ts'

export interface MultiHeadAttentionOptions extends LayerOptions, AttendingOptions {
  /** Size of each head's values; that of its keys by default. */
  valueDim?: number
  /** Whether b is added. */
  useBias?: boolean
  /** Features of the output; those of the query by default. */
  outputShape?: number
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}

/** What both ways through it need: projections, scores, weights, and the parameters of each role. */
type Arrays = 'q' | 'key' | 'v' | 's' | 'p' | 'w' | 'o' | 'y' | `${'W' | 'b'}${'q' | 'k' | 'v' | 'o'}`

/** z = x·W + b, all heads side by side. */
const project = (k: Verbs, z: View, x: View, W: View, b?: View) =>
  k.gemm(z.matrix(2), x.matrix(2), W.matrix(1), { bias: b?.reshape(z.shape[2] * z.shape[3]) })

/** dx = dz·Wᵀ, dW = xᵀ·dz, db = Σ dz */
function unproject(k: Verbs, dz: View, x: View, W: View, dx: View, dW: View, db?: View): void {
  k.gemm(dW.matrix(1), x.matrix(2).T, dz.matrix(2))
  if (db) k.sum(db, dz, [0, 1])
  k.gemm(dx.matrix(2), dz.matrix(2), W.matrix(1).T)
}

/** [batch, steps, heads, size] as a stack of matrices [batch, heads, steps, size]. */
const heads = (z: View) => z.transpose(0, 2, 1, 3)

/**
 * Several attentions at once, each with its own view of query, key and value:
 * y = [h₁, h₂, …]·Wo + bo, hᵢ = softmax(qᵢ·kᵢᵀ / √keyDim)·vᵢ, qᵢ = query·Wqᵢ + bqᵢ and so on.
 * Called on (query, value, key, attentionMask) in Keras's order: the mask says which keys each query sees, 1 or 0; without a key the value is also the key, on one input all three are it.
 * PyTorch's MultiheadAttention takes (query, key, value) and keyDim · numHeads = embed_dim.
 * @equation y = \sum_h A_h v_h W^o_h + b_o, \quad A_h = \operatorname{softmax}\left(\frac{q_h k_h^\top}{\sqrt{\mathit{keyDim}}}\right), \quad q_h = q W^q_h + b^q_h
 * @slope dv_h = A_h^\top do_h, \quad dS_h = A_h \odot \left(dA_h - \textstyle\sum dA_h \odot A_h\right), \quad dq_h = \frac{dS_h k_h}{\sqrt{\mathit{keyDim}}}, \quad dk_h = \frac{dS_h^\top q_h}{\sqrt{\mathit{keyDim}}}
 * @shape [queries, features], [keys, …], [keys, …], [queries, keys] → [queries, features]
 * @param numHeads how many attentions
 * @param keyDim size of each head's queries and keys
 * @throws ShapeError when the inputs are no sequences
 * @paper Vaswani et al. 2017
 * @example
 * const [query, value] = [input([5, 16]), input([7, 16])]
 * multiHeadAttention(2, 16)(query, value)
 */
export const multiHeadAttention = layer(
  'multiHeadAttention',
  ['numHeads', 'keyDim'],
  (numHeads: number, keyDim: number, options: MultiHeadAttentionOptions = {}) => {
    const { valueDim = keyDim, useBias = true, outputShape } = options
    const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
    for (const [what, value] of Object.entries({ numHeads, keyDim, valueDim })) whole('multiHeadAttention', what, value)
    if (outputShape !== undefined) whole('multiHeadAttention', 'outputShape', outputShape)
    const told = attending('multiHeadAttention', options)
    const [W, b] = [resolveInitializer(kernelInitializer), resolveInitializer(biasInitializer)]
    const scale = 1 / Math.sqrt(keyDim)
    const run = (
      k: Verbs,
      { q, key, v, s, p, w, o, y, ...of }: Readonly<Record<Arrays, View>> & { readonly u?: View },
      xs: readonly View[],
      masks?: Masks,
      rate = told.rate,
    ) => {
      const [query, value, lock] = roles(xs)
      project(k, q, query, of.Wq, of.bq)
      project(k, key, lock, of.Wk, of.bk)
      project(k, v, value, of.Wv, of.bv)
      k.gemm(s, heads(q), heads(key).T) // s = q·kᵀ
      const seen = sight(s, masks?.slice(0, 3), xs[3])
      const weights = weigh(k, { s, p, w, u: of.u }, { ...told, rate }, scale, seen) // p = softmax(s / √keyDim)
      k.gemm(heads(o), weights, heads(v)) // o = p·v
      k.gemm(y.matrix(2), o.matrix(2), of.Wo.matrix(2), { bias: of.bo }) // y = o·Wo + bo
    }
    return pair({
      inputs: [1, 4],
      shapes(...inputs: Shape[]) {
        sequences('multiHeadAttention', inputs)
        const [query, value, key] = roles(inputs)
        const outputs = outputShape ?? query[1]
        const [keys, values] = [
          [numHeads, keyDim],
          [numHeads, valueDim],
        ]
        const weights = [numHeads, query[0], key[0]]
        const bias = (shape: number[]) => (useBias ? shape : undefined)
        return {
          y: [query[0], outputs],
          params: {
            Wq: [query[1], ...keys],
            bq: bias(keys),
            Wk: [key[1], ...keys],
            bk: bias(keys),
            Wv: [value[1], ...values],
            bv: bias(values),
            Wo: [...values, outputs],
            bo: bias([outputs]),
          },
          saved: {
            q: [query[0], ...keys],
            key: [key[0], ...keys],
            v: [value[0], ...values],
            o: [query[0], ...values],
            s: weights,
            p: weights,
            w: weights,
          },
          random: { u: weights },
        }
      },
      initial: { Wq: W, Wk: W, Wv: W, Wo: W, bq: b, bk: b, bv: b, bo: b },
      mask: passed,
      forward(k, views, xs, masks) {
        run(k, views, xs, masks)
      },
      infer(k, views, xs, masks) {
        run(k, views, xs, masks, 0)
      },
      backward(k, { q, key, v, o, p, w, u, ds, dw, dq, dkey, dv, do: out, dy, ...of }, xs, dxs) {
        const [query, value, lock] = roles(xs)
        const { rooms, sum } = collect(k, dxs)
        k.gemm(of.dWo.matrix(2), o.matrix(2).T, dy.matrix(2)) // dWo = oᵀ·dy
        if (useBias) k.sum(of.dbo, dy, 'rows') // dbo = Σ dy
        k.gemm(out.matrix(2), dy.matrix(2), of.Wo.matrix(2).T) // do = dy·Woᵀ
        k.gemm(dw, heads(out), heads(v).T) // dw = do·vᵀ
        k.gemm(heads(dv), (told.rate > 0 ? w : p).T, heads(out)) // dv = wᵀ·do
        const slope = k.scratch('slope', ds.shape)
        unweigh(k, slope, dw, { p, u }, told)
        k.map(ds, 'scale * slope', { slope, scale })
        k.gemm(heads(dq), ds, heads(key)) // dq = ds·k
        k.gemm(heads(dkey), ds.T, heads(q)) // dk = dsᵀ·q
        unproject(k, dq, query, of.Wq, rooms[0], of.dWq, of.dbq)
        unproject(k, dv, value, of.Wv, rooms[1], of.dWv, of.dbv)
        unproject(k, dkey, lock, of.Wk, rooms[2], of.dWk, of.dbk)
        sum()
        if (dxs[3]) k.map(dxs[3], '0', {}) // what may be seen has no slope
      },
    })
  },
)
