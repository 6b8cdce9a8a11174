import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import { numbersOf } from './json.ts'
import { best, classOf, eachOf, elementwise, flat, type Measured, metric, rowOf, rowsBeside } from './metric.ts'

/** Adds up the rows whose largest p is that of their class. */
function right(k: Verbs, views: Measured) {
  const { p, t, out } = views
  const guess = best(k, 'guess', p)
  const share = p.shape[0] / guess.shape[0]
  const truth = classOf(k, t, p)
  k.reduce(out, 'sum', 'guess == truth ? share * m : 0', { guess, truth, share, m: rowOf(views) }, [0])
}

/**
 * The share of right answers; what is right follows from the shapes, as in Keras: one output is right when it lies on
 * the target's side of 0.5, several when the largest is the target's class (or the target's largest).
 * @equation \frac{1}{n} \sum_i [\hat{t}_i = t_i], \quad \hat{t} = \arg\max p \text{ or } [p > 0.5]
 */
export const accuracy = metric('accuracy', {
  measure(k, views) {
    const { p, t, out } = views
    if (p.shape[p.shape.length - 1] > 1) return right(k, views)
    const share = p.shape[0] / sizeOf(p.shape)
    const m = eachOf(views)
    k.reduce(out, 'sum', '(p > 0.5 ? 1 : 0) == t ? share * m : 0', { p: flat(p), t: flat(t), share, m }, [0])
  },
})

/**
 * The share of elements on the target's side of the threshold.
 * @equation \operatorname{mean} \, [\, [p > \mathit{threshold}] = t \,]
 */
export const binaryAccuracy = elementwise('binaryAccuracy', { threshold: 0.5 }, '(p > threshold ? 1 : 0) == t')

/**
 * The share of rows whose largest number is where the target's is.
 * @equation \frac{1}{n} \sum_i [\arg\max p_i = \arg\max t_i]
 */
export const categoricalAccuracy = metric('categoricalAccuracy', { measure: right })

/**
 * The share of rows whose largest number is that of the target's class.
 * @equation \frac{1}{n} \sum_i [\arg\max p_i = t_i]
 */
export const sparseCategoricalAccuracy = metric('sparseCategoricalAccuracy', { measure: right })

/** The share of rows whose class is among the k largest numbers; a class that ties with them counts, as in Keras. */
function among(kk: Verbs, views: Measured, params: { k: number }) {
  const { p, t, out } = views
  const classes = p.shape[p.shape.length - 1]
  const rows = sizeOf(p.shape) / classes
  const [own, above] = ['own', 'above'].map(name => kk.scratch(name, [rows, 1]))
  const x = p.reshape(rows, classes)
  const truth = classOf(kk, t, p).reshape(rows, 1)
  kk.reduce(own, 'sum', 'j == truth ? x : 0', { x, truth, j: kk.index(classes) }, [1])
  kk.reduce(above, 'sum', 'x > own ? 1 : 0', { x, own }, [1])
  const share = p.shape[0] / rows
  const m = rowsBeside(views, x)
  kk.reduce(out, 'sum', 'above < count ? share * m : 0', { above, share, m, count: numbersOf(params).k }, [0, 1])
}

/**
 * The share of rows whose class is among the k largest numbers; a class that ties with them counts, as in Keras.
 * @equation \frac{1}{n} \sum_i [\, t_i \text{ is among the } k \text{ largest of } p_i \,]
 */
export const topKCategoricalAccuracy = metric('topKCategoricalAccuracy', { params: { k: 5 }, measure: among })

/**
 * The share of rows whose class, a number, is among the k largest numbers; ties count.
 * @equation \frac{1}{n} \sum_i [\, t_i \text{ is among the } k \text{ largest of } p_i \,]
 */
export const sparseTopKCategoricalAccuracy = metric('sparseTopKCategoricalAccuracy', {
  params: { k: 5 },
  measure: among,
})
