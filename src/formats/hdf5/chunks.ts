import { inflated } from '../../data/inflate.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { turned } from '../../tensor/turned.ts'
import { chunksOf } from './chunkIndex.ts'
import type { Message } from './objects.ts'
import { damaged, type Source } from './source.ts'
import type { Datatype } from './values.ts'

// Arrays in chunks: pieces of one shape, each packed by itself.

interface Filter {
  readonly id: number
  readonly element: number
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1)

/** How chunks were packed, in the order of packing. */
function filtersOf({ u8, u16, u32 }: Source, message: Message | undefined): Filter[] {
  if (!message) return []
  const [version, count] = [u8(message.at), u8(message.at + 1)]
  if (count > 32) damaged('more filters than there may be')
  let at = message.at + (version === 1 ? 8 : 2)
  return Array.from({ length: count }, () => {
    const id = u16(at)
    const named = version === 1 || id >= 256
    const name = named ? u16(at + 2) : 0
    const values = u16(at + (named ? 6 : 4))
    const from = at + (named ? 8 : 6) + (version === 1 ? Math.ceil(name / 8) * 8 : name)
    at = from + 4 * (values + (version === 1 ? values % 2 : 0))
    return { id, element: values > 0 ? u32(from) : 1 }
  })
}

/** All bytes of an array in chunks, in order; what was never written is zeros. */
export async function unchunked(
  file: Source,
  layout: number,
  filters: Message | undefined,
  type: Datatype,
  shape: Shape,
  most: Shape,
): Promise<Uint8Array> {
  const steps = filtersOf(file, filters)
  const { sides, found } = chunksOf(file, layout, shape, most, steps.length > 0)
  const whole = product(sides) * type.size
  file.room(sizeOf(shape) * type.size)
  const out = new Uint8Array(sizeOf(shape) * type.size)
  const row = sides.length > 0 ? sides[sides.length - 1] : 1
  for (const { origin, at, size, skipped } of found) {
    if (at + size > file.bytes.length) damaged('a chunk behind its end')
    if (origin.some((n, i) => n >= shape[i])) continue
    let content: Uint8Array = file.bytes.subarray(at, at + size)
    file.room(whole)
    for (const [i, filter] of [...steps.entries()].reverse())
      if (!((skipped >> i) & 1)) content = await unpacked(content, filter, whole + 4 * steps.length)
    if (content.length < whole) damaged('a chunk too short')
    place(content, out, origin, sides, shape, row, type.size)
  }
  return out
}

/** Copies a chunk to where it belongs, row by row; what reaches over the edge is left out. */
function place(
  content: Uint8Array,
  out: Uint8Array,
  origin: readonly number[],
  sides: readonly number[],
  shape: Shape,
  row: number,
  bytes: number,
): void {
  const last = sides.length - 1
  const length = last < 0 ? 1 : Math.min(row, shape[last] - origin[last])
  for (let i = 0; i * row * bytes < product(sides) * bytes; i++) {
    let [rest, to, stride, inside] = [i, last < 0 ? 0 : origin[last], last < 0 ? 1 : shape[last], true]
    for (let axis = last - 1; axis >= 0; axis--) {
      const place = origin[axis] + (rest % sides[axis])
      rest = Math.floor(rest / sides[axis])
      inside &&= place < shape[axis]
      to += place * stride
      stride *= shape[axis]
    }
    if (inside) out.set(content.subarray(i * row * bytes, (i * row + length) * bytes), to * bytes)
  }
}

/** Undoes one filter; `most` is what may come of it. */
async function unpacked(data: Uint8Array, { id, element }: Filter, most: number): Promise<Uint8Array> {
  if (id === 1)
    return (
      (await inflated(data, 'deflate', most).catch(() => damaged('a chunk that cannot be unpacked'))) ??
      damaged('a chunk larger than its array says')
    )
  if (id === 2) return unshuffled(data, element)
  if (id === 3) return data.subarray(0, Math.max(0, data.length - 4)) // a checksum
  return damaged(`an array packed by the filter ${id}`)
}

/** First bytes of all numbers came first, then their second bytes, … */
function unshuffled(data: Uint8Array, element: number): Uint8Array {
  const count = Math.floor(data.length / Math.max(1, element))
  if (element < 2 || count < 2) return data
  return turned(data, [element, count], [1, 0], data.slice())
}
