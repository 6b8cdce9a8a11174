import { DataError, nothingElse, ShapeError } from '../errors.ts'
import { counting } from '../tensor/counting.ts'
import { numpyRandom } from '../tensor/random.ts'
import type { Schema } from './schema.ts'

type Floats = Float32Array | Float64Array
/** The number arrays a dataset can lie in; bytes stay bytes. */
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Floats
/** Numbers, or lists of lists of numbers, all of the same length. */
export type Nested = ArrayLike<number> | readonly Nested[]
/** Numbers with a shape, as `readIdx` returns them; the first axis counts the samples. */
export interface Shaped {
  readonly shape: readonly number[]
  readonly data: NumberArray
}

/** Several arrays a sample, by name: what a model with several inputs or outputs takes. */
export type Parts = Readonly<Record<string, Nested | Shaped>>

/** Samples and their targets; every method but `fill` and `label` returns a view that copies no sample. */
export interface Dataset {
  readonly size: number
  /** One sample, without the batch axis; of several parts all numbers one after another. */
  readonly inputShape: readonly number[]
  /** One target: `[]` for a class label or a scalar, `[10]` one-hot. */
  readonly targetShape: readonly number[]
  readonly hasTargets: boolean
  /** The parts of a sample and of a target by name, where there are several, in their order. */
  readonly parts: {
    readonly x?: Readonly<Record<string, readonly number[]>>
    readonly y?: Readonly<Record<string, readonly number[]>>
  }
  /** How many classes, when the targets are class labels or one-hot rows. */
  readonly classes?: number
  /** True when no value can be NaN or infinite, because all are stored as whole numbers. */
  readonly finite: boolean
  /** The columns of the table that it was read from. */
  readonly schema?: Schema
  /** The rows at which another part of the file begins, where only a part is in memory: parts are shuffled, and rows in each. */
  readonly windows?: Int32Array
  /** What the samples are in an epoch, where that differs: augmentation. */
  epoch?(epoch: number): Dataset
  /** The samples without that: what validation looks at. */
  readonly plain?: Dataset
  /** Writes the samples `rows` one after another into x and, if given, their targets into y. */
  fill(rows: ArrayLike<number>, x: Floats, y?: Floats): void
  /** The class of a row: its label, or the argmax of a one-hot target. */
  label(row: number): number
  /** The given rows in the given order. */
  select(rows: ArrayLike<number>): Dataset
  /** The first `count` rows, or all when there are fewer. */
  take(count: number): Dataset
  /** The same samples with these parts of samples and targets, in this order. */
  arrange(names: { x?: readonly string[]; y?: readonly string[] }): Dataset
  /** The same samples, each value times `factor`. */
  scale(factor: number): Dataset
  /** Labels as one-hot targets; `classes` defaults to the dataset's own, or the largest label + 1. */
  oneHot(classes?: number): Dataset
  /** The division of scikit-learn's `train_test_split(test_size, random_state)`: below 1 a fraction, else a count. */
  split(options: { testSize: number; seed: number }): { train: Dataset; test: Dataset }
}

export interface DatasetSource {
  /** Samples: nested lists, a shaped array, or one flat list with `inputShape`; or several of these by name. */
  x: Nested | Shaped | Parts
  /** Targets: one number a sample, or one list a sample; or several of these by name. */
  y?: Nested | Shaped | Parts
  /** Shape of one sample, needed for a flat list; without it each number is a sample of shape [1]. */
  inputShape?: readonly number[]
  /** Shape of one target, needed for a flat list of targets that are not single numbers. */
  targetShape?: readonly number[]
  /** How many classes there are; labels are then checked. */
  classes?: number
  /** The columns of the table that the numbers come from. */
  schema?: Schema
}

interface Column {
  readonly name: string
  readonly data: NumberArray
  readonly shape: readonly number[]
  readonly width: number
}

/**
 * A dataset of arrays in memory; typed arrays are used as they are, nested lists become one Float64Array.
 * @throws ShapeError `ragged`, `size-mismatch`; DataError `empty-dataset`, `not-a-number`, `bad-label`
 * @example
 * const xor = dataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] })
 */
