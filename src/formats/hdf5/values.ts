import { bfloats, halves } from '../../tensor/half.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { narrowed, swapped } from '../../tensor/wide.ts'
import { damaged, type Source } from './source.ts'

export interface Datatype {
  readonly kind: 'integer' | 'float' | 'text' | 'texts' | 'other'
  /** Bytes of a value. */
  readonly size: number
  readonly signed: boolean
  readonly little: boolean
  /** How many bits the exponent of a float takes. */
  readonly exponent: number
}

/** The type that a message says. */
export function datatype({ u8, u16, u32 }: Source, at: number): Datatype {
  const [kind, bits, size] = [u8(at) & 15, u8(at + 1), u32(at + 4)]
  const names = ['integer', 'float', 'other', 'text'] as const
  const vlen = kind === 9 && (bits & 15) === 1 && size === 16
  // An enumeration is whole numbers of the type that stands behind it; so are the truth values of NumPy.
  const inner = kind === 8 ? at + 8 : at
  const exact = kind === 0 || (kind === 8 && (u8(inner) & 15) === 0)
  return {
    kind: vlen ? 'texts' : exact ? 'integer' : (names[kind] ?? 'other'),
    size,
    signed: (u8(inner + 1) & 8) !== 0,
    little: (u8(inner + 1) & 1) === 0,
    exponent: kind === 1 ? u16(at + 12) >> 8 : 8,
  }
}

/** The shape that a message says. */
export function dataspace({ u8, place }: Source, at: number): Shape {
  const version = u8(at)
  if (version !== 1 && version !== 2) damaged('a dataspace of another version')
  const from = at + (version === 1 ? 8 : 4)
  if (u8(at + 1) > 32) damaged('more axes than there may be')
  const shape = Array.from({ length: u8(at + 1) }, (_, i) => place(from + 8 * i, 2 ** 40))
  return sizeOf(shape) <= 2 ** 40 ? shape : damaged('a shape too large')
}

/** What that shape may become, Infinity along an axis without end. */
export function largest(file: Source, at: number): Shape {
  const shape = dataspace(file, at)
  const from = at + (file.u8(at) === 1 ? 8 : 4) + 8 * shape.length
  if (!(file.u8(at + 2) & 1)) return shape
  return shape.map((_, i) => (file.isNowhere(from + 8 * i) ? Infinity : file.place(from + 8 * i, Infinity)))
}

/** A text of varying length lies in a heap of its own. */
function farText(file: Source, at: number): string {
  const [length, address, wanted] = [file.u32(at), file.place(at + 4), file.u32(at + 12)]
  if (length === 0) return ''
  const { at: from, size } = textHeap(file, address).get(wanted) ?? damaged('a text that is not there')
  if (length > size) return damaged('a text longer than its room')
  file.room(length)
  return file.text(from, length)
}

/** The objects of a heap of texts, looked through once: a long list has all of its texts in few of them. */
function textHeap({ heaps, u16, place, signature, spend }: Source, address: number) {
  const known = heaps.get(address)
  if (known) return known
  const found: ReturnType<typeof heaps.get> = new Map()
  heaps.set(address, found)
  signature(address, 'GCOL')
  const end = address + place(address + 8)
  for (let object = address + 16; object + 16 <= end; ) {
    spend()
    const [index, size] = [u16(object), place(object + 8)]
    if (index === 0) break
    if (!found.has(index)) found.set(index, { at: object + 16, size })
    object += 16 + Math.ceil(size / 8) * 8
  }
  return found
}

/** The texts or numbers of a piece of the file. */
export function values(file: Source, at: number, room: number, type: Datatype, shape: Shape): ArrayLike<unknown> {
  const count = sizeOf(shape)
  if (count * type.size > room || at + count * type.size > file.bytes.length) damaged('values behind its end')
  file.room(count * type.size)
  if (type.kind === 'texts' || type.kind === 'text') {
    const one = type.kind === 'texts' ? farText : (from: Source, at: number) => from.text(at, type.size)
    return Array.from({ length: count }, (_, i) => {
      file.spend()
      return one(file, at + type.size * i)
    })
  }
  return numbers(file.bytes.slice(at, at + count * type.size), type)
}

/** The numbers that bytes of their own stand for. */
export function numbers(own: Uint8Array, { kind, size, signed, little, exponent }: Datatype): ArrayLike<number> {
  if (kind !== 'integer' && kind !== 'float') return damaged('values that are no numbers')
  const Holder = { integer: signed ? whole : unsigned, float: floats }[kind][size as 8]
  if (!Holder) return damaged(`numbers of ${size} bytes`)
  if (!little) swapped(own, size)
  const held = new Holder(own.buffer as ArrayBuffer)
  if (kind === 'float' && size === 2) return (exponent === 8 ? bfloats : halves)(held as unknown as Uint16Array)
  return held instanceof BigInt64Array || held instanceof BigUint64Array
    ? narrowed(held)
    : (held as unknown as ArrayLike<number>)
}

const whole = { 1: Int8Array, 2: Int16Array, 4: Int32Array, 8: BigInt64Array }
const unsigned = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }
const floats = { 2: Uint16Array, 4: Float32Array, 8: Float64Array } as unknown as typeof whole
