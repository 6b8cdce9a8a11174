import { duplicateKey } from '../tensor/safetensors.ts'
import type { Dataset } from './dataset.ts'
import { shown } from './fields.ts'
import { sourceName, type TextSource } from './files.ts'
import { eachLine, type Line, linesWithin } from './lines.ts'
import { onlyTable, type TableOptions } from './schema.ts'
import { readWindows } from './stream.ts'
import { type Table, table } from './table.ts'

/**
 * Reads JSON lines: an object a line, its keys being the columns. A value is a number, true or false, a text, which is a
 * category, or lists of numbers, of one size in all rows; null and what is absent is missing.
 *
 * Everything else is as in a CSV file: label, categories, missing values and the schema.
 * @param source a path, an address, a File, bytes, or chunks of bytes or text
 * @throws DataError `bad-json`, and those of `readCsv`: each names file, row and column
 * @example
 * const words = await readJsonLines('reviews.jsonl', { label: 'stars' })
 */
export async function readJsonLines(source: TextSource, options: TableOptions = {}): Promise<Dataset> {
  onlyTable('readJsonLines', options)
  const { name = sourceName(source), window } = options
  if (window !== undefined)
    return readWindows(source, name, { ...options, window }, { taker: rowTaker, each: eachLine, within: linesWithin })
  const rows = table(name, options)
  await eachLine(source, rowTaker(rows, options), { fail: rows.fail })
  return rows.finish()
}

/** Takes the lines of a table: the keys of the first one are its columns. */
function rowTaker(rows: Table, options: TableOptions, names?: readonly string[]) {
  const placesOf = (keys: readonly string[]) => new Map(keys.map((key, i) => [key, i]))
  let places = names && placesOf(names)

  const take = ({ text, line }: Line) => {
    const object = objectIn(text, line)
    const keys = Object.keys(object)
    if (!places) {
      const names = options.schema ? known(options, keys) : keys
      places = placesOf(names)
      rows.begin(names, line)
    }
    const values = new Array(places.size)
    for (const key of keys) {
      const place = places.get(key)
      if (place === undefined)
        throw rows.fail(
          'bad-column',
          line,
          `has the column ${JSON.stringify(key.slice(0, 40))}, which no row before has`,
          'give each row the same keys, and null where a value is missing',
        )
      values[place] = object[key]
    }
    for (let place = 0; place < values.length; place++) rows.putValue(place, values[place], line)
    rows.commit(values.length, line)
    return rows.isFull()
  }

  function objectIn(text: string, number: number): Record<string, unknown> {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw rows.fail('bad-json', number, 'is no JSON', 'each line must be an object: {"height": 1.8, "label": 1}')
    }
    const twice = duplicateKey(text)
    if (twice !== undefined) throw rows.fail('bad-json', number, `has the key ${shown(twice)} twice`, 'each key once')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    throw rows.fail('bad-json', number, 'is no object', 'each line must be an object: {"height": 1.8, "label": 1}')
  }

  return take
}

/** The columns of a schema, and what else the first row has: keys may be absent where their value is missing. */
function known({ schema }: TableOptions, keys: readonly string[]): string[] {
  const { columns, label } = schema!
  const names = new Set([...columns.map(({ name }) => name), ...keys])
  if (label && !keys.includes(label.name)) names.delete(label.name)
  return [...names]
}
