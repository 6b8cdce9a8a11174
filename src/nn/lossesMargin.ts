import { loss } from './loss.ts'

/** Mean of max(0, 1 − t·p) for targets −1 and 1; 0 is taken as −1. */
export const hinge = loss('hinge', {
  forward: 'max(1 - (t == 0 ? -1 : t) * p, 0)',
  backward: 'let s = t == 0 ? -1 : t; s * p < 1 ? -s : 0',
})

/** Mean of max(0, 1 − t·p)² for targets −1 and 1; 0 is taken as −1. */
export const squaredHinge = loss('squaredHinge', {
  forward: 'max(1 - (t == 0 ? -1 : t) * p, 0)^2',
  backward: 'let s = t == 0 ? -1 : t; -2 * s * max(1 - s * p, 0)',
})

/** Mean over the batch of max(0, 1 + the best wrong p − the right p). */
export const categoricalHinge = loss('categoricalHinge', {
  per: 'row',
  parts: {
    right: ['sum', 't * p'],
    wrong: ['max', '(1 - t) * p'],
    place: ['argmax', '(1 - t) * p'],
  },
  forward: 'max(wrong - right + 1, 0)',
  backward: 'wrong - right + 1 > 0 ? (j == place ? 1 - t : 0) - t : 0',
})

/** PyTorch's SoftMarginLoss: mean of log(1 + e^(−t·p)) for targets −1 and 1. */
export const softMargin = loss('softMargin', {
  forward: 'softplus(-t * p)',
  backward: '-t * sigmoid(-t * p)',
})

/** PyTorch's MultiMarginLoss: mean over the batch of Σ max(0, margin − p of the class + p)^power / classes, power 1 or 2. */
export const multiMargin = loss('multiMargin', {
  params: { power: 1, margin: 1 },
  target: 'class',
  per: 'row',
  parts: {
    right: ['sum', 't * p'],
    u: ['sum', '(1 - t) * (margin - right + p > 0 ? power * (margin - right + p)^(power - 1) : 0)'],
  },
  forward: '(1 - t) * max(margin - right + p, 0)^power / classes',
  backward: `let e = margin - right + p;
             (t == 1 ? -u : e > 0 ? power * e^(power - 1) : 0) / classes`,
})

/** PyTorch's HingeEmbeddingLoss: mean of the distance p where t is 1, of max(0, margin − p) where t is −1. */
export const hingeEmbedding = loss('hingeEmbedding', {
  params: { margin: 1 },
  forward: 't == 1 ? p : max(margin - p, 0)',
  backward: 't == 1 ? 1 : p < margin ? -1 : 0',
})
