import { nothingElse } from '../../errors.ts'
import type { Callback, Run, TrainEvent } from '../event.ts'

/** What is called when: with the event, and the training it comes from. */
type Heard<T extends TrainEvent['type']> = (event: Extract<TrainEvent, { type: T }>, run: Run) => unknown

export interface LambdaCallbackOptions {
  /** Before the first step. */
  onTrainBegin?: Heard<'begin'>
  /** After a step of training. */
  onTrainBatchEnd?: Heard<'step'>
  /** After a batch of validation. */
  onTestBatchEnd?: Heard<'validation'>
  /** After an epoch, with its numbers. */
  onEpochEnd?: Heard<'epoch'>
  /** After the last step, with the reason why it is the last. */
  onTrainEnd?: Heard<'end'>
}

/**
 * A callback of functions with the names that Keras has for them. A callback is itself a function of an event, so that
 * `event => event.type === 'epoch' && …` does the same.
 * @example
 * lambdaCallback({ onEpochEnd: ({ epoch, metrics }) => console.log(epoch, metrics.loss) })
 */
export function lambdaCallback(options: LambdaCallbackOptions): Callback {
  const { onTrainBegin, onTrainBatchEnd, onTestBatchEnd, onEpochEnd, onTrainEnd, ...others } = options
  nothingElse('lambdaCallback', others, { onTrainBegin, onTrainBatchEnd, onTestBatchEnd, onEpochEnd, onTrainEnd })
  return (event, run) => {
    if (event.type === 'begin') return options.onTrainBegin?.(event, run)
    if (event.type === 'step') return options.onTrainBatchEnd?.(event, run)
    if (event.type === 'validation') return options.onTestBatchEnd?.(event, run)
    if (event.type === 'epoch') return options.onEpochEnd?.(event, run)
    return options.onTrainEnd?.(event, run)
  }
}
