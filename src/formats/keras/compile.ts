import { NablaError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import type { Json, Params } from '../../nn/json.ts'
import * as losses from '../../nn/losses.ts'
import * as metrics from '../../nn/metrics.ts'
import * as optimizers from '../../nn/optimizers.ts'
import * as schedules from '../../nn/schedules.ts'
import { float } from './json.ts'
import { camel, snake } from './table.ts'
import { type Config, Foreign, isConfig } from './values.ts'

// What compile was told, from Keras and to Keras.

type Known = Readonly<Record<string, () => { readonly params?: Params; toJSON(): Json }>>

/** Keras's short names. */
const short: Readonly<Record<string, string>> = {
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  mape: 'meanAbsolutePercentageError',
  msle: 'meanSquaredLogarithmicError',
  kld: 'klDivergence',
  kullbackleiblerdivergence: 'klDivergence',
  bce: 'binaryCrossentropy',
  cosineproximity: 'cosineSimilarity',
  acc: 'accuracy',
  topk: 'topKCategoricalAccuracy',
}
const old: Readonly<Record<string, string>> = { lr: 'learning_rate', momentum_decay: 'schedule_decay' }
/** Settings that change nothing here. */
const beside = new Set(
  `name dtype reduction axis fn jit_compile is_legacy_optimizer loss_scale_factor schedule_decay decay momentum_cache_t
   steps_per_execution summation_method multi_label relative_step exclude_layers curve sparse_y_true sparse_y_pred`.split(
    /\s+/,
  ),
)
/** What settings beside must be for a thing to be the same. */
const only: Readonly<Record<string, readonly unknown[]>> = {
  reduction: ['sum_over_batch_size', 'auto', 'mean'],
  axis: [-1],
  curve: ['ROC'],
  summation_method: ['interpolation'],
  multi_label: [false],
  relative_step: [true],
}

/** What is known by a name, however that is spelt. */
function find(name: string, known: Known): string | undefined {
  const plain = name.replace(/_/g, '').toLowerCase()
  const full = Object.hasOwn(short, plain) ? short[plain].toLowerCase() : plain
  return Object.keys(known).find(key => key.toLowerCase() === full)
}

/** 'mse', 'MeanSquaredError' or { class_name, config } as our name with the settings we have. */
function named(value: Json | undefined, known: Known, what: string): { name: string; params: Params } {
  const { class_name: type, config } = (isConfig(value) ? value : { class_name: value ?? null }) as Config
  if (type === 'LossScaleOptimizer' && isConfig(config)) return named(config.inner_optimizer, known, what)
  if (type === 'function' && typeof config === 'string') return named(config, known, what)
  if (type === 'MeanMetricWrapper' && isConfig(config)) return named(config.fn ?? config.name, known, what)
  const name = typeof type === 'string' ? find(type, known) : undefined
  if (name === undefined) throw new Foreign(`the ${what} ${JSON.stringify(type)?.slice(0, 40)} has no counterpart`)
  const own = known[name]().params ?? {}
  const params: [string, Json][] = []
  for (const [key, setting] of Object.entries(isConfig(config) ? config : {})) {
    const ours = camel(Object.hasOwn(old, key) ? old[key] : key)
    const fits = Object.hasOwn(own, ours) && typeof setting === typeof own[ours]
    if (fits && !Object.hasOwn(only, key)) params.push([ours, setting])
    else if (ours === 'learningRate') params.push([ours, named(setting, schedules as unknown as Known, 'schedule')])
    else if (Object.hasOwn(only, key) ? only[key].includes(setting) : beside.has(key)) continue
    else if (setting !== null && setting !== false && !(Array.isArray(setting) && Object.hasOwn(own, ours)))
      throw new Foreign(`the ${what} ${name} has ${key} = ${JSON.stringify(setting)?.slice(0, 40)}`)
    else if (Array.isArray(setting)) params.push([ours, setting])
  }
  const all = Object.fromEntries(params)
  if (isConfig(config) && what === 'optimizer' && typeof config.decay === 'number' && config.decay > 0)
    all.learningRate = falling(all.learningRate, config.decay) // before Keras 2.11
  return { name, params: all as Params }
}

const falling = (rate: Json | undefined, decayRate: number): Json => ({
  name: 'inverseTimeDecay',
  params: { initialLearningRate: rate ?? 0.01, decaySteps: 1, decayRate },
})

/** Compiles a model as Keras did; says what is left out, and why. */
export function compileFrom(model: Model, told: unknown, warn: (message: string) => void): void {
  if (!isConfig(told)) return
  const metric = (value: Json) => {
    try {
      return [named(value, metrics as unknown as Known, 'metric')]
    } catch (error) {
      if (!(error instanceof Foreign)) throw error
      warn(`${error.message} and is left out`)
      return []
    }
  }
  const list = (value: Json): Json[] => (Array.isArray(value) ? value.flatMap(list) : value === null ? [] : [value])
  try {
    const optimizer = named(told.optimizer ?? told.optimizer_config, optimizers as unknown as Known, 'optimizer')
    const loss = each(told.loss ?? null, value => named(value, losses as unknown as Known, 'loss'))
    const weights = isConfig(told.loss_weights) || Array.isArray(told.loss_weights) ? told.loss_weights : undefined
    const several = model.network.outputs.length > 1
    const given = told.metrics ?? []
    const measures =
      several && (isConfig(given) || (Array.isArray(given) && given.some(Array.isArray)))
        ? each(given, value => list(value).flatMap(metric), true)
        : list(isConfig(given) && given.class_name === undefined ? Object.values(given) : given).flatMap(metric)
    if (told.weighted_metrics) warn('weighted_metrics are left out')
    model.compile({ optimizer, loss, lossWeights: weights, metrics: measures } as never)
  } catch (error) {
    if (!(error instanceof NablaError || error instanceof Foreign)) throw error
    warn(`the model is not compiled: ${error.message.split('\n')[0]}; call compile`)
  }
}

/** Something of each output: of all the same, a list, or by name; of the only one as it is. */
function each<T>(value: Json, work: (one: Json) => T, deep = false): T | T[] | Record<string, T> {
  if (isConfig(value) && value.class_name === undefined) {
    const entries = Object.entries(value).map(([key, one]) => [key, work(one)] as const)
    return entries.length === 1 && !deep ? entries[0][1] : Object.fromEntries(entries)
  }
  if (!Array.isArray(value)) return work(value)
  return value.length === 1 && !deep ? work(value[0]) : value.map(work)
}

/** Keras's classes that are not called as ours with a capital letter. */
const classes: Readonly<Record<string, string>> = {
  sgd: 'SGD',
  rmsprop: 'RMSprop',
  klDivergence: 'KLDivergence',
  auc: 'AUC',
  iou: 'IoU',
  meanIou: 'MeanIoU',
  binaryIou: 'BinaryIoU',
  oneHotIou: 'OneHotIoU',
  oneHotMeanIou: 'OneHotMeanIoU',
}
const has = {
  optimizers: `sgd rmsprop adam adamW adamax nadam adagrad adadelta ftrl lion lamb adafactor scheduleFreeAdamW`,
  losses: `binaryCrossentropy binaryFocalCrossentropy categoricalCrossentropy sparseCategoricalCrossentropy
    categoricalFocalCrossentropy categoricalGeneralizedCrossEntropy klDivergence hinge squaredHinge categoricalHinge dice tversky
    circle meanSquaredError meanAbsoluteError meanAbsolutePercentageError meanSquaredLogarithmicError huber logCosh poisson
    cosineSimilarity`,
  metrics: `accuracy binaryAccuracy categoricalAccuracy sparseCategoricalAccuracy topKCategoricalAccuracy
    sparseTopKCategoricalAccuracy truePositives falsePositives trueNegatives falseNegatives precision recall fBetaScore f1Score auc
    sensitivityAtSpecificity specificityAtSensitivity precisionAtRecall recallAtPrecision meanIou binaryCrossentropy
    categoricalCrossentropy sparseCategoricalCrossentropy categoricalHinge hinge squaredHinge klDivergence poisson logCoshError
    meanSquaredError meanAbsoluteError meanAbsolutePercentageError meanSquaredLogarithmicError rootMeanSquaredError
    cosineSimilarity pearsonCorrelation concordanceCorrelation r2Score`,
  'optimizers.schedules': `exponentialDecay inverseTimeDecay polynomialDecay piecewiseConstantDecay cosineDecay cosineDecayRestarts`,
}
/** Settings that Keras leaves None where ours are numbers, and those it does not have. */
const off: Readonly<Record<string, unknown>> = {
  weightDecay: 0,
  clipnorm: 0,
  clipvalue: 0,
  globalClipnorm: 0,
  emaOverwriteFrequency: 0,
  gradientAccumulationSteps: 1,
  ignoreClass: -1,
  classId: -1,
  numRegressors: 0,
}
/** Settings of optimisers that are whole numbers; all others are floats, on which Keras insists. */
const counts = new Set(['emaOverwriteFrequency', 'gradientAccumulationSteps', 'warmupSteps'])
const ownToUs = new Set(['epsilon', 'momentumDecay', 'lambda'])

/** Our name with settings in Keras's words. */
function described(kind: keyof typeof has, told: Json, known: Known): Config {
  const { name, params = {} } = (isConfig(told) ? told : { name: told }) as { name: string; params?: Config }
  if (!has[kind].split(/\s+/).includes(name)) throw new Foreign(`Keras has no ${name} among its ${kind}`)
  const own = known[name]().params ?? {}
  const config: Record<string, Json> = { name: snake(name) }
  for (const [key, value] of Object.entries(params)) {
    const theirs = snake(key).replace(/([a-z]{2})(\d)/g, '$1_$2')
    const isRate = key === 'learningRate' && typeof value !== 'number'
    if (isRate) config[theirs] = described('optimizers.schedules', value, schedules as unknown as Known)
    else if (kind !== 'optimizers' && JSON.stringify(own[key]) === JSON.stringify(value)) continue
    else if (Object.hasOwn(off, key) && off[key] === value) config[theirs] = null
    else if (kind !== 'optimizers' && ownToUs.has(key)) throw new Foreign(`${name} of Keras has no setting ${key}`)
    else if (key === 'momentumDecay' && value !== 1) throw new Foreign(`${name} of Keras has no setting ${key}`)
    else if (key !== 'momentumDecay')
      config[theirs] = kind === 'optimizers' && typeof value === 'number' && !counts.has(key) ? float(value) : value
  }
  const type = classes[name] ?? name[0].toUpperCase() + name.slice(1)
  return { module: `keras.${kind}`, class_name: type, config, registered_name: null }
}

/** What compile was told, as Keras writes it; undefined before compile. */
export function compileTo(model: Model, warn: (message: string) => void): Config | undefined {
  const { training, network } = model
  if (!training) return undefined
  try {
    const told = training.optimizer.toJSON() as { name: string; params: Config }
    const { learningRate } = told.params
    const params = {
      ...told.params,
      learningRate: typeof learningRate === 'number' ? model.learningRate : learningRate,
    }
    const optimizer = described('optimizers', { name: told.name, params }, optimizers as unknown as Known)
    const loss = training.goals.map(goal => described('losses', goal.loss.toJSON(), losses as unknown as Known))
    const measures = training.goals.map(goal =>
      goal.metrics.flatMap((metric): Json[] => {
        if (metric.name === 'accuracy') return ['accuracy']
        try {
          return [described('metrics', metric.toJSON(), metrics as unknown as Known)]
        } catch (error) {
          if (!(error instanceof Foreign)) throw error
          warn(`${error.message}: it is left out`)
          return []
        }
      }),
    )
    const one = network.outputs.length === 1
    const weights = training.goals.map(({ weight }) => weight)
    return {
      optimizer,
      loss: one ? loss[0] : loss,
      loss_weights: weights.every(weight => weight === 1) ? null : weights,
      metrics: one ? measures[0] : measures,
      weighted_metrics: null,
      run_eagerly: false,
      steps_per_execution: 1,
      jit_compile: false,
    }
  } catch (error) {
    if (!(error instanceof Foreign)) throw error
    warn(`the file does not say how to train: ${error.message}`)
    return undefined
  }
}
