import type { Metric } from '../nn/metric.ts'
import { forward, type Trace } from '../nn/walk.ts'
import { record } from '../program/index.ts'
import { type View, viewOf } from '../tensor/view.ts'
import type { Network } from './network.ts'
import { type Goal, targetShape } from './programs.ts'

/** One of the numbers that a step tells: a loss, which is a mean already, or a metric, which is made of sums. */
export interface Told {
  readonly name: string
  /** Where its sums lie in the report of a batch. */
  readonly start: number
  readonly size: number
  readonly metric?: Metric
  /** The output that it is about. */
  readonly output: number
  /** Set where the last of its sums is how many samples count, because some steps do not. */
  readonly masked: boolean
}

/** The mask of an output as loss and metrics use it: one that speaks of rows. */
export const maskOf = ({ y, mask }: Trace): View | undefined =>
  mask && mask.shape.length < y.shape.length ? mask : undefined

const known = new WeakMap<object, readonly boolean[]>()

/** Of each output whether some of its steps may not count; told by writing down a pass of one sample. */
function maskedIn({ nodes, inputs, outputs }: Network): readonly boolean[] {
  if (!known.has(outputs))
    record('masks', [], k => {
      const xs = inputs.map(({ shape }) => viewOf({ name: 'x', shape: [1, ...shape], kind: 'input' }))
      const traces = forward(k, nodes, xs, { training: false })
      known.set(
        outputs,
        outputs.map(({ node }) => maskOf(traces[node]) !== undefined),
      )
    })
  return known.get(outputs)!
}

/** What a batch reports, in order: the loss, the loss of each output where there are several, the sums of each metric. */
export function report(network: Network, { goals }: { readonly goals: readonly Goal[] }): Told[] {
  const { outputs } = network
  let start = 0
  const names = new Set<string>()
  const told = (wanted: string, output = 0, sums = 1, metric?: Metric): Told => {
    const masked = metric !== undefined && maskedIn(network)[output]
    const size = masked ? sums + 1 : sums
    let name = wanted
    for (let i = 1; names.has(name); i++) name = `${wanted}_${i}` // precision, precision_1
    names.add(name)
    start += size
    return { name, start: start - size, size, metric, output, masked }
  }
  return [
    told('loss'),
    ...(goals.length > 1 ? outputs.map(({ name }, i) => told(`${name}_loss`, i)) : []),
    ...goals.flatMap(({ loss, metrics }, i) => {
      const { name, shape } = outputs[i]
      const prefix = outputs.length > 1 ? `${name}_` : ''
      return metrics.map(m => told(prefix + m.name, i, m.size(shape, targetShape(shape, loss)), m))
    }),
  ]
}

/** Adds up what batches report and makes the numbers of it: of all samples together, whatever the batches were. */
export function totals(entries: readonly Told[]) {
  const last = entries[entries.length - 1]
  const sums = new Float64Array(last.start + last.size)
  // A loss is a mean already; the numbers of metrics are sums.
  const isMean = Uint8Array.from(entries.flatMap(({ size, metric }) => Array(size).fill(metric ? 0 : 1)))
  let samples = 0
  return {
    /** Adds what a batch of `size` samples reported: the numbers from a place on. */
    add(values: ArrayLike<number>, from: number, size: number) {
      for (let i = 0; i < sums.length; i++) sums[i] += isMean[i] ? values[from + i] * size : values[from + i]
      samples += size
    },
    /** Begins anew. */
    clear() {
      sums.fill(0)
      samples = 0
    },
    value(): Record<string, number> {
      const numbers: Record<string, number> = {}
      for (const { name, start, size, metric, masked } of entries) {
        const own = metric && sums.subarray(start, start + size)
        if (!own) numbers[name] = sums[start] / samples
        else numbers[name] = masked ? metric.value(own.subarray(0, -1), own[size - 1]) : metric.value(own, samples)
      }
      return numbers
    },
  }
}
