import type { CsvError, Options } from 'csv-parse'
import { NablaError } from '../errors.ts'
import { joined, type TextSource, textChunks } from './files.ts'
import type { Place, RowOptions } from './lines.ts'
import { putNumbers } from './plainRow.ts'

/** A row of a table: its cells, the blanks around them left out, or none where their numbers were put into the row. */
export interface TextRecord extends Place {
  readonly cells: readonly string[]
  readonly count: number
}

export interface RecordOptions extends RowOptions {
  /** What stands between cells; a comma unless told otherwise. */
  separator?: string
}

type Take = (record: TextRecord) => boolean

const longest = 2 ** 22
const atOnce = 2 ** 18
const mostCells = 2 ** 18 + 1 // one more than a table may have
const [quote, newline] = [34, 10]
const decoder = new TextDecoder()

/** Cuts a source into records, piece by piece, until `take` says true. */
export async function eachRecord(source: TextSource, take: Take, options: RecordOptions): Promise<void> {
  const cut = cutter(take, options)
  let rest: Uint8Array = new Uint8Array(0)
  let size = 0
  let parser: Awaited<ReturnType<typeof quotedParser>> | undefined
  for await (const chunk of textChunks(source))
    for (let at = 0; at < chunk.length; at += atOnce) {
      const bytes = joined(rest, chunk.subarray(at, at + atOnce))
      size += bytes.length - rest.length
      const end = !parser && bytes.includes(quote) ? endOfFirst(bytes) : 0
      // Only the header has quotes, as is usual in files of numbers: the rest needs no parser.
      if (end > 0 && cut.place().end === 0 && !bytes.includes(quote, end)) {
        const within = await recordsWithin()
        within(bytes.subarray(0, end), take, options, cut)
        rest = cut.plain(bytes.subarray(end))
      } else {
        if (!parser && bytes.includes(quote)) parser = await quotedParser(cut, options)
        rest = parser ? await parser.write(bytes) : cut.plain(bytes)
      }
      if (cut.isDone()) return
      // csv-parse has a limit of its own, which does not count empty cells.
      if (size - cut.place().end > longest) throw options.fail('long-line', cut.place().line + 1, 'is longer than 4 MiB', 'is a quote left open?') // biome-ignore format: one thought
    }
  if (parser) await parser.end()
  else cut.plain(joined(rest, [newline]))
}

/** Where the first record ends, if it does. */
function endOfFirst(bytes: Uint8Array): number {
  let isOpen = false
  for (let at = 0; at < bytes.length; at++)
    if (bytes[at] === quote) isOpen = !isOpen
    else if (bytes[at] === newline && !isOpen) return at + 1
  return 0
}

/** Cuts the bytes of some whole records at once. */
export async function recordsWithin() {
  const { parse } = await import('csv-parse/sync').catch(() => ({ parse: undefined }))
  return (bytes: Uint8Array, take: Take, options: RecordOptions, cut = cutter(take, options)): void => {
    if (!bytes.includes(quote)) cut.plain(joined(bytes, [newline]))
    else if (!parse) throw missing(cut, options)
    else {
      const { line } = cut.place()
      try {
        parse(bytes, cut.quoted())
      } catch (error) {
        throw badQuotes(error as Error, line, cut, options)
      }
    }
  }
}

/** Both ways to cut: csv-parse, and for rows before the first quote a split of each line, in a tenth of the time. */
function cutter(take: Take, { separator = ',', from, plain }: RecordOptions) {
  let place = from ?? { line: 0, end: 0 }
  let isDone = false
  const between = separator.length === 1 ? separator.charCodeAt(0) : undefined
  const see = (cells: readonly string[], line: number, end: number, count = cells.length) => {
    place = { line, end }
    if (!isDone) isDone = take({ cells, count, line, end })
  }
  const texts = (line: Uint8Array) =>
    decoder.decode(line).split(separator, mostCells).map(cell => cell.trim()) // biome-ignore format: one thought
  return {
    place: () => place,
    isDone: () => isDone,

    /** Takes whole lines, and gives back the rest. */
    plain(bytes: Uint8Array): Uint8Array {
      let start = 0
      for (let end = bytes.indexOf(newline); end >= 0 && !isDone; end = bytes.indexOf(newline, start)) {
        const next = { line: place.line + 1, end: place.end + end + 1 - start }
        const into = between && plain?.()
        const count = into ? putNumbers(bytes, start, end, between, into) : undefined
        const cells = count ? [] : texts(bytes.subarray(start, end))
        if (count || cells.length > 1 || cells[0] !== '') see(cells, next.line, next.end, count)
        else place = next
        start = end + 1
      }
      return bytes.subarray(start)
    },

    /** The settings of csv-parse, which begins here and gives each record to `take`. */
    quoted(): Options {
      const { line, end } = place
      return {
        bom: true,
        delimiter: separator,
        record_delimiter: ['\r\n', '\n'],
        relax_column_count: true,
        skip_empty_lines: true,
        trim: true,
        on_record(cells, { lines, bytes }) {
          see(cells, line + lines, end + bytes)
          return null
        },
      }
    },
  }
}
type Cutter = ReturnType<typeof cutter>

/** csv-parse as promises. */
async function quotedParser(cut: Cutter, options: RecordOptions) {
  const { parse } = await import('csv-parse').catch(() => {
    throw missing(cut, options)
  })
  const { line } = cut.place()
  const parser = parse(cut.quoted())
  const decoder = new TextDecoder()
  const until = (work: (done: () => void) => void) =>
    new Promise<void>((done, failed) => {
      parser.once('error', failed)
      work(() => {
        parser.removeListener('error', failed)
        done()
      })
    }).catch(error => {
      throw badQuotes(error, line, cut, options)
    })
  return {
    async write(bytes: Uint8Array) {
      // Its build for browsers takes texts and buffers of its own, but no bytes.
      const chunk = typeof Buffer === 'undefined' ? decoder.decode(bytes, { stream: true }) : bytes
      await until(done => parser.write(chunk, error => !error && done()))
      return new Uint8Array(0)
    },
    end: () => until(done => parser.end(() => !parser.errored && done())),
  }
}

/** What csv-parse, which began behind `line`, says of quotes, as we say it. */
function badQuotes(error: Error, line: number, cut: Cutter, { fail }: RecordOptions): Error {
  const { code, lines, column } = error as CsvError & { lines: number; column: number }
  if (error instanceof NablaError || lines === undefined) return error
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return fail('bad-quotes', cut.place().line + 1, 'opens quotes that are never closed', 'check its quotes')
  return fail('bad-quotes', line + lines, `has quotes in the middle of cell ${column + 1}`, 'double the quotes of a quoted cell: "5"" pipe"') // biome-ignore format: one thought
}

const missing = (cut: Cutter, { fail }: RecordOptions) =>
  fail('missing-package', cut.place().line + 1, 'has quotes, and csv-parse is not installed', 'npm install csv-parse')
