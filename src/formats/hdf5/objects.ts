import { heapOf } from './heap.ts'
import { damaged, type Source } from './source.ts'
import { oldTree } from './trees.ts'

// Objects of an HDF5 file: headers of messages, groups with their links, attributes. Superblocks 0 to 3.

export interface Message {
  readonly type: number
  readonly at: number
  readonly size: number
}

export const messages = {
  dataspace: 1,
  linkInfo: 2,
  datatype: 3,
  fill: 5,
  link: 6,
  layout: 8,
  filters: 11,
  attribute: 12,
  continuation: 16,
  symbols: 17,
  attributeInfo: 21,
}

export interface Objects {
  /** Where the header of an object is; a path is names between slashes. */
  find(path: string): number | undefined
  /** The messages of an object, attributes that lie elsewhere among them. */
  header(at: number): readonly Message[]
  /** The names of what is in a group. */
  keys(at: number): string[]
}

/** The objects of a file. Each is looked at when it is asked for. */
export function objectsOf(file: Source): Objects {
  const { bytes, u8, u16, u32, place, signature, text, spend } = file

  const headers = new Map<number, Message[]>()
  function header(at: number): Message[] {
    let found = headers.get(at)
    if (!found) {
      found = u8(at) === 1 ? oldHeader(at) : newHeader(at)
      headers.set(at, found)
      for (const message of found.filter(({ type }) => type === messages.attributeInfo))
        found.push(...apart(message, u8(message.at + 1) & 1 ? 4 : 2, 0, messages.attribute))
    }
    return found
  }

  /** Version 1: each message begins with eight bytes on itself. */
  function oldHeader(at: number): Message[] {
    const found: Message[] = []
    const blocks: [number, number][] = [[at + 16, u32(at + 8)]]
    for (let left = u16(at + 2), [from, length] = blocks.pop()!; left > 0; left--) {
      spend()
      while (length < 8) [from, length] = blocks.shift() ?? damaged('an object header that is cut')
      const message = { type: u16(from), at: from + 8, size: u16(from + 2) }
      if (u8(from + 4) & 2) damaged('a shared message')
      if (message.size + 8 > length || message.at + message.size > bytes.length) damaged('a message that is cut')
      if (message.type === messages.continuation) blocks.push([place(message.at), place(message.at + 8)])
      found.push(message)
      from += 8 + message.size
      length -= 8 + message.size
    }
    return found
  }

  /** Version 2: blocks with signatures, messages that begin with four bytes or six. */
  function newHeader(at: number): Message[] {
    signature(at, 'OHDR')
    if (u8(at + 4) !== 2) damaged('an object header of another version')
    const flags = u8(at + 5)
    const start = at + 6 + (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0)
    const width = 1 << (flags & 3)
    const step = flags & 4 ? 6 : 4
    const found: Message[] = []
    const blocks: [number, number][] = [[start + width, file.sized(start, width)]]
    for (const [begin, length] of blocks) {
      const end = Math.min(begin + length, bytes.length)
      for (let from = begin; from + step <= end; ) {
        spend()
        const message = { type: u8(from), at: from + step, size: u16(from + 1) }
        if (u8(from + 3) & 2) damaged('a shared message')
        if (message.at + message.size > end) damaged('a message that is cut')
        if (message.type === messages.continuation) {
          const next = place(message.at)
          signature(next, 'OCHK')
          blocks.push([next + 4, place(message.at + 8) - 8])
        }
        found.push(message)
        from = message.at + message.size
      }
    }
    return found
  }

  /** Messages that lie in a heap, as many links or attributes do; `index` is where the message says which heap. */
  function apart({ at }: Message, index: number, skip: number, type: number): Message[] {
    if (file.isNowhere(at + index)) return []
    return heapOf(file, place(at + index), place(at + index + 8), skip).map(part => ({ type, ...part }))
  }

  const groups = new Map<number, Map<string, number>>()
  function members(at: number): Map<string, number> {
    const known = groups.get(at)
    if (known) return known
    const found = new Map<string, number>()
    groups.set(at, found)
    for (const message of header(at)) {
      if (message.type === messages.symbols) symbols(message.at, found)
      else if (message.type === messages.link) link(message.at, found)
      else if (message.type === messages.linkInfo)
        for (const far of apart(message, u8(message.at + 1) & 1 ? 10 : 2, 4, messages.link)) link(far.at, found)
    }
    return found
  }

  /** A table of names in a heap, in leaves of a tree. */
  function symbols(table: number, found: Map<string, number>): void {
    const heap = place(table + 8)
    signature(heap, 'HEAP')
    const [size, names] = [place(heap + 8), place(heap + 24)]
    const leaf = (node: number) => {
      signature(node, 'SNOD')
      for (let i = 0; i < u16(node + 6); i++) {
        spend()
        const entry = node + 8 + 40 * i
        const name = place(entry)
        if (name >= size) damaged('a name outside of its heap')
        if (u32(entry + 16) < 2) found.set(text(names + name, Math.min(size - name, 1024)), place(entry + 8)) // no soft links
      }
    }
    oldTree(file, place(table), 0, 8, leaf)
  }

  /** One link of a newer group: to an object, or to somewhere else, which does not count. */
  function link(at: number, found: Map<string, number>): void {
    const flags = u8(at + 1)
    let from = at + 2
    const type = flags & 8 ? u8(from++) : 0
    from += (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0)
    const width = 1 << (flags & 3)
    const length = file.sized(from, width)
    if (length > 1024) damaged('a name without end')
    if (type === 0) found.set(text(from + width, length), place(from + width + length))
  }

  const root = place(u8(8) > 1 ? 36 : u8(8) === 0 ? 64 : 68)
  return {
    find(path) {
      let at: number | undefined = root
      for (const name of path.split('/').filter(Boolean)) at = at === undefined ? undefined : members(at).get(name)
      return at
    },
    header,
    keys: at => [...members(at).keys()],
  }
}
