import { DataError, nearest } from '../errors.ts'
import { type Dataset, dataset } from './dataset.ts'
import { type ByteSource, byteChunks, sourceName } from './files.ts'

export type CsvSource = ByteSource | AsyncIterable<Uint8Array | string>

export interface CsvOptions {
  /** Name of the column that is the target; `false` for none. Default `'label'`, and no target when there is no such column. */
  label?: string | false
  /** Shape of one sample; its product must be the number of the other columns. Default `[columns]`. */
  inputShape?: readonly number[]
  /** How many classes there are; labels must then be whole numbers 0 … classes-1. */
  classes?: number
  /** The largest value that a sample may hold, 255 for pixels; values must then be 0 … max. */
  max?: number
  /** Reads only so many rows. */
  limit?: number
  /** What the source is called in errors. */
  name?: string
}

const longestLine = 2 ** 24
const mostValues = 2 ** 31
const [quote, comma, newline, carriageReturn] = [34, 44, 10, 13]
const decoder = new TextDecoder()

/**
 * Reads a table of numbers, such as the digits of Kaggle: a header `label,pixel0,pixel1…` and one image a row.
 *
 * The file is streamed; samples are kept as bytes when all are whole numbers 0 … 255, else as 32-bit floats. Without a
 * header the first column is the label, unless `label` is false or `inputShape` takes all columns.
 * @param source a path, an address, a File, bytes, or chunks of bytes or text
 * @throws DataError `csv-empty`, `csv-ragged`, `csv-not-a-number`, `csv-column`, `csv-value`, `bad-label`, `wrong-image-size`
 * @example
 * const digits = await readCsv('train.csv', { inputShape: [28, 28, 1], classes: 10, max: 255 })
 */
export async function readCsv(source: CsvSource, options: CsvOptions = {}): Promise<Dataset> {
  const table = collector(options.name ?? sourceName(source), options)
  const chunks = lineChunks(source)
  let line = 0
  let rest = new Uint8Array(0)
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : joined(rest, chunk)
    const firstQuote = bytes.indexOf(quote)
    let start = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      if (firstQuote >= 0 && firstQuote < end) {
        await readQuoted(bytes.subarray(start), chunks, line, table)
        return table.finish()
      }
      line++
      const stop = end > start && bytes[end - 1] === carriageReturn ? end - 1 : end
      if (stop > start) table.bytes(bytes, start, stop, line)
      start = end + 1
      if (table.full()) return table.finish()
    }
    rest = bytes.slice(start)
    if (rest.length > longestLine)
      throw table.error('csv-line', line + 1, 'is longer than 16 MiB', 'is this a CSV file?')
  }
  return table.finish()
}

/**
 * Quoted files take csv-parse. It is not used for all, because it makes a string of every cell: the 42,000 × 785 digits
 * took it 7.2 s and take the loop over bytes 0.6 s.
 */
async function readQuoted(first: Uint8Array, chunks: AsyncIterable<Uint8Array>, before: number, table: Collector) {
  const { parse } = await import('csv-parse').catch(() => {
    throw table.error('missing-package', before + 1, 'is quoted, which needs csv-parse', 'npm install csv-parse')
  })
  const { Readable } = await import('node:stream')
  const remaining = async function* () {
    yield first
    yield* chunks
  }
  const parser = parse({
    info: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestLine,
  })
  const input = Readable.from(remaining(), { objectMode: false })
  input.on('error', error => parser.destroy(error))
  try {
    for await (const { record, info } of input.pipe(parser)) {
      table.texts(record, before + info.lines)
      if (table.full()) break
    }
  } catch (error) {
    if (error instanceof DataError) throw error
    const { message, lines = 0 } = error as Error & { lines?: number }
    throw table.error(
      'csv-quotes',
      before + lines,
      `cannot be read: ${message.slice(0, 60)}`,
      'check the quotes around there',
    )
  }
}

type Collector = ReturnType<typeof collector>

