// The files that TensorBoard reads: records of TFRecord, each holding an Event of protocol buffers.

/** CRC-32C (Castagnoli) of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

/** TFRecord stores a checksum turned round and shifted, so that one of data that holds checksums stays useful. */
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** A record: its length, the checksum of that, the data, the checksum of it. */
export function frame(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16)
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(out.subarray(0, 8)), true)
  out.set(data, 12)
  view.setUint32(12 + data.length, masked(data), true)
  return out
}

// Protocol buffers: a field is its number and kind, then a number of fixed size, a varint, or a length and bytes.

function varint(value: number | bigint): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  return [...out, Number(rest)]
}

const double = (field: number, value: number) => [
  ...varint((field << 3) | 1),
  ...new Uint8Array(new Float64Array([value]).buffer),
]
const float = (field: number, value: number) => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(new Float32Array([value]).buffer),
]
const whole = (field: number, value: number) => [...varint(field << 3), ...varint(value)]
const nested = (field: number, bytes: readonly number[]) => [
  ...varint((field << 3) | 2),
  ...varint(bytes.length),
  ...bytes,
]
const text = (field: number, value: string) => nested(field, [...new TextEncoder().encode(value)])

/** The first event of a file. */
export const fileVersion = (seconds: number): Uint8Array =>
  Uint8Array.from([...double(1, seconds), ...text(3, 'brain.Event:2')])

/** Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, metadata = 9 { plugin_data = 1, data_class = 4 }, tensor = 8 } } } */
export function scalars(seconds: number, step: number, numbers: Readonly<Record<string, number>>): Uint8Array {
  const metadata = nested(9, [...nested(1, text(1, 'scalars')), ...whole(4, 1)])
  const values = Object.entries(numbers).map(([tag, value]) => {
    const tensor = [...whole(1, 1), ...nested(2, []), ...float(5, value)] // DT_FLOAT, no axes, one value
    return nested(1, [...text(1, tag), ...nested(8, tensor), ...metadata])
  })
  return Uint8Array.from([...double(1, seconds), ...whole(2, step), ...nested(5, values.flat())])
}
