import { nothingElse, StateError } from '../../errors.ts'
import type { Metrics } from '../event.ts'

export interface MonitorOptions {
  /** The number of an epoch that is watched. */
  monitor?: string
  /** Whether less or more is better; 'auto' goes by the name: more for accuracy, precision, auc and the like. */
  mode?: 'auto' | 'min' | 'max'
  /** How much better counts as better. */
  minDelta?: number
}

const upward =
  /acc|auc|precision|recall|f1|fbeta|score|iou|correlation|similarity|sensitivity|specificity|positives$|negatives$/i

/** Remembers the best value of a number and says which is better, for a callback that has `more` options. */
export function monitor(who: string, options: MonitorOptions, more: object) {
  const { monitor: name = 'val_loss', mode = 'auto', minDelta = 0, ...others } = options
  nothingElse(who, others, { monitor: name, mode, minDelta, ...more })
  const wrong = /false(Positives|Negatives)/.test(name)
  const up = mode === 'max' || (mode === 'auto' && upward.test(name) && !wrong)
  const self = {
    best: up ? -Infinity : Infinity,
    /** The value in an epoch's numbers. */
    in(metrics: Metrics): number {
      if (Object.hasOwn(metrics, name)) return metrics[name]
      throw new StateError('no-metric', `a callback watches ${JSON.stringify(name.slice(0, 40))}, which no epoch has`, {
        evidence: [['known', Object.keys(metrics).join(', ')]],
        hint: name.startsWith('val_') ? 'give fit validationData or validationSplit' : 'name one of these',
      })
    },
    /** Whether a value is better than the best so far, which it then is. */
    improves(value: number): boolean {
      if (!(up ? value - minDelta > self.best : value + minDelta < self.best)) return false
      self.best = value
      return true
    },
    /** Whether a value is better than another one, by at least minDelta. */
    beats: (value: number, other: number): boolean => (up ? value - minDelta > other : value + minDelta < other),
    reset() {
      self.best = up ? -Infinity : Infinity
    },
  }
  return self
}