/** Takes row after row, checks it, and becomes a dataset. */
function collector(name: string, { label = undefined, inputShape, classes, max, limit = Infinity }: CsvOptions) {
  let header: string[] | undefined
  let columns = 0
  let labelColumn = -1
  let values = new Float64Array(0)
  let samples: Uint8Array | Float32Array = new Uint8Array(0)
  let used = 0
  let rows = 0
  const labels: number[] = []

  const error = (code: string, line: number, says: string, hint: string) =>
    new DataError(code, `${name} row ${line} ${says}`, { hint })
  const columnName = (column: number) => header?.[column]?.slice(0, 40) ?? String(column + 1)

  function toNumber(text: string, column: number, line: number) {
    const value = isNumber(text) ? Number(text) : Number.NaN
    if (Number.isFinite(Math.fround(value))) return value
    const shown = JSON.stringify(text.length > 20 ? `${text.slice(0, 20)}…` : text)
    throw error(
      'csv-not-a-number',
      line,
      `column ${columnName(column)} holds ${shown}, expected a number`,
      'every cell must be a number; fill or drop missing values first',
    )
  }

  /** The first row decides about header, columns and label; says whether it was a header. */
  function begin(cells: string[], line: number): boolean {
    const names = cells.map(cell => cell.trim())
    columns = names.length
    if (!names.every(isNumber)) header = names
    const width = inputShape?.reduce((size, extent) => size * extent, 1)
    if (header && label !== false) {
      labelColumn = header.indexOf(label ?? 'label')
      if (labelColumn < 0 && label !== undefined)
        throw error(
          'csv-column',
          line,
          `has no column ${JSON.stringify(label)}`,
          `the columns are ${(nearest(label, header).length ? nearest(label, header) : header.slice(0, 3)).join(', ')} …`,
        )
    } else if (label !== false && width !== columns) labelColumn = 0
    const pixels = columns - (labelColumn < 0 ? 0 : 1)
    if (pixels === 0) throw error('csv-column', line, 'has one column only, the label', 'is the separator a comma?')
    if (width !== undefined && width !== pixels)
      throw error(
        'wrong-image-size',
        line,
        `has ${pixels} values a sample, expected ${width}`,
        `inputShape [${inputShape}] needs ${width} columns${labelColumn < 0 ? '' : ' beside the label'}`,
      )
    values = new Float64Array(columns)
    return header !== undefined
  }

  /** Makes room for one more sample, as floats once a value needs them. */
  function room(width: number, floats: boolean, line: number) {
    if (used + width > mostValues)
      throw error('too-large', line, 'is past 2³¹ values', 'read a part of it with { limit }')
    if (used + width <= samples.length && !floats) return
    const length =
      used + width <= samples.length
        ? samples.length
        : Math.min(mostValues, Math.max(4096, 2 * samples.length, used + width))
    const larger = floats || samples instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length)
    larger.set(samples.subarray(0, used))
    samples = larger
  }

  function add(count: number, line: number) {
    if (count !== columns)
      throw error(
        'csv-ragged',
        line,
        `has ${count} columns, expected ${columns}`,
        'every row must be as long as the first',
      )
    room(columns, false, line)
    for (let column = 0; column < columns; column++) {
      const value = values[column]
      if (column === labelColumn) {
        labels.push(checkedLabel(value, line))
        continue
      }
      if (max !== undefined && !(value >= 0 && value <= max))
        throw error(
          'csv-value',
          line,
          `column ${columnName(column)} holds ${value}, expected 0 … ${max}`,
          'max is the largest value a cell may hold',
        )
      if (samples instanceof Uint8Array && (value & 255) !== value) room(columns, true, line)
      samples[used++] = value
    }
    rows++
  }

  function checkedLabel(value: number, line: number) {
    if (classes === undefined || (Number.isInteger(value) && value >= 0 && value < classes)) return value
    throw error('bad-label', line, `has label ${value}, expected 0 … ${classes - 1}`, 'labels count from 0')
  }

  return {
    error,
    full: () => rows >= limit,

    texts(cells: string[], line: number) {
      if (columns === 0 && begin(cells, line)) return
      const count = Math.min(cells.length, columns)
      for (let column = 0; column < count; column++) values[column] = toNumber(cells[column].trim(), column, line)
      add(cells.length, line)
    },

    /** One unquoted row without its line end; whole numbers are read digit by digit. */
    bytes(bytes: Uint8Array, start: number, end: number, line: number) {
      if (columns === 0) return this.texts(decoder.decode(bytes.subarray(start, end)).split(','), line)
      let column = 0
      let cell = start
      let value = 0
      let plain = true
      for (let i = start; i <= end; i++) {
        const digit = i < end ? bytes[i] - 48 : comma - 48
        if (digit >= 0 && digit <= 9) value = value * 10 + digit
        else if (digit !== comma - 48) plain = false
        else {
          if (!plain || i === cell || i - cell > 15)
            value = column < columns ? toNumber(decoder.decode(bytes.subarray(cell, i)).trim(), column, line) : 0
          values[column++] = value
          cell = i + 1
          value = 0
          plain = true
        }
      }
      add(column, line)
    },

    finish(): Dataset {
      if (rows === 0)
        throw new DataError('csv-empty', `${name} has no rows of numbers`, {
          hint: columns === 0 ? 'the file is empty' : 'there is a header, but nothing below it',
        })
      const shape = [rows, ...(inputShape ?? [columns - (labelColumn < 0 ? 0 : 1)])]
      const whole = labels.every(value => (value | 0) === value)
      const y = labelColumn < 0 ? undefined : whole ? Int32Array.from(labels) : Float64Array.from(labels)
      return dataset({ x: { shape, data: samples.slice(0, used) }, y, classes: y && classes })
    },
  }
}

const isNumber = (text: string) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)

/** The source as bytes that end with a line end and start without a byte order mark. */
async function* lineChunks(source: CsvSource): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  const chunks =
    typeof source === 'object' && Symbol.asyncIterator in source ? source : byteChunks(source as ByteSource)
  let head: Uint8Array | undefined = new Uint8Array(0)
  for await (const piece of chunks) {
    const chunk = typeof piece === 'string' ? encoder.encode(piece) : piece
    if (!head) yield chunk
    else if (head.length + chunk.length < 3) head = joined(head, chunk)
    else {
      yield unmarked(joined(head, chunk))
      head = undefined
    }
  }
  if (head) yield head
  yield Uint8Array.of(newline)
}

const unmarked = (bytes: Uint8Array) =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
