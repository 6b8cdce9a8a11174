import type { Dataset } from '../data/dataset.ts'
import { batches, countBatches, order } from '../data/order.ts'
import { DataError, nothingElse, onlyOptions, StateError } from '../errors.ts'
import type { Model } from '../model/face.ts'
import { compiled } from '../model/model.ts'
import { countOf } from '../model/network.ts'
import { counting } from '../tensor/counting.ts'
import { averageSlot, averagesOf } from './averages.ts'
import { type Data, samplesFor } from './check.ts'
import type { Callback, TrainEvent } from './event.ts'
import { measure, running, turns } from './measure.ts'
import { type Done, goalsStay, type Jobs, steps } from './steps.ts'
import { type WeightOptions, weightsFor } from './weights.ts'

export interface TrainOptions extends WeightOptions {
  /** Samples a step. */
  batchSize?: number
  /** The number of the last epoch, counted from 1. */
  epochs?: number
  /** Where to go on: the number of epochs already done. */
  initialEpoch?: number
  /** How many steps an epoch has; all of the data unless told. The next epoch goes on where one ends. */
  stepsPerEpoch?: number
  /** How many batches of the validation samples are looked at; all unless told. */
  validationSteps?: number
  /** Visit the samples in a new order each epoch. */
  shuffle?: boolean
  validationData?: Data
  /** The share of samples at the end that is kept for validation. */
  validationSplit?: number
  /** Decides order and dropout; the model's own by default. */
  seed?: number
  /** Stops after the current step; where nobody listens to steps, within a fiftieth of a second. */
  signal?: AbortSignal
}

export interface FitOptions extends TrainOptions {
  callbacks?: readonly Callback[]
}

/**
 * Trains and tells what happens: everything else that trains is made of these events.
 * @throws StateError before compile; ShapeError and DataError when the data does not fit
 * @example
 * for await (const event of train(model, { x, y }, { epochs: 10 })) console.log(JSON.stringify(event))
 */
export async function* train(model: Model, data: Data, options: TrainOptions = {}): AsyncGenerator<TrainEvent, void> {
  onlyOptions('train', options, dataHint)
  for await (const events of told('train', model, data, options)) yield* events
}

const dataHint = 'samples and targets are one argument: ({ x, y }, { epochs: 10 })'

/** Counts that may be told, and are 1 at least. */
const least = { stepsPerEpoch: 1, validationSteps: 1 }
const counted = (options: TrainOptions) =>
  Object.fromEntries(Object.entries(options).filter(([what, count]) => what in least && count !== undefined))

/** What a training was told, checked, with what was not told as it is by default. */
function settingsOf(who: 'fit' | 'train', model: Model, options: TrainOptions) {
  const { batchSize = 32, epochs = 1, initialEpoch = 0, shuffle = true, seed = model.seed, signal, ...rest } = options
  const { stepsPerEpoch, validationSteps, validationData, validationSplit, sampleWeight, classWeight, ...others } = rest
  nothingElse(who, others, {
    ...{ batchSize, epochs, initialEpoch, stepsPerEpoch, validationSteps, shuffle, validationData, validationSplit },
    ...{ seed, signal, sampleWeight, classWeight, ...(who === 'fit' && { callbacks: 0 }) },
  })
  compiled(model, 'fit')
  for (const [what, count] of Object.entries({ epochs, initialEpoch, ...counted(options) }))
    if (!(Number.isSafeInteger(count) && count >= (what in least ? 1 : 0)))
      throw new DataError(
        'bad-option',
        `fit got ${what} ${String(count).slice(0, 24)}, expected a whole number from 0`,
        {
          hint: 'epochs: 10',
        },
      )
  return { batchSize, epochs, initialEpoch, shuffle, seed, signal, stepsPerEpoch }
}

/** The samples to train on, those kept apart, and what each counts. */
function divided(model: Model, data: Data, options: TrainOptions) {
  const all = samplesFor(model, data)
  const [samples, validation] = divide(model, all, options)
  const weights = weightsFor(all, options)
  // The weights of samples hold for the part of them that is kept for validation too, those of classes do not.
  const { validationData, sampleWeight } = options
  const held = validationData || !validation ? undefined : weightsFor(all, { sampleWeight })?.subarray(samples.size)
  return { samples, validation, weights, held }
}

