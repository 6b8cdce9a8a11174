import { DataError, nothingElse } from '../errors.ts'

/** What a column becomes: numbers as they are, or categories as their index or as a row with a single 1. */
export type Kind = 'number' | 'index' | 'oneHot'

/** What happens where a value is missing: an error, the row is left out, or something stands in for it. */
export type Missing = 'error' | 'drop' | 'mean' | 'median' | 'mode' | number

/** What is known of a column, as plain JSON. */
export interface ColumnSchema {
  readonly name: string
  readonly kind: Kind
  /** Of what one cell holds: `[]` for a number or a category. */
  readonly shape: readonly number[]
  /** In their order, for columns of categories. */
  readonly categories?: readonly string[]
  /** What stands in for a missing value; of categories the index. */
  readonly fill?: number
  /** Whether rows that miss this value are left out. */
  readonly drop?: boolean
}

/** The columns of a table that became a dataset; given to a reader, another file is read in the same way. */
export interface Schema {
  readonly columns: readonly ColumnSchema[]
  readonly label?: ColumnSchema
  /** Columns that were left out, and are again. */
  readonly skipped?: readonly string[]
}

export interface TableOptions {
  /**
   * The column that is the target, by name or by place from 0 (−1 is the last); `false` for none. By default the one called
   * `label`, and no target when there is no such column.
   */
  label?: string | number | false
  /**
   * What columns are, by name; `skip` leaves one out. The others are numbers or one-hot categories, as their cells say; a
   * column with both is an error.
   */
  columns?: Readonly<Record<string, Kind | 'skip'>>
  /** What happens where a value is missing, for all columns or by name; an error by default. */
  missing?: Missing | Readonly<Record<string, Missing>>
  /** The schema of a set read before: the same columns, categories and stand-ins. */
  schema?: Schema
  /** Shape of one sample; its product must be the number of values of the other columns. Default `[values]`. */
  inputShape?: readonly number[]
  /** How many classes there are; labels must then be whole numbers 0 … classes-1, or so many categories. */
  classes?: number
  /** The largest value that a cell may hold, 255 for pixels; values must then be 0 … max. */
  max?: number
  /** Reads only so many rows. */
  limit?: number
  /** Keeps only so many rows in memory, of a file that may be larger: see the guide on data. The source must be a path. */
  window?: number
  /** What the source is called in errors. */
  name?: string
}

/** Tells of options that no table has, nor the reader of one, which has `more`. */
export function onlyTable(who: string, options: TableOptions, more: object = {}): void {
  const { label, columns, missing, schema, inputShape, classes, max, limit, window, name, ...others } = options
  const all = { label, columns, missing, schema, inputShape, classes, max, limit, window, name }
  nothingElse(who, others, { ...all, ...more })
}

/** What a missing value looks like in a table of text. */
export const missingMarks: ReadonlySet<string> = new Set(['', 'NA', 'N/A', 'NaN', 'nan', 'NULL', 'null', '?'])

/** The error of every table: it says which file, row and column. */
export const schemaError = (code: string, name: string, line: number, says: string, hint: string) =>
  new DataError(code, `${name} row ${line} ${says}`, { hint })

/** How many numbers of a sample a column makes. */
export const widthOf = ({ kind, shape, categories }: ColumnSchema) =>
  kind === 'oneHot' ? categories!.length : shape.reduce((size, extent) => size * extent, 1)

export const isCategory = (kind: Kind | 'skip' | undefined) => kind === 'index' || kind === 'oneHot'

/** How many numbers a cell is while a table is read. */
export const rawWidth = (kind: Kind | 'skip' | undefined, shape: readonly number[]) =>
  isCategory(kind) ? 1 : shape.reduce((size, extent) => size * extent, 1)
