import { inflated } from '../data/inflate.ts'
import { DataError } from '../errors.ts'

export interface ZipOptions {
  /** The most bytes to unpack in all: 64 MiB, or 16 times the file where that is more. */
  limit?: number
  /** What the file is called in errors. */
  name?: string
}

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 }
const sizes = { local: 30, central: 46, end: 22 }
const mostEntries = 2 ** 15

/**
 * The files in a zip archive, by name. What the archive says of itself is checked before room is made for anything, and
 * each file's checksum after.
 * @throws DataError `bad-zip`, `too-large`
 */
export async function readZip(bytes: Uint8Array, options: ZipOptions = {}): Promise<Map<string, Uint8Array>> {
  const { limit = Math.max(2 ** 26, 16 * bytes.length), name: who = 'the data' } = options
  const fail = (what: string) =>
    new DataError('bad-zip', `${who} is no sound zip archive: it has ${what}`, {
      hint: 'the file is damaged or not complete; save or download it again',
    })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const signed = (at: number, kind: keyof typeof signatures) =>
    at >= 0 && at + sizes[kind] <= bytes.length && view.getUint32(at, true) === signatures[kind]
  let end = bytes.length - sizes.end
  while (end > bytes.length - sizes.end - 65_536 && end > 0 && !signed(end, 'end')) end--
  if (!signed(end, 'end')) throw fail('no list of files')
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  if (at === 0xffffffff || count >= mostEntries) throw fail(`more than 4 GiB or ${mostEntries - 1} files`)
  const found = new Map<string, { data: Uint8Array; packed: boolean; size: number; sum: number }>()
  let total = 0
  for (let i = 0; i < count; i++) {
    if (!signed(at, 'central')) throw fail(`no file ${i} of ${count}`)
    const [method, sum, length, size, named, extra, comment, start] = [
      view.getUint16(at + 10, true),
      view.getUint32(at + 16, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 24, true),
      view.getUint16(at + 28, true),
      view.getUint16(at + 30, true),
      view.getUint16(at + 32, true),
      view.getUint32(at + 42, true),
    ]
    const name = new TextDecoder().decode(bytes.subarray(at + sizes.central, at + sizes.central + named))
    const label = JSON.stringify(name.slice(0, 40))
    if (/(^|[\\/])\.\.([\\/]|$)|^[\\/]|^\w:|\0/.test(name)) throw fail(`${label}, a name that leads elsewhere`)
    if (found.has(name)) throw fail(`${label} twice`)
    if (view.getUint16(at + 8, true) & 1) throw fail(`${label} under a password`)
    if (method !== 0 && method !== 8) throw fail(`${label} packed by the unknown method ${method}`)
    if (!signed(start, 'local')) throw fail(`no content of ${label}`)
    const own = start + sizes.local
    const same = bytes
      .subarray(at + sizes.central, at + sizes.central + named)
      .every((byte, k) => bytes[own + k] === byte)
    if (view.getUint16(start + 26, true) !== named || !same) throw fail(`another name than ${label} before its content`)
    const begin = own + named + view.getUint16(start + 28, true)
    if (begin + length > bytes.length || (method === 0 && length !== size)) throw fail(`${label} of a wrong length`)
    total += size
    if (total > limit)
      throw new DataError('too-large', `${who} unpacks to more than ${limit} bytes`, {
        hint: 'pass { limit } when an archive of this size is what you expect',
      })
    found.set(name, { data: bytes.subarray(begin, begin + length), packed: method === 8, size, sum })
    at += sizes.central + named + extra + comment
  }
  // Several files in the same bytes are how a small archive becomes a large one.
  let last = 0
  for (const { data } of [...found.values()].sort((a, b) => a.data.byteOffset - b.data.byteOffset)) {
    if (data.byteOffset < last) throw fail('files that lie in one another')
    last = data.byteOffset + data.length
  }
  const files = new Map<string, Uint8Array>()
  for (const [name, { data, packed, size, sum }] of found) {
    const content = packed ? await inflated(data, 'deflate-raw', size).catch(() => undefined) : data
    if (content?.length !== size || crc32(content) !== sum) throw fail(`a damaged ${JSON.stringify(name.slice(0, 40))}`)
    if (!name.endsWith('/')) files.set(name, content)
  }
  return files
}