export function dataset(source: DatasetSource): Dataset {
  const { x, y, inputShape, targetShape, classes, schema, ...others } = source
  nothingElse('dataset', others, { x, y, inputShape, targetShape, classes, schema })
  const xs = columns('x', x, inputShape, [1])
  const ys = y === undefined ? [] : columns('y', y, targetShape, [])
  const rows = ({ data, width }: Column) => data.length / width
  const size = rows(xs[0])
  const other = [...xs, ...ys].find(part => rows(part) !== size)
  if (other)
    throw new ShapeError(
      'size-mismatch',
      `dataset got ${size} samples, but ${rows(other)} ${ys.includes(other) ? 'targets' : other.name}`,
      {
        evidence: [xs[0], other].map(part => [
          part.name,
          `${part.data.length} numbers, ${show(part.shape)} a ${ys.includes(part) ? 'target' : 'sample'}`,
        ]),
        hint: 'give one target a sample; for a flat list of samples also inputShape',
      },
    )
  const made = view(xs, ys, { rows: counting(size), factor: 1, classes, schema })
  if (classes !== undefined && ys.length === 1 && ys[0].width === 1) checkLabels(made, classes)
  return made
}

/** The array, or each of several. */
function columns(
  name: string,
  source: Nested | Shaped | Parts,
  given: readonly number[] | undefined,
  otherwise: number[],
): Column[] {
  if (typeof source !== 'object' || source === null)
    throw new DataError('no-data', `dataset got ${name} ${String(source).slice(0, 24)}, expected numbers`, {
      hint: 'give lists of numbers, one a sample: [[1, 2], [3, 4]]',
    })
  if (!isParts(source)) return [column(name, source, given, otherwise)]
  const parts = Object.entries(source).map(([part, values]) => column(part, values, undefined, otherwise))
  if (parts.length > 0) return parts
  throw new DataError('empty-dataset', `dataset got no part in ${name}`, { hint: '{ image: […], size: […] }' })
}

const isShaped = (source: object): source is Shaped => 'data' in source && 'shape' in source && isTyped(source.data)
/** Whether several arrays come by their names. */
export const isParts = (source: unknown): source is Parts =>
  typeof source === 'object' && source !== null && !isList(source) && !isShaped(source)

interface ViewOptions {
  readonly rows: Int32Array
  readonly factor: number
  readonly classes?: number
  readonly schema?: Schema
  /** Set when labels are to be written as one-hot rows of this width. */
  readonly hot?: number
}

function view(xs: readonly Column[], ys: readonly Column[], options: ViewOptions): Dataset {
  const { rows, factor, classes, schema, hot } = options
  if (rows.length === 0)
    throw new DataError('empty-dataset', 'dataset got 0 samples, expected at least one', {
      hint: 'check the file or the selection that the rows come from',
    })
  const at = (row: number) => {
    const found = rows[row]
    if (found === undefined)
      throw new DataError('no-such-row', `dataset got row ${row}, expected 0 … ${rows.length - 1}`, {
        hint: 'rows are counted from 0',
      })
    return found
  }
  const targets = () => {
    if (ys.length === 1) return ys[0]
    if (ys.length > 1)
      throw new DataError('several-targets', `dataset has ${ys.length} targets a sample, expected one`, {
        evidence: [['targets', ys.map(({ name }) => name).join(', ')]],
        hint: 'choose one first: data.arrange({ y: [name] })',
      })
    throw new DataError('no-targets', 'dataset has samples only, but targets were asked for', {
      hint: 'pass y to dataset(…), or leave the targets out',
    })
  }
  const label = (row: number) => {
    const { data, width } = targets()
    const start = at(row) * width
    if (width === 1) return data[start]
    let best = 0
    for (let i = 1; i < width; i++) if (data[start + i] > data[start + best]) best = i
    return best
  }
  const select = (chosen: ArrayLike<number>) => {
    const picked = new Int32Array(chosen.length) // in a loop: from() takes a hundred nanoseconds a row
    for (let i = 0; i < picked.length; i++) picked[i] = at(chosen[i])
    return view(xs, ys, { ...options, rows: picked })
  }

  const self: Dataset = {
    size: rows.length,
    inputShape: joined(xs),
    targetShape: hot === undefined ? joined(ys) : [hot],
    hasTargets: ys.length > 0,
    parts: { ...(xs.length > 1 && { x: shapes(xs) }), ...(ys.length > 1 && { y: shapes(ys) }) },
    classes,
    ...(schema && { schema }),
    finite: Number.isFinite(factor) && ![...xs, ...ys].some(({ data }) => isFloat(data)),
    fill(chosen, xOut, yOut) {
      copy('x', xs, chosen, at, xOut, factor)
      if (!yOut) return
      if (hot === undefined) return copy('y', ys.length > 1 ? ys : [targets()], chosen, at, yOut, 1)
      fits('y', yOut, chosen.length, hot)
      yOut.fill(0, 0, chosen.length * hot)
      for (let i = 0; i < chosen.length; i++) yOut[i * hot + label(chosen[i])] = 1
    },
    label,
    select,
    take: count => view(xs, ys, { ...options, rows: rows.subarray(0, Math.max(0, count)) }),
    arrange: ({ x = xs.map(c => c.name), y = ys.map(c => c.name) }) => view(named(xs, x), named(ys, y), options),
    scale: by => view(xs, ys, { ...options, factor: factor * by }),
    oneHot(count = classes) {
      if (targets().width !== 1)
        throw new ShapeError('bad-target', `oneHot got targets ${show(targets().shape)}, expected one label a sample`, {
          hint: 'these targets are vectors already; leave oneHot() out',
        })
      count ??= 1 + rows.reduce((largest, _, row) => Math.max(largest, label(row)), 0)
      checkLabels(self, count)
      return view(xs, ys, { ...options, classes: count, hot: count })
    },
    split({ testSize, seed, ...others }) {
      nothingElse('split', others, { testSize, seed })
      const count = testSize < 1 ? Math.ceil(testSize * rows.length) : testSize
      if (!(testSize > 0 && Number.isInteger(count) && count < rows.length))
        throw new DataError(
          'bad-split',
          `split got testSize ${testSize} of ${rows.length} rows, one part would be empty`,
          {
            hint: 'give a fraction between 0 and 1, or a whole number of rows',
          },
        )
      const shuffled = numpyRandom(seed).permutation(rows.length)
      return { train: select(shuffled.subarray(count)), test: select(shuffled.subarray(0, count)) }
    },
  }
  return self
}

