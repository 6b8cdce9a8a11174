import type { Metric } from '../nn/metric.ts'
import { forward, type Trace } from '../nn/walk.ts'
import { type Rows, record } from '../program/index.ts'
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
  const shares = new Float64Array(sums.length)
  const names = entries.map(({ name }) => name)
  let samples = 0
  function read({ start, size, metric, masked }: Told): number {
    if (!metric) return sums[start] / samples
    const own = sums.subarray(start, start + size)
    return masked ? metric.value(own.subarray(0, -1), own[size - 1]) : metric.value(own, samples)
  }
  return {
    names,
    /** Begins anew. */
    clear: () => void (samples = 0),
    /**
     * Adds what steps reported of batches of `size` samples: `count` of them, from one on. Of epochs that end meanwhile the
     * numbers go to columns, each time `every` steps are together, of which there were `begun`, and all begins anew.
     */
    add(rows: Rows, first: number, count: number, size: number, { every, begun, columns } = endless) {
      for (let i = 0; i < sums.length; i++) shares[i] = isMean[i] ? size : 1
      const end = first + count
      for (let at = first, next = first + every - begun; at < end; at = next, next += every) {
        const to = next < end ? next : end
        addRows(sums, shares, rows, at, to, samples === 0)
        samples += size * (to - at)
        if (next > end) return
        for (let i = 0; i < columns.length; i++) columns[i].push(read(entries[i]))
        samples = 0
      }
    },
    value(): Record<string, number> {
      const numbers: Record<string, number> = {}
      for (let i = 0; i < names.length; i++) numbers[names[i]] = read(entries[i])
      return numbers
    },
  }
}

/**
 * Adds shares of the numbers of rows, to nothing where all begins anew. By itself, because an engine makes such functions
 * fast soonest.
 */
function addRows(
  sums: Float64Array,
  shares: Float64Array,
  { numbers, width }: Rows,
  first: number,
  end: number,
  anew: boolean,
): void {
  for (let i = 0; i < sums.length; i++) {
    let sum = anew ? 0 : sums[i]
    for (let row = first; row < end; row++) sum += shares[i] * numbers[row * width + i]
    sums[i] = sum
  }
}

/** Epochs of so many steps, how many of the first there have been, and where the numbers of each go. */
export interface Epochs {
  readonly every: number
  readonly begun: number
  readonly columns: readonly number[][]
}
const endless: Epochs = { every: Infinity, begun: 0, columns: [] }