/** The events of steps that ran together, together: a generator's turn for each would cost more than a small step. */
async function* told(
  who: 'fit' | 'train',
  model: Model,
  data: Data,
  options: TrainOptions,
  { heard = true, noted, isStopped = () => false, isDone = () => 0 }: Listening = {},
): AsyncGenerator<readonly TrainEvent[], void> {
  const { batchSize, epochs, initialEpoch, shuffle, seed, signal, stepsPerEpoch } = settingsOf(who, model, options)
  const isOver = () => signal?.aborted || isStopped()
  const { samples, validation, weights, held } = divided(model, data, options)
  const whole = countBatches(samples.size, batchSize)
  const count = stepsPerEpoch ?? whole
  const parameters = countOf(model.network.nodes.flatMap(node => node.parameters))
  const sizes = { steps: count, batchSize, samples: samples.size, validationSamples: validation?.size ?? 0 }
  const stay = goalsStay(model)
  const began = performance.now()
  yield [{ type: 'begin', epochs, initialEpoch, ...sizes, seed, parameters }]
  stay()
  const from = Math.max(initialEpoch, isDone())
  const jobs: Jobs = {
    ...inPasses(samples, whole, { batchSize, shuffle, seed }),
    from: from * count,
    to: epochs * count,
    // Epochs run into one another only where nobody looks at what is between them.
    block: heard || validation ? count : undefined,
  }
  // Who listens and may say stop is told of each step before the next is taken.
  const most = heard && signal ? 1 : undefined
  const turn = turns()
  const means = running(model)
  let finished = from
  let hasTrained = false
  let start = performance.now()
  // Where nobody looks at what is between epochs, they are counted as fast as they come.
  const columns = heard || validation ? undefined : means.names.map(fractions)
  /** Counts steps that ran together; gives their events, where somebody listens. */
  function reckon({ first, count: together, size, results, milliseconds }: Done): TrainEvent[] {
    if (heard)
      return Array.from({ length: together }, (_, i) => {
        means.add(results, i, 1, size)
        const [epoch, step] = [Math.floor((first + i) / count), ((first + i) % count) + 1]
        return { type: 'step', epoch, step, steps: count, size, metrics: means.value(), milliseconds }
      })
    means.add(results, 0, together, size, columns && { every: count, begun: first % count, columns })
    if (columns) finished = Math.floor((first + together) / count)
    return []
  }
  for await (const done of steps(model, 'train', samples, jobs, { seed, most, weights })) {
    hasTrained = true
    const events = reckon(done)
    if (heard) yield events
    // Whoever says stop at the last step does so before the epoch counts.
    if (isOver()) break
    if (!columns && (done.first + done.count) % count === 0) {
      const metrics = means.value()
      means.clear()
      if (validation) {
        const seen = measure(model, validation, batchSize, finished, held, options.validationSteps)
        let part = await seen.next()
        for (; !part.done; part = await seen.next()) yield [part.value]
        for (const [name, value] of Object.entries(part.value)) metrics[`val_${name}`] = value
      }
      const now = performance.now()
      for (const name in metrics) if (noted) (noted.history[name] ??= []).push(metrics[name])
      yield [{ type: 'epoch', epoch: finished++, metrics, seconds: (now - start) / 1000 }]
      start = now
    }
    await turn()
    if (isOver()) break
  }
  for (let epoch = from; noted && epoch < finished; epoch++) noted.epoch.push(epoch)
  if (noted && finished > from)
    columns?.forEach((column, i) => {
      noted.history[means.names[i]] = column
    })
  if (hasTrained && model.step > 0) settle(model) // one compiled anew after the last step has no averages
  const seconds = (performance.now() - began) / 1000
  const reason = finished >= epochs ? 'complete' : isStopped() ? 'stopped' : 'aborted'
  yield [{ type: 'end', epochs: finished, reason, seconds }]
}

