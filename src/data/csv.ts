import type { Dataset } from './dataset.ts'
import { isNumber } from './fields.ts'
import { sourceName, type TextSource } from './files.ts'
import { eachRecord, recordsWithin, type TextRecord } from './records.ts'
import { missingMarks, onlyTable, type TableOptions } from './schema.ts'
import { readWindows } from './stream.ts'
import { type Table, table } from './table.ts'

export type { TextSource } from './files.ts'
export type { ColumnSchema, Kind, Missing, Schema, TableOptions } from './schema.ts'

export interface CsvOptions extends TableOptions {
  /** Whether the first row holds names; by default it does unless all its cells are numbers. */
  header?: boolean
  /** What stands between cells. Default `','`. */
  separator?: ',' | ';' | '\t'
}

/**
 * Reads a table: numbers, and categories as one-hot rows or indices.
 *
 * The file is streamed; samples are kept as bytes when all are whole numbers 0 … 255, else as floats that hold them exactly.
 * Without a header the first column is the label, unless `label` is false or `inputShape` takes all columns. What was
 * learnt of the columns is the dataset's `schema`; given to another file, it is read in the same way.
 * @param source a path, an address, a File, bytes, or chunks of bytes or text
 * @throws DataError `empty-table`, `ragged-row`, `bad-cell`, `missing-value`, `unknown-category`, `bad-column`, `bad-quotes`,
 * `long-line`, `bad-label`, `wrong-image-size`, `missing-package`: each names file, row and column
 * @example
 * const digits = await readCsv('digits.csv', { inputShape: [28, 28, 1], classes: 10, max: 255 })
 * @example
 * const train = await readCsv('train.csv', { label: 'survived', missing: { age: 'median', port: 'mode' } })
 * const test = await readCsv('test.csv', { schema: train.schema })
 */
export async function readCsv(source: TextSource, options: CsvOptions = {}): Promise<Dataset> {
  const { header, separator, ...rest } = options
  onlyTable('readCsv', rest, { header, separator })
  const { name = sourceName(source), window } = options
  if (window !== undefined) {
    const within = await recordsWithin()
    return readWindows(source, name, { ...options, window }, { taker: rowTaker, each: eachRecord, within })
  }
  const rows = table(name, options)
  await eachRecord(source, rowTaker(rows, options), { separator, fail: rows.fail, plain: rows.plain })
  return rows.finish()
}

/** Takes the records of a table: the first one as its header, where it is one. */
function rowTaker(rows: Table, { header }: CsvOptions, names?: readonly string[]) {
  let isBegun = names !== undefined

  return ({ cells, count, line }: TextRecord): boolean => {
    if (!isBegun) {
      isBegun = true
      const isHeader = header ?? !cells.every(cell => isNumber(cell) || missingMarks.has(cell))
      rows.begin(isHeader ? cells : cells.length, line)
      if (isHeader) return rows.isFull()
    }
    for (let column = 0; column < cells.length; column++) rows.putText(column, cells[column], line)
    rows.commit(count, line)
    return rows.isFull()
  }
}
