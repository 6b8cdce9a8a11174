import { FormulaError, nearest, StateError } from '../errors.ts'
import { type Activation, activation, type ElementwiseDefinition } from './activation.ts'
import * as activations from './activations.ts'
import type { Initializer } from './initializer.ts'
import * as initializers from './initializers.ts'
import type { Json, Params } from './json.ts'
import { type ElementwiseLossDefinition, type Loss, loss } from './loss.ts'
import * as losses from './losses.ts'
import type { Metric } from './metrics.ts'
import * as metrics from './metrics.ts'
import { type Optimizer, type OptimizerDefinition, optimizer } from './optimizer.ts'
import * as optimizers from './optimizers.ts'

type Maker<T> = (params?: Params) => T
type Named = { readonly name: string; toJSON(): Json }

/** How something of the library is named: 'relu', { name: 'leakyRelu', params: { slope: 0.1 } }, leakyRelu({ slope: 0.1 }). */
export type Choice<T, K extends string = string> =
  | K
  | T
  | Maker<T>
  | { readonly name: string; readonly params?: Params; readonly [part: string]: unknown }

/** A choice as it comes from code or from a model file. */
type Described = { readonly name: string; readonly params?: Params }

/**
 * A function that makes what a choice names. The namespace is the list of known names; `define` reads a description that
 * carries its own formulas.
 */
function resolver<T extends Named>(
  kind: string,
  known: Readonly<Record<string, Maker<T>>>,
  define?: (name: string, description: never) => Maker<T>,
) {
  return (choice: Choice<T> | Json): T => {
    if (typeof choice === 'function') return choice()
    if (typeof choice === 'object' && choice !== null && 'toJSON' in choice) return choice as T
    const described = typeof choice === 'object' && choice !== null ? choice : { name: choice }
    const { name, params, ...rest } = described as Described
    if (Object.hasOwn(known, name)) {
      const made = known[name](settings(kind, name, known[name]() as { params?: Params }, params))
      if (define && isDefinition(rest) && !agrees(made, rest))
        throw new FormulaError('name-taken', `${kind} "${name}" has its own formula, got another for the same name`, {
          hint: `call yours something else: "${name}2"`,
        })
      return made
    }
    if (define && isDefinition(rest) && typeof name === 'string' && allNumbers(params))
      return define(name.slice(0, 64), { params, ...rest } as never)()
    const guess = nearest(String(name).slice(0, 64), Object.keys(known), 1)
    throw new StateError('unknown-name', `unknown ${kind} ${JSON.stringify(name)?.slice(0, 40)}`, {
      evidence: [['known', Object.keys(known).sort().join(', ')]],
      hint: guess.length > 0 ? `did you mean "${guess[0]}"?` : `use one of the known names`,
    })
  }
}

const formulas = ['forward', 'backward', 'step']
/** Whether a description carries formulas of its own. */
const isDefinition = (rest: Readonly<Record<string, unknown>>): boolean =>
  ('forward' in rest || 'step' in rest) &&
  formulas.every(key => !(key in rest) || typeof rest[key] === 'string') &&
  (!('fused' in rest) || isDefinition(rest.fused as Readonly<Record<string, unknown>>))
const allNumbers = (params: unknown = {}) =>
  typeof params === 'object' && params !== null && Object.values(params).every(n => typeof n === 'number')
const agrees = (made: Named, rest: object) => {
  const own = made.toJSON() as Record<string, Json>
  return Object.entries(rest).every(([key, value]) => JSON.stringify(own[key]) === JSON.stringify(value))
}

/** The given numbers, if they are numbers that the thing has. */
function settings(kind: string, name: string, { params: own = {} }: { params?: Params }, given: Params = {}): Params {
  for (const [key, value] of Object.entries(given))
    if (!Object.hasOwn(own, key) || typeof value !== typeof own[key])
      throw new StateError(
        'bad-option',
        `${kind} ${name} got ${key.slice(0, 24)} = ${JSON.stringify(value)?.slice(0, 24)}`,
        {
          evidence: [['settings', JSON.stringify(own)]],
          hint: 'give numbers under these names',
        },
      )
  return given
}

export const resolveActivation = resolver<Activation>('activation', activations, (name, d: ElementwiseDefinition) =>
  activation(name, d),
)
export const resolveLoss = resolver<Loss>('loss', losses, (name, d: ElementwiseLossDefinition) => loss(name, d))
export const resolveOptimizer = resolver<Optimizer>('optimizer', optimizers, (name, d: OptimizerDefinition) =>
  optimizer(name, d),
)
export const resolveInitializer = resolver<Initializer>('initializer', initializers)
export const resolveMetric = resolver<Metric>('metric', metrics)

export type ActivationChoice = Choice<Activation, keyof typeof activations>
export type InitializerChoice = Choice<Initializer, keyof typeof initializers>
export type LossChoice = Choice<Loss, keyof typeof losses>
export type OptimizerChoice = Choice<Optimizer, keyof typeof optimizers>
export type MetricChoice = Choice<Metric, keyof typeof metrics>
