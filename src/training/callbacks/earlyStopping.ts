import type { Weight } from '../../model/face.ts'
import type { Callback } from '../event.ts'
import { type MonitorOptions, monitor } from './monitor.ts'

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement that are waited for. */
  patience?: number
  /** A value that must be beaten for waiting to begin anew. */
  baseline?: number
  /** Whether the weights of the best epoch come back at the end. */
  restoreBestWeights?: boolean
  /** Epochs at the beginning that are not judged. */
  startFromEpoch?: number
}

/**
 * Stops when a number has not improved for some epochs.
 *
 * As in Keras the best weights come back only when told; the number of steps and the optimiser's states stay.
 * @throws StateError `no-metric` when an epoch does not have the number
 * @example
 * await model.fit(data, { validationSplit: 0.2, epochs: 100, callbacks: [earlyStopping({ patience: 5 })] })
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { patience = 0, baseline, restoreBestWeights = false, startFromEpoch = 0, ...rest } = options
  const watched = monitor('earlyStopping', rest, { patience, baseline, restoreBestWeights, startFromEpoch })
  let wait = 0
  let kept: Weight[] | undefined
  let stopped = false
  return (event, { model, stop }) => {
    if (event.type === 'begin') {
      watched.reset()
      wait = 0
      stopped = false
      kept = undefined
    }
    if (event.type === 'epoch' && event.epoch >= startFromEpoch && !stopped) {
      const value = watched.in(event.metrics)
      wait++
      const improves = watched.improves(value)
      if (restoreBestWeights && (improves || !kept)) kept = model.weights()
      if (improves) {
        if (baseline === undefined || watched.beats(value, baseline)) wait = 0
      } else if (wait >= patience && event.epoch > 0) {
        stopped = true
        stop()
      }
    }
    if (event.type === 'end' && kept) model.setWeights(kept)
  }
}
