import { save } from '../../model/save.ts'
import type { Callback } from '../event.ts'
import { type MonitorOptions, monitor } from './monitor.ts'

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Saves only when the number is the best so far. */
  saveBestOnly?: boolean
  /** Saves after each epoch, or after so many steps. */
  saveFreq?: 'epoch' | number
  /** A best value from an earlier training. */
  initialValueThreshold?: number
}

/**
 * Saves the model while it is trained, whole and so that training can go on from it.
 * @param path as for save; `{epoch}`, counted from 1, `{loss}`, `{val_accuracy:.3f}` and the like are filled in
 * @throws StateError `cannot-write`; `no-metric` when an epoch does not have the number
 * @example
 * modelCheckpoint('runs/best.safetensors', { monitor: 'val_accuracy', saveBestOnly: true })
 */
export function modelCheckpoint(path: string, options: ModelCheckpointOptions = {}): Callback {
  const { saveBestOnly = false, saveFreq = 'epoch', initialValueThreshold, ...rest } = options
  const watched = monitor('modelCheckpoint', rest, { saveBestOnly, saveFreq, initialValueThreshold })
  if (initialValueThreshold !== undefined) watched.best = initialValueThreshold
  let steps = 0
  return async (event, { model }) => {
    if (event.type === 'begin') steps = 0
    const due = event.type === 'epoch' ? saveFreq === 'epoch' : event.type === 'step' && ++steps === saveFreq
    if (!due || (event.type !== 'epoch' && event.type !== 'step')) return
    steps = 0
    if (saveBestOnly && !watched.improves(watched.in(event.metrics))) return
    await save(model, filled(path, { ...event.metrics, epoch: event.epoch + 1 }))
  }
}

/** `{name}` and `{name:.3f}` by their numbers; `{epoch:02d}` with zeros in front. */
const filled = (path: string, numbers: Readonly<Record<string, number>>): string =>
  path.replace(/\{(\w+)(?::(?:\.(\d+)f|0?(\d+)d))?\}/g, (whole, name, digits, width) => {
    if (!Object.hasOwn(numbers, name)) return whole
    const value = numbers[name]
    return digits === undefined ? String(value).padStart(Number(width ?? 0), '0') : value.toFixed(Math.min(digits, 20))
  })
