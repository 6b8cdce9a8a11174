import type { Dataset } from '../data/dataset.ts'
import type { Feed, Model } from '../model/face.ts'
import type { Mode } from '../model/programs.ts'

/** One step to come: the rows of its batch. */
export interface Job {
  readonly rows: Int32Array
  /** Where they come from, if not from what all jobs share. */
  readonly data?: Dataset
}

/** What steps that ran together left. */
export interface Done<J extends Job> {
  readonly jobs: readonly J[]
  /** The loss and the metrics of the batch of a job, or its predictions. */
  result(job: number): ArrayLike<number>
  /** What each of them took. */
  readonly milliseconds: number
}

export interface StepsOptions<J extends Job> {
  seed?: number
  /** Most steps that may run together. */
  most?: number
  /** Whether a job may run with the one before it. */
  together?(job: J, before: J): boolean
  /** What each sample of the data counts in the loss. */
  weights?: Float64Array
}

/** How long steps that are run together may take, in milliseconds: a frame of a picture. */
const frame = 16

/**
 * Runs jobs in their order, as many at a time as take no longer than a frame, so that small networks do not pay for
 * each step and large ones stay responsive. Which steps run together does not change a bit of what they compute.
 */
export async function* steps<J extends Job>(
  model: Model,
  mode: Mode,
  data: Dataset,
  jobs: Iterator<J>,
  { seed, most = Infinity, together = () => true, weights }: StepsOptions<J> = {},
): AsyncGenerator<Done<J>, void> {
  let feed: Feed | undefined
  let size = 0
  let limit = 1
  // What each step's arrays hold: the same rows again need not be written again.
  let held: Job[] = []
  let { value: next, done } = jobs.next()
  while (!done) {
    if (!feed || size !== next.rows.length) {
      size = next.rows.length
      feed = model.feed(mode, size, weights !== undefined)
      held = []
    }
    const start = performance.now()
    const room = Math.min(limit, most, feed.capacity)
    const batch: J[] = []
    do {
      const at = batch.push(next) - 1
      if (held[at]?.rows !== next.rows || held[at].data !== next.data) {
        held[at] = next
        ;(next.data ?? data).fill(next.rows, feed.x(at), feed.y(at))
        if (weights) feed.weights(at).set(Float64Array.from(next.rows as Int32Array, row => weights[row]))
      }
      ;({ value: next, done } = jobs.next())
    } while (!done && batch.length < room && next.rows.length === size && together(next, batch[batch.length - 1]))
    const running = feed.run(batch.length, seed)
    if (running) await running
    const milliseconds = (performance.now() - start) / batch.length
    limit = Math.max(1, Math.min(limit * 4, Math.floor(frame / milliseconds)))
    yield { jobs: batch, result: feed.result, milliseconds }
  }
}
