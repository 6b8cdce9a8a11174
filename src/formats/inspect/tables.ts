import { isNumber } from '../../data/fields.ts'
import { eachLine } from '../../data/lines.ts'
import { eachRecord, type TextRecord } from '../../data/records.ts'
import { missingMarks, schemaError } from '../../data/schema.ts'
import { DataError } from '../../errors.ts'
import type { FileArray, Row } from './arrays.ts'
import { type Contents, type File, isRecord, parseJson, short } from './contents.ts'

const mostColumns = 100_000
const mostKinds = 1000
const mostWrong = 5
const decoder = new TextDecoder()

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

function note(at: Column, cell: string): void {
  if (missingMarks.has(cell.trim())) {
    at.missing++
    return
  }
  if (isNumber(cell)) {
    const value = Number(cell)
    at.numbers++
    at.min = Math.min(at.min, value)
    at.max = Math.max(at.max, value)
    at.sum += value
  } else at.texts++
  if (at.kinds.size <= mostKinds) at.kinds.add(cell.slice(0, 100))
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

const failing = (name: string) => (code: string, line: number, says: string, hint: string) =>
  schemaError(code, short(name, 60), line, says, hint)

/** Gives the cells of each record of a table; what stands most often in the first line is between cells. */
async function eachRow({ bytes, text, name }: File, take: (cells: readonly string[], line: number) => void) {
  const fail = failing(name)
  const first = decoder
    .decode(bytes)
    .trimStart()
    .split('\n', 1)[0]
    .replace(/"[^"]*"/g, '')
  const [separator] = [',', ';', '\t'].sort((a, b) => first.split(b).length - first.split(a).length)
  const see = ({ cells, line }: TextRecord) => {
    if (cells.length > mostColumns)
      throw fail('bad-column', line, `has more than ${mostColumns} cells`, 'is this a table?')
    take(cells, line)
    return false
  }
  await eachRecord(text, see, { separator, fail })
}

/** A table, column by column. */
export async function csvContents(file: File): Promise<Contents> {
  let columns: Column[] | undefined
  let names: string[] = []
  let rows = 0
  const wrong: string[] = []
  await eachRow(file, (cells, line) => {
    if (!columns) {
      columns = cells.map(column)
      const header = cells.some(cell => !isNumber(cell) && !missingMarks.has(cell))
      names = cells.map((cell, i) => (header ? cell : `column ${i + 1}`))
      if (header) return
    }
    rows++
    if (cells.length !== columns.length && wrong.length < mostWrong)
      wrong.push(`line ${line} has ${cells.length} cells, expected ${columns.length}`)
    for (let i = 0; i < columns.length; i++) note(columns[i], cells[i] ?? '')
  })
  if (rows === 0) wrong.push('it holds no rows')
  const table = (columns ?? []).map((found, i) => row(names[i], found))
  return { about: { rows, columns: names.length }, tables: { columns: table }, problems: wrong }
}

/** A table of numbers as one array, a row a line; a first line of names is left out. */
export async function csvArray(file: File, name: string): Promise<FileArray> {
  const values: number[] = []
  let width = 0
  await eachRow(file, (cells, line) => {
    if (width === 0) {
      width = cells.length
      if (!cells.every(isNumber)) return
    }
    const odd = cells.length === width ? cells.findIndex(cell => !isNumber(cell)) : -1
    if (cells.length !== width || odd >= 0) {
      const says = odd < 0 ? `has ${cells.length} columns, expected ${width}` : `column ${odd + 1} holds ${JSON.stringify(short(cells[odd], 20))}, expected a number` // biome-ignore format: a choice
      throw failing(file.name)(
        'bad-cell',
        line,
        says,
        'arrays are made of numbers alone; read other tables with readCsv',
      )
    }
    for (const cell of cells) values.push(Number(cell))
  })
  return { name, dtype: 'float64', shape: [values.length / (width || 1), width], data: Float64Array.from(values) }
}

/** Values of JSON, one a line. */
export async function linesContents({ text: source, name }: File): Promise<Contents> {
  const columns = new Map<string, Column>()
  let rows = 0
  const wrong: string[] = []
  await eachLine(
    source,
    ({ text, line }) => {
      let value: unknown
      try {
        value = parseJson(text, '')
      } catch {
        if (wrong.length < mostWrong) wrong.push(`line ${line} is no JSON`)
        return false
      }
      rows++
      for (const [key, cell] of Object.entries(isRecord(value) ? value : { '': value })) {
        let at = columns.get(key)
        if (!at && columns.size < mostColumns) columns.set(key, (at = column()))
        if (at) note(at, cell === null ? '' : typeof cell === 'string' ? cell : JSON.stringify(cell))
      }
      return false
    },
    { fail: failing(name) },
  )
  if (rows === 0)
    throw new DataError('bad-json', `${short(name, 60)} holds no lines of JSON`, { hint: 'give one value a line' })
  // A key that a line leaves out is missing there.
  for (const found of columns.values()) found.missing = rows - found.numbers - found.texts
  const table = [...columns].map(([key, found]) => row(key, found))
  return { about: { lines: rows }, tables: { fields: table }, problems: wrong }
}
