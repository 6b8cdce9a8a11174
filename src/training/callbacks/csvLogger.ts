import { nothingElse, StateError } from '../../errors.ts'
import type { Callback } from '../event.ts'

/**
 * Writes a line of numbers for each epoch: `epoch,accuracy,loss,…`, as Keras does, names in alphabetical order.
 * @param path of the file
 * @param options.separator between numbers
 * @param options.append goes on at the end of a file that is there
 * @throws StateError `cannot-write`
 *
 * @example
 * await model.fit(data, { epochs: 5, callbacks: [csvLogger('losses.csv')] })
 */
export function csvLogger(path: string, options: { separator?: string; append?: boolean } = {}): Callback {
  const { separator = ',', append = false, ...others } = options
  nothingElse('csvLogger', others, { separator, append })
  let names: string[] | undefined
  let text = ''
  return async event => {
    if (event.type !== 'begin' && event.type !== 'epoch') return
    const { appendFile, readFile, writeFile } = await import('node:fs/promises')
    try {
      if (event.type === 'begin') {
        text = append ? await readFile(path, 'utf8').catch(() => '') : ''
        names = text ? text.slice(0, text.indexOf('\n')).split(separator).slice(1) : undefined
        if (text && !text.endsWith('\n')) await appendFile(path, '\n')
        if (!text) await writeFile(path, '')
        return
      }
      const { epoch, metrics } = event
      const first = names === undefined
      names ??= Object.keys(metrics).sort()
      const line = [epoch, ...names.map(name => metrics[name] ?? 'NA')].join(separator)
      await appendFile(path, `${first ? `${['epoch', ...names].join(separator)}\n` : ''}${line}\n`)
    } catch (error) {
      throw new StateError('cannot-write', `cannot write ${path}`, {
        evidence: [['cause', String((error as Error).message)]],
        hint: 'choose a folder that exists and is yours to write',
      })
    }
  }
}
