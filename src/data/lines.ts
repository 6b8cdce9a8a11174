import type { NablaError } from '../errors.ts'
import { type ByteSource, byteChunks } from './files.ts'

export type TextSource = ByteSource | AsyncIterable<Uint8Array | string>

/** A line among bytes, without its end. */
export interface Line {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** Counted from 1; a line that goes on in quotes counts as several. */
  readonly number: number
  readonly hasQuotes: boolean
  /** Where it begins in the file. */
  readonly offset: number
}

export interface LineOptions {
  /** Whether a line end between quotes does not count. */
  quoted?: boolean
  /** Where the bytes come from in their file. */
  from?: { readonly number: number; readonly offset: number }
  fail(code: string, line: number, says: string, hint: string): NablaError
}

const longest = 2 ** 24
const [quote, newline, carriageReturn] = [34, 10, 13]

/** Cuts bytes into lines as they come; lines without content are left out. `take` says true when it has enough. */
export function lineCutter(take: (line: Line) => boolean | undefined, { quoted = false, from, fail }: LineOptions) {
  let rest = new Uint8Array(0)
  let { number, offset } = from ?? { number: 1, offset: 0 }

  return (chunk: Uint8Array, isLast = false): boolean => {
    const bytes = rest.length === 0 && !isLast ? chunk : joined(rest, chunk, isLast ? [newline] : [])
    let mark = quoted ? bytes.indexOf(quote) : -1
    let [start, lines, hasQuotes, isOpen] = [0, 0, false, false]
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) {
      for (; mark >= 0 && mark < at; mark = bytes.indexOf(quote, mark + 1)) {
        isOpen = !isOpen
        hasQuotes = true
      }
      lines++
      if (isOpen) continue
      const first = start + (number === 1 && isMarked(bytes, start) ? 3 : 0)
      const end = at > first && bytes[at - 1] === carriageReturn ? at - 1 : at
      if (end > first && take({ bytes, start: first, end, number, hasQuotes, offset: offset + start })) return true
      start = at + 1
      number += lines
      lines = 0
      hasQuotes = false
    }
    if (isLast && isOpen) throw fail('bad-quotes', number, 'opens quotes that are never closed', 'check its quotes')
    rest = bytes.slice(start)
    offset += start
    if (rest.length > longest)
      throw fail(
        'long-line',
        number,
        'is longer than 16 MiB',
        quoted ? 'is a quote left open?' : 'is this the right file?',
      )
    return false
  }
}

/** Cuts a source into lines. */
export async function eachLine(source: TextSource, take: (line: Line) => boolean | undefined, options: LineOptions) {
  const cut = lineCutter(take, options)
  const encoder = new TextEncoder()
  const chunks =
    typeof source === 'object' && Symbol.asyncIterator in source ? source : byteChunks(source as ByteSource)
  for await (const chunk of chunks) if (cut(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)) return
  cut(new Uint8Array(0), true)
}

const isMarked = (bytes: Uint8Array, at: number) =>
  bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf

function joined(...parts: ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
