import type { Metric } from '../nn/metric.ts'
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
}

/** What a batch reports, in order: the loss, the loss of each output where there are several, the sums of each metric. */
export function report(network: Network, { goals }: { readonly goals: readonly Goal[] }): Told[] {
  const { outputs } = network
  let start = 0
  const names = new Set<string>()
  const told = (wanted: string, output = 0, size = 1, metric?: Metric): Told => {
    let name = wanted
    for (let i = 1; names.has(name); i++) name = `${wanted}_${i}` // precision, precision_1
    names.add(name)
    start += size
    return { name, start: start - size, size, metric, output }
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
  let samples = 0
  return {
    add(values: ArrayLike<number>, size: number) {
      for (const { start, size: n, metric } of entries)
        for (let i = start; i < start + n; i++) sums[i] += metric ? values[i] : values[i] * size
      samples += size
    },
    value(): Record<string, number> {
      const numbers: Record<string, number> = {}
      for (const { name, start, size, metric } of entries)
        numbers[name] = metric ? metric.value(sums.subarray(start, start + size), samples) : sums[start] / samples
      return numbers
    },
  }
}
