import { nearest } from '../errors.ts'
import {
  type ColumnSchema,
  isCategory,
  type Kind,
  type Missing,
  missingMarks,
  rawWidth,
  schemaError,
  type TableOptions,
} from './schema.ts'

const mostCategories = 2 ** 16
const deepest = 8

/** A column while its table is read. */
export interface Field {
  readonly name: string
  readonly isTarget: boolean
  /** Left out, it is decided by the first value. */
  kind?: Kind | 'skip'
  /** Whether the kind was told, so that text may look like numbers. */
  readonly told: boolean
  /** Where its numbers begin in a row; −1 of a column that is left out. */
  at: number
  shape: readonly number[]
  /** In the order in which they were found. */
  categories?: Map<string, number>
  readonly missing: Missing
  readonly known?: ColumnSchema
  /** What rows hold: how often each category, or the numbers, as far as a stand-in for missing ones comes from them. */
  readonly seen: { sum: number; count: number; values: number[] }
  /** Whether that is noted. */
  isWatched: boolean
}

export function fieldOf(name: string, isTarget: boolean, options: TableOptions, known?: ColumnSchema): Field {
  const { columns = {}, missing = 'error', schema } = options
  const skipped = schema?.skipped?.includes(name) ? 'skip' : undefined
  const told = Object.hasOwn(columns, name) ? columns[name] : skipped
  const one = typeof missing !== 'object' ? missing : Object.hasOwn(missing, name) ? missing[name] : 'error'
  return {
    name,
    isTarget,
    // Pictures are numbers in every cell: text among them is never a category.
    kind: known?.kind ?? told ?? (isPicture(options) ? 'number' : undefined),
    told: known !== undefined || told !== undefined,
    at: -1,
    shape: known?.shape ?? [],
    categories: known?.categories && new Map(known.categories.map((category, index) => [category, index])),
    missing: known ? (known.fill ?? (known.drop ? 'drop' : 'error')) : one,
    known,
    isWatched: false,
    seen: { sum: 0, count: 0, values: [] },
  }
}

const isPicture = ({ inputShape, max }: TableOptions) => inputShape !== undefined || max !== undefined

/** What a cell says: the number that it holds, NaN where it is missing, or nothing where its row is to be left out. */
export type Reading = number | undefined

