import { StateError } from '../../errors.ts'
import type { Weight } from '../../model/model.ts'
import type { Callback } from '../event.ts'

/**
 * Lets the averages that an optimiser with useEma keeps be what a model has at the end of training.
 *
 * Keras does so at the end of every fit with useEma; here it is said, because training on goes from other weights then.
 * @throws StateError `no-average` when the optimiser keeps none
 */
export const swapEmaWeights =
  (): Callback =>
  (event, { model }) => {
    if (event.type !== 'begin' && event.type !== 'end') return
    const averages: Weight[] = model
      .optimizerState()
      .filter(({ name }) => name.startsWith('average/'))
      .map(({ name, ...rest }) => ({ ...rest, name: name.slice('average/'.length) }))
    if (averages.length === 0)
      throw new StateError('no-average', 'swapEmaWeights found no averages of weights', {
        hint: 'compile with an optimiser that keeps them: adam({ useEma: true })',
      })
    if (event.type === 'end' && model.step > 0) model.setWeights(averages)
  }
