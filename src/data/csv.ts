import { cellsOf } from './cells.ts'
import type { Dataset } from './dataset.ts'
import { isNumber } from './fields.ts'
import { sourceName } from './files.ts'
import { eachLine, type Line, type TextSource } from './lines.ts'
import { missingMarks, type TableOptions } from './schema.ts'
import { readWindows } from './stream.ts'
import { type Table, table } from './table.ts'

export type { TextSource } from './lines.ts'
export type { ColumnSchema, Kind, Missing, Schema, TableOptions } from './schema.ts'

export interface CsvOptions extends TableOptions {
  /** Whether the first row holds names; by default it does unless all its cells are numbers. */
  header?: boolean
  /** What stands between cells. Default `','`. */
  separator?: ',' | ';' | '\t'
}

const [zero, point, minus] = [48, 46, 45]
const powers = Float64Array.from({ length: 17 }, (_, n) => Number(`1e${n}`))
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
  if (window !== undefined) return readWindows(source, name, { ...options, window }, rowTaker, true)
  const rows = table(name, options)
  const take = rowTaker(rows, options)
  await eachLine(source, take, { quoted: true, fail: rows.fail })
  return rows.finish()
}

/** Takes the lines of a table: the first one as its header, where it is one. */
function rowTaker(rows: Table, { header, separator = ',', max = Infinity }: CsvOptions, names?: readonly string[]) {
  let isBegun = names !== undefined
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
