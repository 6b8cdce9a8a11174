import { DataError, NablaError } from '../../errors.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { classicHdf5, isClassic } from './classic.ts'

type Hdf5Library = typeof import('h5wasm')
type Entity = InstanceType<Hdf5Library['Group']> | InstanceType<Hdf5Library['Dataset']>

/** An HDF5 file that is read: each answer is undefined where there is no such thing. */
export interface Hdf5 {
  text(path: string, attribute: string): string | undefined
  texts(path: string, attribute: string): string[] | undefined
  array(path: string): { shape: Shape; data: ArrayLike<number> } | undefined
  has(path: string): boolean
  keys(path: string): string[]
}

/** What an HDF5 file is written of. */
export interface Hdf5Tree {
  readonly attributes?: Readonly<Record<string, string | readonly string[]>>
  readonly groups?: Readonly<Record<string, Hdf5Tree>>
  readonly arrays?: Readonly<Record<string, Hdf5Array>>
}

export interface Hdf5Array {
  readonly shape: Shape
  readonly data: Float32Array | Float64Array | BigInt64Array
}

export const isHdf5 = (bytes: Uint8Array) =>
  [0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10].every((byte, i) => bytes[i] === byte)

/** Loads what reads HDF5, once. */
async function library(): Promise<{ h5: Hdf5Library; files: NonNullable<Hdf5Library['FS']> }> {
  const h5 = await import('h5wasm').catch(() => {
    throw new DataError('missing-peer', 'HDF5 files need the package h5wasm, which is not installed', {
      hint: 'npm install h5wasm',
    })
  })
  const { FS } = await h5.ready
  return { h5, files: FS as NonNullable<Hdf5Library['FS']> }
}

let opened = 0

/**
 * Gives work an HDF5 file to read, and closes it.
 * @throws DataError `bad-hdf5`
 */
export async function withHdf5<T>(bytes: Uint8Array, name: string, work: (file: Hdf5) => T): Promise<T> {
  const fail = (what: string) =>
    new DataError('bad-hdf5', `${name} is no sound HDF5 file: ${what.split('\n')[0].slice(0, 60)}`, {
      hint: 'the file is damaged or not complete; save or download it again',
    })
  if (!isHdf5(bytes)) throw fail('it begins otherwise')
  if (isClassic(bytes))
    try {
      return work(classicHdf5(bytes))
    } catch (error) {
      throw error instanceof RangeError ? fail(error.message) : error
    }
  if (bytes[8] > 3) throw fail(`version ${bytes[8]}`)
  const { h5, files } = await library()
  const path = `/read${opened++}.h5`
  const room = Math.max(2 ** 26, 16 * bytes.length)
  let file: InstanceType<Hdf5Library['File']> | undefined
  const entity = (path: string) => (path === '' ? file! : (file!.get(path) as Entity | null))
  const attribute = (path: string, key: string): unknown => {
    const at = entity(path)
    const found = at && 'attrs' in at && Object.hasOwn(at.attrs, key) ? at.attrs[key] : undefined
    if (!found) return undefined
    if (found.metadata.size * found.metadata.total_size > room)
      throw fail(`an attribute of ${found.metadata.total_size}`)
    return found.value
  }
  try {
    files.writeFile(path, bytes)
    file = new h5.File(path, 'r')
    return work({
      text(path, key) {
        const value = attribute(path, key)
        return typeof value === 'string' ? value : undefined
      },
      texts(path, key) {
        const value = attribute(path, key) // nothing at all is an empty list of numbers
        if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, String)
        return undefined
      },
      array(path) {
        const found = entity(path)
        if (!found || !('metadata' in found)) return undefined
        const { size, total_size, type } = found.metadata
        if (size * total_size > room) throw fail(`${path} of ${total_size} numbers`)
        const value = type === 0 || type === 1 ? found.value : undefined // whole numbers, floats
        const data = typeof value === 'number' || typeof value === 'bigint' ? [value] : value
        const shape = found.shape ?? []
        if (!data || typeof data !== 'object' || (data as ArrayLike<number>).length !== sizeOf(shape))
          throw fail(`${path} holds no numbers`)
        return { shape, data: data as ArrayLike<number> }
      },
      has: path => entity(path) !== null,
      keys(path) {
        const found = entity(path)
        return found && 'keys' in found ? found.keys() : []
      },
    })
  } catch (error) {
    throw error instanceof NablaError ? error : fail(String((error as Error)?.message ?? error))
  } finally {
    try {
      file?.close()
    } catch {} // damaged as it is
    files.unlink(path)
  }
}

/** The bytes of an HDF5 file. */
export async function writeHdf5(tree: Hdf5Tree): Promise<Uint8Array> {
  const { h5, files } = await library()
  const path = `/write${opened++}.h5`
  const file = new h5.File(path, 'w', { libver: ['earliest', 'latest'] })
  const fill = (group: InstanceType<Hdf5Library['Group']>, { attributes = {}, groups = {}, arrays = {} }: Hdf5Tree) => {
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === 'string') group.create_attribute(key, value, [], 'S')
      else if (value.length === 0) group.create_attribute(key, new Float64Array(0), [0], '<d')
      else group.create_attribute(key, [...value], [value.length], 'S')
    }
    for (const [name, { shape, data }] of Object.entries(arrays)) {
      const dtype = data instanceof Float32Array ? '<f' : data instanceof Float64Array ? '<d' : '<q'
      group.create_dataset({ name, data, shape: [...shape], dtype })
    }
    for (const [name, inner] of Object.entries(groups)) fill(group.create_group(name), inner)
  }
  try {
    fill(file, tree)
  } finally {
    file.close()
  }
  const bytes = files.readFile(path).slice()
  files.unlink(path)
  return bytes
}
