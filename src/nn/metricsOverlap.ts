import type { Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { best, classOf, eachOf, flat, metric, ratio, rowOf } from './metric.ts'

type Overlap = { readonly numClasses: number; readonly targetClassIds: readonly number[] }

const classesOf = (p: Shape, { numClasses }: Overlap, rows: boolean) =>
  numClasses > 0 && !rows ? numClasses : p[p.length - 1]

/** How often a class (row) was taken for another (column). */
function confusions(k: Verbs, guess: View, truth: View, out: View, classes: number, weight: View | number) {
  const n = guess.shape[0]
  const m = typeof weight === 'number' ? weight : weight.reshape(n, 1, 1)
  const given = { i: k.index(classes).reshape(1, classes, 1), j: k.index(classes).reshape(1, 1, classes) }
  k.reduce(
    out,
    'sum',
    'truth == i && guess == j ? m : 0',
    { guess: guess.reshape(n, 1, 1), truth: truth.reshape(n, 1, 1), m, ...given },
    [0],
  )
}

/** TP / (TP + FP + FN) of each class that occurs, averaged over the wanted ones (all when none is named). */
function overlap(sums: ArrayLike<number>, { targetClassIds }: Overlap): number {
  const n = Math.sqrt(sums.length)
  const line = (start: number, step: number) =>
    Array.from({ length: n }, (_, i) => sums[start + i * step]).reduce((a, b) => a + b)
  const wanted = targetClassIds.length > 0 ? targetClassIds : Array.from({ length: n }, (_, i) => i)
  const known = wanted
    .map(c => [sums[c * n + c], line(c * n, 1) + line(c, n) - sums[c * n + c]])
    .filter(([, all]) => all > 0)
  return ratio(
    known.reduce((sum, [both, all]) => sum + both / all, 0),
    known.length,
  )
}

/** `rows`: outputs and targets are rows of a class each, whatever is said of their number. */
const overlapping = (name: string, rows = false) =>
  metric(name, {
    params: { numClasses: 0, targetClassIds: [] } as Overlap,
    size: (p, _, params) => classesOf(p, params, rows) ** 2,
    measure(k, views, params) {
      const { p, t, out } = views
      const classes = classesOf(p.shape, params, rows)
      if (params.numClasses > 0 && !rows) confusions(k, flat(p), flat(t), out, classes, eachOf(views))
      else confusions(k, best(k, 'guess', p), classOf(k, t, p), out, classes, rowOf(views))
    },
    value: (sums, _, params) => overlap(sums, params),
  })

/**
 * Intersection over union of the classes named. A class is the place of the largest output; with `numClasses`, outputs
 * and targets are numbers of classes themselves, as in Keras.
 * @equation \mathrm{IoU}_c = \frac{\mathrm{TP}_c}{\mathrm{TP}_c + \mathrm{FP}_c + \mathrm{FN}_c}
 */
export const iou = overlapping('iou')
/**
 * Intersection over union, the mean over all classes that occur.
 * @equation \mathrm{IoU}_c = \frac{\mathrm{TP}_c}{\mathrm{TP}_c + \mathrm{FP}_c + \mathrm{FN}_c}
 */
export const meanIou = overlapping('meanIou')
/**
 * Intersection over union of the classes named, for rows with a one as targets.
 * @equation \mathrm{IoU}_c = \frac{\mathrm{TP}_c}{\mathrm{TP}_c + \mathrm{FP}_c + \mathrm{FN}_c}
 */
export const oneHotIou = overlapping('oneHotIou', true)
/**
 * The mean over all classes that occur, for rows with a one as targets.
 * @equation \mathrm{IoU}_c = \frac{\mathrm{TP}_c}{\mathrm{TP}_c + \mathrm{FP}_c + \mathrm{FN}_c}
 */
export const oneHotMeanIou = overlapping('oneHotMeanIou', true)

/**
 * Intersection over union where an output from the threshold on is class 1, else 0.
 * @equation \mathrm{IoU}_c = \frac{\mathrm{TP}_c}{\mathrm{TP}_c + \mathrm{FP}_c + \mathrm{FN}_c}
 */
export const binaryIou = metric('binaryIou', {
  params: { threshold: 0.5, targetClassIds: [0, 1] } as { threshold: number; targetClassIds: readonly number[] },
  size: () => 4,
  measure(k, views, { threshold }) {
    const { p, t, out } = views
    const guess = k.scratch('guess', [flat(p).shape[0]])
    k.map(guess, 'p >= threshold ? 1 : 0', { p: flat(p), threshold })
    confusions(k, guess, flat(t), out, 2, eachOf(views))
  },
  value: (sums, _, { targetClassIds }) => overlap(sums, { numClasses: 2, targetClassIds }),
})
