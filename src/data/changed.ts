import type { Dataset } from './dataset.ts'

/** What is read: the rows of a dataset in an epoch, their samples in x and, if asked for, their targets in y. */
export interface Reading {
  readonly source: Dataset
  readonly epoch: number
  readonly rows: ArrayLike<number>
  readonly x: Float32Array | Float64Array
  readonly y?: Float32Array | Float64Array
}

/** A dataset whose samples are changed as they are read, in each epoch otherwise; `plain` are those it had. */
export function changed(data: Dataset, change: (reading: Reading) => void): Dataset {
  const at = (epoch: number, source: Dataset): Dataset => {
    const derived = (other: Dataset) => at(epoch, other)
    return {
      ...source,
      plain: source.plain ?? source,
      epoch: next => at(next, source.epoch?.(next) ?? source),
      select: rows => derived(source.select(rows)),
      take: count => derived(source.take(count)),
      arrange: names => derived(source.arrange(names)),
      scale: factor => derived(source.scale(factor)),
      oneHot: classes => derived(source.oneHot(classes)),
      split(options) {
        const { train, test } = source.split(options)
        return { train: derived(train), test: derived(test) }
      },
      fill(rows, x, y) {
        source.fill(rows, x, y)
        change({ source, epoch, rows, x, y })
      },
    }
  }
  return at(0, data)
}
