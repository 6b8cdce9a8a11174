import { damaged, type Source } from './source.ts'
import { newTree } from './trees.ts'

/** A piece of the file. */
export interface Piece {
  readonly at: number
  readonly size: number
}

/**
 * What a fractal heap holds, by the tree that names it; the record of a piece begins with `skip` bytes of something else.
 * Its blocks get larger row by row: two rows of the first size, then each twice as large as the one before.
 */
export function heapOf(file: Source, heap: number, tree: number, skip: number): Piece[] {
  const { u8, u16, place, sized } = file
  file.signature(heap, 'FRHP')
  if (u16(heap + 7) !== 0) damaged('a heap that is packed')
  const [width, first, mostDirect] = [u16(heap + 110), place(heap + 112), place(heap + 120, 2 ** 32)]
  const offsetSize = Math.ceil(u16(heap + 128) / 8)
  const lengthSize = Math.floor(Math.log2(Math.max(1, Math.min(mostDirect, file.u32(heap + 10)))) / 8) + 1
  const rows = u16(heap + 140)
  if (width === 0 || first === 0 || offsetSize > 8 || rows > 64) damaged('a heap of no sense')

  /** Where an offset within the heap lies in the file. */
  function locate(offset: number, block: number, rows: number, depth = 0): number {
    if (depth > 8) damaged('a heap within itself')
    file.signature(block, 'FHIB')
    for (let [row, start] = [0, 0]; row < rows; row++) {
      const size = first * 2 ** Math.max(0, row - 1)
      if (offset < start + width * size) {
        const column = Math.floor((offset - start) / size)
        const child = place(block + 13 + offsetSize + 8 * (row * width + column))
        const within = offset - start - column * size
        if (size <= mostDirect) return child + within
        return locate(within, child, Math.round(Math.log2(size / first / width)) + 1, depth + 1)
      }
      start += width * size
    }
    return damaged('an offset behind its heap')
  }
  const block = () => place(heap + 132)
  let huge: Map<number, Piece> | undefined
  const hugeOnes = () =>
    (huge ??= new Map(
      newTree(file, place(heap + 22)).map(at => [sized(at + 16, 8), { at: place(at), size: place(at + 8) }]),
    ))
  return newTree(file, tree).map(record => {
    const id = record + skip
    const kind = (u8(id) >> 4) & 3
    if (kind === 2) return { at: id + 1, size: (u8(id) & 15) + 1 }
    if (kind === 1) return hugeOnes().get(sized(id + 1, u16(heap + 5) - 1)) ?? damaged('a piece that is not there')
    const offset = sized(id + 1, offsetSize)
    const size = sized(id + 1 + offsetSize, lengthSize)
    const at = rows === 0 ? block() + offset : locate(offset, block(), rows)
    return at + size <= file.bytes.length ? { at, size } : damaged('a piece behind its end')
  })
}
