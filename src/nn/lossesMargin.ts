import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { beside, loss } from './loss.ts'

/**
 * Mean of max(0, 1 − t·p) for targets −1 and 1; 0 is taken as −1.
 * @domain -3 to 3, targets 1 and -1
 */
export const hinge = loss('hinge', {
  forward: 'max(1 - (t == 0 ? -1 : t) * p, 0)',
  backward: 'let s = t == 0 ? -1 : t; s * p < 1 ? -s : 0',
})

/**
 * Mean of max(0, 1 − t·p)² for targets −1 and 1; 0 is taken as −1.
 * @domain -3 to 3, targets 1 and -1
 */
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

/**
 * PyTorch's SoftMarginLoss: mean of log(1 + e^(−t·p)) for targets −1 and 1.
 * @domain -3 to 3, targets 1 and -1
 */
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

/**
 * PyTorch's MultiLabelMarginLoss: Σ max(0, 1 − p of a label + p of a class that is none) over all such pairs, divided by the
 * number of classes; mean over the batch. A target lists its labels, filled up with −1 behind; a 0 or 1 for each class says
 * less than that, because labels may come twice.
 * @equation L = \operatorname{mean} \, \frac{1}{C} \sum_{j \in t} \sum_{i \notin t} \max(0, \, 1 - p_j + p_i)
 * @slope \frac{\partial L}{\partial p_i} = \frac{1}{nC} \sum_{j \in t} [1 - p_j + p_i > 0], \quad \frac{\partial L}{\partial p_j} = -\frac{1}{nC} \sum_{i \notin t} [1 - p_j + p_i > 0]
 */
export const multiLabelMargin = loss('multiLabelMargin', {
  weighted: true,
  forward(k, { p, t, loss, weight }) {
    const { on, label, own, q } = labelled(k, p, t)
    const given = { on, label, own, q, classes: p.shape[1], n: p.shape[0], weight: beside(weight, q) }
    k.reduce(loss, 'sum', 'on && !own ? max(1 - label + q, 0) * weight / classes / n : 0', given, [0, 1, 2])
  },
  backward(k, { p, t, dp, weight }) {
    const { on, label, own, q, place } = labelled(k, p, t)
    const [batch, classes] = p.shape
    const [push, pull, up] = [
      [batch, 1, classes],
      [batch, classes, 1],
      [batch, classes],
    ].map((shape, i) => k.scratch(['push', 'pull', 'up'][i], shape))
    const given = { on, label, own, q }
    const hit = 'on && !own && 1 - label + q > 0'
    k.reduce(push, 'sum', hit, given, [1]) // how many labels push a class down
    k.reduce(pull, 'sum', hit, given, [2]) // how many classes pull a label up
    k.reduce(up, 'sum', 'place == c ? pull : 0', { place, pull, c: k.index(classes) }, [1])
    const slope = '(push - up) * weight / classes / batch'
    k.map(dp, slope, { push: push.reshape(batch, classes), up, classes, batch, weight: beside(weight, p) })
  },
})

/** Each place of a target beside each class: whether there is a label, its p, and whether the class is one of the labels. */
function labelled(k: Verbs, p: View, t: View) {
  const [batch, classes] = p.shape
  const column = [batch, classes, 1]
  const [before, label] = ['before', 'label'].map(name => k.scratch(name, column))
  const own = k.scratch('own', [batch, 1, classes])
  const [place, q] = [t.reshape(...column), p.reshape(batch, 1, classes)]
  const [i, j] = [k.index(classes).reshape(classes, 1), k.index(classes)]
  // A −1 ends the list, whatever stands behind it.
  k.reduce(before, 'sum', 'u < 0 && j <= i', { u: t.reshape(batch, 1, classes), i, j }, [2])
  k.reduce(label, 'sum', 'place == j && before == 0 ? q : 0', { place, before, q, j }, [2])
  k.reduce(own, 'max', 'before == 0 && place == j', { before, place, j }, [1])
  const on = k.scratch('on', column)
  k.map(on, 'before == 0', { before })
  return { on, label, own, q, place }
}

/**
 * PyTorch's HingeEmbeddingLoss: mean of the distance p where t is 1, of max(0, margin − p) where t is −1.
 * @domain -3 to 3, targets 1 and -1
 */
export const hingeEmbedding = loss('hingeEmbedding', {
  params: { margin: 1 },
  forward: 't == 1 ? p : max(margin - p, 0)',
  backward: 't == 1 ? 1 : p < margin ? -1 : 0',
})
