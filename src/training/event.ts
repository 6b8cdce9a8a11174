import type { Model } from '../model/face.ts'

/** Numbers by name: loss, accuracy, val_loss, … */
export type Metrics = Readonly<Record<string, number>>

/** What happens in a training, as plain JSON: a file, a page and a callback see the same. */
export type TrainEvent =
  | {
      type: 'begin'
      epochs: number
      initialEpoch: number
      /** Batches an epoch. */
      steps: number
      batchSize: number
      samples: number
      validationSamples: number
      seed: number
      parameters: number
    }
  /** Metrics are means since the epoch began; milliseconds are those of this step. */
  | { type: 'step'; epoch: number; step: number; steps: number; size: number; metrics: Metrics; milliseconds: number }
  | { type: 'validation'; epoch: number; step: number; steps: number }
  /** Epochs count from 0. */
  | { type: 'epoch'; epoch: number; metrics: Metrics; seconds: number }
  | { type: 'end'; epochs: number; reason: 'complete' | 'stopped' | 'aborted'; seconds: number }

/** The training that an event comes from. */
export interface Run {
  readonly model: Model
  /** Ends the training after what is being done; the end event says 'stopped'. */
  stop(): void
  /** Told at the begin event: so many epochs are done already, and the training goes on from there. */
  goOn(epochs: number): void
}

/** Is told every event; what it returns is waited for. */
export type Callback = (event: TrainEvent, run: Run) => unknown
