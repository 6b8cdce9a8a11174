// Whatever holds samples, as one kind of dataset.
import { type CsvOptions, readCsv } from '../../data/csv.ts'
import { type Dataset, dataset, type NumberArray } from '../../data/dataset.ts'
import { type ByteSource, byteChunks, isAddress, isBytes, readBytes, sourceName } from '../../data/files.ts'
import { readIdx } from '../../data/idx.ts'
import { type ImageOptions, readImages } from '../../data/images.ts'
import { gunzip, isGzip } from '../../data/inflate.ts'
import { readJsonLines } from '../../data/jsonLines.ts'
import { isPng } from '../../data/png.ts'
import { onlyTable } from '../../data/schema.ts'
import { DataError } from '../../errors.ts'
import { readNpz } from '../npy/index.ts'
import { parseNpy } from '../npy/npy.ts'

export { type CsvOptions, readCsv } from '../../data/csv.ts'
export type { Dataset } from '../../data/dataset.ts'
export type { ByteSource } from '../../data/files.ts'
export { type ImageOptions, type ImageSource, readImages } from '../../data/images.ts'
export { readJsonLines } from '../../data/jsonLines.ts'
export { type Picture, type PngOptions, readPng } from '../../data/png.ts'
export type { ColumnSchema, Kind, Missing, Schema, TableOptions } from '../../data/schema.ts'

export interface DataOptions extends Omit<CsvOptions, 'limit'>, Omit<ImageOptions, 'schema'> {
  /** Which array of an npz file holds the samples; by default `x`, or the only one. */
  x?: string
  /** Which array of an npz file holds the targets; by default `y`, where there is one. */
  y?: string | false
}

/**
 * Samples and targets from a file of any of these kinds, told apart by their first bytes: CSV, JSON lines, npz, npy, idx, each
 * packed with gzip or not, and a PNG or a folder with a folder of them a class.
 * @param source a path, an address, a File or bytes; or one source for x and one for y, each npy or idx
 * @throws DataError naming the file, the row and the column that are wrong
 * @example
 * const { train, test } = (await readData('iris.csv', { label: 'species' })).split({ testSize: 0.2, seed: 0 })
 * @example
 * const digits = await readData({ x: 'train-images-idx3-ubyte.gz', y: 'train-labels-idx1-ubyte.gz' }, { inputShape: [28, 28, 1] })
 */
export async function readData(source: ByteSource | Pair, options: DataOptions = {}): Promise<Dataset> {
  const { x, y, size, channels, header, separator, ...table } = options
  onlyTable('readData', table, { x, y, size, channels, header, separator })
  const { limit = Infinity, window, schema } = options
  const pictures: ImageOptions = { size, channels, schema, limit }
  if (isPair(source)) {
    const read = [readArray(source.x), source.y === undefined ? undefined : readArray(source.y)] as const
    return ofArrays(...(await Promise.all(read)), options)
  }
  const { name = sourceName(source) } = options
  if (typeof source === 'string' && (await isFolder(source))) return readImages(source, pictures)
  // What comes from afar is fetched once.
  let from =
    (typeof source === 'string' || source instanceof URL) && isAddress(source) ? await readBytes(source) : source
  let head = await beginning(from)
  if (window !== undefined && !isText(head))
    throw new DataError('bad-window', `${name} is no text, and cannot be read a window at a time`, {
      hint: 'windows are for tables in CSV or JSON lines, unpacked',
    })
  if (isGzip(head)) from = head = await gunzip(await readBytes(from), { name })
  if (isPng(head)) return readImages({ '': [from] }, pictures)
  if (isZip(head)) return ofNpz(await readNpz(from, { name }), options, name)
  if (isNpy(head) || isIdx(head)) return ofArrays(await readArray(from, name), undefined, options)
  const isJson = /^(\ufeff)?\s*\{/.test(new TextDecoder().decode(head.subarray(0, 1000)))
  const all = { ...table, limit, name }
  return isJson ? readJsonLines(from, all) : readCsv(from, { ...all, header, separator })
}

interface Pair {
  readonly x: ByteSource
  readonly y?: ByteSource
}

interface Numbers {
  readonly shape: readonly number[]
  readonly data: NumberArray
}

const isPair = (source: ByteSource | Pair): source is Pair => typeof source === 'object' && 'x' in source
const isZip = ([a, b]: Uint8Array) => a === 0x50 && b === 0x4b
const isNpy = ([a, b]: Uint8Array) => a === 0x93 && b === 0x4e
const isIdx = ([a, b]: Uint8Array) => a === 0 && b === 0

const isText = (head: Uint8Array) => ![isGzip, isPng, isZip, isNpy, isIdx].some(is => is(head))

async function beginning(source: ByteSource): Promise<Uint8Array> {
  for await (const chunk of byteChunks(source)) if (chunk.length > 0) return chunk
  return new Uint8Array(0)
}

async function isFolder(path: string): Promise<boolean> {
  if (isAddress(path)) return false
  const { stat } = await import('node:fs/promises')
  return stat(path).then(
    place => place.isDirectory(),
    () => false,
  )
}

/** One array of an npy or idx file. */
async function readArray(source: ByteSource, name = sourceName(source)): Promise<Numbers> {
  const packed = await readBytes(source)
  const bytes = isGzip(packed) ? await gunzip(packed, { name }) : packed
  if (!isNpy(bytes)) return readIdx(bytes, { name })
  return parseNpy(bytes, { name }, !isBytes(source) || bytes !== packed) as Numbers
}

function ofNpz(arrays: Readonly<Record<string, unknown>>, options: DataOptions, name: string): Dataset {
  const names = Object.keys(arrays)
  const pick = (wanted: string) => {
    if (names.includes(wanted)) return arrays[wanted] as Numbers
    throw new DataError('no-such-part', `${name} has no array "${wanted.slice(0, 40)}"`, {
      evidence: [['arrays', names.join(', ').slice(0, 200)]],
      hint: "say which are the samples and the targets: { x: 'x_train', y: 'y_train' }",
    })
  }
  const { x = names.length === 1 ? names[0] : 'x', y = names.includes('y') ? 'y' : false } = options
  return ofArrays(pick(x), y === false ? undefined : pick(y), options)
}

function ofArrays(x: Numbers, y: Numbers | undefined, { inputShape, classes, limit = Infinity }: DataOptions): Dataset {
  const [targets, ...rest] = y?.shape ?? []
  const flat = y && rest.length > 0 && rest.every(extent => extent === 1) ? { shape: [targets], data: y.data } : y
  return dataset({ x, y: flat, inputShape, classes: flat && classes }).take(limit)
}
