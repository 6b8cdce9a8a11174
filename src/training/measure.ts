import type { Dataset, DatasetSource } from '../data/dataset.ts'
import { batches, order } from '../data/order.ts'
import { nothingElse } from '../errors.ts'
import type { Model } from '../model/face.ts'
import { compiled } from '../model/model.ts'
import type { Port } from '../model/network.ts'
import { report, totals } from '../model/report.ts'
import type { Numbers } from '../program/index.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Data, inputsFor, type Several, samplesFor } from './check.ts'
import type { Metrics, TrainEvent } from './event.ts'
import { type Jobs, steps } from './steps.ts'
import { type WeightOptions, weightsFor } from './weights.ts'

export interface EvaluateOptions extends Pick<WeightOptions, 'sampleWeight'> {
  /** Samples at a time; the numbers do not depend on it. */
  batchSize?: number
  /** How many batches are looked at; all unless told. */
  steps?: number
}

/**
 * The loss and the metrics over all samples.
 * @throws StateError before compile; ShapeError and DataError when the data does not fit
 */
export async function evaluate(
  model: Model,
  data: Data,
  { batchSize = 32, sampleWeight, steps: most, ...others }: EvaluateOptions = {},
): Promise<Metrics> {
  nothingElse('evaluate', others, { batchSize, sampleWeight, steps: most })
  compiled(model, 'evaluate')
  const samples = samplesFor(model, data)
  const steps = measure(model, samples, batchSize, 0, weightsFor(samples, { sampleWeight }), most)
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value
  }
}

/** Evaluates batch by batch, telling each. */
export async function* measure(
  model: Model,
  samples: Dataset,
  batchSize: number,
  epoch = 0,
  weights?: Float64Array,
  most = Infinity,
): AsyncGenerator<TrainEvent, Metrics> {
  const means = running(model)
  const jobs = inOrder(samples, batchSize, most)
  const turn = turns()
  for await (const { first, count, size, results } of steps(model, 'evaluate', samples, jobs, { weights })) {
    means.add(results, 0, count, size)
    yield { type: 'validation', epoch, step: first + count, steps: jobs.to }
    await turn()
  }
  return means.value()
}

function inOrder(samples: Dataset, batchSize: number, most = Infinity): Jobs {
  const list = batches(samples, batchSize)
  return { from: 0, to: Math.min(most, list.length), at: step => ({ rows: list[step] }) }
}

/**
 * One step with all samples as one batch: the loss and the metrics of it before the weights move.
 * @throws StateError before compile; ShapeError and DataError when the data does not fit
 */
export const trainOnBatch = (model: Model, data: Data, options: WeightOptions = {}): Promise<Metrics> =>
  onBatch(model, 'train', data, options)

/** The loss and the metrics of all samples as one batch. */
export const testOnBatch = (model: Model, data: Data, options: WeightOptions = {}): Promise<Metrics> =>
  onBatch(model, 'evaluate', data, options)

async function onBatch(model: Model, mode: 'train' | 'evaluate', data: Data, options: WeightOptions): Promise<Metrics> {
  const who = mode === 'train' ? 'trainOnBatch' : 'testOnBatch'
  const { sampleWeight, classWeight, ...others } = options
  nothingElse(who, others, { sampleWeight, classWeight })
  compiled(model, who)
  const samples = samplesFor(model, data)
  const weights = weightsFor(samples, options)
  const means = running(model)
  for await (const { results } of steps(model, mode, samples, inOrder(samples, samples.size), { weights }))
    means.add(results, 0, 1, samples.size)
  return means.value()
}

/** Numbers with their shape, the first axis counting samples. */
export interface Outputs {
  readonly shape: Shape
  readonly data: Numbers
}

/** Outputs of a model, one sample after another; of several outputs all numbers of a sample in a row. */
export interface Predictions extends Outputs {
  /** Each output by its name. */
  readonly outputs: Readonly<Record<string, Outputs>>
}

/** Samples that go through a network together: fewer where what lies between two layers would leave the caches. */
function together({ network: { nodes } }: Model): number {
  const most = Math.max(...nodes.map(({ shape }) => sizeOf(shape)))
  return [32, 16].find(samples => 4 * most * samples <= cache) ?? 8
}
const cache = 1 << 20

/** The outputs for each sample, in their order; they do not depend on `batchSize`, how many are computed together at most. */
export async function predict(
  model: Model,
  data: Data | DatasetSource['x'] | Several,
  { batchSize = 32, ...others }: { batchSize?: number } = {},
): Promise<Predictions> {
  nothingElse('predict', others, { batchSize })
  const bare = model.network.inputs.length > 1 && model.network.inputs.every(({ name }) => name in data)
  const samples = inputsFor(model, bare ? { x: data as Several } : samplesIn(data))
  const turn = turns()
  const size = samples.size * sizeOf(model.outputShape)
  const out = model.dtype === 'float64' ? new Float64Array(size) : new Float32Array(size)
  let at = 0
  for await (const { count, size, results } of steps(
    model,
    'predict',
    samples,
    inOrder(samples, Math.min(batchSize, together(model))),
  )) {
    const { numbers, width } = results
    const each = size * sizeOf(model.outputShape)
    for (let i = 0; i < count; i++, at += each) out.set(numbers.subarray(i * width, i * width + each), at)
    await turn()
  }
  const whole = { shape: [samples.size, ...model.outputShape], data: out }
  return { ...whole, outputs: parted(whole, model.network.outputs) }
}

/** What is predicted: targets that come with the samples do not matter. */
function samplesIn(data: Data | DatasetSource['x'] | Several): Data {
  if ('select' in data) return data as Dataset
  if (!('x' in data)) return { x: data as Several }
  const { y: _, targetShape: __, classes: ___, ...samples } = data as DatasetSource
  return samples
}

/** The outputs of all samples at once, without waiting: for a few of them. */
export function predictSync(model: Model, data: Data | DatasetSource['x']): Predictions {
  const samples = inputsFor(model, samplesIn(data))
  const x = new Float64Array(samples.size * sizeOf(model.inputShape))
  samples.fill(order(samples.size, { shuffle: false }), x)
  const whole = { shape: [samples.size, ...model.outputShape], data: model.forwardSync(samples.size, x) }
  return { ...whole, outputs: parted(whole, model.network.outputs) }
}

/** The outputs one by one. */
function parted({ shape: [size, total], data }: Outputs, outputs: readonly Port[]): Record<string, Outputs> {
  let start = 0
  const parts = outputs.map(({ name, shape }): [string, Outputs] => {
    const width = sizeOf(shape)
    const from = (start += width) - width
    if (outputs.length === 1) return [name, { shape: [size, ...shape], data }]
    const own = data instanceof Float32Array ? new Float32Array(size * width) : new Float64Array(size * width)
    for (let i = 0; i < size; i++) own.set(data.subarray(i * total + from, i * total + from + width), i * width)
    return [name, { shape: [size, ...shape], data: own }]
  })
  return Object.fromEntries(parts)
}

/** The loss and the metrics of the samples so far, as batches come in. */
export const running = (model: Model) => totals(report(model.network, compiled(model, 'fit')))

/** Longest time without letting the rest of the program have a turn, in milliseconds. */
const patience = 8

/** Waits for a moment when the last time was long ago. */
export function turns() {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < patience) return
    await othersHadTheirs()
    last = performance.now()
  }
}

/** A page's timers wait for milliseconds, its messages do not. */
const othersHadTheirs = (): Promise<unknown> =>
  new Promise(resolve => {
    if (typeof setImmediate === 'function') return setImmediate(resolve)
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = resolve
    port2.postMessage(0)
  })
