import { nothingElse } from '../../errors.ts'
import { loadInto, save } from '../../model/save.ts'
import type { Callback } from '../event.ts'

/**
 * Saves the whole training after each epoch, so that the same program, begun again after a crash, goes on where it was.
 *
 * The backup is one file in `folder`, named after the epochs that are done; it goes once a training is complete.
 * @param folder for this training alone
 * @param options.saveFreq after each so many epochs
 * @param options.deleteCheckpoint whether the backup goes at the end
 * @throws StateError `cannot-write`; DataError when the backup belongs to another model
 * @example
 * await model.fit(data, { epochs: 100, callbacks: [backupAndRestore('runs/backup')] })
 */
export function backupAndRestore(
  folder: string,
  options: { saveFreq?: number; deleteCheckpoint?: boolean } = {},
): Callback {
  const { saveFreq = 1, deleteCheckpoint = true, ...others } = options
  nothingElse('backupAndRestore', others, { saveFreq, deleteCheckpoint })
  const name = (epochs: number) => `epoch-${epochs}.safetensors`
  /** Epochs that are done in each backup that is there, the most first. */
  async function backups(): Promise<number[]> {
    const { readdir } = await import('node:fs/promises')
    const names = await readdir(folder).catch(() => [])
    const numbers = names.flatMap(file => Number(/^epoch-(\d{1,9})\.safetensors$/.exec(file)?.[1] ?? []))
    return numbers.sort((a, b) => b - a)
  }
  return async (event, { model, goOn }) => {
    const { rm } = await import('node:fs/promises')
    const { join } = await import('node:path')
    if (event.type === 'begin') {
      const [epochs] = await backups()
      if (epochs === undefined || epochs <= event.initialEpoch) return
      await loadInto(model, join(folder, name(epochs)))
      goOn(epochs)
    }
    if (event.type === 'epoch' && (event.epoch + 1) % saveFreq === 0) {
      await save(model, join(folder, name(event.epoch + 1)))
      for (const old of await backups()) if (old !== event.epoch + 1) await rm(join(folder, name(old)), { force: true })
    }
    if (event.type === 'end' && event.reason === 'complete' && deleteCheckpoint)
      for (const old of await backups()) await rm(join(folder, name(old)), { force: true })
  }
}
