import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'

/** A number that tells how good predictions are, averaged over a batch. */
export interface Metric {
  readonly name: string
  /** out = mean over the batch; `out` has one element. */
  measure(k: Verbs, views: { p: View; t: View; out: View }): void
  toJSON(): string
}

/**
 * The share of right answers; what is right follows from the shapes, as in Keras: one output is right when it lies on
 * the target's side of 0.5, several when the largest is the target's class (or the target's largest).
 */
export const accuracy = (): Metric => ({
  name: 'accuracy',
  measure(k, { p, t, out }) {
    const classes = p.shape[p.shape.length - 1]
    if (classes === 1) {
      const [guess, truth] = [p, t].map(v => v.reshape(p.shape.reduce((a, b) => a * b, 1)))
      k.reduce(out, 'mean', '(p > 0.5 ? 1 : 0) == t ? 1 : 0', { p: guess, t: truth }, [0])
      return
    }
    const guess = best(k, 'guess', p)
    const truth = t.shape[t.shape.length - 1] === classes && t.shape.length === p.shape.length ? best(k, 'truth', t) : t
    const n = guess.shape[0]
    k.reduce(out, 'mean', 'guess == truth ? 1 : 0', { guess, truth: truth.reshape(n) }, [0])
  },
  toJSON: () => 'accuracy',
})

/** The place of the largest number of each row. */
function best(k: Verbs, name: string, x: View): View {
  const last = x.shape.length - 1
  const rows = x.shape.slice(0, -1)
  const out = k.scratch(name, rows)
  k.reduce(out, 'argmax', 'x', { x }, [last])
  return out.reshape(rows.reduce((a, b) => a * b, 1))
}
