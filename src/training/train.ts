import { batches, type Dataset, type DatasetSource, order } from '../data/dataset.ts'
import { DataError } from '../errors.ts'
import { compiled, type Model } from '../model/model.ts'
import type { Numbers } from '../program/index.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Data, inputsFor, samplesFor } from './check.ts'
import type { Callback, Metrics, TrainEvent } from './event.ts'

export interface TrainOptions {
  /** Samples a step. */
  batchSize?: number
  /** The number of the last epoch, counted from 1. */
  epochs?: number
  /** Where to go on: the number of epochs already done. */
  initialEpoch?: number
  /** Visit the samples in a new order each epoch. */
  shuffle?: boolean
  validationData?: Data
  /** The share of samples at the end that is kept for validation. */
  validationSplit?: number
  /** Decides order and dropout; the model's own by default. */
  seed?: number
  /** Stops after the current step. */
  signal?: AbortSignal
}

export interface FitOptions extends TrainOptions {
  callbacks?: readonly Callback[]
}

/** Longest time without letting the rest of the program have a turn. */
const TURN = 50

/** Trains and tells what happens: everything else that trains is made of these events. */
export async function* train(model: Model, data: Data, options: TrainOptions = {}): AsyncGenerator<TrainEvent, void> {
  const { batchSize = 32, epochs = 1, initialEpoch = 0, shuffle = true, seed = model.seed, signal } = options
  const names = metricNames(model, 'fit')
  const [samples, validation] = divide(model, samplesFor(model, data), options)
  const steps = Math.ceil(samples.size / batchSize)
  const began = performance.now()
  yield {
    type: 'begin',
    epochs,
    initialEpoch,
    steps,
    batchSize,
    samples: samples.size,
    validationSamples: validation?.size ?? 0,
    seed,
    parameters: model.parameterCount,
  }
  const turn = turns()
  let epoch = initialEpoch
  let aborted = signal?.aborted ?? false
  for (; epoch < epochs && !aborted; epoch++) {
    const start = performance.now()
    const means = running(names)
    let step = 0
    for (const rows of batches(samples, batchSize, order(samples.size, { shuffle, seed, epoch }))) {
      const before = performance.now()
      means.add(await runBatch(model, 'train', samples, rows, seed), rows.length)
      const milliseconds = performance.now() - before
      yield { type: 'step', epoch, step: ++step, steps, size: rows.length, metrics: means.value(), milliseconds }
      await turn()
      if ((aborted = signal?.aborted ?? false)) break
    }
    if (aborted) break
    let metrics = means.value()
    if (validation) {
      const found = running(names)
      const count = Math.ceil(validation.size / batchSize)
      let at = 0
      for (const rows of batches(validation, batchSize)) {
        found.add(await runBatch(model, 'evaluate', validation, rows, seed), rows.length)
        yield { type: 'validation', epoch, step: ++at, steps: count }
        await turn()
      }
      const seen = Object.entries(found.value()).map(([name, value]) => [`val_${name}`, value])
      metrics = { ...metrics, ...Object.fromEntries(seen) }
    }
    yield { type: 'epoch', epoch, metrics, seconds: (performance.now() - start) / 1000 }
    aborted = signal?.aborted ?? false
  }
  const seconds = (performance.now() - began) / 1000
  yield { type: 'end', epochs: epoch, reason: aborted && epoch < epochs ? 'aborted' : 'complete', seconds }
}

/** What fit leaves: each metric epoch by epoch. */
export interface History {
  /** The numbers of the epochs, from 0. */
  readonly epoch: readonly number[]
  /** loss, accuracy, val_loss, …: one number an epoch. */
  readonly history: Readonly<Record<string, readonly number[]>>
  readonly reason: 'complete' | 'aborted'
}

/**
 * Trains to the end and gives the history; callbacks are told every event.
 * @throws StateError before compile; ShapeError and DataError when the data does not fit
 * @example
 * const { history } = await fit(model, { x, y }, { epochs: 10, batchSize: 64 })
 */
export async function fit(model: Model, data: Data, { callbacks = [], ...options }: FitOptions = {}): Promise<History> {
  const epoch: number[] = []
  const history: Record<string, number[]> = {}
  let reason: History['reason'] = 'complete'
  for await (const event of train(model, data, options)) {
    if (event.type === 'epoch') {
      epoch.push(event.epoch)
      for (const [name, value] of Object.entries(event.metrics)) (history[name] ??= []).push(value)
    }
    if (event.type === 'end') reason = event.reason
    for (const callback of callbacks) await callback(event)
  }
  return { epoch, history, reason }
}

/** The loss and the metrics over all samples. */
export async function evaluate(model: Model, data: Data, { batchSize = 32 } = {}): Promise<Metrics> {
  const means = running(metricNames(model, 'evaluate'))
  const samples = samplesFor(model, data)
  const turn = turns()
  for (const rows of batches(samples, batchSize)) {
    means.add(await runBatch(model, 'evaluate', samples, rows), rows.length)
    await turn()
  }
  return means.value()
}

const metricNames = (model: Model, what: string): string[] => [
  'loss',
  ...compiled(model, what).metrics.map(metric => metric.name),
]

async function runBatch(model: Model, mode: 'train' | 'evaluate', data: Dataset, rows: Int32Array, seed?: number) {
  const x = new Float64Array(rows.length * sizeOf(data.inputShape))
  const y = new Float64Array(rows.length * sizeOf(data.targetShape))
  data.fill(rows, x, y)
  return model.run(mode, rows.length, x, y, seed)
}

/** Means weighted by the number of samples, as batches come in. */
function running(names: readonly string[]) {
  const sums = names.map(() => 0)
  let samples = 0
  return {
    add(values: readonly number[], size: number) {
      for (let i = 0; i < sums.length; i++) sums[i] += values[i] * size
      samples += size
    },
    value: (): Metrics => Object.fromEntries(names.map((name, i) => [name, sums[i] / samples])),
  }
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
  const rows = Int32Array.from({ length: samples.size }, (_, row) => row)
  return [samples.select(rows.subarray(0, cut)), samples.select(rows.subarray(cut))]
}

/** The outputs for each sample, in their order. */
export async function predict(
  model: Model,
  data: Data | DatasetSource['x'],
  { batchSize = 32 } = {},
): Promise<Predictions> {
  const samples = inputsFor(model, 'select' in data || 'x' in data ? data : { x: data })
  const width = sizeOf(model.outputShape)
  const x = new Float64Array(Math.min(batchSize, samples.size) * sizeOf(model.inputShape))
  const turn = turns()
  let out: Numbers | undefined
  let at = 0
  for (const rows of batches(samples, batchSize)) {
    samples.fill(rows, x)
    const part = await model.forward(rows.length, x.subarray(0, rows.length * sizeOf(model.inputShape)))
    out ??=
      part instanceof Float32Array ? new Float32Array(samples.size * width) : new Float64Array(samples.size * width)
    out.set(part, at)
    at += part.length
    await turn()
  }
  return { shape: [samples.size, ...model.outputShape], data: out! }
}

/** Outputs of a model, one sample after another. */
export interface Predictions {
  readonly shape: Shape
  readonly data: Numbers
}

/** Waits for a moment when the last time was long ago. */
function turns() {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < TURN) return
    await new Promise(resolve => setTimeout(resolve))
    last = performance.now()
  }
}
