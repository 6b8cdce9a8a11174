import type { Verbs } from '../program/index.ts'
import type { Params } from './json.ts'
import { eachOf, flat, type Measured, metric, ratio } from './metric.ts'

type Binned = { readonly numThresholds: number }

/**
 * True and false positives at each threshold, then all positives and negatives: the curves are made of these. Thresholds
 * go from 0 to 1, for an area a little beyond both, as in Keras.
 */
function curve(k: Verbs, views: Measured, { numThresholds: n }: Binned, beyond: number) {
  const { p, t, out } = views
  const each = eachOf(views)
  const m = typeof each === 'number' ? each : each.reshape(each.shape[0], 1)
  const [x, u] = [flat(p), flat(t)].map(v => v.reshape(v.shape[0], 1))
  k.reduce(
    { tp: out.slice(0, 0, n), fp: out.slice(0, n, n) },
    'sum',
    `let threshold = i == 0 ? -beyond : i == n - 1 ? 1 + beyond : i / (n - 1);
     let yes = x > threshold;
     tp = m * (yes && u > 0.5); fp = m * (yes && !(u > 0.5))`,
    { x, u, m, i: k.index(n), n, beyond },
    [0],
  )
  const all = { positive: out.slice(0, 2 * n, 1), negative: out.slice(0, 2 * n + 1, 1) }
  k.reduce(all, 'sum', 'positive = m * (u > 0.5); negative = m * !(u > 0.5)', { u: flat(t), m: each }, [0])
}

interface Curve {
  readonly n: number
  readonly tp: (i: number) => number
  readonly fp: (i: number) => number
  readonly positive: number
  readonly negative: number
}

const binned = <P extends Binned & Params>(
  name: string,
  params: P,
  value: (curve: Curve, params: P) => number,
  beyond = 0,
) =>
  metric(name, {
    params,
    size: (_p, _t, { numThresholds }) => 2 * numThresholds + 2,
    measure: (k, views, given) => curve(k, views, given, beyond),
    value(sums, _, given) {
      const n = given.numThresholds
      const [positive, negative] = [sums[2 * n], sums[2 * n + 1]]
      return value({ n, tp: i => sums[i], fp: i => sums[n + i], positive, negative }, given)
    },
  })

const total = (n: number, part: (i: number) => number): number => {
  let sum = 0
  for (let i = 0; i < n; i++) sum += part(i)
  return sum
}

/**
 * The area under the curve of true against false positive rates ('ROC') or of precision against recall ('PR'), from
 * `numThresholds` thresholds. The sums between them: 'interpolation' (trapezoids; for 'PR' after Davis & Goadrich 2006),
 * 'minoring' or 'majoring'.
 * @equation \int_0^1 \mathrm{TPR} \; d \, \mathrm{FPR} \approx \sum_i \frac{\mathrm{TPR}_i + \mathrm{TPR}_{i+1}}{2} \, (\mathrm{FPR}_i - \mathrm{FPR}_{i+1})
 */
export const auc = binned(
  'auc',
  { numThresholds: 200, curve: 'ROC', summationMethod: 'interpolation' },
  ({ n, tp, fp, positive, negative }, { curve, summationMethod }) => {
    if (curve === 'PR' && summationMethod === 'interpolation')
      return total(n - 1, i => {
        const [dtp, p0, p1] = [tp(i) - tp(i + 1), tp(i) + fp(i), tp(i + 1) + fp(i + 1)]
        const slope = ratio(dtp, Math.max(p0 - p1, 0))
        const intercept = tp(i + 1) - slope * p1
        const relative = p0 > 0 && p1 > 0 ? ratio(p0, Math.max(p1, 0)) : 1
        return ratio(slope * (dtp + intercept * Math.log(relative)), positive)
      })
    const recall = (i: number) => ratio(tp(i), positive)
    const x = curve === 'PR' ? recall : (i: number) => ratio(fp(i), negative)
    const y = curve === 'PR' ? (i: number) => ratio(tp(i), tp(i) + fp(i)) : recall
    const height = (a: number, b: number) =>
      summationMethod === 'minoring' ? Math.min(a, b) : summationMethod === 'majoring' ? Math.max(a, b) : (a + b) / 2
    return total(n - 1, i => (x(i) - x(i + 1)) * height(y(i), y(i + 1)))
  },
  1e-7,
)

/** The largest `wanted` among the thresholds where `held` is at least `least`, or 0. */
const largest = (n: number, wanted: (i: number) => number, held: (i: number) => number, least: number): number => {
  let found = 0
  for (let i = 0; i < n; i++) if (held(i) >= least) found = Math.max(found, wanted(i))
  return found
}

const sensitivity = (c: Curve) => (i: number) => ratio(c.tp(i), c.positive)
const specificity = (c: Curve) => (i: number) => ratio(c.negative - c.fp(i), c.negative)
const precise = (c: Curve) => (i: number) => ratio(c.tp(i), c.tp(i) + c.fp(i))

/**
 * The best share of ones found while at least this share of zeros is left alone.
 * @equation \max_\theta \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FN}} \quad \text{where } \frac{\mathrm{TN}}{\mathrm{TN} + \mathrm{FP}} \ge \mathit{specificity}
 */
export const sensitivityAtSpecificity = binned(
  'sensitivityAtSpecificity',
  { specificity: 0.5, numThresholds: 200 },
  (c, given) => largest(c.n, sensitivity(c), specificity(c), given.specificity),
)

/**
 * The best share of zeros left alone while at least this share of ones is found.
 * @equation \max_\theta \frac{\mathrm{TN}}{\mathrm{TN} + \mathrm{FP}} \quad \text{where } \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FN}} \ge \mathit{sensitivity}
 */
export const specificityAtSensitivity = binned(
  'specificityAtSensitivity',
  { sensitivity: 0.5, numThresholds: 200 },
  (c, given) => largest(c.n, specificity(c), sensitivity(c), given.sensitivity),
)

/**
 * The best precision where recall is at least this.
 * @equation \max_\theta \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FP}} \quad \text{where } \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FN}} \ge \mathit{recall}
 */
export const precisionAtRecall = binned('precisionAtRecall', { recall: 0.5, numThresholds: 200 }, (c, given) =>
  largest(c.n, precise(c), sensitivity(c), given.recall),
)

/**
 * The best recall where precision is at least this.
 * @equation \max_\theta \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FN}} \quad \text{where } \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FP}} \ge \mathit{precision}
 */
export const recallAtPrecision = binned('recallAtPrecision', { precision: 0.5, numThresholds: 200 }, (c, given) =>
  largest(c.n, sensitivity(c), precise(c), given.precision),
)
