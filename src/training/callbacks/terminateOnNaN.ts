import type { Callback } from '../event.ts'

/**
 * Stops as soon as the loss is NaN or infinite.
 * @example
 * await model.fit(data, { callbacks: [terminateOnNaN()] })
 */
export const terminateOnNaN = (): Callback => (event, run) => {
  if (event.type === 'step' && !Number.isFinite(event.metrics.loss)) run.stop()
}
