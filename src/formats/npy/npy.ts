import { DataError, nothingElse } from '../../errors.ts'
import { halves } from '../../tensor/half.ts'
import type { TensorData } from '../../tensor/safetensors.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { turned } from '../../tensor/turned.ts'
import { narrowed, swapped, widened } from '../../tensor/wide.ts'

/** NumPy's letter and size of each kind of number, and what holds it here. */
const kinds = {
  float64: ['f8', Float64Array],
  float32: ['f4', Float32Array],
  float16: ['f2', Uint16Array],
  int64: ['i8', BigInt64Array],
  int32: ['i4', Int32Array],
  int16: ['i2', Int16Array],
  int8: ['i1', Int8Array],
  uint64: ['u8', BigUint64Array],
  uint32: ['u4', Uint32Array],
  uint16: ['u2', Uint16Array],
  uint8: ['u1', Uint8Array],
  bool: ['b1', Uint8Array],
} as const

export type NpyDtype = keyof typeof kinds
export type NpyData = TensorData

/** An array of a NumPy file. */
export interface NpyArray {
  readonly shape: Shape
  readonly dtype: NpyDtype
  /** In C order: the last axis runs fastest. */
  readonly data: NpyData
}

export interface NpyOptions {
  /**
   * What 64-bit integers become: 'number' (default) for a Float64Array, which NumPy's usual labels and counts fit; 'bigint' for all
   * of them.
   */
  int64?: 'number' | 'bigint'
  /** What the file is called in errors. */
  name?: string
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY
const longestHeader = 2 ** 16
const exact = { int64: true, uint64: true } as Readonly<Record<string, boolean>>

/**
 * The array of a .npy file of version 1, 2 or 3.
 * @param isOwn whether nobody else has the bytes, so that numbers may stay where they lie in them
 */
export function parseNpy(
  file: Uint8Array,
  { int64 = 'number', name = 'the data', ...others }: NpyOptions = {},
  isOwn = false,
): NpyArray {
  nothingElse('readNpy', others, { int64, name })
  const fail = (what: string) =>
    new DataError('bad-npy', `${name} is no sound npy file: it has ${what}`, {
      hint: 'the file is damaged or not complete; save or download it again',
    })
  if (magic.some((byte, i) => file[i] !== byte)) throw fail('another beginning')
  const version = file[6]
  const start = version === 1 ? 10 : 12
  if (version < 1 || version > 3 || file.length < start) throw fail(`the version ${version}`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > longestHeader || start + length > file.length) throw fail(`a header of ${length} bytes`)
  const header = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(file.subarray(start, start + length))
  const { descr, fortran_order, shape: text } = dictionary(header) ?? {}
  const shape = text && /^\((\d+(,\d+)*,?)?\)$/.test(text) ? (text.match(/\d+/g)?.map(Number) ?? []) : undefined
  if (!descr || !shape || (fortran_order !== 'True' && fortran_order !== 'False'))
    throw fail('a header that says too little')
  const [, end, letters] = /^'([<>|=]?)(\w+)'$/.exec(descr) ?? []
  const dtype = (Object.keys(kinds) as NpyDtype[]).find(key => kinds[key][0] === letters)
  if (!dtype)
    throw new DataError('unsupported-dtype', `${name} holds ${descr.slice(0, 40)}, expected numbers`, {
      evidence: [
        [
          'known',
          Object.values(kinds)
            .map(([known]) => known)
            .join(', '),
        ],
      ],
      hint: "convert it in Python: array.astype('float32')",
    })
  const holder = kinds[dtype][1]
  const bytes = sizeOf(shape) * holder.BYTES_PER_ELEMENT
  if (shape.length > 32 || !Number.isSafeInteger(bytes) || bytes !== file.length - start - length)
    throw fail(
      `${file.length - start - length} bytes of numbers, expected ${bytes} for [${shape.join(', ').slice(0, 60)}]`,
    )
  const begin = start + length
  // Numbers must lie at multiples of their size; NumPy puts them there.
  const stays = isOwn && (file.byteOffset + begin) % holder.BYTES_PER_ELEMENT === 0
  const own = (stays ? file.subarray(begin) : file.slice(begin)) as Uint8Array<ArrayBuffer>
  if (end === '>') swapped(own, holder.BYTES_PER_ELEMENT)
  let data: NpyData = new holder(own.buffer, own.byteOffset, sizeOf(shape))
  if (dtype === 'float16') data = halves(data as Uint16Array)
  if (dtype === 'bool') data = (data as Uint8Array).map(value => Number(value !== 0))
  if (exact[dtype] && int64 === 'number') data = numbers(data as BigInt64Array, name)
  return { shape, dtype, data: fortran_order === 'True' ? rowMajor(data, shape) : data }
}

/** The parts of a Python dictionary of plain values, without spaces, or nothing where it is something else. */
function dictionary(text: string): Readonly<Record<string, string>> | undefined {
  const [, inside] = /^\s*\{(.*)\}\s*$/s.exec(text) ?? []
  if (inside === undefined) return undefined
  const parts: Record<string, string> = Object.create(null)
  const pair = /\s*(['"])(\w+)\1\s*:\s*('[^']*'|"[^"]*"|True|False|\([^()]*\)|\[[^\]]*\])\s*(,|$)\s*/y
  while (pair.lastIndex < inside.trimEnd().length) {
    const [found, , key, value] = pair.exec(inside) ?? []
    if (!found || key in parts) return undefined
    parts[key] = value.replace(/\s|L(?=[,)])/g, '').replaceAll('"', "'")
  }
  return parts
}

function numbers(data: BigInt64Array | BigUint64Array, name: string): Float64Array {
  const found = narrowed(data)
  for (let i = 0; i < found.length; i++)
    if (Math.abs(found[i]) > Number.MAX_SAFE_INTEGER)
      throw new DataError('large-integer', `${name} holds ${data[i]}, which no number is exactly`, {
        hint: "read it with { int64: 'bigint' }",
      })
  return found
}

/** From Fortran order, in which the first axis runs fastest. */
const rowMajor = (data: NpyData, shape: Shape): NpyData =>
  turned(data, shape.toReversed(), [...shape.keys()].reverse(), data.slice())

/** What can be written: an array of the library, of a NumPy file, or a shape with numbers. */
export interface NpyInput {
  readonly shape: Shape
  readonly data: NpyData
  /** Left out, it follows from the data. */
  readonly dtype?: NpyDtype
}

/**
 * An array as the bytes of a .npy file, little-endian and in C order.
 * @throws DataError `bad-npy` when the shape is not that of the data; `unsupported-dtype`
 * @example
 * await writeFile('weights.npy', writeNpy(tensor([[1, 2], [3, 4]])))
 */
export function writeNpy({ shape, data, dtype: wanted }: NpyInput): Uint8Array {
  const own = (Object.keys(kinds) as NpyDtype[]).find(key => key !== 'float16' && data instanceof kinds[key][1])
  const dtype = wanted === 'float16' ? own : (wanted ?? own)
  if (!dtype || !Object.hasOwn(kinds, dtype))
    throw new DataError('unsupported-dtype', `writeNpy got ${String(wanted ?? typeof data).slice(0, 40)}`, {
      hint: 'give the numbers as a typed array',
    })
  if (sizeOf(shape) !== data.length)
    throw new DataError('bad-npy', `writeNpy got ${data.length} numbers for the shape [${shape.join(', ')}]`, {
      hint: 'the shape must multiply to the number of elements',
    })
  const [letters, holder] = kinds[dtype]
  const stored = data instanceof holder ? data : convert(data, dtype)
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const order = letters.endsWith('1') ? '|' : '<'
  const text = `{'descr': '${order}${letters}', 'fortran_order': False, 'shape': (${sizes}), }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10 // numbers begin at a multiple of 64
  const file = new Uint8Array(10 + length + stored.byteLength)
  file.set(magic)
  file[6] = 1
  new DataView(file.buffer).setUint16(8, length, true)
  file.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10)
  file.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), 10 + length)
  return file
}

function convert(data: NpyData, dtype: NpyDtype): NpyData {
  const holder = kinds[dtype][1]
  if (dtype === 'bool') return Uint8Array.from(data as ArrayLike<number>, value => (value ? 1 : 0))
  if (!exact[dtype]) return (holder as typeof Float64Array).from(data as never, (value: unknown) => Number(value))
  const Wide = holder as typeof BigInt64Array
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
  return isWide ? new Wide(data) : widened(data, new Wide(data.length))
}
