import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { damaged, type Source } from './source.ts'
import { newTree, oldTree } from './trees.ts'

// Where the chunks of an array are, which HDF5 says in six ways: some find much faster, some let arrays grow further.

/** A chunk in the file: its first element's place in the array, and which filters were left out for it. */
interface Chunk {
  readonly origin: readonly number[]
  readonly at: number
  readonly size: number
  readonly skipped: number
}

/**
 * The chunks of an array, and the shape of one.
 * @param most what its shape may become, Infinity along an axis without end
 * @param packed whether chunks went through filters
 */
export function chunksOf(
  file: Source,
  layout: number,
  shape: Shape,
  most: Shape,
  packed: boolean,
): { sides: readonly number[]; found: readonly Chunk[] } {
  const { u8, u16, u32, place, sized } = file
  const isOld = u8(layout) === 3
  const [rank, width, first] = isOld
    ? [u8(layout + 2) - 1, 4, layout + 11]
    : [u8(layout + 3) - 1, u8(layout + 4), layout + 5]
  if (rank !== shape.length || width > 8) damaged('chunks of another shape')
  const sides = Array.from({ length: rank }, (_, i) => sized(first + width * i, width))
  if (sides.includes(0)) damaged('chunks without end')
  const kind = first + width * (rank + 1)
  const whole = sizeOf(sides) * sized(kind - width, width)
  const alone = u8(layout + 2) & 2 ? 12 : 0
  const before = [undefined, alone, 0, 1, 5, 6][u8(kind)]
  if (!isOld && before === undefined) damaged(`chunks found in the way ${u8(kind)}`)
  const pointer = isOld ? layout + 3 : kind + 1 + before!
  const found: Chunk[] = []
  if (file.isNowhere(pointer)) return { sides, found }
  const head = place(pointer)

  /** Takes what stands in a list: the address and, of a packed chunk, its size in so many bytes and the filters left out. */
  function take(origin: readonly number[], from: number, bytes: number) {
    if (file.isNowhere(from)) return
    const [size, skipped] = packed ? [sized(from + 8, Math.min(8, bytes)), u32(from + 8 + bytes)] : [whole, 0]
    found.push({ origin, at: place(from), size, skipped })
  }
  function takeNumbered(entry: Entry) {
    for (const { origin, index } of numbered(file, shape, most, sides)) {
      const from = entry(index)
      if (from !== undefined) take(origin, from, u8(head + 6) - 12)
    }
  }
  if (isOld)
    oldTree(file, head, 1, 16 + 8 * rank, (child, key) => {
      const origin = sides.map((_, i) => place(key + 8 + 8 * i, 2 ** 40))
      found.push({ origin, at: child, size: u32(key), skipped: u32(key + 4) })
    })
  else if (u8(kind) === 1) {
    const [size, skipped] = alone ? [place(kind + 1), u32(kind + 9)] : [whole, 0]
    found.push({ origin: sides.map(() => 0), at: head, size, skipped })
  } else if (u8(kind) === 2)
    for (const { origin, index } of numbered(file, shape, most, sides))
      found.push({ origin, at: head + index * whole, size: whole, skipped: 0 })
  else if (u8(kind) === 3) takeNumbered(fixedArray(file, head))
  else if (u8(kind) === 4) takeNumbered(extensibleArray(file, head))
  else {
    const scaled = u16(head + 10) - 8 * rank
    for (const from of newTree(file, head)) {
      const origin = sides.map((side, i) => side * place(from + scaled + 8 * i, 2 ** 40))
      take(origin, from, scaled - 12)
    }
  }
  return { sides, found }
}