function copy(
  name: string,
  from: readonly Column[],
  rows: ArrayLike<number>,
  at: (row: number) => number,
  to: Floats,
  factor: number,
) {
  const total = from.reduce((sum, { width }) => sum + width, 0)
  fits(name, to, rows.length, total)
  let before = 0
  for (const { data, width } of from) {
    for (let i = 0, together = 1; i < rows.length; i += together) {
      const row = at(rows[i])
      // Rows that follow one another here and there are copied at once.
      together = 1
      if (width === total) while (i + together < rows.length && at(rows[i + together]) === row + together) together++
      const [start, o, count] = [row * width, before + i * total, together * width]
      // A call to copy takes as long as some dozens of numbers.
      if (factor === 1 && count > 32) to.set(data.subarray(start, start + count), o)
      else for (let j = 0; j < count; j++) to[o + j] = data[start + j] * factor
    }
    before += width
  }
}

const joined = (parts: readonly Column[]): readonly number[] =>
  parts.length < 2 ? (parts[0]?.shape ?? []) : [parts.reduce((sum, { width }) => sum + width, 0)]
const shapes = (parts: readonly Column[]) => Object.fromEntries(parts.map(({ name, shape }) => [name, shape]))

function named(parts: readonly Column[], names: readonly string[]): Column[] {
  return names.map(name => {
    const found = parts.find(part => part.name === name)
    if (found) return found
    throw new DataError('no-such-part', `the dataset has no part ${JSON.stringify(name).slice(0, 40)}`, {
      evidence: [['parts', parts.map(part => part.name).join(', ')]],
      hint: 'a model with several inputs takes data by their names, or a list in their order',
    })
  })
}

function fits(name: string, to: Floats, rows: number, width: number) {
  if (to.length < rows * width)
    throw new ShapeError('small-buffer', `fill got ${name} of ${to.length} numbers, expected ${rows * width}`, {
      evidence: [[name, `${rows} rows of ${width}`]],
      hint: `allocate ${name} for the whole batch`,
    })
}

function checkLabels(data: Dataset, classes: number) {
  if (!(Number.isInteger(classes) && classes > 0 && classes <= 1e6))
    throw new DataError('bad-classes', `dataset got ${classes} classes, expected a whole number from 1`, {
      hint: 'classes is how many different labels there are',
    })
  for (let row = 0; row < data.size; row++) {
    const label = data.label(row)
    if (!(Number.isInteger(label) && label >= 0 && label < classes))
      throw new DataError('bad-label', `row ${row} has label ${label}, expected 0 … ${classes - 1}`, {
        hint: `labels count from 0; with ${classes} classes the last one is ${classes - 1}`,
      })
  }
}

