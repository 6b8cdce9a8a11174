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
  const cut = recordCutter(take, options)
  for await (const chunk of textChunks(source))
    for (let at = 0; at < chunk.length; at += atOnce) if (cut.take(chunk.subarray(at, at + atOnce))) return
  cut.end()
}

/** Cuts the bytes of some whole records at once. */
export function recordsWithin(bytes: Uint8Array, take: Take, options: RecordOptions): void {
  const cut = recordCutter(take, options)
  if (!cut.take(bytes)) cut.end()
}

function recordCutter(take: Take, { separator = ',', from, plain, fail }: RecordOptions) {
  let { line, end } = from ?? { line: 0, end: 0 }
  let rest: Uint8Array = new Uint8Array(0)
  let isDone = false
  const between = separator.charCodeAt(0)

  /** Takes whole records, and gives back where the next one begins. */
  function within(bytes: Uint8Array): number {
    let start = 0
    let quoted = bytes.indexOf(quote)
    for (let stop = bytes.indexOf(newline); stop >= 0 && !isDone; stop = bytes.indexOf(newline, start)) {
      let lines = 1
      let [cells, count]: [readonly string[], number | undefined] = [[], undefined]
      if (quoted < 0 || quoted > stop) {
        const into = plain?.()
        count = into && putNumbers(bytes, start, stop, between, into)
        if (!count) cells = textOf(bytes, start, stop).split(separator, mostCells).map(cell => cell.trim()) // biome-ignore format: one thought
      } else {
        let found = quotedCells(textOf(bytes, start, stop), separator)
        if (found === undefined) {
          const whole = endOfOpen(bytes, quoted, stop)
          if (whole.stop < 0) break
          ;({ stop, lines } = whole)
          found = quotedCells(textOf(bytes, start, stop), separator) ?? 0
        }
        if (typeof found === 'number')
          throw fail('bad-quotes', line + lines, `has quotes in the middle of cell ${found + 1}`, 'double the quotes of a quoted cell: "5"" pipe"') // biome-ignore format: one thought
        cells = found
        quoted = bytes.indexOf(quote, stop)
      }
      line += lines
      end += stop + 1 - start
      start = stop + 1
      if (count || cells.length > 1 || cells[0] !== '')
        isDone = take({ cells, count: count ?? cells.length, line, end })
    }
    return start
  }

  return {
    take(chunk: Uint8Array): boolean {
      const bytes = joined(rest, chunk)
      rest = bytes.subarray(within(bytes))
      if (!isDone && rest.length > longest)
        throw fail('long-line', line + 1, 'is longer than 4 MiB', 'is a quote left open?')
      return isDone
    },
    end() {
      const bytes = joined(rest, [newline])
      if (within(bytes) < bytes.length && !isDone)
        throw fail('bad-quotes', line + 1, 'opens quotes that are never closed', 'check its quotes')
    },
  }
}

const textOf = (bytes: Uint8Array, from: number, to: number) => decoder.decode(bytes.subarray(from, to))

/** Where a record ends whose quotes are open at a newline, and how many lines it has; below 0 if it goes on. */
function endOfOpen(bytes: Uint8Array, first: number, newlineAt: number) {
  let isOpen = false
  let stop = newlineAt
  for (let lines = 1, at = first; ; at = bytes.indexOf(quote, at + 1)) {
    for (; stop >= 0 && (at < 0 || stop < at); stop = bytes.indexOf(newline, stop + 1), lines++)
      if (!isOpen) return { stop, lines }
    if (at < 0 || stop < 0) return { stop: -1, lines }
    isOpen = !isOpen
  }
}

/** The cells of a record with quotes; nothing where they are still open, and the number of a cell that has them in its middle. */
function quotedCells(text: string, separator: string): string[] | number | undefined {
  const cells: string[] = []
  for (let at = 0, next = 0; at <= text.length && cells.length < mostCells; at = next + 1) {
    while (text[at] === ' ' || (text[at] === '\t' && separator !== '\t')) at++
    let cell: string
    let behind = at
    if (text[at] === '"') {
      let isDoubled = false
      let close = text.indexOf('"', at + 1)
      for (; text[close + 1] === '"' && close > 0; close = text.indexOf('"', close + 2)) isDoubled = true
      if (close < 0) return undefined
      cell = text.slice(at + 1, close)
      if (isDoubled) cell = cell.replaceAll('""', '"')
      cells.push(cell)
      behind = close + 1
    }
    next = text.indexOf(separator, behind)
    if (next < 0) next = text.length
    const bare = next === behind ? '' : text.slice(behind, next).trim()
    if (behind === at) cells.push(bare)
    if (behind === at ? bare.includes('"') : bare !== '') return cells.length - 1
  }
  return cells
}
