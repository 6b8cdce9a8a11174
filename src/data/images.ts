import { DataError, nothingElse } from '../errors.ts'
import { type Dataset, dataset } from './dataset.ts'
import { few } from './fields.ts'
import { type ByteSource, readBytes, sourceName } from './files.ts'
import { inChannels, type Picture, readPng, resized } from './png.ts'
import type { Schema } from './schema.ts'

/** A folder that holds one folder a class; the Files of such a folder; or sources by class. */
export type ImageSource = string | readonly File[] | Readonly<Record<string, readonly ByteSource[]>>

export interface ImageOptions {
  /** Height and width to which pictures are resized; without it all must have the size of the first. */
  size?: readonly [height: number, width: number]
  /** 1 for grey, 3 for colours; by default what the first picture has. */
  channels?: 1 | 3
  /** The schema of a set read before: the same classes, size and channels. */
  schema?: Schema
  /** Reads only so many pictures of each class. */
  limit?: number
}

const mostBytes = 2 ** 31
const byName = <T>([a]: readonly [string, T], [b]: readonly [string, T]) => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Reads PNG pictures that lie in a folder a class: samples [height, width, channels] of 0 … 255, and the number of the class
 * among the folders' names in alphabetical order. A folder of pictures alone gives samples without targets.
 * @param source a path, the Files of an `<input webkitdirectory>`, or sources by the name of their class
 * @throws DataError `no-images`, `wrong-image-size`, `unknown-category`, `bad-png`, `too-large`, `missing-package`
 * @example
 * const train = (await readImages('flowers/train', { size: [64, 64] })).scale(1 / 255)
 * train.schema.label.categories   // ['daisy', 'rose', 'tulip']
 */
export async function readImages(source: ImageSource, options: ImageOptions = {}): Promise<Dataset> {
  const { size: told, channels: depth, schema, limit = Infinity, ...others } = options
  nothingElse('readImages', others, { size: told, channels: depth, schema, limit })
  const name = typeof source === 'string' ? source : 'the pictures'
  const groups = typeof source === 'string' ? await inFolder(source) : Array.isArray(source) ? inFiles(source) : byClass(source as Record<string, readonly ByteSource[]>) // biome-ignore format: a choice
  const listed = groups.map(([label, files]) => [label, files.slice(0, limit)] as const).sort(byName)
  const empty = listed.find(([, files]) => files.length === 0)
  if (listed.length === 0 || empty)
    throw new DataError('no-images', `${name} has no pictures${empty?.[0] ? ` of "${empty[0].slice(0, 40)}"` : ''}`, {
      hint: 'expected a folder a class, each with PNG files',
    })
  const isLabelled = !(listed.length === 1 && listed[0][0] === '')
  const found = listed.map(([label]) => label)
  const categories = schema?.label?.categories ?? found
  const strange = found.find(label => isLabelled && !categories.includes(label))
  if (strange !== undefined)
    throw new DataError('unknown-category', `${name} has the class "${strange.slice(0, 40)}", which is not in the schema`, { hint: `known are ${few(strange, categories)}` }) // biome-ignore format: one thought

  const files = listed.flatMap(([label, group]) => group.map(file => [categories.indexOf(label), file] as const))
  const [height, width, channels] = schema?.columns[0].shape ?? []
  let fit = { size: options.size ?? (schema ? ([height, width] as const) : undefined), channels: options.channels ?? (channels as 1 | 3 | undefined) } // biome-ignore format: one thought
  let x = new Uint8Array(0)
  let shape: readonly number[] = []
  const read = async (file: ByteSource) => ({ file, whole: await readPng(await readBytes(file), sourceName(file)) })
  let i = 0
  for await (const { file, whole } of ahead(files, ([, file]) => read(file))) {
    const picture = fitted(whole, fit, sourceName(file))
    if (i === 0) {
      shape = [picture.height, picture.width, picture.channels]
      fit = { size: fit.size ?? [picture.height, picture.width], channels: fit.channels ?? picture.channels }
      if (picture.data.length * files.length > mostBytes)
        throw new DataError('too-large', `${name} has ${files.length} pictures of ${picture.data.length} bytes, more than 2 GiB`, { hint: 'give a smaller { size }, or { limit } the pictures of a class' }) // biome-ignore format: one thought
      x = new Uint8Array(picture.data.length * files.length)
    }
    x.set(picture.data, i++ * picture.data.length)
  }
  const label = { name: 'class', kind: 'index', shape: [], categories } as const
  const known: Schema = { columns: [{ name: 'image', kind: 'number', shape }], ...(isLabelled && { label }) }
  const y = Int32Array.from(files, ([index]) => index)
  const targets = isLabelled ? { y, classes: categories.length } : {}
  return dataset({ x: { shape: [files.length, ...shape], data: x }, ...targets, schema: known })

  /** A size that was told is made; one that the first picture has must be that of all. */
  function fitted(picture: Picture, { size, channels = picture.channels }: typeof fit, title: string): Picture {
    const { height, width } = picture
    const made = inChannels(picture, channels)
    if (!size || (height === size[0] && width === size[1])) {
      if (picture.channels <= channels || options.channels || schema) return made
      throw new DataError('wrong-image-size', `${title} is in colours, but those before are grey`, {
        hint: 'say which you want: { channels: 1 } or { channels: 3 }',
      })
    }
    if (options.size || schema) return resized(made, size)
    throw new DataError('wrong-image-size', `${title} is ${width}×${height}, expected ${size[1]}×${size[0]}`, {
      hint: `resize all to one size: { size: [${size.join(', ')}] }`,
    })
  }
}

