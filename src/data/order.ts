import { DataError } from '../errors.ts'
import { counting } from '../tensor/counting.ts'
import { numpyRandom } from '../tensor/random.ts'
import type { Dataset } from './dataset.ts'

/**
 * The order in which one epoch visits the rows: as they are, or shuffled anew for each epoch.
 * It depends on seed and epoch alone, so a run that is resumed at epoch 7 sees what it would have seen.
 * @param options.seed a whole number 0 … 2³²-1
 * @param options.epoch counted from 0 or 1, as the caller likes
 * @param options.windows where parts begin that are shuffled as wholes, and the rows within each
 */
export function order(
  size: number,
  { shuffle = true, seed = 0, epoch = 0, windows = Int32Array.of(0) }: OrderOptions = {},
): Int32Array {
  if (!shuffle) return counting(size)
  const random = numpyRandom([seed, epoch])
  if (windows.length === 1) return random.permutation(size)
  const rows = new Int32Array(size)
  let at = 0
  for (const window of random.permutation(windows.length)) {
    const start = windows[window]
    for (const row of random.permutation((windows[window + 1] ?? size) - start)) rows[at++] = start + row
  }
  return rows
}

interface OrderOptions {
  shuffle?: boolean
  seed?: number
  epoch?: number
  windows?: Int32Array
}

/** Into how many batches so many rows are cut. */
export function countBatches(rows: number, batchSize: number): number {
  if (Number.isInteger(batchSize) && batchSize > 0) return Math.ceil(rows / batchSize)
  throw new DataError('bad-batch-size', `batches got a batch size of ${batchSize}, expected a whole number from 1`, {
    hint: 'usual sizes are 32 and 128',
  })
}

/** Cuts an order of rows into batches; the last one may be smaller. */
export function batches(data: Dataset, batchSize: number, rows = order(data.size, { shuffle: false })): Int32Array[] {
  const count = countBatches(rows.length, batchSize)
  return Array.from({ length: count }, (_, i) => rows.subarray(i * batchSize, (i + 1) * batchSize))
}
