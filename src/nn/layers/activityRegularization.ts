import { punished } from '../activity.ts'
import { fraction, type LayerOptions, layer, pair, passed } from '../layer.ts'

export interface ActivityRegularizationOptions extends Omit<LayerOptions, 'activityRegularizer'> {
  /** What each |x| costs. */
  l1?: number
  /** What each x² costs. */
  l2?: number
}

/**
 * Passes its input on, and adds l1·Σ |x| + l2·Σ x² of it to the loss, as a mean over the batch: what the layers before say
 * becomes sparse or small. The option `activityRegularizer` of every layer does the same with any regulariser.
 * @equation y = x, \quad L \leftarrow L + \frac{1}{n} \sum \left(l_1 \, |x| + l_2 \, x^2\right)
 * @slope dx = dy + \frac{1}{n} \left(l_1 \operatorname{sign} x + 2 \, l_2 \, x\right)
 * @shape any → the same
 * @param options.l1 what each |x| costs, from 0
 * @param options.l2 what each x² costs, from 0
 * @throws ShapeError when a cost is negative
 * @example
 * activityRegularization({ l1: 0.001 })
 */
export const activityRegularization = layer(
  'activityRegularization',
  [],
  ({ l1 = 0, l2 = 0 }: ActivityRegularizationOptions = {}) => {
    for (const [what, value] of Object.entries({ l1, l2 })) fraction('activityRegularization', what, value, 0, Infinity)
    const copied = pair({
      mask: passed,
      shapes: input => ({ y: input }),
      forward: (k, { x, y }) => k.copy(y, x),
      backward: (k, { dx, dy }) => k.copy(dx, dy),
    })
    return punished(copied, { name: 'l1l2', params: { l1, l2 } })
  },
)
