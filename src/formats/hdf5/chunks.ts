import { inflated } from '../../data/inflate.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { turned } from '../../tensor/turned.ts'
import type { Message } from './objects.ts'
import { damaged, type Source } from './source.ts'
import { oldTree } from './trees.ts'
import type { Datatype } from './values.ts'

// Arrays in chunks: pieces of one shape, each packed by itself.

/** A chunk in the file: its first element's place in the array, and which filters were left out for it. */
interface Chunk {
  readonly origin: readonly number[]
  readonly at: number
  readonly size: number
  readonly skipped: number
}

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

/** Where the chunks of an array are. */
function chunksOf(file: Source, at: number, shape: Shape, packed: boolean): { sides: number[]; found: Chunk[] } {
  const { u8, u32, place, sized } = file
  const version = u8(at)
  const found: Chunk[] = []
  if (version === 3) {
    const rank = u8(at + 2) - 1
    const sides = Array.from({ length: rank }, (_, i) => u32(at + 11 + 4 * i))
    if (rank !== shape.length) damaged('chunks of another shape')
    if (!file.isNowhere(at + 3))
      oldTree(file, place(at + 3), 1, 16 + 8 * rank, (child, key) => {
        const origin = sides.map((_, i) => place(key + 8 + 8 * i, 2 ** 40))
        found.push({ origin, at: child, size: u32(key), skipped: u32(key + 4) })
      })
    return { sides, found }
  }
  const [flags, rank, width] = [u8(at + 2), u8(at + 3) - 1, u8(at + 4)]
  if (rank !== shape.length || width > 8) damaged('chunks of another shape')
  const sides = Array.from({ length: rank }, (_, i) => sized(at + 5 + width * i, width))
  const after = at + 5 + width * (rank + 1)
  const whole = product(sides) * sized(at + 5 + width * rank, width)
  const grid = shape.map((n, i) => Math.ceil(n / Math.max(1, sides[i])))
  const origin = (index: number) =>
    grid.map((_, i) => (Math.floor(index / product(grid.slice(i + 1))) % grid[i]) * sides[i])
  const kind = u8(after)
  if (kind === 1) {
    const own = flags & 2 ? 12 : 0
    if (!file.isNowhere(after + 1 + own))
      found.push({
        origin: sides.map(() => 0),
        at: place(after + 1 + own),
        size: own ? place(after + 1) : whole,
        skipped: own ? u32(after + 9) : 0,
      })
  } else if (kind === 2) {
    for (let i = 0; i < product(grid); i++) {
      file.spend()
      found.push({ origin: origin(i), at: place(after + 1) + i * whole, size: whole, skipped: 0 })
    }
  } else if (kind === 3) {
    if (file.isNowhere(after + 2)) return { sides, found }
    const head = place(after + 2)
    file.signature(head, 'FAHD')
    const [entry, count] = [u8(head + 6), place(head + 8, 2 ** 40)]
    if (file.isNowhere(head + 16)) return { sides, found }
    const block = place(head + 16)
    file.signature(block, 'FADB')
    // Many lie in pages, of which bits before them say whether they were written; each ends in a checksum.
    const page = 2 ** u8(head + 7)
    const bitmap = count > page ? Math.ceil(Math.ceil(count / page) / 8) : 0
    const begin = block + 14 + (bitmap && bitmap + 4)
    for (let i = 0; i < Math.min(count, product(grid)); i++) {
      file.spend()
      const at = Math.floor(i / page)
      if (bitmap && !(u8(block + 14 + (at >> 3)) & (128 >> (at & 7)))) continue
      const from = begin + entry * i + (bitmap && 4 * at)
      if (file.isNowhere(from)) continue
      const size = packed ? sized(from + 8, Math.min(8, entry - 12)) : whole
      found.push({ origin: origin(i), at: place(from), size, skipped: packed ? u32(from + entry - 4) : 0 })
    }
  } else damaged(`chunks found in the way ${kind}`)
  return { sides, found }
}

/** All bytes of an array in chunks, in order; what was never written is zeros. */
export async function unchunked(
  file: Source,
  layout: number,
  filters: Message | undefined,
  type: Datatype,
  shape: Shape,
): Promise<Uint8Array> {
  const steps = filtersOf(file, filters)
  const { sides, found } = chunksOf(file, layout, shape, steps.length > 0)
  const whole = product(sides) * type.size
  if (sides.some(side => side === 0)) damaged('chunks without end')
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
