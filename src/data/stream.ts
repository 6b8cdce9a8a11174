import type { Dataset } from './dataset.ts'

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
        const places = Int32Array.from(numbers, (_, i) => i).sort((a, b) => numbers[a] - numbers[b])
        for (const place of places) {
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
  rows.fill(
    Int32Array.from(numbers, (_, i) => i),
    numbers,
  )
  return numbers
}

/** The rows as they follow one another in the file: a split in any other order would read all windows for each batch. */
function inOrder(rows: Dataset): Dataset {
  const numbers = numbersOf(rows)
  return rows.select(Int32Array.from(numbers, (_, i) => i).sort((a, b) => numbers[a] - numbers[b]))
}

/** Where rows of another window begin. */
function groups(numbers: Float64Array, size: number): Int32Array {
  const window = (i: number) => Math.floor(numbers[i] / size)
  const starts: number[] = []
  for (let i = 0; i < numbers.length; i++) if (i === 0 || window(i) !== window(i - 1)) starts.push(i)
  return Int32Array.from(starts)
}
