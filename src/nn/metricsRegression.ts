import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import * as losses from './losses.ts'
import { elementwise, mean, metric, ratio, rowsBeside } from './metric.ts'

// The mean of a loss, for watching.
export const binaryCrossentropy = mean('binaryCrossentropy', losses.binaryCrossentropy)
export const categoricalCrossentropy = mean('categoricalCrossentropy', losses.categoricalCrossentropy)
export const sparseCategoricalCrossentropy = mean('sparseCategoricalCrossentropy', losses.sparseCategoricalCrossentropy)
export const categoricalHinge = mean('categoricalHinge', losses.categoricalHinge)
export const hinge = mean('hinge', losses.hinge)
export const squaredHinge = mean('squaredHinge', losses.squaredHinge)
export const klDivergence = mean('klDivergence', losses.klDivergence)
export const poisson = mean('poisson', losses.poisson)
export const logCoshError = mean('logCoshError', losses.logCosh)
export const meanSquaredError = mean('meanSquaredError', losses.meanSquaredError)
export const meanAbsoluteError = mean('meanAbsoluteError', losses.meanAbsoluteError)
export const meanAbsolutePercentageError = mean('meanAbsolutePercentageError', losses.meanAbsolutePercentageError)
export const meanSquaredLogarithmicError = mean('meanSquaredLogarithmicError', losses.meanSquaredLogarithmicError)

/**
 * √ of the mean of (p − t)², over everything.
 * @equation \sqrt{\operatorname{mean} \, (p - t)^2}
 */
export const rootMeanSquaredError = metric('rootMeanSquaredError', {
  measure(k, { p, t, out, weight = 1 }) {
    const share = p.shape[0] / sizeOf(p.shape)
    const axes = p.shape.map((_, i) => i)
    k.reduce(out, 'sum', '(p - t)^2 * share * weight', { p, t: t.reshape(...p.shape), share, weight }, axes)
  },
  value: (sums, samples) => Math.sqrt(sums[0] / samples),
})

/**
 * The mean of p itself.
 * @equation \operatorname{mean} \, p
 */
export const meanPrediction = elementwise('meanPrediction', {}, 'p')

/** A mean over rows of a formula of the row's Σ: means mp, mt, variances vp, vt and covariance c. */
const rowwise = <P extends Readonly<Record<string, number>>>(name: string, params: P, text: string) =>
  metric(name, {
    params,
    measure(k, views, given) {
      const { p, t, out } = views
      const rows = sizeOf(p.shape) / p.shape[p.shape.length - 1]
      const [x, y] = [p, t.reshape(...p.shape)].map(v => v.matrix(v.shape.length - 1))
      const { mp, mt } = parts(k, ['mp', 'mt'], 'mp = p; mt = t', { p: x, t: y }, rows)
      const spread = 'vp = (p - mp)^2; vt = (t - mt)^2; c = (p - mp) * (t - mt); pp = p^2; tt = t^2; pt = p * t'
      const sums = parts(k, ['vp', 'vt', 'c', 'pp', 'tt', 'pt'], spread, { p: x, t: y, mp, mt }, rows)
      const share = p.shape[0] / rows
      const m = rowsBeside(views, x)
      k.reduce(out, 'sum', `(${text}) * share * m`, { ...sums, mp, mt, share, m, ...given }, [0, 1])
    },
  })

function parts(k: Verbs, names: string[], text: string, given: Record<string, View>, rows: number) {
  const rooms = Object.fromEntries(names.map(name => [name, k.scratch(name, [rows, 1])]))
  k.reduce(rooms, 'mean', text, given, [1])
  return rooms
}

/**
 * The mean over rows of cos(p, t): 1 where both point the same way. The loss of this name has the other sign.
 * @equation \frac{1}{n} \sum_i \frac{p_i \cdot t_i}{\lVert p_i \rVert \, \lVert t_i \rVert}
 */
export const cosineSimilarity = rowwise(
  'cosineSimilarity',
  { epsilon: 1e-7 },
  'pt / (max(sqrt(pp), epsilon) * max(sqrt(tt), epsilon))',
)

/**
 * The mean over rows of Pearson's correlation of p and t.
 * @equation \frac{1}{n} \sum_i \frac{\operatorname{cov}(p_i, t_i)}{\sqrt{\operatorname{var} p_i} \, \sqrt{\operatorname{var} t_i}}
 */
export const pearsonCorrelation = rowwise(
  'pearsonCorrelation',
  { epsilon: 1e-7 },
  'c / ((sqrt(vp) + epsilon) * (sqrt(vt) + epsilon))',
)

/**
 * The mean over rows of Lin's concordance: 2·cov / (var p + var t + (mean p − mean t)²). Lin 1989.
 * @equation \frac{1}{n} \sum_i \frac{2 \operatorname{cov}(p_i, t_i)}{\operatorname{var} p_i + \operatorname{var} t_i + (\overline{p_i} - \overline{t_i})^2}
 */
export const concordanceCorrelation = rowwise(
  'concordanceCorrelation',
  { epsilon: 1e-7 },
  '2 * c / (vp + vt + (mp - mt)^2 + epsilon)',
)

/**
 * 1 − Σ (p − t)² / Σ (t − mean t)² of each output, averaged: 'uniform_average' (all alike), 'variance_weighted_average' or
 * 'variance_weighted' (by the spread of t). `numRegressors` > 0 gives the adjusted score.
 * @equation R^2 = 1 - \frac{\sum (p - t)^2}{\sum (t - \overline{t})^2}
 */
export const r2Score = metric('r2Score', {
  params: { classAggregation: 'uniform_average', numRegressors: 0 } as {
    classAggregation: string
    numRegressors: number
  },
  size: p => 3 * p[p.length - 1],
  measure(k, views) {
    const { p, t, out } = views
    const n = p.shape[p.shape.length - 1]
    const [x, y] = [p, t.reshape(...p.shape)].map(v => v.matrix(v.shape.length - 1))
    const cell = (i: number) => out.slice(0, i * n, n)
    const targets = { residual: cell(0), first: cell(1), second: cell(2) }
    const sums = 'residual = m * (p - t)^2; first = m * t; second = m * t^2'
    k.reduce(targets, 'sum', sums, { p: x, t: y, m: rowsBeside(views, x) }, [0])
  },
  value(sums, samples, { classAggregation, numRegressors }) {
    const n = sums.length / 3
    const scores = Array.from({ length: n }, (_, i) => {
      const spread = sums[2 * n + i] - sums[n + i] ** 2 / samples
      return { spread, score: 1 - ratio(sums[i], spread) }
    })
    const weights = scores.map(({ spread }) => (classAggregation.startsWith('variance_weighted') ? spread : 1))
    const score = ratio(
      scores.reduce((sum, each, i) => sum + each.score * weights[i], 0),
      weights.reduce((a, b) => a + b),
    )
    if (numRegressors === 0) return score
    return 1 - ((1 - score) * (samples - 1)) / (samples - numRegressors - 1)
  },
})
