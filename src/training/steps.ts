import type { Dataset } from '../data/dataset.ts'
import { StateError } from '../errors.ts'
import type { Feed, Model } from '../model/face.ts'
import type { Mode } from '../model/programs.ts'
import type { Rows } from '../program/index.ts'

/** One step to come: the rows of its batch. */
export interface Job {
  readonly rows: Int32Array
  /** Where they come from, if not from what all jobs share. */
  readonly data?: Dataset
}

/** Steps to come, by their numbers. */
export interface Jobs {
  /** The number of the first, and the one after the last. */
  readonly from: number
  readonly to: number
  /** Asked for in order. */
  at(step: number): Job
  /** After how many steps the same jobs come again. */
  readonly cycle?: number
  /** Steps that run together do not go over a multiple of this. */
  readonly block?: number
}

/** What steps that ran together left. */
export interface Done {
  /** The number of the first, how many there were, and the samples of each. */
  readonly first: number
  readonly count: number
  readonly size: number
  /** The loss and the metrics of the batch of a step, or its predictions. */
  readonly results: Rows
  /** What each of them took. */
  readonly milliseconds: number
}

export interface StepsOptions {
  seed?: number
  /** Most steps that may run together. */
  most?: number
  /** What each sample of the data counts in the loss. */
  weights?: Float64Array
}

/** The losses and metrics of a model by their names. */
const goalsOf = ({ training }: Model) =>
  training?.goals.map(({ loss, metrics }) => [loss, ...metrics].map(({ name }) => name).join(', ')).join('; ')

/** What tells when a model was compiled for other goals since: what is counted together is of one kind. */
export function goalsStay(model: Model): () => void {
  const before = goalsOf(model)
  return () => {
    const now = goalsOf(model)
    if (now === before) return
    throw new StateError('other-goals', 'compile was called within a fit, for another loss or other metrics', {
      evidence: [
        ['before', `${before}`],
        ['now', `${now}`],
      ],
      hint: 'stop the fit first, run.stop(), and go on with another fit; a new optimizer may come at any time',
    })
  }
}

/** How long steps that are run together may take, in milliseconds: a frame of a picture. */
const frame = 16

/**
 * Runs jobs in their order, as many at a time as take no longer than a frame, so that small networks do not pay for
 * each step and large ones stay responsive. Which steps run together does not change a bit of what they compute.
 */
export async function* steps(
  model: Model,
  mode: Mode,
  data: Dataset,
  jobs: Jobs,
  { seed, most = Infinity, weights }: StepsOptions = {},
): AsyncGenerator<Done, void> {
  const { from, to, block = Infinity } = jobs
  const stay = mode === 'predict' ? () => {} : goalsStay(model)
  let feed: Feed | undefined
  let size = 0
  let limit = 1
  // What the parts hold: the same rows again need not be written again.
  let held: Job[] = []
  /** Writes what steps read, until the first of another size; gives how many these are. */
  function prepare(feed: Feed, first: number, most: number, cycle: number): number {
    // What comes again is there already.
    for (let i = 0; i < Math.min(most, cycle); i++) {
      const job = jobs.at(first + i)
      if (job.rows.length !== size) return i
      const part = (first + i) % cycle
      if (held[part]?.rows === job.rows && held[part].data === job.data) continue
      held[part] = job
      ;(job.data ?? data).fill(job.rows, feed.x(part), feed.y(part))
      if (!weights) continue
      const counts = feed.weights(part)
      for (let row = 0; row < size; row++) counts[row] = weights[job.rows[row]]
    }
    return most
  }
  for (let first = from; first < to; ) {
    const { length } = jobs.at(first).rows
    if (!feed || feed.isOver() || size !== length) {
      size = length
      stay()
      feed = model.feed(mode, size, weights !== undefined)
      held = []
    }
    for (let running = feed.idle(); running; running = feed.idle()) await running
    if (feed.isOver()) continue
    const start = performance.now()
    const room = Math.min(limit, most, feed.capacity, to - first, block - (first % block))
    const again = (jobs.cycle ?? Infinity) <= feed.parts
    const cycle = again ? jobs.cycle! : feed.parts
    const count = prepare(feed, first, again ? room : Math.min(room, cycle), cycle)
    const running = feed.run(count, { first: first % cycle, cycle, seed })
    if (running) {
      // Meanwhile the next ones are made ready, as far as there is room.
      const next = first + count
      prepare(feed, next, Math.min(count, cycle - count, to - next), cycle)
      await running
    }
    const milliseconds = (performance.now() - start) / count
    limit = Math.max(1, Math.min(limit * 16, Math.floor(frame / milliseconds)))
    yield { first, count, size, results: feed.results(), milliseconds }
    first += count
  }
}
