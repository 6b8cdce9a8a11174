import type { Dataset } from 'nabla'

export const classes = 10
export const classNames = Array.from({ length: classes }, (_, digit) => String(digit))
export const imageShape = [28, 28, 1]

export interface DataOptions {
  /** `mnist`, or the path of a CSV file in Kaggle's form. */
  data: string
  split: 'mnist' | 'texts'
  limit?: number
}

export interface Digits {
  train: Dataset
  heldOut: Dataset
  /** What to call an accuracy on `heldOut`. */
  measure: 'test' | 'held-out'
}

/**
 * Load labelled digits with ink from 0 to 1.
 *
 * `mnist` keeps MNIST's own 60,000 and 10,000. `texts` takes the first 42,000 of its training file and holds out 16.6 %;
 * a CSV file is held out in the same way.
 */
export async function loadDigits({ data, split, limit }: DataOptions): Promise<Digits> {
  const { train, test } = await parts(data, split)
  return {
    train: limit === undefined ? train : train.take(Math.min(limit, train.size)),
    heldOut: test,
    measure: data === 'mnist' && split === 'mnist' ? 'test' : 'held-out',
  }
}

async function parts(data: string, split: 'mnist' | 'texts'): Promise<{ train: Dataset; test: Dataset }> {
  if (data !== 'mnist') return halves(await loadCsv(data, 'label'))
  const { mnist } = await import('nabla/mnist')
  const files = await mnist()
  return split === 'mnist' ? files : halves(files.train.take(42_000))
}

const halves = (all: Dataset) => all.split({ testSize: 0.166, seed: 0 })

/** Read a CSV file of images, 0 to 255 a pixel. */
export async function loadCsv(path: string, label: 'label' | false): Promise<Dataset> {
  const { readCsv } = await import('nabla/csv')
  return (await readCsv(path, { label, inputShape: imageShape, classes, max: 255 })).scale(1 / 255)
}