/** The chunks of a shape by their numbers: counted by what it may become, along an axis without end last. */
function* numbered(file: Source, shape: Shape, most: Shape, sides: readonly number[]) {
  const axes = [...shape.keys()].sort((a, b) => Number(most[b] === Infinity) - Number(most[a] === Infinity))
  const strides = sides.map(() => 1)
  for (let i = axes.length - 1; i > 0; i--)
    strides[axes[i - 1]] = strides[axes[i]] * Math.ceil(most[axes[i]] / sides[axes[i]])
  const grid = shape.map((n, axis) => Math.ceil(n / sides[axis]))
  for (let i = 0; i < sizeOf(grid); i++) {
    file.spend()
    let [rest, index] = [i, 0]
    const origin = sides.map(() => 0)
    for (let axis = grid.length - 1; axis >= 0; axis--) {
      const at = rest % grid[axis]
      rest = (rest - at) / grid[axis]
      origin[axis] = at * sides[axis]
      index += at * strides[axis]
    }
    yield { origin, index }
  }
}

/** Where a list says where the chunk of a number is; nothing where none was written. */
type Entry = (index: number) => number | undefined

/** Whether a bit is set, counted from the highest of the first byte. */
const isSet = ({ u8 }: Source, bits: number, i: number) => (u8(bits + (i >> 3)) & (128 >> (i & 7))) > 0

/** A list of as many chunks as there may be. Many lie in pages, of which bits say which were written; each ends in a checksum. */
function fixedArray(file: Source, head: number): Entry {
  const { u8, place, isNowhere } = file
  file.signature(head, 'FAHD')
  const [entry, page, count] = [u8(head + 6), 2 ** u8(head + 7), place(head + 8, 2 ** 40)]
  if (isNowhere(head + 16)) return () => undefined
  const block = place(head + 16)
  file.signature(block, 'FADB')
  const bits = block + 14
  const bitmap = count > page ? Math.ceil(Math.ceil(count / page) / 8) + 4 : 0
  return index => {
    const at = Math.floor(index / page)
    if (index >= count || (bitmap > 0 && !isSet(file, bits, at))) return undefined
    return bits + bitmap + entry * index + (bitmap && 4 * at)
  }
}

/**
 * A list that grows: a first block of some chunks and of the addresses of blocks of more and more, from some on by way of
 * blocks of addresses. Group u has 2^⌊u/2⌋ blocks of 2^⌈u/2⌉ times the least number of chunks; large blocks lie in pages.
 */
function extensibleArray(file: Source, head: number): Entry {
  const { u8, place, isNowhere } = file
  file.signature(head, 'EAHD')
  const [entry, width, direct, least, pointers] = [6, 7, 8, 9, 10].map(i => u8(head + i))
  const page = 2 ** u8(head + 11)
  if (isNowhere(head + 60) || least === 0 || pointers === 0) return () => undefined
  const block = place(head + 60)
  file.signature(block, 'EAIB')
  const begin = 14 + Math.ceil(width / 8) // of a block that says which part it is
  const near = block + 14 + direct * entry
  const far = near + 16 * (pointers - 1)
  const firstFar = 2 * Math.log2(pointers)
  return index => {
    if (index < direct) return block + 14 + entry * index
    const u = Math.floor(Math.log2((index - direct) / least + 1))
    const within = index - direct - (2 ** u - 1) * least
    const [blocks, size] = [2 ** Math.floor(u / 2), 2 ** Math.ceil(u / 2) * least]
    const [own, at] = [Math.floor(within / size), within % size]
    const pages = size > page ? size / page : 0
    let pointer = near + 8 * (2 ** Math.floor(u / 2) + 2 ** Math.ceil(u / 2) - 2 + own)
    if (u >= firstFar) {
      const group = far + 8 * (u - firstFar)
      if (isNowhere(group)) return undefined
      const bits = place(group) + begin
      file.signature(place(group), 'EASB')
      if (pages > 0 && !isSet(file, bits, own * pages + Math.floor(at / page))) return undefined
      pointer = bits + blocks * Math.ceil(pages / 8) + 8 * own
    }
    if (isNowhere(pointer)) return undefined
    file.signature(place(pointer), 'EADB')
    const from = place(pointer) + begin + entry * at
    return pages > 0 ? from + 4 * (1 + Math.floor(at / page)) : from
  }
}
