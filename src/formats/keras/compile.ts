import { NablaError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import * as losses from '../../nn/losses.ts'
import * as metrics from '../../nn/metrics.ts'
import * as optimizers from '../../nn/optimizers.ts'
import { camel } from './table.ts'
import { type Config, isConfig } from './values.ts'

const short: Readonly<Record<string, string>> = {
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  mape: 'meanAbsolutePercentageError',
  msle: 'meanSquaredLogarithmicError',
  kldivergence: 'klDivergence',
  acc: 'accuracy',
}
const old: Readonly<Record<string, string>> = { lr: 'learning_rate' }

type Known = Readonly<Record<string, () => { readonly params?: Readonly<Record<string, unknown>> }>>

/** Compiles a model as Keras did; says what is left out, and why. */
export function compileFrom(model: Model, told: unknown, warn: (message: string) => void): void {
  if (!isConfig(told)) return
  const optimizer = named(told.optimizer ?? told.optimizer_config, optimizers as unknown as Known)
  const loss = named(told.loss, losses as unknown as Known)
  const list = (Array.isArray(told.metrics) ? told.metrics : []).flat(2)
  const known = list.map(metric => named(metric, metrics as unknown as Known))
  if (known.some(metric => metric === undefined)) warn('some metrics have no counterpart and are left out')
  if (!optimizer || !loss)
    return warn('the model is not compiled: its optimizer or loss has no counterpart; call compile')
  try {
    model.compile({ optimizer, loss, metrics: known.filter(metric => metric !== undefined) } as never)
  } catch (error) {
    if (!(error instanceof NablaError)) throw error
    warn(`the model is not compiled: ${error.message.split('\n')[0]}; call compile`)
  }
}

/** 'mse', 'MeanSquaredError' or { class_name, config } as our name with the settings we have. */
function named(value: unknown, known: Known): { name: string; params: object } | undefined {
  const { class_name: type, config } = isConfig(value) ? value : { class_name: value, config: {} }
  if (typeof type !== 'string') return undefined
  const plain = camel(type.replace(/^(SGD|RMS|KLD?|[A-Z])/, start => start.toLowerCase()))
  const name = short[plain] ?? plain
  if (!Object.hasOwn(known, name)) return undefined
  const own = known[name]().params ?? {}
  const params = new Map<string, unknown>()
  for (const [key, setting] of Object.entries(isConfig(config) ? (config as Config) : {})) {
    const ours = camel(old[key] ?? key)
    if (Object.hasOwn(own, ours) && typeof setting === typeof own[ours]) params.set(ours, setting)
    else if (ours === 'learningRate') return undefined // a schedule
  }
  return { name, params: Object.fromEntries(params) }
}
