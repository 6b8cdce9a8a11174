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
type Described = { readonly name: unknown; readonly params?: unknown }

/** How a description that carries its own formulas becomes a maker; `texts` must be there. */
interface Reader<T> {
  readonly texts: readonly string[]
  define(name: string, description: never): Maker<T>
}

/** A function that makes what a choice names. The namespace is the list of known names. */
function resolver<T extends Named>(kind: string, known: Readonly<Record<string, Maker<T>>>, reader?: Reader<T>) {
  return (choice: Choice<T> | Json): T => {
    if (typeof choice === 'function') return choice()
    if (isRecord(choice) && typeof choice.toJSON === 'function') return choice as unknown as T
    const { name, params = {}, ...rest } = (isRecord(choice) ? choice : { name: choice }) as Described
    const own = reader?.texts.every(key => typeof (rest as Record<string, unknown>)[key] === 'string')
    if (typeof name === 'string' && isRecord(params) && Object.hasOwn(known, name)) {
      const made = known[name](settings(kind, name, known[name]() as { params?: Params }, params))
      if (own && !agrees(made, rest))
        throw new FormulaError('name-taken', `${kind} "${name}" has its own formula, got another for the same name`, {
          hint: `call yours something else: "${name}2"`,
        })
      return made
    }
    if (reader && own && typeof name === 'string' && isSound(params, rest))
      return reader.define(name.slice(0, 64), { params, ...rest } as never)()
    const guess = nearest(String(name).slice(0, 64), Object.keys(known), 1)
    throw new StateError('unknown-name', `unknown ${kind} ${JSON.stringify(name)?.slice(0, 40)}`, {
      evidence: [['known', Object.keys(known).sort().join(', ')]],
      hint: guess.length > 0 ? `did you mean "${guess[0]}"?` : 'use one of the known names',
    })
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether the parts of a description are of the kinds they should be. */
function isSound(params: unknown, { backward = '', state = [], fused }: Readonly<Record<string, unknown>>): boolean {
  if (!isRecord(params) || !Array.isArray(state)) return false
  const texts = [backward, ...state]
  if (isRecord(fused)) texts.push(fused.activation, fused.forward, fused.backward)
  else if (fused !== undefined) return false
  return texts.every(text => typeof text === 'string') && Object.values(params).every(n => typeof n === 'number')
}

/** Whether a description says the same as what is known by its name. */
const agrees = (made: Named, rest: object) => {
  const own = made.toJSON() as Record<string, Json>
  return Object.entries(rest).every(([key, value]) => JSON.stringify(own[key]) === JSON.stringify(value))
}

/** The given numbers, if they are numbers that the thing has. */
function settings(
  kind: string,
  name: string,
  { params: own = {} }: { params?: Params },
  given: Readonly<Record<string, unknown>>,
): Params {
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
  return given as Params
}

export const resolveActivation = resolver<Activation>('activation', activations, {
  texts: ['forward'],
  define: (name, definition: ElementwiseDefinition) => activation(name, definition),
})
export const resolveLoss = resolver<Loss>('loss', losses, {
  texts: ['forward', 'backward'],
  define: (name, definition: ElementwiseLossDefinition) => loss(name, definition),
})
export const resolveOptimizer = resolver<Optimizer>('optimizer', optimizers, {
  texts: ['step'],
  define: (name, definition: OptimizerDefinition) => optimizer(name, definition),
})
export const resolveInitializer = resolver<Initializer>('initializer', initializers)
export const resolveMetric = resolver<Metric>('metric', metrics)

export type ActivationChoice = Choice<Activation, keyof typeof activations>
export type InitializerChoice = Choice<Initializer, keyof typeof initializers>
export type LossChoice = Choice<Loss, keyof typeof losses>
export type OptimizerChoice = Choice<Optimizer, keyof typeof optimizers>
export type MetricChoice = Choice<Metric, keyof typeof metrics>
