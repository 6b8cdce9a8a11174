import type { NumberArray } from './dataset.ts'

const holders = [Uint8Array, Float32Array, Float64Array] as const
const holds = [(value: number) => (value & 255) === value, (value: number) => Object.is(Math.fround(value), value)]

/** A list of numbers in the smallest of bytes, 32-bit and 64-bit floats that holds each of them exactly. */
export function growing() {
  let kind = 0
  let data: Uint8Array | Float32Array | Float64Array = new Uint8Array(4096)
  let length = 0

  function move(next: number, size: number) {
    const larger = new holders[next](size > data.length ? Math.max(size, 2 * data.length) : data.length)
    larger.set(data.subarray(0, length))
    data = larger
    kind = next
  }

  return {
    size: () => length,
    push(values: Float64Array) {
      if (length + values.length > data.length) move(kind, length + values.length)
      for (let i = 0; i < values.length; i++) {
        while (kind < 2 && !holds[kind](values[i])) move(kind + 1, data.length)
        data[length++] = values[i]
      }
    },
    /** The numbers so far. */
    take: (): NumberArray => (data.length === length ? data : data.slice(0, length)),
  }
}