/** What becomes of each item, in their order: the next few are under way meanwhile, since files and unpacking mostly wait. */
async function* ahead<A, B>(items: readonly A[], work: (item: A) => Promise<B>): AsyncGenerator<B, void> {
  const queue: Promise<B>[] = []
  for (const item of items) {
    const begun = work(item)
    begun.catch(() => {}) // whoever waits for it is told; nobody may, where one before it fails
    if (queue.push(begun) > 8) yield await queue.shift()!
  }
  for (const begun of queue) yield await begun
}

/** The pictures of each folder; hidden files are none. */
async function inFolder(folder: string): Promise<[label: string, files: string[]][]> {
  const { readdir } = await import('node:fs/promises')
  const list = async (path: string) => {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      throw new DataError('unreadable', `${path} cannot be read: ${error.code === 'ENOENT' ? 'no such folder' : error.message}`, { hint: 'expected a folder that holds one folder a class' }) // biome-ignore format: one thought
    })
    return entries.filter(entry => !entry.name.startsWith('.'))
  }
  const pictures = (path: string, entries: Awaited<ReturnType<typeof list>>) => {
    const other = entries.find(entry => !/\.png$/i.test(entry.name))
    if (other)
      throw new DataError('bad-png', `${path} holds "${other.name.slice(0, 60)}", expected PNG files`, {
        hint: 'a folder a class, and in each nothing but PNG files',
      })
    return entries.map(entry => `${path}/${entry.name}`).sort()
  }
  const entries = await list(folder)
  const folders = entries.filter(entry => entry.isDirectory())
  if (folders.length === 0) return [['', pictures(folder, entries)]]
  return Promise.all(folders.map(async ({ name }): Promise<[string, string[]]> => [name, pictures(`${folder}/${name}`, await list(`${folder}/${name}`))])) // biome-ignore format: one thought
}

/** The sources of each class. One picture's bytes are none of these, though each of them has a key, which takes long to list. */
function byClass(sources: Readonly<Record<string, readonly ByteSource[]>> | null | undefined) {
  const classes = Object.entries(ArrayBuffer.isView(sources) ? { bytes: sources } : (sources ?? {}))
  const strange = classes.find(([, list]) => !Array.isArray(list))
  if (strange)
    throw new DataError('no-images', `readImages got no list of pictures for "${strange[0].slice(0, 40)}"`, {
      hint: 'give { class: [sources] }, a folder, or Files; one picture is read by readPng',
    })
  return classes as [label: string, list: readonly ByteSource[]][]
}

/** Files from a folder that was chosen in a page, by the folder that each lies in. */
function inFiles(files: readonly File[]): [label: string, files: File[]][] {
  const groups = new Map<string, File[]>()
  for (const file of files.filter(({ name }) => /\.png$/i.test(name))) {
    const label = file.webkitRelativePath.split('/').slice(1, -1).at(-1) ?? ''
    groups.set(label, [...(groups.get(label) ?? []), file])
  }
  return [...groups]
}
