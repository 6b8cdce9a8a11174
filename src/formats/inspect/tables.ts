import { DataError } from '../../errors.ts'
import type { Row } from './arrays.ts'
import { type Contents, isRecord, parseJson, short } from './contents.ts'

const mostColumns = 100_000
const mostKinds = 1000
const longestCell = 2 ** 20

/** What is known of a column so far. */
interface Column {
  missing: number
  numbers: number
  texts: number
  min: number
  max: number
  sum: number
  readonly kinds: Set<string>
}

const column = (): Column => ({
  missing: 0,
  numbers: 0,
  texts: 0,
  min: Infinity,
  max: -Infinity,
  sum: 0,
  kinds: new Set(),
})

/** Whether a cell is a number as tables write them. */
export const isNumber = (cell: string) => /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(cell)

function note(at: Column, cell: string): void {
  if (cell.trim() === '') at.missing++
  else {
    if (isNumber(cell)) {
      const value = Number(cell)
      at.numbers++
      at.min = Math.min(at.min, value)
      at.max = Math.max(at.max, value)
      at.sum += value
    } else at.texts++
    if (at.kinds.size <= mostKinds) at.kinds.add(cell)
  }
}

const row = (name: string, { missing, numbers, texts, min, max, sum, kinds }: Column): Row => ({
  column: short(name, 40),
  holds: numbers > 0 ? (texts > 0 ? 'numbers and texts' : 'numbers') : texts > 0 ? 'texts' : 'nothing',
  missing,
  different: kinds.size > mostKinds ? `over ${mostKinds}` : kinds.size,
  min: numbers > 0 ? min : null,
  max: numbers > 0 ? max : null,
  mean: numbers > 0 ? sum / numbers : null,
})

/** The cells of each line of a table: cells may be in quotes, and hold commas and line ends there. */
export function* cellsOf(text: string, name: string): Generator<{ cells: string[]; line: number }> {
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0
  const first = text.slice(start, start + 65_536).split(/\r?\n/, 1)[0]
  const [separator] = [',', ';', '\t'].sort((a, b) => first.split(b).length - first.split(a).length)
  const fail = (line: number, what: string) =>
    new DataError('bad-csv', `${name}, line ${line}: ${what}`, { hint: 'is this a table with one line for each row?' })
  let [at, line] = [start, 1]
  while (at < text.length) {
    const cells: string[] = []
    const begin = line
    for (let open = true; open; ) {
      let cell: string
      if (text[at] === '"') {
        let end = at + 1
        for (;;) {
          end = text.indexOf('"', end)
          if (end < 0) throw fail(begin, 'a quote that nothing closes')
          if (text[end + 1] !== '"') break
          end += 2
        }
        const inside = text.slice(at + 1, end)
        if (inside.includes('\n')) line += inside.split('\n').length - 1
        cell = inside.replaceAll('""', '"')
        at = end + 1
        if (at < text.length && text[at] !== separator && !/[\r\n]/.test(text[at]))
          throw fail(line, 'letters behind a closing quote')
      } else {
        let end = at
        while (end < text.length && text[end] !== separator && text[end] !== '\n') end++
        cell = text.slice(at, text[end - 1] === '\r' && text[end] !== separator ? end - 1 : end)
        at = end
      }
      if (cell.length > longestCell) throw fail(line, 'a cell of more than a million letters')
      if (cells.push(cell) > mostColumns) throw fail(line, `more than ${mostColumns} columns`)
      if (text[at] === '\r') at++
      open = text[at] === separator
      at++
    }
    if (cells.length > 1 || cells[0].trim() !== '') yield { cells, line: begin }
    line++
  }
}

/** A table, column by column. */
export function csvContents(bytes: Uint8Array, name: string): Contents {
  let columns: Column[] | undefined
  let names: string[] = []
  let rows = 0
  const wrong: string[] = []
  for (const { cells, line } of cellsOf(new TextDecoder().decode(bytes), name)) {
    if (!columns) {
      columns = cells.map(column)
      const header = cells.some(cell => cell.trim() !== '' && !isNumber(cell))
      names = cells.map((cell, i) => (header ? cell : `column ${i + 1}`))
      if (header) continue
    }
    rows++
    if (cells.length !== columns.length && wrong.length < 5)
      wrong.push(`line ${line} has ${cells.length} cells, expected ${columns.length}`)
    for (let i = 0; i < columns.length; i++) note(columns[i], cells[i] ?? '')
  }
  if (rows === 0) wrong.push('it holds no rows')
  const table = (columns ?? []).map((found, i) => row(names[i], found))
  return { about: { rows, columns: names.length }, tables: { columns: table }, problems: wrong }
}

/** Values of JSON, one a line. */
export function linesContents(bytes: Uint8Array, name: string): Contents {
  const columns = new Map<string, Column>()
  let rows = 0
  const wrong: string[] = []
  for (const [i, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
    if (line.trim() === '') continue
    rows++
    let value: unknown
    try {
      value = parseJson(line, `line ${i + 1}`)
    } catch {
      if (wrong.length < 5) wrong.push(`line ${i + 1} is no JSON`)
      continue
    }
    for (const [key, cell] of Object.entries(isRecord(value) ? value : { '': value })) {
      let at = columns.get(key)
      if (!at && columns.size < mostColumns) columns.set(key, (at = column()))
      if (at) note(at, cell === null ? '' : typeof cell === 'string' ? cell : JSON.stringify(cell))
    }
  }
  for (const found of columns.values()) found.missing = rows - wrong.length - found.numbers - found.texts
  if (rows === 0) throw new DataError('bad-json', `${name} holds no lines of JSON`, { hint: 'give one value a line' })
  const table = [...columns].map(([key, found]) => row(key, found))
  return { about: { lines: rows }, tables: { fields: table }, problems: wrong }
}