/** The batches of one pass over all samples after the other, each pass in an order of its own; `whole` is how many one has. */
function inPasses(
  samples: Dataset,
  whole: number,
  { batchSize, shuffle, seed }: Required<Pick<TrainOptions, 'batchSize' | 'shuffle' | 'seed'>>,
): Pick<Jobs, 'at' | 'cycle'> {
  const { size, windows } = samples
  const cut = (epoch: number) => batches(samples, batchSize, order(size, { shuffle, seed, epoch, windows }))
  const fixed = shuffle ? undefined : cut(0)
  let pass = -1
  let [passed, list]: [Dataset | undefined, Int32Array[]] = [undefined, []]
  return {
    at(step) {
      if (pass !== Math.floor(step / whole)) {
        pass = Math.floor(step / whole)
        passed = samples.epoch?.(pass)
        list = fixed ?? cut(pass)
      }
      return { rows: list[step % whole], data: passed }
    },
    cycle: fixed && !samples.epoch ? whole : undefined,
  }
}

/** The averages that an optimiser with useEma keeps become the weights, as at the end of Keras's fit. */
function settle(model: Model): void {
  if (compiled(model, 'fit').optimizer.state.includes(averageSlot)) model.setWeights(averagesOf(model))
}

/** What fit does beside training: whether anybody hears the events, what is noted meanwhile, and what callbacks say. */
interface Listening {
  readonly heard?: boolean
  readonly noted?: Noted
  isStopped?(): boolean
  isDone?(): number
}

/** A list that engines take for one of fractions from the start: another would be made over at the first of them. */
function fractions(): number[] {
  const list = [0.5]
  list.pop()
  return list
}

/** The history while it is made. */
interface Noted {
  readonly epoch: number[]
  readonly history: Record<string, number[]>
}

/** What fit leaves: each metric epoch by epoch. */
export interface History {
  /** The numbers of the epochs, from 0. */
  readonly epoch: readonly number[]
  /** loss, accuracy, val_loss, …: one number an epoch. */
  readonly history: Readonly<Record<string, readonly number[]>>
  readonly reason: 'complete' | 'stopped' | 'aborted'
}

/**
 * Trains to the end and gives the history; callbacks are told every event.
 * @throws as train
 * @example
 * const { history } = await fit(model, { x, y }, { epochs: 10, batchSize: 64 })
 */
export async function fit(model: Model, data: Data, options: FitOptions = {}): Promise<History> {
  onlyOptions('fit', options, dataHint)
  const { callbacks = [], ...others } = options
  if (!callbacks.every(callback => typeof callback === 'function'))
    throw new StateError('bad-option', 'fit got a callback that is no function', {
      hint: "of Keras's methods callbacks.lambdaCallback({ onEpochEnd: … }) makes one",
    })
  const noted: Noted = { epoch: [], history: {} }
  let reason: History['reason'] = 'complete'
  let stopped = false
  let done = 0
  const run = {
    model,
    stop: () => void (stopped = true),
    goOn: (epochs: number) => void (done = Math.max(done, epochs)),
  }
  const heard = callbacks.length > 0
  const listening = { heard, noted, isStopped: () => stopped, isDone: () => done }
  for await (const events of told('fit', model, data, others, listening))
    for (const event of events) {
      if (event.type === 'end') reason = event.reason
      for (const callback of callbacks) await callback(event, run)
    }
  return { ...noted, reason }
}

/** Training samples and validation samples. */
function divide(model: Model, samples: Dataset, options: TrainOptions): [Dataset, Dataset | undefined] {
  const { validationData, validationSplit } = options
  if (validationData) return [samples, samplesFor(model, validationData)]
  if (!validationSplit) return [samples, undefined]
  const cut = Math.floor(samples.size * (1 - validationSplit))
  if (!(cut > 0 && cut < samples.size))
    throw new DataError('bad-split', `fit got validationSplit ${validationSplit}, one part would be empty`, {
      hint: 'give a fraction between 0 and 1',
    })
  const rows = counting(samples.size)
  return [samples.select(rows.subarray(0, cut)), (samples.plain ?? samples).select(rows.subarray(cut))]
}
