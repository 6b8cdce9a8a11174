import { halves } from '../../tensor/half.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import type { Hdf5 } from './hdf5.ts'

// HDF5 as Keras writes it: superblock 0 or 1, groups as symbol tables, attributes in object headers, arrays in one piece.
// Every address is looked at through a DataView of the file, so that none leads outside of it.

interface Message {
  readonly type: number
  readonly at: number
  readonly size: number
}
interface Datatype {
  readonly kind: 'integer' | 'float' | 'text' | 'texts' | 'other'
  readonly size: number
  readonly signed: boolean
  readonly little: boolean
}

const messages = { dataspace: 1, datatype: 3, layout: 8, attribute: 12, continuation: 16, symbols: 17 }
const most = 200_000
const nowhere = 0xffffffffffffffffn
const damaged = (what: string): never => {
  throw new RangeError(what)
}
const padded = (n: number) => Math.ceil(n / 8) * 8

/** Whether a file is of the kind that is read here. */
export const isClassic = (bytes: Uint8Array): boolean => bytes[8] <= 1

/**
 * A file of the classic kind.
 * @throws RangeError at what is damaged, as it is met
 */
export function classicHdf5(bytes: Uint8Array): Hdf5 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [u16, u32] = [(at: number) => view.getUint16(at, true), (at: number) => view.getUint32(at, true)]
  /** A number of 8 bytes that is an address or a size: never larger than the file. */
  const place = (at: number) => {
    const value = view.getBigUint64(at, true)
    return value <= BigInt(bytes.length) ? Number(value) : damaged('an address behind its end')
  }
  const signature = (at: number, text: string) => {
    for (let i = 0; i < text.length; i++)
      if (view.getUint8(at + i) !== text.charCodeAt(i)) damaged(`no ${text} where one should be`)
  }
  const text = (at: number, length: number) => {
    if (at + length > bytes.length) damaged('a text behind its end')
    const part = bytes.subarray(at, at + length)
    const end = part.indexOf(0)
    return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end))
  }
  const start = bytes[8] === 0 ? 24 : 28
  if (bytes[13] !== 8 || bytes[14] !== 8) damaged('addresses of another size')
  if (place(start) !== 0) damaged('a base that is not its beginning')
  place(start + 16) // where the file ends: behind its end when it was cut
  let budget = most
  const spend = () => (--budget < 0 ? damaged('more parts than a model has') : undefined)

  const headers = new Map<number, Message[]>()
  /** The messages of an object. */
  function header(at: number): Message[] {
    const known = headers.get(at)
    if (known) return known
    if (view.getUint8(at) !== 1) damaged('an object header of another version')
    const found: Message[] = []
    const blocks: [number, number][] = [[at + 16, u32(at + 8)]]
    for (let left = u16(at + 2), [from, length] = blocks.pop()!; left > 0; left--) {
      spend()
      while (length < 8) [from, length] = blocks.shift() ?? damaged('an object header that is cut')
      const message = { type: u16(from), at: from + 8, size: u16(from + 2) }
      if (view.getUint8(from + 4) & 2) damaged('a shared message')
      if (message.size + 8 > length || message.at + message.size > bytes.length) damaged('a message that is cut')
      if (message.type === messages.continuation) blocks.push([place(message.at), place(message.at + 8)])
      found.push(message)
      from += 8 + message.size
      length -= 8 + message.size
    }
    headers.set(at, found)
    return found
  }

  const groups = new Map<number, Map<string, number>>()
  /** The members of a group: names and where their headers are. */
  function members(at: number): Map<string, number> {
    const known = groups.get(at)
    if (known) return known
    const found = new Map<string, number>()
    groups.set(at, found)
    const table = header(at).find(({ type }) => type === messages.symbols)
    if (!table) return found
    const heap = place(table.at + 8)
    signature(heap, 'HEAP')
    const [size, names] = [place(heap + 8), place(heap + 24)]
    const walk = (node: number, level: number) => {
      spend()
      signature(node, 'TREE')
      if (view.getUint8(node + 4) !== 0 || view.getUint8(node + 5) >= level) damaged('a tree that goes round')
      for (let i = 0; i < u16(node + 6); i++) {
        const child = place(node + 32 + 16 * i)
        if (view.getUint8(node + 5) > 0) walk(child, view.getUint8(node + 5))
        else leaf(child)
      }
    }
    const leaf = (node: number) => {
      signature(node, 'SNOD')
      for (let i = 0; i < u16(node + 6); i++) {
        spend()
        const entry = node + 8 + 40 * i
        const name = place(entry)
        if (name >= size) damaged('a name outside of its heap')
        if (u32(entry + 16) < 2) found.set(text(names + name, Math.min(size - name, 1024)), place(entry + 8)) // no soft links
      }
    }
    walk(place(table.at), 256)
    return found
  }

  const find = (path: string): number | undefined => {
    let at: number | undefined = place(start + 40)
    for (const name of path.split('/').filter(Boolean)) at = at === undefined ? undefined : members(at).get(name)
    return at
  }

  function datatype(at: number): Datatype {
    const [kind, bits, size] = [view.getUint8(at) & 15, view.getUint8(at + 1), u32(at + 4)]
    const names = ['integer', 'float', 'other', 'text'] as const
    const vlen = kind === 9 && (bits & 15) === 1 && size === 16
    return { kind: vlen ? 'texts' : (names[kind] ?? 'other'), size, signed: (bits & 8) !== 0, little: (bits & 1) === 0 }
  }
  function dataspace(at: number): Shape {
    const version = view.getUint8(at)
    if (version !== 1 && version !== 2) damaged('a dataspace of another version')
    const from = at + (version === 1 ? 8 : 4)
    const shape = Array.from({ length: view.getUint8(at + 1) }, (_, i) => place(from + 8 * i))
    return Number.isSafeInteger(sizeOf(shape)) ? shape : damaged('a shape too large')
  }

  /** A text of varying length lies in a heap of its own. */
  function farText(at: number): string {
    const [length, address, wanted] = [u32(at), place(at + 4), u32(at + 12)]
    if (length === 0) return ''
    signature(address, 'GCOL')
    const end = address + place(address + 8)
    for (let object = address + 16; object + 16 <= end; ) {
      spend()
      const [index, size] = [u16(object), place(object + 8)]
      if (index === wanted) return length <= size ? text(object + 16, length) : damaged('a text longer than its room')
      if (index === 0) break
      object += 16 + padded(size)
    }
    return damaged('a text that is not there')
  }

  /** The values at a place: texts or numbers. */
  function values(at: number, room: number, type: Datatype, shape: Shape): string[] | ArrayLike<number> {
    const count = sizeOf(shape)
    if (count * type.size > room || at + count * type.size > bytes.length) damaged('values behind its end')
    if (type.kind === 'texts') return Array.from({ length: count }, (_, i) => farText(at + 16 * i))
    if (type.kind === 'text') return Array.from({ length: count }, (_, i) => text(at + type.size * i, type.size))
    if (!type.little || type.kind === 'other') damaged('values of an unknown type')
    const sizes = { integer: type.signed ? signed : unsigned, float: floats }[type.kind as 'integer' | 'float']
    const Holder = sizes[type.size as 4] ?? damaged(`numbers of ${type.size} bytes`)
    const own = new Holder(bytes.slice(at, at + count * type.size).buffer)
    if (type.kind === 'float' && type.size === 2) return halves(own as unknown as Uint16Array)
    return own instanceof BigInt64Array || own instanceof BigUint64Array
      ? Float64Array.from(own as BigInt64Array, Number)
      : own
  }

  /** The value of an attribute, and whether it is one alone. */
  function attribute(path: string, name: string): { value: string[] | ArrayLike<number>; shape: Shape } | undefined {
    const object = find(path)
    if (object === undefined) return undefined
    for (const { type, at, size } of header(object)) {
      if (type !== messages.attribute) continue
      const version = view.getUint8(at)
      const [named, typed, spaced] = [u16(at + 2), u16(at + 4), u16(at + 6)]
      const round = version === 1 ? padded : (n: number) => n
      const begin = at + (version === 3 ? 9 : 8)
      if (text(begin, named) !== name) continue
      const [kind, space] = [begin + round(named), begin + round(named) + round(typed)]
      const from = space + round(spaced)
      const shape = dataspace(space)
      return { value: values(from, at + size - from, datatype(kind), shape), shape }
    }
    return undefined
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
    array(path) {
      const object = find(path)
      if (object === undefined) return undefined
      const [space, type, layout] = [messages.dataspace, messages.datatype, messages.layout].map(wanted =>
        header(object).find(message => message.type === wanted),
      )
      if (!space || !type || !layout) return undefined
      const shape = dataspace(space.at)
      if (view.getUint8(layout.at) !== 3) damaged('an array laid out in another version')
      const way = view.getUint8(layout.at + 1)
      if (way > 1) damaged('an array in chunks')
      const empty = way === 1 && view.getBigUint64(layout.at + 2, true) === nowhere
      if (empty && sizeOf(shape) > 0) damaged('an array that was never written')
      const at = empty ? 0 : way === 0 ? layout.at + 4 : place(layout.at + 2)
      const room = empty ? 0 : way === 0 ? u16(layout.at + 2) : place(layout.at + 10)
      const data = values(at, room, datatype(type.at), shape)
      if (data.length > 0 && typeof data[0] === 'string') damaged('texts instead of numbers')
      return { shape, data: data as ArrayLike<number> }
    },
    has: path => find(path) !== undefined,
    keys(path) {
      const object = find(path)
      return object === undefined ? [] : [...members(object).keys()]
    },
  }
}

const signed = { 1: Int8Array, 2: Int16Array, 4: Int32Array, 8: BigInt64Array }
const unsigned = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }
const floats = { 2: Uint16Array, 4: Float32Array, 8: Float64Array } as unknown as typeof signed
