import { resolveSchedule, type ScheduleChoice } from '../../nn/scheduleChoice.ts'
import type { Callback } from '../event.ts'

/**
 * Sets the learning rate of each epoch: by a function of the epoch (from 0) and the rate so far, or by a schedule that
 * counts epochs.
 * @example
 * learningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * 0.9))
 * learningRateScheduler('0.1 / (1 + step)')
 */
export function learningRateScheduler(
  choice: ((epoch: number, learningRate: number) => number) | Exclude<ScheduleChoice, () => unknown>,
): Callback {
  const at =
    typeof choice === 'function'
      ? (choice as (epoch: number, learningRate: number) => number)
      : resolveSchedule(choice).at
  return (event, { model }) => {
    if (event.type === 'begin') model.learningRate = at(event.initialEpoch, model.learningRate)
    if (event.type === 'epoch') model.learningRate = at(event.epoch + 1, model.learningRate)
  }
}
