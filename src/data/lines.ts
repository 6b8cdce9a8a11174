import type { NablaError } from '../errors.ts'
import { joined, type TextSource, textChunks } from './files.ts'
import type { PlainRow } from './plainRow.ts'

/** Where a row stands in its file. */
export interface Place {
  /** The line, counted from 1, on which it ends. */
  readonly line: number
  /** The byte behind it. */
  readonly end: number
}

export interface Line extends Place {
  readonly text: string
}

export interface RowOptions {
  /** Where the row before ended, of bytes from the middle of a file. */
  from?: Place
  /** Where a row of nothing but numbers may be put without a look at its texts, once that is known of all columns. */
  plain?(): PlainRow | undefined
  fail(code: string, line: number, says: string, hint: string): NablaError
}

const longest = 2 ** 24
const newline = 10
const decoder = new TextDecoder()

/** Cuts bytes into lines as they come; those without content are left out. `take` says true when it has enough. */
function lineCutter(take: (line: Line) => boolean, { from = { line: 0, end: 0 }, fail }: RowOptions) {
  let rest: Uint8Array = new Uint8Array(0)
  let { line, end } = from

  return (chunk: Uint8Array): boolean => {
    const bytes = rest.length === 0 ? chunk : joined(rest, chunk)
    let start = 0
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, start)) {
      const text = decoder.decode(bytes.subarray(start, at)).trim()
      line++
      end += at + 1 - start
      start = at + 1
      if (text !== '' && take({ text, line, end })) return true
    }
    rest = bytes.subarray(start)
    if (rest.length > longest) throw fail('long-line', line + 1, 'is longer than 16 MiB', 'is this the right file?')
    return false
  }
}

/** Cuts a source into lines. */
export async function eachLine(source: TextSource, take: (line: Line) => boolean, options: RowOptions): Promise<void> {
  const cut = lineCutter(take, options)
  for await (const chunk of textChunks(source)) if (cut(chunk)) return
  cut(Uint8Array.of(newline))
}

/** Cuts the bytes of some whole lines at once. */
export function linesWithin(bytes: Uint8Array, take: (line: Line) => boolean, options: RowOptions): void {
  const cut = lineCutter(take, options)
  if (!cut(bytes)) cut(Uint8Array.of(newline))
}
