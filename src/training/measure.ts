import { batches, type Dataset, type DatasetSource } from '../data/dataset.ts'
import { compiled, type Model } from '../model/model.ts'
import type { Numbers } from '../program/index.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Data, inputsFor, samplesFor } from './check.ts'
import type { Metrics, TrainEvent } from './event.ts'
import { steps } from './steps.ts'

/**
 * The loss and the metrics over all samples.
 * @throws StateError before compile; ShapeError and DataError when the data does not fit
 */
export async function evaluate(model: Model, data: Data, { batchSize = 32 } = {}): Promise<Metrics> {
  compiled(model, 'evaluate')
  const steps = measure(model, samplesFor(model, data), batchSize)
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
): AsyncGenerator<TrainEvent, Metrics> {
  const means = running(model)
  const count = Math.ceil(samples.size / batchSize)
  const turn = turns()
  let step = 0
  for await (const done of steps(model, 'evaluate', samples, inOrder(samples, batchSize))) {
    for (const { job, values } of done) means.add(values, job.rows.length)
    yield { type: 'validation', epoch, step: (step += done.length), steps: count }
    await turn()
  }
  return means.value()
}

function* inOrder(samples: Dataset, batchSize: number) {
  for (const rows of batches(samples, batchSize)) yield { rows }
}

/** Outputs of a model, one sample after another. */
export interface Predictions {
  readonly shape: Shape
  readonly data: Numbers
}

/** The outputs for each sample, in their order. */
export async function predict(
  model: Model,
  data: Data | DatasetSource['x'],
  { batchSize = 32 } = {},
): Promise<Predictions> {
  const samples = inputsFor(model, 'select' in data || 'x' in data ? data : { x: data })
  const [inputs, outputs] = [sizeOf(model.inputShape), sizeOf(model.outputShape)]
  const x = new Float64Array(Math.min(batchSize, samples.size) * inputs)
  const turn = turns()
  let out: Numbers | undefined
  let at = 0
  for (const rows of batches(samples, batchSize)) {
    samples.fill(rows, x)
    const part = await model.forward(rows.length, x.subarray(0, rows.length * inputs))
    const size = samples.size * outputs
    out ??= part instanceof Float32Array ? new Float32Array(size) : new Float64Array(size)
    out.set(part, at)
    at += part.length
    await turn()
  }
  return { shape: [samples.size, ...model.outputShape], data: out! }
}

/** Means weighted by the number of samples, as batches come in. */
export function running(model: Model) {
  const names = ['loss', ...compiled(model, 'fit').metrics.map(metric => metric.name)]
  const sums = names.map(() => 0)
  let samples = 0
  return {
    add(values: ArrayLike<number>, size: number) {
      for (let i = 0; i < sums.length; i++) sums[i] += values[i] * size
      samples += size
    },
    value(): Metrics {
      const metrics: Record<string, number> = {}
      for (let i = 0; i < names.length; i++) metrics[names[i]] = sums[i] / samples
      return metrics
    },
  }
}

/** Longest time without letting the rest of the program have a turn, in milliseconds. */
const patience = 50

/** Waits for a moment when the last time was long ago. */
export function turns() {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < patience) return
    await new Promise(resolve => setTimeout(resolve))
    last = performance.now()
  }
}