function column(
  name: string,
  source: Nested | Shaped,
  given: readonly number[] | undefined,
  otherwise: number[],
): Column {
  const { shape: full, data } = isShaped(source) ? source : flatten(name, source)
  const shape = given ?? (full.length > 1 ? full.slice(1) : otherwise)
  const width = product(shape)
  if (
    !shape.every(extent => Number.isInteger(extent) && extent > 0) ||
    data.length % width !== 0 ||
    product(full) !== data.length
  )
    throw new ShapeError('size-mismatch', `${name} has ${data.length} numbers, no multiple of ${show(shape)}`, {
      evidence: [[name, show(full)]],
      hint: `one ${name === 'x' ? 'sample' : 'target'} needs ${width} numbers; check ${name === 'x' ? 'input' : 'target'}Shape`,
    })
  if (full.length > 1 && data.length / width !== full[0])
    throw new ShapeError('size-mismatch', `${name} is ${show(full)}, which is not ${full[0]} × ${show(shape)}`, {
      hint: 'the given shape is that of one sample, without the batch axis',
    })
  return { name, data, shape, width }
}

/** Lists of lists as one array and its shape; typed arrays are taken as they are. */
function flatten(name: string, source: Nested): Shaped {
  if (isTyped(source)) return { shape: [source.length], data: source }
  const shape: number[] = []
  for (let level: unknown = source; isList(level); level = level[0]) {
    shape.push(level.length)
    if (shape.length > 8)
      throw new ShapeError('too-deep', `${name} is nested more than 8 deep`, { hint: 'samples have few axes' })
  }
  const values: number[] = []
  const path: number[] = []
  const wrong = (part: unknown) =>
    new DataError('not-a-number', `${name}${where(path)} is ${describe(part)}, expected a number`, {
      hint: isList(part) ? 'all numbers must lie equally deep' : 'convert text and missing values to numbers first',
    })
  const walk = (part: unknown, axis: number) => {
    if (!isList(part)) throw wrong(part)
    if (part.length !== shape[axis])
      throw new ShapeError('ragged', `${name}${where(path)} has ${part.length} items, but ${shape[axis]} come before it`, { hint: 'all lists on one level must be equally long' }) // biome-ignore format: one thought
    const isLast = axis + 1 === shape.length
    for (let i = 0; i < part.length; i++) {
      const item = part[i]
      if (isLast && typeof item === 'number') {
        values.push(item)
        continue
      }
      path[axis] = i
      if (isLast) throw wrong(item)
      walk(item, axis + 1)
    }
    path.length = axis
  }
  walk(source, 0)
  return { shape, data: Float64Array.from(values) }
}

const isTyped = (value: unknown): value is NumberArray =>
  ArrayBuffer.isView(value) &&
  !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array)
const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || isTyped(value)
const isFloat = (data: NumberArray) => data instanceof Float32Array || data instanceof Float64Array
const product = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)
const show = (shape: readonly number[]) => `[${shape.join(', ')}]`
const where = (path: readonly number[]) => path.map(i => `[${i}]`).join('')
const describe = (value: unknown) =>
  isList(value) ? `a list of ${value.length}` : String(JSON.stringify(value)).slice(0, 40)

/** Where the first value of a dataset is that float32 cannot hold, NaN or infinite, if there is one. */
export function findNotFinite(
  data: Dataset,
): { row: number; part: 'x' | 'y'; index: number; value: number } | undefined {
  if (data.finite) return undefined
  const [width, height] = [product(data.inputShape), data.hasTargets ? product(data.targetShape) : 0]
  const together = Math.min(data.size, 1 + Math.floor(2 ** 14 / (width + height)))
  const size = together * (width + height)
  if (scratch.length < size) scratch = new Float32Array(size)
  const x = scratch.subarray(0, together * width)
  const y = height > 0 ? scratch.subarray(together * width, size) : undefined
  for (let first = 0; first < data.size; first += together) {
    const rows = counting(Math.min(together, data.size - first), first)
    data.fill(rows, x, y)
    if (areFinite(x, rows.length * width) && (!y || areFinite(y, rows.length * height))) continue
    const exact = { x: new Float64Array(width), ...(y && { y: new Float64Array(height) }) }
    for (const row of rows) {
      data.fill([row], exact.x, exact.y)
      for (const part of ['x', 'y'] as const) {
        const values = exact[part] ?? []
        const index = values.findIndex(value => !Number.isFinite(Math.fround(value)))
        if (index >= 0) return { row, part, index, value: values[index] }
      }
    }
  }
  return undefined
}
/** Room that is made once, as the next sample is often alone. */
let scratch = new Float32Array(0)

/** A sum of float32 numbers, made in float64, is finite where all of them are, and is sooner made than each is asked. */
function areFinite(values: Float32Array, count: number): boolean {
  let sum = 0
  let i = 0
  for (; i + 3 < count; i += 4) sum += values[i] + values[i + 1] + (values[i + 2] + values[i + 3])
  for (; i < count; i++) sum += values[i]
  return Number.isFinite(sum)
}
