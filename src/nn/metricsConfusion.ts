import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { flat, type Measured, metric, ratio, rowsBeside } from './metric.ts'

/** What p above the threshold is called, against what it is: true and false positives, false and true negatives. */
function counts(k: Verbs, views: Measured, { threshold, classId }: Thresholded) {
  const { p, t, out, weight } = views
  const last = p.shape.length - 1
  const only = (x: View) => flat(classId < 0 ? x : x.slice(last, classId, 1))
  const cell = (i: number) => out.slice(0, i, 1)
  k.reduce(
    { tp: cell(0), fp: cell(1), fn: cell(2), tn: cell(3) },
    'sum',
    `let yes = p > threshold; let is = t > 0.5;
     tp = m * (is && yes); fp = m * (!is && yes); fn = m * (is && !yes); tn = m * (!is && !yes)`,
    { p: only(p), t: only(t.reshape(...p.shape)), m: weight ? only(weight.broadcast(p.shape)) : 1, threshold },
    [0],
  )
}

type Thresholded = { readonly threshold: number; readonly classId: number }
type Counts = { tp: number; fp: number; fn: number; tn: number }

/** A metric of the four counts; `classId` looks at one output alone (-1: at all). */
const thresholded = (name: string, value: (counts: Counts) => number) =>
  metric(name, {
    params: { threshold: 0.5, classId: -1 } as Thresholded,
    size: () => 4,
    measure: counts,
    value: ([tp, fp, fn, tn]: ArrayLike<number> & Iterable<number>) => value({ tp, fp, fn, tn }),
  })

/**
 * How many are above the threshold and 1.
 * @equation \mathrm{TP} = \sum [p > \theta] \, [t = 1]
 */
export const truePositives = thresholded('truePositives', ({ tp }) => tp)
/**
 * How many are above the threshold and 0.
 * @equation \mathrm{FP} = \sum [p > \theta] \, [t = 0]
 */
export const falsePositives = thresholded('falsePositives', ({ fp }) => fp)
/**
 * How many are not above the threshold and 0.
 * @equation \mathrm{TN} = \sum [p \le \theta] \, [t = 0]
 */
export const trueNegatives = thresholded('trueNegatives', ({ tn }) => tn)
/**
 * How many are not above the threshold and 1.
 * @equation \mathrm{FN} = \sum [p \le \theta] \, [t = 1]
 */
export const falseNegatives = thresholded('falseNegatives', ({ fn }) => fn)
/**
 * How many of those above the threshold are 1: TP / (TP + FP).
 * @equation \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FP}}
 */
export const precision = thresholded('precision', ({ tp, fp }) => ratio(tp, tp + fp))
/**
 * How many of those that are 1 are above the threshold: TP / (TP + FN).
 * @equation \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FN}}
 */
export const recall = thresholded('recall', ({ tp, fn }) => ratio(tp, tp + fn))

type Scored = { readonly average: string; readonly beta: number; readonly threshold: number }

/** Sums of each class: true positives, false positives, false negatives. */
function perClass(k: Verbs, views: Measured, { threshold }: Scored) {
  const { p, t, out } = views
  const classes = p.shape[p.shape.length - 1]
  const [x, u] = [p, t.reshape(...p.shape)].map(v => v.matrix(v.shape.length - 1))
  const top = k.scratch('top', [x.shape[0], 1])
  k.reduce(top, 'max', 'x', { x }, [1])
  const cell = (i: number) => out.slice(0, i * classes, classes)
  k.reduce(
    { tp: cell(0), fp: cell(1), fn: cell(2) },
    'sum',
    `let yes = ${threshold < 0 ? 'x >= top && abs(x) > 1e-9' : 'x > threshold'};
     tp = m * yes * u; fp = m * yes * (1 - u); fn = m * (1 - yes) * u`,
    { x, u, m: rowsBeside(views, x), top, threshold },
    [0],
  )
}

const epsilon = 1e-7

function score(sums: ArrayLike<number>, { average, beta }: Scored): number {
  const classes = sums.length / 3
  const all = Array.from({ length: classes }, (_, i) => [sums[i], sums[classes + i], sums[2 * classes + i]])
  const of = ([tp, fp, fn]: number[]) => {
    const [precision, recall] = [tp / (tp + fp + epsilon), tp / (tp + fn + epsilon)]
    return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + epsilon)
  }
  const total = (part: number) => all.reduce((sum, each) => sum + each[part], 0)
  if (average === 'micro') return of([total(0), total(1), total(2)])
  if (average === 'macro') return all.reduce((sum, each) => sum + of(each), 0) / classes
  const weight = total(0) + total(2) + epsilon
  return all.reduce((sum, each) => sum + (of(each) * (each[0] + each[2])) / weight, 0)
}

const scored = (name: string, beta: number) =>
  metric(name, {
    params: { average: 'macro', beta, threshold: -1 } as Scored,
    size: p => 3 * p[p.length - 1],
    measure: perClass,
    value: (sums, _, params) => score(sums, params),
  })

/**
 * (1 + β²)·precision·recall / (β²·precision + recall) of each class, averaged: 'macro' (all alike), 'micro' (counts first)
 * or 'weighted' (by how often the class occurs). A class is told by the largest output, or by a threshold of 0 or more.
 * Keras gives one number a class unless told to average.
 * @equation F_\beta = \frac{(1 + \beta^2) \, \mathrm{precision} \cdot \mathrm{recall}}{\beta^2 \, \mathrm{precision} + \mathrm{recall}}
 */
export const fBetaScore = scored('fBetaScore', 1)

/**
 * The harmonic mean of precision and recall; fBetaScore with β = 1.
 * @equation F_1 = \frac{2 \, \mathrm{TP}}{2 \, \mathrm{TP} + \mathrm{FP} + \mathrm{FN}}
 */
export const f1Score = scored('f1Score', 1)
