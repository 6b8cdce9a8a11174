import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The bytes of an idx file of whole numbers 0 … 255. */
export function idx(shape: readonly number[], data: ArrayLike<number>): Uint8Array {
  const head = new DataView(new ArrayBuffer(4 + 4 * shape.length))
  head.setUint32(0, 0x0800 + shape.length)
  shape.forEach((extent, axis) => {
    head.setUint32(4 + 4 * axis, extent)
  })
  return Buffer.concat([new Uint8Array(head.buffer), Uint8Array.from(data)])
}

/** Images of bars and their digits, as the two idx files of one part. */
export function bars(images: number, side = 28, label = (row: number) => row % 10) {
  const pixel = (i: number) => (i % side <= Math.floor(i / side ** 2) % 10 ? 200 : 0)
  return {
    images: idx(
      [images, side, side],
      Array.from({ length: images * side ** 2 }, (_, i) => pixel(i)),
    ),
    labels: idx(
      [images],
      Array.from({ length: images }, (_, row) => label(row)),
    ),
  }
}

/** Write MNIST's four files into a new folder, with some of them replaced or left out. */
export function idxFolder(path: string, changed: Readonly<Record<string, Uint8Array | undefined>> = {}): string {
  const [train, test] = [bars(50), bars(10)]
  const files: Record<string, Uint8Array | undefined> = {
    'train-images-idx3-ubyte': train.images,
    'train-labels-idx1-ubyte': train.labels,
    't10k-images-idx3-ubyte': test.images,
    't10k-labels-idx1-ubyte': test.labels,
    ...changed,
  }
  mkdirSync(path)
  for (const [name, bytes] of Object.entries(files)) if (bytes) writeFileSync(join(path, name), bytes)
  return path
}
