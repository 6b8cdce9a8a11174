import { DataError } from '../errors.ts'
import { cellsOf } from './cells.ts'
import { type Dataset, dataset } from './dataset.ts'
import { isNumber } from './fields.ts'
import { isAddress, sourceName } from './files.ts'
import { eachLine, type Line, lineCutter, type TextSource } from './lines.ts'
import { missingMarks, type TableOptions } from './schema.ts'
import { windowed } from './stream.ts'
import { type Table, table } from './table.ts'

export type { TextSource } from './lines.ts'
export type { ColumnSchema, Kind, Missing, Schema, TableOptions } from './schema.ts'

export interface CsvOptions extends TableOptions {
  /** Whether the first row holds names; by default it does unless all its cells are numbers. */
  header?: boolean
  /** What stands between cells. Default `','`. */
  separator?: ',' | ';' | '\t'
  /**
   * Keeps only so many rows in memory, of a file that may be larger: see the guide on data. The source must be a path.
   */
  window?: number
}

const [zero, point, minus] = [48, 46, 45]
const powers = Float64Array.from({ length: 17 }, (_, n) => Number(`1e${n}`))
const byteOrderMark = 3 // bytes
const decoder = new TextDecoder()

/**
 * Reads a table: numbers, and categories as one-hot rows or indices.
 *
 * The file is streamed; samples are kept as bytes when all are whole numbers 0 … 255, else as floats that hold them exactly.
 * Without a header the first column is the label, unless `label` is false or `inputShape` takes all columns. What was
 * learnt of the columns is the dataset's `schema`; given to another file, it is read in the same way.
 * @param source a path, an address, a File, bytes, or chunks of bytes or text
 * @throws DataError `empty-table`, `ragged-row`, `bad-cell`, `missing-value`, `unknown-category`, `bad-column`, `bad-quotes`,
 * `bad-label`, `wrong-image-size`: each names file, row and column
 * @example
 * const digits = await readCsv('digits.csv', { inputShape: [28, 28, 1], classes: 10, max: 255 })
 * @example
 * const train = await readCsv('train.csv', { label: 'survived', missing: { age: 'median', port: 'mode' } })
 * const test = await readCsv('test.csv', { schema: train.schema })
 */
export async function readCsv(source: TextSource, options: CsvOptions = {}): Promise<Dataset> {
  const { name = sourceName(source), window } = options
  if (window !== undefined) return streamed(source, name, { ...options, window })
  const rows = table(name, options)
  const take = rowTaker(rows, options)
  await eachLine(source, take, { quoted: true, fail: rows.fail })
  return rows.finish()
}

