import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { written } from './derived.ts'
import type { Pair, Rearrangement, Shapes } from './layer.ts'
import type { Regularizer } from './regularizer.ts'
import { type RegularizerChoice, resolveRegularizer } from './resolve.ts'

type Views = Readonly<Record<string, View>>
type AnyShapes = Shapes<string, string, string, string, string>

/** What a pair calls the number that a model adds to the loss: its penalty on what it gives. */
export const activityPenalty = 'activityPenalty'

/**
 * A pair that is also punished for what it gives: loss += penalty(y) / batch, dy += ∂penalty/∂y / batch. Its last step is no
 * longer an activation that a loss could take over.
 */
export function punished(
  inner: Pair | Rearrangement,
  choice: RegularizerChoice | null | undefined,
): Pair | Rearrangement {
  if (choice === undefined || choice === null) return inner
  const rule = resolveRegularizer(choice)
  const pair = written('view' in inner ? copying(inner) : inner)
  const judged = (run: Pair['forward']): Pair['forward'] => {
    return (k, views, xs, masks) => {
      run(k, views, xs, masks)
      const { y, [activityPenalty]: out } = views as Views
      const penalty = k.scratch('penalty', [1])
      rule.forward(k, { w: y, penalty })
      k.map(out, 'penalty / batch', { penalty, batch: y.shape[0] })
    }
  }
  const { backward, infer } = pair
  const own: Pick<Pair, 'activated' | 'shapes' | 'forward' | 'infer' | 'backward'> = {
    activated: false,
    shapes(input, ...others) {
      const { shared, ...shapes } = pair.shapes(input, ...others) as AnyShapes
      return { ...shapes, shared: { ...shared, [activityPenalty]: [1] } }
    },
    forward: judged(pair.forward),
    infer: infer && judged(infer as Pair['forward']),
    backward: (k, views, xs, dxs, masks) => backward(k, { ...views, dy: slope(k, rule, views) }, xs, dxs, masks),
  }
  return Object.assign(Object.create(pair), own)
}

/** dy and what the penalty adds to it. */
function slope(k: Verbs, rule: Regularizer, { y, dy }: Views): View {
  const [g, sum, to] = ['g', 'sum', 'dy'].map(name => k.scratch(name, y.shape))
  const batch = y.shape[0]
  k.map(g, 'batch * dy', { dy, batch })
  rule.backward(k, { w: y, g, dw: sum })
  k.map(to, 'sum / batch', { sum, batch })
  return to
}

/** A pair that copies what a rearrangement only looks at. */
export const copying = ({ shapes, view }: Rearrangement): Pair => ({
  shapes,
  forward: (k, { x, y }) => k.copy(y, view(x, y.shape.slice(1))),
  backward: (k, { dx, dy }) => k.copy(view(dx, dy.shape.slice(1)), dy),
})
