import { stat } from 'node:fs/promises'
import { DataError, type Dataset } from 'nabla'

export const classes = 10
export const classNames = Array.from({ length: classes }, (_, digit) => String(digit))
export const imageShape = [28, 28, 1]

export interface DataOptions {
  /** `mnist`, a folder with its four idx files, or a CSV file in Kaggle's form. */
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
 * MNIST keeps its own 60,000 and 10,000; with the split `texts` the first 42,000 of its training file are taken and
 * 16.6 % of them held out. A CSV file is held out in the same way.
 */
export async function loadDigits({ data, split, limit }: DataOptions): Promise<Digits> {
  const files = data === 'mnist' || (await isFolder(data)) ? await loadIdx(data) : undefined
  const whole = files && split === 'mnist'
  const { train, test } = whole ? files : halves(files ? files.train.take(42_000) : await loadCsv(data, 'label'))
  return {
    train: limit === undefined ? train : train.take(Math.min(limit, train.size)),
    heldOut: test,
    measure: whole ? 'test' : 'held-out',
  }
}

export const isFolder = (path: string) =>
  stat(path).then(
    place => place.isDirectory(),
    () => false,
  )

async function loadIdx(data: string): Promise<{ train: Dataset; test: Dataset }> {
  const { mnist } = await import('nabla/mnist')
  const sets = await mnist(data === 'mnist' ? {} : { folder: data })
  for (const [part, { inputShape, classes: found = classes }] of Object.entries(sets)) {
    if (inputShape.join() !== imageShape.join())
      throw new DataError(
        'wrong-image-size',
        `"${data}" has ${part} images ${inputShape[0]}×${inputShape[1]}, expected 28×28`,
        {
          hint: 'scale the images to 28×28 before they are written as idx',
        },
      )
    if (found > classes)
      throw new DataError('bad-label', `"${data}" has the ${part} label ${found - 1}, expected 0 … ${classes - 1}`, {
        hint: 'labels are the digits 0 … 9; leave other images out',
      })
  }
  return sets
}

const halves = (all: Dataset) => all.split({ testSize: 0.166, seed: 0 })

/** Read a CSV file of images, 0 to 255 a pixel. */
export async function loadCsv(path: string, label: 'label' | false): Promise<Dataset> {
  const { readCsv } = await import('nabla/csv')
  return (await readCsv(path, { label, inputShape: imageShape, classes, max: 255 })).scale(1 / 255)
}
