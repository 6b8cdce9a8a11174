import { nothingElse, StateError } from '../../errors.ts'
import { makeFolder } from '../../model/save.ts'
import type { Callback } from '../event.ts'
import { fileVersion, frame, scalars } from './eventFile.ts'

export interface TensorBoardOptions {
  /** Numbers after each epoch, or also after so many steps. */
  updateFreq?: 'epoch' | number
}

/**
 * Writes event files that TensorBoard opens: in `logDir/train` the numbers of training and the learning rate, in
 * `logDir/validation` those of validation, under the names that Keras gives them.
 * @throws StateError `cannot-write`
 * @example
 * await model.fit(data, { callbacks: [tensorBoard('logs')] })     // then: tensorboard --logdir logs
 */
export function tensorBoard(logDir = 'logs', { updateFreq = 'epoch', ...others }: TensorBoardOptions = {}): Callback {
  nothingElse('tensorBoard', others, { updateFreq })
  const files = new Map<string, string>()
  let steps = 0

  async function write(part: string, step: number, numbers: Readonly<Record<string, number>>) {
    if (Object.keys(numbers).length === 0) return
    const { appendFile } = await import('node:fs/promises')
    const { hostname } = await import('node:os')
    const { join } = await import('node:path')
    const now = Date.now() / 1000
    const known = files.get(part)
    const path = known ?? join(logDir, part, `events.out.tfevents.${Math.floor(now)}.${hostname()}.${process.pid}.v2`)
    try {
      if (!known) {
        await makeFolder(join(logDir, part))
        await appendFile(path, frame(fileVersion(now)))
        files.set(part, path)
      }
      await appendFile(path, frame(scalars(now, step, numbers)))
    } catch (error) {
      throw new StateError('cannot-write', `cannot write ${path}`, {
        evidence: [['cause', String((error as Error).message)]],
        hint: 'choose a folder that is yours to write',
      })
    }
  }

  const named = (prefix: string, metrics: readonly [string, number][]) =>
    Object.fromEntries(metrics.map(([name, value]) => [prefix + name, value]))

  return async (event, { model }) => {
    if (event.type === 'begin') {
      files.clear()
      steps = event.initialEpoch * event.steps
    }
    if (event.type === 'step' && ++steps % (updateFreq === 'epoch' ? Infinity : updateFreq) === 0)
      await write('train', steps, named('batch_', Object.entries(event.metrics)))
    if (event.type !== 'epoch') return
    const all = Object.entries(event.metrics)
    const validation = all.filter(([name]) => name.startsWith('val_'))
    const training = all.filter(([name]) => !name.startsWith('val_'))
    const rate = { epoch_learning_rate: model.learningRate }
    await write('train', event.epoch, { ...named('epoch_', training), ...rate })
    const bare = validation.map(([name, value]): [string, number] => [name.slice('val_'.length), value])
    await write('validation', event.epoch, named('epoch_', bare))
  }
}