/** Reads the cells of one table, naming it where they are wrong. */
export function cellReader(name: string, options: TableOptions) {
  const { max } = options
  const fail = (code: string, line: number, field: Field, says: string, hint: string) =>
    schemaError(code, name, line, `column ${field.name.slice(0, 40)} ${says}`, hint)
  const say = (field: Field, kind: string) => `{ columns: { ${JSON.stringify(field.name.slice(0, 40))}: '${kind}' } }`

  function missing(field: Field, text: string, line: number): Reading {
    if (field.missing === 'drop') return undefined
    if (field.missing === 'error' || field.isTarget) {
      const expected = isCategory(field.kind) ? 'category' : 'number'
      const hint = field.isTarget ? "leave such rows out: { missing: 'drop' }" : "{ missing: 'mean' } fills it, 'drop' leaves the row out" // biome-ignore format: a choice
      throw fail('missing-value', line, field, `holds ${shown(text)}, expected a ${expected}`, hint)
    }
    return Number.NaN
  }

  function category(field: Field, text: string, line: number): number {
    const { known } = field
    const categories = (field.categories ??= new Map())
    const found = categories.get(text)
    if (found !== undefined) return found
    if (known) {
      const hint = `known are ${few(text, known.categories!)}`
      throw fail('unknown-category', line, field, `holds ${shown(text)}, a category not seen before`, hint)
    }
    if (categories.size >= mostCategories)
      throw fail('too-many-categories', line, field, `has more than ${mostCategories} categories`, say(field, 'skip'))
    categories.set(text, categories.size)
    return categories.size - 1
  }

  function number(field: Field, value: number, cell: unknown, line: number): number {
    if (!Number.isFinite(Math.fround(value))) {
      const hint = field.told || isPicture(options) ? 'every cell of this column must be a number' : `if these are categories: ${say(field, 'oneHot')}` // biome-ignore format: a choice
      throw fail('bad-cell', line, field, `holds ${shown(String(cell))}, expected a number`, hint)
    }
    if (max !== undefined && !field.isTarget && !(value >= 0 && value <= max))
      throw fail('bad-cell', line, field, `holds ${value}, expected 0 … ${max}`, 'max is the largest value of a cell')
    return value
  }

  /** The first value says what a column is, unless it was told; later ones must agree. */
  function decide(field: Field, isNumeric: boolean, cell: unknown, line: number) {
    field.kind ??= isNumeric ? 'number' : field.isTarget ? 'index' : 'oneHot'
    if (isNumeric && isCategory(field.kind) && !field.told)
      throw fail(
        'bad-cell',
        line,
        field,
        `holds ${shown(String(cell))}, but text above`,
        `say which it is: ${say(field, 'oneHot')}`,
      )
  }

  return {
    /** A cell of a text table. */
    text(field: Field, text: string, line: number): Reading {
      const bare = text.trim()
      const isNumeric = isNumber(bare)
      if (!isNumeric && missingMarks.has(bare)) return missing(field, bare, line)
      decide(field, isNumeric, text, line)
      if (isCategory(field.kind)) return category(field, text, line)
      return number(field, isNumeric ? Number(text) : Number.NaN, text, line)
    },

    /** A value of JSON: a number, a text, true or false, or null. */
    value(field: Field, value: unknown, line: number): Reading {
      if (value === null || value === undefined) return missing(field, 'null', line)
      if (typeof value === 'object' || field.shape.length > 0) {
        const expected = field.shape.length > 0 ? `a list [${field.shape.join(', ')}]` : 'one value'
        throw fail(
          'bad-cell',
          line,
          field,
          `holds ${shown(typeof value === 'object' ? '{…}' : String(value))}, expected ${expected}`,
          'every row must hold the same',
        )
      }
      const isNumeric = typeof value !== 'string'
      decide(field, isNumeric, value, line)
      if (isCategory(field.kind)) return category(field, String(value), line)
      return number(field, isNumeric ? Number(value) : Number.NaN, value, line)
    },

    /** The numbers of a list of lists, which must be as large as those above. */
    list(field: Field, list: readonly unknown[], line: number, isFirst: boolean): readonly number[] {
      const shape = shapeOf(list)
      const numbers = flat(list)
      if (isFirst && !field.known && !isCategory(field.kind)) {
        field.kind = 'number'
        field.shape = shape
      }
      const { kind, shape: expected } = field
      if (isCategory(kind) || shape.join() !== expected.join() || numbers.length !== rawWidth(kind, shape)) {
        const wanted = expected.length > 0 ? `[${expected.join(', ')}]` : 'one value'
        throw fail('bad-cell', line, field, `holds a list [${shape.join(', ')}], expected ${wanted}`, 'lists must be of one size') // biome-ignore format: one thought
      }
      const wrong = numbers.find(value => typeof value !== 'number')
      if (wrong !== undefined)
        throw fail('bad-cell', line, field, `has ${typeof wrong === 'string' ? shown(wrong) : 'no number'} in its list, expected numbers`, 'lists hold numbers alone') // biome-ignore format: one thought
      for (const value of numbers as number[]) number(field, value, value, line)
      return numbers as number[]
    },
  }
}

/** All items of lists of lists, as `flat` has them, in a fraction of its time. */
function flat(list: readonly unknown[], items: unknown[] = [], depth = 1): unknown[] {
  for (const item of list)
    if (Array.isArray(item) && depth < deepest) flat(item, items, depth + 1)
    else items.push(item)
  return items
}

/** The extents of lists of lists along their first items, an empty list being one of no axis. */
function shapeOf(list: readonly unknown[]): number[] {
  const shape: number[] = []
  for (let level: unknown = list; Array.isArray(level) && shape.length < deepest; level = level[0])
    shape.push(level.length)
  return shape
}

export const isNumber = (text: string) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)
export const shown = (text: string) => JSON.stringify(text.length > 20 ? `${text.slice(0, 20)}…` : text)

/** A few of many names, the nearest first. */
export function few(name: string, names: readonly string[]): string {
  const chosen = names.length > 1000 ? [] : nearest(name, names)
  const list = (chosen.length > 0 ? chosen : names.slice(0, 5)).map(text => text.slice(0, 40))
  return list.join(', ') + (list.length < names.length ? ' …' : '')
}
