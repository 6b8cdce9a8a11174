import { DataError } from '../../errors.ts'
import { bfloats } from '../../tensor/half.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { unchunked } from './chunks.ts'
import { type Message, messages, objectsOf } from './objects.ts'
import { damaged, sourceOf } from './source.ts'
import { dataspace, datatype, largest, numbers, values } from './values.ts'

// HDF5 as h5py, Keras and h5wasm write it, old and new: no library is needed to read it, and nothing it says is believed.

/** An HDF5 file that is read: each answer is undefined where there is no such thing. */
export interface Hdf5 {
  text(path: string, attribute: string): string | undefined
  texts(path: string, attribute: string): string[] | undefined
  array(path: string): Promise<Hdf5Numbers | undefined>
  has(path: string): boolean
  keys(path: string): string[]
}

export interface Hdf5Numbers {
  readonly shape: Shape
  readonly data: ArrayLike<number>
}

export const isHdf5 = (bytes: Uint8Array) =>
  [0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10].every((byte, i) => bytes[i] === byte)

/**
 * Gives work an HDF5 file to read.
 * @param limit the most bytes that its arrays together may unpack to: 32 MiB, or 16 times the file where that is more
 * @throws DataError `bad-hdf5`
 */
export async function withHdf5<T>(
  bytes: Uint8Array,
  name: string,
  work: (file: Hdf5) => T | Promise<T>,
  limit = Math.max(2 ** 25, 16 * bytes.length),
): Promise<T> {
  const fail = (what: string) =>
    new DataError('bad-hdf5', `${name} is no sound HDF5 file: it has ${what.slice(0, 60)}`, {
      hint: 'the file is damaged or not complete; save or download it again',
    })
  if (!isHdf5(bytes)) throw fail('another beginning')
  try {
    return await work(open(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), limit))
  } catch (error) {
    throw error instanceof RangeError ? fail(/^Offset/.test(error.message) ? 'an end too soon' : error.message) : error
  }
}

function open(bytes: Uint8Array, limit: number): Hdf5 {
  const file = sourceOf(bytes, limit)
  const { u8, u16, place } = file
  const version = u8(8)
  if (version > 3) damaged(`version ${version}`)
  const [first, base, end] = version > 1 ? [9, 12, 28] : version === 0 ? [13, 24, 40] : [13, 28, 44]
  if (u8(first) !== 8 || u8(first + 1) !== 8) damaged('addresses of another size')
  if (place(base) !== 0) damaged('a base that is not its beginning')
  place(end) // where the file ends: behind its end when it was cut
  const { find, header, keys } = objectsOf(file)
  const one = (object: number, wanted: number): Message | undefined =>
    header(object).find(({ type }) => type === wanted)

  /** The value of an attribute, and whether it is one alone. */
  function attribute(path: string, name: string): { value: ArrayLike<unknown>; shape: Shape } | undefined {
    const object = find(path)
    if (object === undefined) return undefined
    for (const { type, at, size } of header(object)) {
      if (type !== messages.attribute) continue
      const version = u8(at)
      const [named, typed, spaced] = [u16(at + 2), u16(at + 4), u16(at + 6)]
      const round = version === 1 ? (n: number) => Math.ceil(n / 8) * 8 : (n: number) => n
      const begin = at + (version === 3 ? 9 : 8)
      if (file.text(begin, named) !== name) continue
      const [kind, space] = [begin + round(named), begin + round(named) + round(typed)]
      const from = space + round(spaced)
      const shape = dataspace(file, space)
      return { value: values(file, from, at + size - from, datatype(file, kind), shape), shape }
    }
    return undefined
  }

  async function array(path: string): Promise<Hdf5Numbers | undefined> {
    const object = find(path)
    if (object === undefined) return undefined
    const [space, typed, layout] = [messages.dataspace, messages.datatype, messages.layout].map(m => one(object, m))
    if (!space || !typed || !layout) return undefined
    const shape = dataspace(file, space.at)
    const said = datatype(file, typed.at)
    // Keras writes bfloat16, which HDF5 does not know, as pairs of bytes with a word on what they are.
    const brain = said.kind === 'other' && said.size === 2 && attribute(path, 'dtype')?.value[0] === 'bfloat16'
    const type = brain ? ({ ...said, kind: 'integer', signed: false } as const) : said
    const of = (data: ArrayLike<number>) => ({ shape, data: brain ? bfloats(data as Uint16Array) : data })
    const [version, way] = [u8(layout.at), u8(layout.at + 1)]
    if (version < 3 || version > 5) damaged('an array laid out in another version')
    if (type.kind !== 'integer' && type.kind !== 'float') damaged('an array that holds no numbers')
    if (way === 2)
      return of(
        numbers(
          await unchunked(file, layout.at, one(object, messages.filters), type, shape, largest(file, space.at)),
          type,
        ),
      )
    if (way > 2) damaged('an array that lies in other files')
    const empty = way === 1 && file.isNowhere(layout.at + 2)
    if (empty && sizeOf(shape) > 0) damaged('an array that was never written')
    const at = empty ? 0 : way === 0 ? layout.at + 4 : place(layout.at + 2)
    const room = empty ? 0 : way === 0 ? u16(layout.at + 2) : place(layout.at + 10)
    return of(values(file, at, room, type, shape) as ArrayLike<number>)
  }

  return {
    text(path, name) {
      const found = attribute(path, name)
      return found && found.shape.length === 0 && typeof found.value[0] === 'string' ? found.value[0] : undefined
    },
    texts(path, name) {
      const found = attribute(path, name)
      return found && found.shape.length === 1 ? Array.from(found.value, String) : undefined
    },
    array,
    has: path => find(path) !== undefined,
    keys(path) {
      const object = find(path)
      return object === undefined ? [] : keys(object)
    },
  }
}