/** The first time through, the file tells its schema and where each window begins; then windows are read when asked for. */
async function streamed(source: unknown, name: string, options: CsvOptions & { window: number }): Promise<Dataset> {
  const { window, inputShape } = options
  const path = typeof source === 'string' || source instanceof URL ? source : ''
  if (!(Number.isInteger(window) && window > 0) || path === '' || isAddress(path))
    throw new DataError(
      'bad-window',
      `readCsv got a window of ${window} rows of ${name}, expected a count and a path`,
      {
        hint: 'what is no file is read as a whole, without { window }',
      },
    )
  const first = table(name, { ...options, keep: false })
  const take = rowTaker(first, options)
  const starts: { number: number; offset: number }[] = []
  let end = 0
  const see = (line: Line) => {
    const before = first.size()
    const isEnough = take(line)
    if (first.size() > before) end = line.offset + line.end - line.start + byteOrderMark
    if (first.size() > before && before % window === 0) starts.push({ number: line.number, offset: line.offset })
    return isEnough
  }
  await eachLine(path, see, { quoted: true, fail: first.fail })
  const { closeSync, fstatSync, openSync, readSync, statSync } = await import('node:fs')
  const file = typeof path === 'string' && path.startsWith('file:') ? new URL(path) : path
  const { size: length, mtimeMs } = statSync(file)
  const schema = first.learnt()
  const [names, size] = [first.fields().map(field => field.name), first.size()]
  const skipped = Object.fromEntries(first.fields().flatMap(f => (f.kind === 'skip' ? [[f.name, f.kind]] : [])))

  function load(index: number): Dataset {
    const opened = openSync(file, 'r')
    try {
      const now = fstatSync(opened)
      if (now.size !== length || now.mtimeMs !== mtimeMs)
        throw new DataError('changed-file', `${name} has changed since it was opened`, { hint: 'open it again' })
      const from = starts[index]
      const bytes = new Uint8Array((starts[index + 1]?.offset ?? Math.min(end, length)) - from.offset)
      readSync(opened, bytes, 0, bytes.length, from.offset)
      const limit = Math.min(window, size - index * window)
      const label = schema.label?.name ?? false
      const rows = table(name, { ...options, columns: skipped, schema, label, limit })
      rows.begin(names, 1)
      lineCutter(rowTaker(rows, options, true), { quoted: true, from, fail: rows.fail })(bytes, true)
      return rows.finish()
    } finally {
      closeSync(opened)
    }
  }

  const numbers = Int32Array.from({ length: size }, (_, row) => row)
  const rows = dataset({ x: numbers, ...first.targetsOf(schema.label), schema })
  return windowed(rows, { size: window, inputShape: inputShape ?? load(0).inputShape, load })
}

/** Takes the lines of a table: the first one as its header, where it is one. */
function rowTaker(rows: Table, { header, separator = ',', max = Infinity }: CsvOptions, isBegun = false) {
  const between = separator.charCodeAt(0)

  function texts(cells: readonly string[], line: number) {
    for (let column = 0; column < cells.length; column++) rows.putText(column, cells[column], line)
    rows.commit(cells.length, line)
  }

  return ({ bytes, start, end, number, hasQuotes }: Line): boolean => {
    const split = () => cellsOf(decoder.decode(bytes.subarray(start, end)), separator, hasQuotes) ?? quotes(number)
    if (!isBegun) {
      isBegun = true
      const cells = split()
      const isHeader = header ?? !cells.every(cell => isNumber(cell) || missingMarks.has(cell))
      rows.begin(isHeader ? cells : cells.length, number)
      if (!isHeader) texts(cells, number)
      return rows.isFull()
    }
    if (hasQuotes) texts(split(), number)
    else {
      const fields = rows.fields()
      const row = rows.row()
      let column = 0
      let cell = start
      let [digits, decimals, value, isPoint, isNegative, isPlain] = [0, 0, 0, false, false, true]
      // Numbers are read digit by digit: a string for each cell would take ten times as long. Up to 15 digits and a power
      // of ten that is a double make the nearest double.
      for (let i = start; i <= end; i++) {
        const byte = i < end ? bytes[i] : between
        if (byte >= zero && byte <= zero + 9) {
          value = value * 10 + byte - zero
          digits++
          if (isPoint) decimals++
        } else if (byte === point && !isPoint) isPoint = true
        else if (byte === minus && i === cell) isNegative = true
        else if (byte !== between) isPlain = false
        else {
          const field = fields[column]
          value /= powers[decimals]
          if (
            isPlain &&
            digits > 0 &&
            digits < 16 &&
            field?.kind === 'number' &&
            !(value > max || (isNegative && max < Infinity))
          )
            row[field.at] = isNegative ? -value : value
          else rows.putText(column, decoder.decode(bytes.subarray(cell, i)).trim(), number)
          column++
          cell = i + 1
          digits = decimals = value = 0
          isPoint = isNegative = false
          isPlain = true
        }
      }
      rows.commit(column, number)
    }
    return rows.isFull()
  }

  function quotes(line: number): never {
    throw rows.fail(
      'bad-quotes',
      line,
      'has quotes in the middle of a cell',
      'double the quotes of a quoted cell: "5"" pipe"',
    )
  }
}
