import { DataError } from '../errors.ts'
import { counting } from '../tensor/counting.ts'
import { type Dataset, dataset } from './dataset.ts'
import { isAddress, type TextSource } from './files.ts'
import type { Place, RowOptions } from './lines.ts'
import type { TableOptions } from './schema.ts'
import { type Table, table } from './table.ts'

export interface Windows {
  /** Rows of each, but for the last. */
  readonly size: number
  readonly inputShape: readonly number[]
  /** The samples of one of them, in their order. */
  load(index: number): Dataset
}

/**
 * A dataset that reads a window of its rows at a time. `rows` holds the number of each row in place of its sample, and
 * the targets; so only the last window that was asked for is in memory. Training visits the windows in a new order each
 * epoch and shuffles within them.
 */
export function windowed(rows: Dataset, windows: Windows): Dataset {
  const { size, inputShape, load } = windows
  const width = inputShape.reduce((all, extent) => all * extent, 1)
  let [held, window] = [-1, rows]

  const view = (source: Dataset, factor: number): Dataset => {
    const derived = (other: Dataset) => view(other, factor)
    return {
      ...source,
      inputShape,
      finite: Number.isFinite(factor),
      windows: groups(numbersOf(source), size),
      fill(chosen, x, y) {
        const numbers = new Float64Array(chosen.length)
        source.fill(chosen, numbers, y)
        // Each window is read once, however its rows are spread over the batch.
        for (const place of sorted(numbers)) {
          const index = Math.floor(numbers[place] / size)
          if (index !== held) [held, window] = [index, load(index)]
          const sample = x.subarray(place * width, (place + 1) * width)
          window.fill([numbers[place] - index * size], sample)
          if (factor !== 1) for (let i = 0; i < width; i++) sample[i] *= factor
        }
      },
      select: chosen => derived(source.select(chosen)),
      take: count => derived(source.take(count)),
      arrange: ({ y }) => derived(source.arrange({ y })),
      scale: by => view(source, factor * by),
      oneHot: classes => derived(source.oneHot(classes)),
      split(options) {
        const { train, test } = source.split(options)
        return { train: derived(inOrder(train)), test: derived(inOrder(test)) }
      },
    }
  }
  return view(rows, 1)
}

function numbersOf(rows: Dataset): Float64Array {
  const numbers = new Float64Array(rows.size)
  rows.fill(counting(rows.size), numbers)
  return numbers
}

/** The rows as they follow one another in the file: a split in any other order would read all windows for each batch. */
function inOrder(rows: Dataset): Dataset {
  return rows.select(sorted(numbersOf(rows)))
}

/** The places of numbers, those of the least first. */
const sorted = (numbers: Float64Array) => counting(numbers.length).sort((a, b) => numbers[a] - numbers[b])

/** Where rows of another window begin. */
function groups(numbers: Float64Array, size: number): Int32Array {
  const window = (i: number) => Math.floor(numbers[i] / size)
  const starts: number[] = []
  for (let i = 0; i < numbers.length; i++) if (i === 0 || window(i) !== window(i - 1)) starts.push(i)
  return Int32Array.from(starts)
}

/** How a format is cut into rows, piece by piece or at once, and what takes them. */
interface Cutter<Row, Options> {
  taker(rows: Table, options: Options, names?: readonly string[]): (row: Row) => boolean
  each(source: TextSource, take: (row: Row) => boolean, options: Options & RowOptions): Promise<void>
  within(bytes: Uint8Array, take: (row: Row) => boolean, options: Options & RowOptions): void
}

/** The first time through, the file tells its schema and where each window begins; then windows are read when asked for. */
export async function readWindows<Row extends Place, Options extends TableOptions & { window: number }>(
  source: unknown,
  name: string,
  options: Options,
  { taker, each, within }: Cutter<Row, Options>,
): Promise<Dataset> {
  const { window, inputShape } = options
  const path = typeof source === 'string' || source instanceof URL ? source : ''
  if (!(Number.isInteger(window) && window > 0) || path === '' || isAddress(path))
    throw new DataError(
      'bad-window',
      `${name} was to be read by a window of ${window} rows, expected a count and a path`,
      {
        hint: 'what is no file is read as a whole, without { window }',
      },
    )
  const first = table(name, { ...options, keep: false })
  const take = taker(first, options)
  const starts: Place[] = []
  let [last, end]: [Place, number] = [{ line: 0, end: 0 }, 0]
  const see = (row: Row) => {
    const before = first.size()
    const isEnough = take(row)
    if (first.size() > before) {
      if (before % window === 0) starts.push(last)
      end = row.end
    }
    last = { line: row.line, end: row.end }
    return isEnough
  }
  await each(path, see, { ...options, fail: first.fail, plain: first.plain })
  const { closeSync, fstatSync, openSync, readSync, statSync } = await import('node:fs')
  const file = typeof path === 'string' && path.startsWith('file:') ? new URL(path) : path
  const { size: length, mtimeMs } = statSync(file)
  const schema = first.learnt()
  const [names, size] = [first.fields().map(field => field.name), first.size()]
  const skipped = Object.fromEntries(first.fields().flatMap(f => (f.kind === 'skip' ? [[f.name, f.kind]] : [])))

  function load(index: number): Dataset {
    const opened = openSync(file, 'r')
    try {
      const now = fstatSync(opened)
      if (now.size !== length || now.mtimeMs !== mtimeMs)
        throw new DataError('changed-file', `${name} has changed since it was opened`, { hint: 'open it again' })
      const from = starts[index]
      const bytes = Buffer.alloc((starts[index + 1]?.end ?? Math.min(end, length)) - from.end)
      readSync(opened, bytes, 0, bytes.length, from.end)
      const limit = Math.min(window, size - index * window)
      const label = schema.label?.name ?? false
      const rows = table(name, { ...options, columns: skipped, schema, label, limit })
      rows.begin(names, 1)
      within(bytes, taker(rows, options, names), { ...options, from, fail: rows.fail, plain: rows.plain })
      return rows.finish()
    } finally {
      closeSync(opened)
    }
  }

  const rows = dataset({ x: counting(size), ...first.targetsOf(schema.label), schema })
  return windowed(rows, { size: window, inputShape: inputShape ?? load(0).inputShape, load })
}
