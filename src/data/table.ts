import { DataError } from '../errors.ts'
import { type Dataset, dataset } from './dataset.ts'
import { cellReader, type Field, few, fieldOf, shown } from './fields.ts'
import { growing } from './growing.ts'
import type { PlainRow } from './plainRow.ts'
import {
  type ColumnSchema,
  isCategory,
  type Kind,
  rawWidth,
  type Schema,
  schemaError,
  type TableOptions,
  widthOf,
} from './schema.ts'

const mostValues = 2 ** 31
const mostColumns = 2 ** 18
/** As many values as categories may take that nobody asked for: 64 MiB, or 16 for each that was read, up to 1 GiB. */
const mostSpread = (read: number) => Math.max(2 ** 24, Math.min(2 ** 28, 16 * read))
const product = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)

export type Table = ReturnType<typeof table>

/**
 * Takes row after row, checks each cell, and becomes a dataset.
 * @param options.keep false to learn the schema and the targets alone
 */
export function table(name: string, options: TableOptions & { keep?: boolean } = {}) {
  const { inputShape, classes, limit = Infinity, schema, keep = true } = options
  const cells = cellReader(name, options)
  const fail = (code: string, line: number, says: string, hint: string) => schemaError(code, name, line, says, hint)
  const samples = growing()
  const targets = growing()
  const known = new Map([...(schema?.columns ?? []), ...(schema?.label ? [schema.label] : [])].map(c => [c.name, c]))
  let fields: Field[] = []
  let byName = new Map<string, Field | undefined>()
  let target: Field | undefined
  let row = new Float64Array(0)
  const watched: Field[] = []
  let began = 1
  let width = 0
  let rows = 0
  let isDropped = false
  let isPlain: PlainRow | undefined

  /** Columns by name, or so many without names. */
  function begin(header: readonly string[] | number, line: number) {
    const named = typeof header !== 'number'
    if ((named ? header.length : header) > mostColumns)
      throw fail('too-large', line, `has more than ${mostColumns} columns`, 'is the separator right?')
    const names = Array.from(
      { length: named ? header.length : header },
      (_, i) => (named && header[i]) || String(i + 1),
    )
    byName = new Map()
    for (const column of names) {
      if (byName.has(column))
        throw fail('bad-column', line, `has the column ${shown(column)} twice`, 'give each column a name of its own')
      byName.set(column, undefined)
    }
    const place = targetIn(names, named, line)
    fields = names.map((column, i) => fieldOf(column, i === place, options, known.get(column)))
    for (const field of fields) byName.set(field.name, field)
    target = fields[place]
    for (const f of fields) if (f.missing === 'mean' || f.missing === 'median' || f.missing === 'mode') watch(f)
    if (schema) agree(schema, names, line)
    arrange()
    if (width === 0) throw fail('bad-column', line, 'has one column only, the label', 'is the separator a comma?')
    began = line
  }

  function targetIn(names: readonly string[], named: boolean, line: number): number {
    const { label = schema ? schema.label?.name : undefined } = options
    if (label === false) return -1
    if (label === undefined) {
      if (named || schema) return names.indexOf('label')
      return inputShape && product(inputShape) === names.length ? -1 : 0
    }
    const place = typeof label === 'string' ? names.indexOf(label) : label < 0 ? names.length + label : label
    if (names[place] !== undefined || (schema && options.label === undefined)) return place
    throw fail(
      'bad-column',
      line,
      `has no column ${JSON.stringify(label)}`,
      `the columns are ${few(String(label), names)}`,
    )
  }

  /** The columns must be those of the schema, in any order; the target may be missing. */
  function agree({ columns }: Schema, names: readonly string[], line: number) {
    const absent = columns.find(column => !byName.has(column.name))
    if (absent)
      throw fail(
        'bad-column',
        line,
        `has no column ${shown(absent.name)}`,
        `its columns are ${few(absent.name, names)}`,
      )
    const strange = fields.find(f => !f.known && !f.isTarget && f.kind !== 'skip')
    if (strange) {
      const hint = `leave it out: { columns: { ${JSON.stringify(strange.name)}: 'skip' } }`
      throw fail('bad-column', line, `has the column ${shown(strange.name)}, which is not in the schema`, hint)
    }
  }

  /** Gives each column its place in a row: in the order of the file or of the schema, the target last. */
  function arrange() {
    const inFile = fields.filter(f => !f.isTarget && f.kind !== 'skip')
    const inputs = schema ? schema.columns.map(column => byName.get(column.name)!) : inFile
    width = 0
    for (const f of inputs) width = (f.at = width) + rawWidth(f.kind, f.shape)
    if (target) target.at = width
    row = new Float64Array(width + (target ? rawWidth(target.kind, target.shape) : 0))
  }

  const wrongSize = (line: number, has: number, size: number) => {
    const hint = `inputShape [${inputShape}] needs ${size} columns${target ? ' beside the label' : ''}`
    return fail('wrong-image-size', line, `has ${has} values a sample, expected ${size}`, hint)
  }

  /** Puts a cell of text into the row. */
  function putText(column: number, text: string, line: number) {
    const field = fields[column]
    if (!field || field.at < 0) return
    set(field, cells.text(field, text, line))
  }

  /** Puts a value of JSON into the row. */
  function putValue(column: number, value: unknown, line: number) {
    const field = fields[column]
    if (field.at < 0) return
    if (!Array.isArray(value)) return set(field, cells.value(field, value, line))
    const numbers = cells.list(field, value, line, rows === 0)
    if (rows === 0) {
      const before = row
      const places = fields.map(f => f.at)
      arrange()
      for (const [i, f] of fields.entries())
        if (f.at >= 0 && f !== field) row.set(before.subarray(places[i], places[i] + rawWidth(f.kind, f.shape)), f.at)
    }
    row.set(numbers, field.at)
  }

  /** Where numbers go, once each column that is not left out is known to hold one a row. */
  function plain(): PlainRow | undefined {
    if (isPlain || fields.length === 0) return isPlain
    const isNumber = (f: Field) => f.at < 0 || (f.kind === 'number' && f.shape.length === 0)
    if (!fields.every(isNumber)) return undefined
    const most = Float64Array.from(fields, f => (f.isTarget ? Infinity : (options.max ?? Infinity)))
    isPlain = { row, places: Int32Array.from(fields, f => f.at), most }
    return isPlain
  }

  function watch(field: Field) {
    field.isWatched = true
    watched.push(field)
  }

  function set(field: Field, value: number | undefined) {
    if (isCategory(field.kind) && !field.isWatched) watch(field)
    if (value === undefined) isDropped = true
    else row.fill(value, field.at, field.at + rawWidth(field.kind, field.shape))
  }

  /** The row is complete; `count` is how many cells it had. */
  function commit(count: number, line: number) {
    if (count !== fields.length)
      throw fail('ragged-row', line, `has ${count} columns, expected ${fields.length}`, 'every row must be as long as the first') // biome-ignore format: one thought
    if (isDropped) {
      isDropped = false
      return
    }
    if (target && classes !== undefined && !isCategory(target.kind)) checkLabel(row[target.at], line)
    if (rows === 0 && inputShape && width !== product(inputShape) && !fields.some(f => isCategory(f.kind)))
      throw wrongSize(began, width, product(inputShape))
    for (const f of watched) if (f.at >= 0) look(f, row[f.at])
    if (keep) {
      if (samples.size() + width > mostValues)
        throw fail('too-large', line, 'is past 2³¹ values', 'read a part of it with { limit }, or a window at a time with { window }') // biome-ignore format: one thought
      samples.push(row.subarray(0, width))
    }
    if (target) targets.push(row.subarray(width))
    rows++
  }

  function checkLabel(value: number, line: number) {
    if (Number.isInteger(value) && value >= 0 && value < classes!) return
    throw fail('bad-label', line, `has label ${value}, expected 0 … ${classes! - 1}`, 'labels count from 0')
  }

  function look({ kind, seen, missing }: Field, value: number) {
    if (Number.isNaN(value)) return
    seen.sum += value
    seen.count++
    if (isCategory(kind)) seen.values[value] = (seen.values[value] ?? 0) + 1
    else if (missing !== 'mean') seen.values.push(value)
  }

  /** What stands in for a missing value: one number, of categories the index. */
  function standIn(f: Field, categories?: readonly string[]): number | undefined {
    const { missing, isTarget, seen } = f
    if (missing === 'error' || missing === 'drop' || isTarget) return undefined
    const fault = (says: string, hint: string) =>
      new DataError('bad-missing', `${name} column ${f.name.slice(0, 40)} ${says}`, { hint })
    if (categories && typeof missing === 'number')
      throw fault(`holds categories, which ${missing} cannot stand in for`, "use 'mode', the most frequent one")
    if (typeof missing === 'number') return missing
    if (seen.count === 0) throw fault(`has no value at all, so no ${missing}`, 'leave the column out')
    const { values } = seen
    if (categories) {
      const most = values.reduce((best, times, i) => (times > (values[best] ?? 0) ? i : best), 0)
      return categories.indexOf([...(f.categories?.keys() ?? [])][most])
    }
    if (missing === 'mean') return seen.sum / seen.count
    const sorted = Float64Array.from(values).sort()
    if (missing === 'median') return (sorted[(seen.count - 1) >> 1] + sorted[seen.count >> 1]) / 2
    return mostFrequent(sorted)
  }

  function columnOf(f: Field): ColumnSchema {
    if (f.known) return f.known
    const kind = (f.kind ?? 'number') as Kind
    // Those that rows have: a row that was left out may have had others.
    const categories = isCategory(kind)
      ? [...(f.categories?.keys() ?? [])].filter((_, index) => f.seen.values[index] > 0).sort()
      : undefined
    const fill = standIn(f, categories)
    const drop = f.missing === 'drop' || undefined
    return { name: f.name, kind, shape: f.shape, ...(categories && { categories }), ...(fill !== undefined && { fill }), ...(drop && { drop }) } // biome-ignore format: one thought
  }

  /** What the columns turned out to be, categories in alphabetical order. */
  function learnt(): Schema {
    if (rows === 0)
      throw new DataError('empty-table', `${name} has no rows of numbers`, {
        hint: fields.length > 0 ? 'there is a header, but nothing below it that counts' : 'the file is empty',
      })
    const columns = schema?.columns ?? fields.filter(f => f.at >= 0 && !f.isTarget).map(columnOf)
    const skipped = schema ? schema.skipped : fields.filter(f => f.kind === 'skip').map(f => f.name)
    const label = target ? columnOf(target) : schema?.label
    if (label?.categories && classes !== undefined && label.categories.length > classes)
      throw new DataError('bad-label', `${name} column ${label.name} has ${label.categories.length} categories, expected ${classes}`, { hint: `they are ${few('', label.categories)}` }) // biome-ignore format: one thought
    return { columns, ...(label && { label }), ...(skipped?.length && { skipped }) }
  }

  /** Rows as they were read become samples: categories are ordered and spread, what is missing is filled. */
  function encoded(columns: readonly ColumnSchema[], raw: ReturnType<typeof samples.take>) {
    if (columns.every(column => column.kind === 'number' && column.fill === undefined)) return raw
    const size = columns.reduce((sum, column) => sum + widthOf(column), 0)
    const spread = columns.filter(({ name, kind }) => kind === 'oneHot' && !byName.get(name)!.told)
    if (rows * size > (spread.length > 0 ? mostSpread(raw.length) : mostValues)) {
      const { name: most = '' } = spread.toSorted((a, b) => widthOf(b) - widthOf(a))[0] ?? {}
      const hint = most ? `{ columns: { ${JSON.stringify(most.slice(0, 40))}: 'index' } }, 'skip', or 'oneHot' all the same` : "read such columns as 'index'" // biome-ignore format: a choice
      throw new DataError('too-many-categories', `${name} makes ${size} values of each of its ${rows} rows`, { hint })
    }
    const isWide = raw instanceof Float64Array || columns.some(column => column.fill !== undefined)
    const out = isWide ? new Float64Array(rows * size) : new Float32Array(rows * size)
    let to = 0
    for (const column of columns) {
      const field = byName.get(column.name)!
      const places = column.categories && rank([...(field.categories?.keys() ?? [])], column.categories)
      const wide = widthOf(column)
      for (let i = 0; i < rows; i++) {
        const from = i * width + field.at
        if (!places) for (let k = 0; k < wide; k++) out[i * size + to + k] = filled(raw[from + k], column)
        else {
          const index = Number.isNaN(raw[from]) ? column.fill! : places[raw[from]]
          if (column.kind === 'index') out[i * size + to] = index
          else out[i * size + to + index] = 1
        }
      }
      to += wide
    }
    return out
  }

  function finish(): Dataset {
    const found = learnt()
    const { columns, label } = found
    const size = columns.reduce((sum, column) => sum + widthOf(column), 0)
    if (inputShape && product(inputShape) !== size) throw wrongSize(began, size, product(inputShape))
    const own = columns.length === 1 && columns[0].shape.length > 0 ? columns[0].shape : [size]
    const x = { shape: [rows, ...(inputShape ?? own)], data: encoded(columns, samples.take()) }
    return dataset({ x, ...targetsOf(label), schema: found })
  }

  function targetsOf(label: ColumnSchema | undefined) {
    if (!target || !label) return {}
    const data = targets.take()
    if (!label.categories) {
      const whole = data.every(value => (value | 0) === value)
      return { y: whole ? Int32Array.from(data) : data, targetShape: label.shape, classes }
    }
    const places = rank([...(target.categories?.keys() ?? [])], label.categories)
    return { y: Int32Array.from(data, value => places[value]), classes: classes ?? label.categories.length }
  }

  return {
    begin,
    putText,
    putValue,
    commit,
    learnt,
    finish,
    targetsOf,
    fail,
    /** The columns, once there was a header. */
    fields: () => fields,
    plain,
    size: () => rows,
    isFull: () => rows >= limit,
  }
}

const filled = (value: number, { fill }: ColumnSchema) => (Number.isNaN(value) ? fill! : value)
const rank = (found: readonly string[], ordered: readonly string[]) => {
  const places = new Map(ordered.map((category, i) => [category, i]))
  return Int32Array.from(found, category => places.get(category)!)
}

function mostFrequent(sorted: Float64Array): number {
  let [best, most] = [sorted[0], 0]
  for (let i = 0, from = 0; i < sorted.length; i++) {
    if (sorted[i] !== sorted[from]) from = i
    if (i - from + 1 > most) [best, most] = [sorted[i], i - from + 1]
  }
  return best
}
