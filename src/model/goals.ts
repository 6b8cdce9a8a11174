import { nearest, StateError } from '../errors.ts'
import { type LossChoice, type MetricChoice, resolveLoss, resolveMetric } from '../nn/resolve.ts'
import type { Network } from './network.ts'
import type { Goal } from './programs.ts'

/** One for every output: the same for all, a list in their order, or by the names of the outputs. */
export type PerOutput<T> = T | readonly T[] | Readonly<Record<string, T>>

/** What compile is told of the outputs. */
export interface GoalOptions {
  loss: PerOutput<LossChoice>
  /** What each output's loss counts in the sum of all: 1 unless told. */
  lossWeights?: PerOutput<number>
  /** A list for all outputs, or a list for each. */
  metrics?:
    | readonly MetricChoice[]
    | readonly (readonly MetricChoice[])[]
    | Readonly<Record<string, readonly MetricChoice[]>>
}

/**
 * The goal of each output.
 * @throws StateError when an output has none, or a name belongs to no output
 */
export function goalsOf(network: Network, { loss, lossWeights = 1, metrics = [] }: GoalOptions): Goal[] {
  const losses = spread(network, 'loss', loss as unknown)
  const weights = spread(network, 'lossWeights', lossWeights)
  const forAll = Array.isArray(metrics) && !metrics.some(Array.isArray)
  const measures = forAll ? network.outputs.map(() => metrics) : spread(network, 'metrics', metrics, [])
  return network.outputs.map((_, i) => ({
    loss: resolveLoss(losses[i] as LossChoice),
    weight: weight(weights[i]),
    metrics: (measures[i] as readonly MetricChoice[]).map(metric => resolveMetric(metric)),
  }))
}

/** What an option says of each output. */
function spread({ outputs }: Network, what: string, value: unknown, otherwise?: unknown): unknown[] {
  const names = outputs.map(({ name }) => name)
  const evidence: [string, string][] = [['outputs', names.join(', ')]]
  if (Array.isArray(value)) {
    if (value.length === names.length) return value
    throw new StateError('goal-count', `compile got ${value.length} ${what}, expected ${names.length}: one an output`, {
      evidence,
      hint: 'give one for all, a list, or an object by the names of the outputs',
    })
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    'toJSON' in value ||
    typeof (value as { name?: unknown }).name === 'string'
  )
    return names.map(() => value)
  const strange = Object.keys(value).find(key => !names.includes(key))
  if (strange !== undefined) {
    const [guess] = nearest(strange, names, 1)
    throw new StateError('unknown-output', `compile got ${what} for "${strange.slice(0, 40)}", which is no output`, {
      evidence,
      hint: guess ? `did you mean "${guess}"?` : 'outputs have the names of their layers',
    })
  }
  return names.map(name => {
    const found = (value as Record<string, unknown>)[name] ?? otherwise ?? (what === 'lossWeights' ? 1 : undefined)
    if (found !== undefined) return found
    throw new StateError('no-goal', `compile got no ${what} for the output "${name}"`, {
      evidence,
      hint: 'leave the output out of the model, or weigh it 0 in lossWeights',
    })
  })
}

function weight(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new StateError('bad-option', `compile got a loss weight of ${String(value).slice(0, 24)}, expected a number`, {
    hint: 'lossWeights: [1, 0.5]',
  })
}
