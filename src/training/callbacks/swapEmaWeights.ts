import { StateError } from '../../errors.ts'
import type { Weight } from '../../model/face.ts'
import { averagesOf } from '../averages.ts'
import type { Callback } from '../event.ts'

/**
 * Validates with the averages that an optimiser with useEma keeps, instead of the weights that it moves.
 *
 * The averages are in the model from the last step of an epoch to its end: callbacks that stand before this one in the list
 * see them there, those behind it see the weights (Keras has the option `swap_on_epoch`). At the end of fit they stay anyway.
 * @throws StateError `no-average` when the optimiser keeps none
 * @example
 * model.compile({ optimizer: optimizers.adam({ useEma: true }), loss: 'meanSquaredError' })
 * await model.fit(data, { validationSplit: 0.2, callbacks: [modelCheckpoint('best'), swapEmaWeights()] })
 */
export const swapEmaWeights = (): Callback => {
  let trained: Weight[] | undefined
  return (event, { model }) => {
    if (event.type === 'begin') {
      trained = undefined
      if (averagesOf(model).length > 0) return
      throw new StateError('no-average', 'swapEmaWeights found no averages of weights', {
        hint: 'compile with an optimiser that keeps them: adam({ useEma: true })',
      })
    }
    if (event.type === 'step' && event.step === event.steps) {
      const averages = averagesOf(model)
      trained = model.weights().filter(({ name }) => averages.some(average => average.name === name))
      model.setWeights(averages)
    }
    if (event.type === 'epoch' && trained) {
      model.setWeights(trained)
      trained = undefined
    }
  }
}
