import { readdir, stat } from 'node:fs/promises'
import { DataError, type Dataset, dataset } from 'nabla'
import { lightOnDark } from './ink.ts'

export const classes = 10
export const classNames = Array.from({ length: classes }, (_, digit) => String(digit))
export const imageShape = [28, 28, 1]

export interface DataOptions {
  /** `mnist`, a folder with its four idx files or with a folder of PNG files a digit, or a table: CSV, JSON lines, npz. */
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
 * 16.6 % of them held out. A table and a folder of pictures are held out in the same way.
 */
export async function loadDigits({ data, split, limit }: DataOptions): Promise<Digits> {
  const files = data === 'mnist' || (await holdsIdx(data)) ? await loadIdx(data) : undefined
  const whole = files && split === 'mnist'
  const { train, test } = whole ? files : halves(files ? files.train.take(42_000) : await loadImages(data, 'label'))
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

/** Whether a place holds idx files: a folder without them is one of pictures. */
export const holdsIdx = async (path: string) =>
  (await isFolder(path)) && !(await readdir(path, { withFileTypes: true })).some(entry => entry.isDirectory())

/** Read a table of images, 0 to 255 a pixel, or a folder of PNG files a digit. */
export async function loadImages(path: string, label: 'label' | false): Promise<Dataset> {
  if (await isFolder(path)) return loadPictures(path)
  const { readData } = await import('nabla/data')
  const isText = !/\.(npz|jsonl|ndjson)$/i.test(path)
  const max = isText ? 255 : undefined
  const all = await readData(path, { label: isText ? label : undefined, inputShape: imageShape, classes, max })
  return all.scale(1 / 255)
}

/** Pictures as the drawing of a digit is read: scaled to 28×28, and ink as light on dark. */
async function loadPictures(folder: string): Promise<Dataset> {
  const { readImages } = await import('nabla/data')
  const [height, width] = imageShape
  const label = { name: 'class', kind: 'index', shape: [], categories: classNames } as const
  const schema = { columns: [{ name: 'image', kind: 'number', shape: imageShape }], label } as const
  const pictures = (await readImages(folder, { schema })).scale(1 / 255)
  const x = new Float32Array(pictures.size * height * width)
  const y = new Float64Array(pictures.size)
  const rows = Int32Array.from(y, (_, row) => row)
  pictures.fill(rows, x, y)
  for (const row of rows) {
    const pixels = x.subarray(row * height * width, (row + 1) * height * width)
    pixels.set(lightOnDark({ width, height, pixels }).pixels)
  }
  return dataset({ x, y, inputShape: imageShape, classes })
}

/** Read a table to learn classes from: CSV, JSON lines, npz. A missing number becomes the mean, a category the most frequent. */
export async function loadTable(path: string, label: string, limit?: number): Promise<Dataset> {
  const { readData } = await import('nabla/data')
  const arrays = /\.npz$/i.test(path)
  const table = await readData(path, arrays ? { limit } : { label, limit, missing: 'mean' })
  if (table.hasTargets) return table
  throw new DataError('no-label', `"${path}" has no column "${label}" to learn`, {
    hint: 'name the column that holds the classes with --label',
  })
}
