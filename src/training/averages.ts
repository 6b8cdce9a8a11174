import type { Model, Weight } from '../model/face.ts'

/** Where an optimiser with useEma keeps the averages of the weights. */
export const averageSlot = 'average'

/** The averages under the names of the weights; none where the optimiser keeps none. */
export const averagesOf = (model: Model): Weight[] =>
  model
    .optimizerState()
    .filter(({ name }) => name.startsWith(`${averageSlot}/`))
    .map(({ name, ...rest }) => ({ ...rest, name: name.slice(averageSlot.length + 1) }))