/** A zip archive of files as they are: numbers hardly get smaller by packing. */
export function writeZip(files: readonly (readonly [name: string, content: Uint8Array])[]): Uint8Array {
  const entries = files.map(([name, content]) => ({ name: new TextEncoder().encode(name), content }))
  const one = (size: number) => entries.reduce((sum, { name }) => sum + size + name.length, 0)
  const start = one(sizes.local) + entries.reduce((sum, { content }) => sum + content.length, 0)
  const length = start + one(sizes.central)
  if (length >= 0xffffffff || entries.length >= mostEntries)
    throw new DataError('too-large', `an archive of ${entries.length} files has ${length} bytes`, {
      hint: 'zip archives end at 4 GiB; write several',
    })
  const bytes = new Uint8Array(length + sizes.end)
  const view = new DataView(bytes.buffer)
  let [at, central] = [0, start]
  for (const { name, content } of entries) {
    const [sum, offset] = [crc32(content), at]
    const both = (from: number) => {
      view.setUint16(from, 20, true) // version needed
      view.setUint16(from + 2, 0x800, true) // names are UTF-8
      view.setUint16(from + 8, 0x21, true) // 1 January 1980: the same model gives the same bytes
      view.setUint32(from + 10, sum, true)
      view.setUint32(from + 14, content.length, true)
      view.setUint32(from + 18, content.length, true)
      view.setUint16(from + 22, name.length, true)
    }
    view.setUint32(at, signatures.local, true)
    both(at + 4)
    bytes.set(name, at + sizes.local)
    bytes.set(content, at + sizes.local + name.length)
    at += sizes.local + name.length + content.length
    view.setUint32(central, signatures.central, true)
    view.setUint16(central + 4, 20, true) // version made by
    both(central + 6)
    view.setUint32(central + 42, offset, true)
    bytes.set(name, central + sizes.central)
    central += sizes.central + name.length
  }
  view.setUint32(central, signatures.end, true)
  view.setUint16(central + 8, entries.length, true)
  view.setUint16(central + 10, entries.length, true)
  view.setUint32(central + 12, central - start, true)
  view.setUint32(central + 16, start, true)
  return bytes
}

/** What a byte does to the sum, at once and from up to seven bytes away: eight bytes are looked up together. */
const tables = new Int32Array(8 * 256)
for (let n = 0; n < 256; n++) {
  tables[n] = n
  for (let k = 0; k < 8; k++) tables[n] = tables[n] & 1 ? (tables[n] >>> 1) ^ 0xedb88320 : tables[n] >>> 1
}
for (let n = 256; n < tables.length; n++) tables[n] = tables[tables[n - 256] & 255] ^ (tables[n - 256] >>> 8)

function crc32(bytes: Uint8Array): number {
  let sum = -1
  let i = 0
  for (; i + 8 <= bytes.length; i += 8) {
    const low = sum ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24))
    sum =
      tables[1792 + (low & 255)] ^
      tables[1536 + ((low >>> 8) & 255)] ^
      tables[1280 + ((low >>> 16) & 255)] ^
      tables[1024 + (low >>> 24)] ^
      tables[768 + bytes[i + 4]] ^
      tables[512 + bytes[i + 5]] ^
      tables[256 + bytes[i + 6]] ^
      tables[bytes[i + 7]]
  }
  for (; i < bytes.length; i++) sum = tables[(sum ^ bytes[i]) & 255] ^ (sum >>> 8)
  return ~sum >>> 0
}
