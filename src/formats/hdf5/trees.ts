import { damaged, type Source } from './source.ts'

/** Goes through a tree of version 1: each child of its leaves, and the key of so many bytes that stands before it. */
export function oldTree(
  file: Source,
  root: number,
  type: number,
  keySize: number,
  leaf: (child: number, key: number) => void,
): void {
  const down = (node: number, above: number) => {
    file.spend()
    file.signature(node, 'TREE')
    const level = file.u8(node + 5)
    if (file.u8(node + 4) !== type || level >= above) damaged('a tree that goes round')
    for (let i = 0; i < file.u16(node + 6); i++) {
      file.spend()
      const key = node + 24 + (keySize + 8) * i
      const child = file.place(key + keySize)
      if (level > 0) down(child, level)
      else leaf(child, key)
    }
  }
  down(root, 256)
}

/** Where the records of a tree of version 2 lie. */
export function newTree(file: Source, header: number): number[] {
  file.signature(header, 'BTHD')
  const [nodeSize, size, depth] = [file.u32(header + 6), file.u16(header + 10), file.u16(header + 12)]
  if (size === 0 || nodeSize > 2 ** 24 || depth > 8) damaged('a tree of no sense')
  // A pointer says how many records are below it, in as few bytes as the most there can be need.
  const width = (most: number) => Math.floor(Math.log2(Math.max(1, most)) / 8) + 1
  const inLeaf = Math.floor((nodeSize - 10) / size)
  const pointers: number[] = [0]
  for (let [level, most] = [1, inLeaf]; level <= depth; level++) {
    pointers[level] = 8 + width(inLeaf) + (level > 1 ? width(most) : 0)
    const own = Math.floor((nodeSize - 10 - pointers[level]) / (size + pointers[level]))
    most = (own + 1) * most + own
  }
  const found: number[] = []
  const down = (node: number, count: number, level: number) => {
    file.signature(node, level > 0 ? 'BTIN' : 'BTLF')
    for (let i = 0; i < count; i++) {
      file.spend()
      found.push(node + 6 + size * i)
    }
    for (let i = 0; level > 0 && i <= count; i++) {
      file.spend()
      const pointer = node + 6 + size * count + pointers[level] * i
      down(file.place(pointer), file.sized(pointer + 8, width(inLeaf)), level - 1)
    }
  }
  if (!file.isNowhere(header + 16)) down(file.place(header + 16), file.u16(header + 24), depth)
  return found
}
