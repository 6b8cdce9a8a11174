import type { Model, Weight } from '../../model/face.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import type { Hdf5Numbers } from '../hdf5/read.ts'
import type { Placed } from './read.ts'
import { entriesOf } from './weights.ts'

// What optimisers keep, in the order in which Keras has it: how many steps, the rate, then lists of arrays as long as the
// list of trained parameters. States that are named together are side by side for each parameter.

const orders: Readonly<Record<string, readonly string[]>> = {
  sgd: ['v'],
  rmsprop: ['v', 'm', 'a'],
  adam: ['m v', 'u'],
  adamW: ['m v', 'u'],
  adamax: ['m u'],
  nadam: ['m v'],
  adagrad: ['a'],
  adadelta: ['a d'],
  ftrl: ['a z'],
  lion: ['m'],
  lamb: ['m v'],
  scheduleFreeAdamW: ['z v'],
}

/** A state of one parameter. */
interface Place {
  readonly name: string
  readonly slot: string
  readonly parameter: string
  readonly shape: Shape
}

/** The states in Keras's order; before Keras 2.11 each state came by itself. */
function placesOf(model: Model, layers: readonly Placed[], apart: boolean): Place[] | undefined {
  const { optimizer } = model.training!
  const own = orders[optimizer.name]
  if (!own) return undefined
  const parameters = layers.flatMap(layer => entriesOf(model, layer).filter(({ trained }) => trained))
  const lists = ['average', 'gathered', ...(apart ? own.flatMap(list => list.split(' ')) : own)]
  return lists.flatMap(list => {
    const slots = list.split(' ').filter(slot => optimizer.state.includes(slot))
    return parameters.flatMap(({ name: parameter, shape }) =>
      slots.map(slot => ({ name: `${slot}/${parameter}`, slot, parameter, shape })),
    )
  })
}

/** What an optimiser keeps before its first step, where that is not zeros. */
function initial(model: Model, { slot, parameter }: Place, weights: readonly Weight[]): ArrayLike<number> | number {
  const { name, params } = model.training!.optimizer
  if (slot === 'a' && (name === 'adagrad' || name === 'ftrl')) return params.initialAccumulatorValue as number
  if (slot === 'z' && name === 'scheduleFreeAdamW') return weights.find(weight => weight.name === parameter)!.data
  return slot === 'c' && name === 'nadam' ? 1 : 0
}

/**
 * The arrays of a compiled model's optimiser in Keras's order. Those of adafactor are of other shapes there: it starts afresh.
 */
export function slotsTo(model: Model, layers: readonly Placed[]): Kept[] {
  const { optimizer } = model.training!
  const places = placesOf(model, layers, false)
  if (!places) return []
  const [state, weights] = [new Map(model.optimizerState().map(s => [s.name, s.data])), model.weights()]
  const arrays = places.map((place): Kept => {
    const { name, shape } = place
    const data = model.step > 0 ? state.get(name)! : initial(model, place, weights)
    const called = `${place.parameter.replace(/\W/g, '_')}_${place.slot}`
    return { name: called, shape, data: typeof data === 'number' ? new Float32Array(sizeOf(shape)).fill(data) : data }
  })
  const one = (name: string, value: number): Kept => ({ name, shape: [], data: [value] })
  const product = [...state].find(([name]) => name.startsWith('c/'))?.[1][0] ?? 1
  return [
    { name: 'iteration', shape: [], data: BigInt64Array.of(BigInt(model.step)) },
    ...(optimizer.rate ? [] : [one('learning_rate', model.learningRate)]),
    ...arrays,
    ...(optimizer.name === 'nadam' ? [one('u_product', model.step > 0 ? product : 1)] : []),
  ]
}

export interface Kept {
  readonly name: string
  readonly shape: Shape
  readonly data: ArrayLike<number> | BigInt64Array
}

/**
 * Gives a compiled model what its optimiser kept in Keras; says so where it does not fit, and starts afresh.
 * @param names what the arrays are called, in files that name them
 */
export function slotsFrom(
  model: Model,
  layers: readonly Placed[],
  found: readonly Hdf5Numbers[],
  warn: (message: string) => void,
  names: readonly string[] = [],
): void {
  if (!model.training || found.length === 0) return
  const { optimizer, slots } = model.training
  // Since Keras 2.11 the rate is kept, and states are side by side.
  const apart = names.length > 0 && !names.some(name => /learning_rate|iteration/.test(name))
  const places = placesOf(model, layers, apart)
  const [steps, ...arrays] = found
  const rate = optimizer.rate || apart ? undefined : arrays.shift()
  const product = optimizer.name === 'nadam' && !apart ? arrays.pop() : undefined
  const step = Number(steps.data[0])
  const fits =
    places !== undefined &&
    Number.isSafeInteger(step) &&
    step >= 0 &&
    Number.isFinite(rate ? rate.data[0] : 0) &&
    arrays.length === places.length &&
    places.every(({ shape }, i) => arrays[i].data.length === sizeOf(shape))
  if (!fits) return warn('what the optimizer kept does not fit the model: it starts afresh')
  const values = new Map(places.map(({ name }, i) => [name, arrays[i].data]))
  const parameters = model.network.nodes.flatMap(node => node.parameters)
  const state = Object.keys(slots).flatMap(slot =>
    parameters.map(({ name: parameter, shape }): Weight => {
      const name = `${slot}/${parameter}`
      const data = values.get(name) ?? new Float64Array(sizeOf(shape)).fill(slot === 'c' ? (product?.data[0] ?? 0) : 0)
      return { name, shape, data: data as Weight['data'] }
    }),
  )
  if (state.length > 0) model.setOptimizerState(state)
  model.step = step
  model.learningRate = optimizer.rate ? optimizer.rate(Math.max(1, step)) : (rate?.data[0] ?? model.learningRate)
}
