import { DataError, nothingElse } from '../errors.ts'

/** An array read from an idx file. */
export interface IdxArray {
  readonly shape: readonly number[]
  readonly data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array
}

// type code: bytes a value, maker of the array, reader of one big-endian value
const kinds = {
  8: { bytes: 1, make: (n: number) => new Uint8Array(n), get: 'getUint8' },
  9: { bytes: 1, make: (n: number) => new Int8Array(n), get: 'getInt8' },
  11: { bytes: 2, make: (n: number) => new Int16Array(n), get: 'getInt16' },
  12: { bytes: 4, make: (n: number) => new Int32Array(n), get: 'getInt32' },
  13: { bytes: 4, make: (n: number) => new Float32Array(n), get: 'getFloat32' },
  14: { bytes: 8, make: (n: number) => new Float64Array(n), get: 'getFloat64' },
} as const

/**
 * Reads an idx file, the format of MNIST: two zero bytes, a type, the number of axes, the shape, the values, big-endian.
 * Bytes are not copied: the result of a byte file looks into `bytes`.
 * @throws DataError `idx-magic`, `idx-type`, `idx-truncated`, `idx-trailing`, `idx-too-large`
 * @example
 * const { shape, data } = readIdx(bytes)   // shape [60000, 28, 28]
 */
export function readIdx(bytes: Uint8Array, { name = 'the idx data', ...others }: { name?: string } = {}): IdxArray {
  nothingElse('readIdx', others, { name })
  const cut = (has: string) =>
    new DataError('idx-truncated', `${name} ends early: ${has}`, { hint: 'the file is cut short; fetch it again' })
  if (bytes.length < 4) throw cut(`${bytes.length} bytes, no whole head`)
  if (bytes[0] !== 0 || bytes[1] !== 0)
    throw new DataError('idx-magic', `${name} is no idx file: it starts with ${hex(bytes.subarray(0, 4))}, not 00 00`, {
      hint:
        bytes[0] === 0x1f
          ? 'this is gzip; unpack it with gunzip() first'
          : 'give an idx file such as train-images-idx3-ubyte',
    })
  const [, , code, rank] = bytes
  if (!Object.hasOwn(kinds, code))
    throw new DataError('idx-type', `${name} has the unknown value type 0x${hex([code])}`, {
      hint: 'idx knows 08 uint8, 09 int8, 0b int16, 0c int32, 0d float32, 0e float64',
    })
  const kind = kinds[code as keyof typeof kinds]
  const start = 4 + 4 * rank
  if (bytes.length < start) throw cut(`${bytes.length} bytes, but ${rank} axes need ${start}`)

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const size = shape.reduce((product, extent) => product * extent, 1)
  if (!(size * kind.bytes <= 2 ** 32))
    throw new DataError(
      'idx-too-large',
      `${name} claims ${shape.slice(0, 4).join(' × ')}${rank > 4 ? ' …' : ''} values, more than 4 GiB`,
      {
        hint: 'the head is damaged; fetch the file again',
      },
    )
  const expected = start + size * kind.bytes
  const evidence = [
    ['shape', `[${shape.slice(0, 8).join(', ')}]`],
    ['bytes', `${bytes.length}, expected ${expected}`],
  ] as const
  if (bytes.length < expected) throw cut(`${bytes.length} bytes of ${expected}`)
  if (bytes.length > expected)
    throw new DataError('idx-trailing', `${name} goes on after its last value: ${bytes.length - expected} bytes more`, {
      evidence,
      hint: 'the head and the values do not belong together; fetch the file again',
    })
  if (code === 8) return { shape, data: bytes.subarray(start) }
  const data = kind.make(size)
  for (let i = 0; i < size; i++) data[i] = view[kind.get](start + i * kind.bytes)
  return { shape, data }
}

const hex = (bytes: ArrayLike<number>) => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ')
