import { DataError } from '../errors.ts'
import { bfloats, halves } from './half.ts'
import { type Shape, sizeOf } from './shape.ts'

const types = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
  F16: Uint16Array,
  BF16: Uint16Array,
} as const

export type TensorType = keyof typeof types
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

/** A named array of a safetensors file. */
export interface Tensor {
  readonly name: string
  readonly shape: Shape
  readonly data: TensorData
}

/** Longest header the format allows. */
const headerLimit = 100_000_000

/**
 * Arrays and notes as one safetensors file: 8 bytes with the length of a JSON header, the header, the numbers.
 * @throws DataError when two arrays have one name or a shape does not fit its data
 */
export function writeSafetensors(
  tensors: readonly Tensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  let end = 0
  const entries = tensors.map(({ name, shape, data }) => {
    if (sizeOf(shape) !== data.length)
      throw new DataError(
        'bad-safetensors',
        `array ${name} has ${data.length} numbers, expected [${shape.join(', ')}]`,
        {
          hint: 'the shape must multiply to the number of elements',
        },
      )
    const data_offsets = [end, (end += data.byteLength)]
    return [name, { dtype: typeOf(data), shape, data_offsets }] as const
  })
  if (new Set([...tensors.map(t => t.name), '__metadata__']).size !== tensors.length + 1)
    throw new DataError('bad-safetensors', 'two arrays have the same name', { hint: 'names must be unique' })
  const notes = Object.keys(metadata).length > 0 ? [['__metadata__', metadata] as const] : []
  const text = JSON.stringify(Object.fromEntries([...notes, ...entries]))
  const encoded = new TextEncoder().encode(text)
  const length = Math.ceil(encoded.length / 8) * 8
  const file = new Uint8Array(8 + length + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true)
  file.fill(0x20, 8, 8 + length)
  file.set(encoded, 8)
  tensors.forEach(({ data }, i) => {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + length + entries[i][1].data_offsets[0])
  })
  return file
}

const typeOf = (data: TensorData): TensorType =>
  (Object.keys(types) as TensorType[]).find(type => data instanceof types[type])!

/**
 * Reads a safetensors file, checking everything that it says of itself.
 * @throws DataError when the header is too long, no JSON object, names something twice, or when arrays do not fill the
 * rest of the file without gap or overlap
 */
export function readSafetensors(file: Uint8Array): { tensors: Tensor[]; metadata: Record<string, string> } {
  if (file.length < 8) throw fail(`a file of ${file.length} bytes, too short for a header`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > headerLimit || 8 + length > file.length)
    throw fail(`a header of ${length} bytes in a file of ${file.length}`)
  const header = parseHeader(file.subarray(8, 8 + length))
  const room = file.length - 8 - length
  const metadata: Record<string, string> = Object.create(null)
  const found: { name: string; dtype: TensorType; shape: number[]; begin: number; end: number }[] = []
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) throw fail(`no description of ${quote(name)}`)
    if (name === '__metadata__') {
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string') throw fail(`metadata ${quote(key)} that is no text`)
        metadata[key] = value
      }
      continue
    }
    const { dtype, shape, data_offsets: offsets } = entry
    if (typeof dtype !== 'string' || !Object.hasOwn(types, dtype)) throw fail(`${quote(name)} of type ${quote(dtype)}`)
    if (!isCounts(shape) || shape.length > 32 || !Number.isSafeInteger(sizeOf(shape)))
      throw fail(`${quote(name)} without a shape`)
    if (!isCounts(offsets) || offsets.length !== 2) throw fail(`${quote(name)} without data_offsets`)
    const [begin, end] = offsets
    const size = sizeOf(shape) * types[dtype as TensorType].BYTES_PER_ELEMENT
    if (end > room || end - begin !== size)
      throw fail(`${quote(name)} from byte ${begin} to ${end} instead of ${size} bytes`)
    found.push({ name, dtype: dtype as TensorType, shape, begin, end })
  }
  let at = 0
  for (const { name, begin, end } of [...found].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw fail(`${begin < at ? 'an overlap' : 'a gap'} before ${quote(name)}`)
    at = end
  }
  if (at !== room) throw fail(`${room - at} bytes behind the last array`)
  const tensors = found.map(({ name, dtype, shape, begin, end }): Tensor => {
    // A copy: Node's Buffer would give a view of its pool, and numbers must lie at multiples of their size.
    const bytes = new Uint8Array(file.subarray(8 + length + begin, 8 + length + end))
    return { name, shape, data: numbersOf(dtype, bytes.buffer) }
  })
  return { tensors, metadata }
}

/** 16-bit floats, which JavaScript has no array for, become 32-bit ones: exactly. */
function numbersOf(dtype: TensorType, buffer: ArrayBuffer): TensorData {
  if (dtype === 'F16') return halves(new Uint16Array(buffer))
  return dtype === 'BF16' ? bfloats(new Uint16Array(buffer)) : new types[dtype](buffer)
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    header = JSON.parse(text)
  } catch {
    throw fail('a header that is no JSON')
  }
  if (!isRecord(header) || text[0] !== '{') throw fail('a header that is no JSON object')
  const twice = duplicateKey(text)
  if (twice !== undefined) throw fail(`${quote(twice)} twice`)
  return header
}

/** A key that some object of a valid JSON text has twice: JSON.parse would silently take the last. */
export function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(new Set())
    else if (text[at] === '}') open.pop()
    else if (text[at] === '"') {
      const start = at++
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
      let next = at + 1
      while (' \n\r\t'.includes(text[next])) next++
      if (text[next] !== ':') continue
      const key = JSON.parse(text.slice(start, at + 1)) as string
      const keys = open[open.length - 1]
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every(n => Number.isSafeInteger(n) && n >= 0)
const quote = (value: unknown) =>
  (JSON.stringify(typeof value === 'string' ? value.slice(0, 40) : value) ?? 'nothing').slice(0, 40)
const fail = (what: string) =>
  new DataError('bad-safetensors', `not a sound safetensors file: it has ${what}`, {
    hint: 'the file is damaged or not complete; save or download it again',
  })
