import type { Callback } from '../event.ts'
import { type MonitorOptions, monitor } from './monitor.ts'

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the rate is multiplied with. */
  factor?: number
  /** Epochs without improvement that are waited for. */
  patience?: number
  /** Epochs after a change in which nothing is counted. */
  cooldown?: number
  /** The rate goes no lower. */
  minLearningRate?: number
}

/**
 * Lowers the learning rate when a number has not improved for some epochs. Keras's defaults; PyTorch's minDelta is relative.
 * @throws StateError `no-metric` when an epoch does not have the number
 * @example
 * await model.fit(data, { validationSplit: 0.2, epochs: 30, callbacks: [reduceLROnPlateau({ factor: 0.5, patience: 3 })] })
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const { factor = 0.1, patience = 10, cooldown = 0, minLearningRate = 0, minDelta = 1e-4, ...more } = options
  const own = { factor, patience, cooldown, minLearningRate }
  const watched = monitor('reduceLROnPlateau', { ...more, minDelta }, own)
  let wait = 0
  let rest = 0
  return (event, { model }) => {
    if (event.type === 'begin') {
      watched.reset()
      wait = 0
      rest = 0
    }
    if (event.type !== 'epoch') return
    if (rest > 0) {
      rest--
      wait = 0
    }
    if (watched.improves(watched.in(event.metrics))) wait = 0
    else if (rest === 0 && ++wait >= patience && model.learningRate > minLearningRate) {
      model.learningRate = Math.max(model.learningRate * factor, minLearningRate)
      rest = cooldown
      wait = 0
    }
  }
}
