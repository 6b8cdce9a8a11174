/** The bytes of an HDF5 file, every look at which is checked: no address leads outside of it, no list goes on without end. */
export interface Source {
  readonly bytes: Uint8Array
  u8(at: number): number
  u16(at: number): number
  u32(at: number): number
  /** A number of so many bytes, at most 8. */
  sized(at: number, width: number): number
  /** An address or a size: never more than the file has, or than told. */
  place(at: number, most?: number): number
  /** Whether the address here is that of nothing. */
  isNowhere(at: number): boolean
  signature(at: number, text: string): void
  text(at: number, length: number): string
  /** Counts the parts of the file that were looked at. */
  spend(): void
  /** Counts the bytes that were made of it. */
  room(bytes: number): void
  /** Heaps of texts by their addresses, of which objects by their numbers: where each begins, and its size. */
  readonly heaps: Map<number, Map<number, { readonly at: number; readonly size: number }>>
}

/** A large file may have more: nothing that counts takes fewer bytes. */
const mostParts = (size: number) => Math.max(200_000, size / 16)

/** Ends the reading: what the file has, in a few words. */
export const damaged = (what: string): never => {
  throw new RangeError(what)
}

/** @param limit the most bytes that all values together may take */
export function sourceOf(bytes: Uint8Array, limit: number): Source {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let [parts, left] = [mostParts(bytes.length), limit]
  const u32 = (at: number) => view.getUint32(at, true)
  const sized = (at: number, width: number) => {
    if (at + width > bytes.length) damaged('a number behind its end')
    let value = 0
    for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes[at + i]
    return value
  }
  return {
    bytes,
    heaps: new Map(),
    u8: at => view.getUint8(at),
    u16: at => view.getUint16(at, true),
    u32,
    sized,
    place(at, most = bytes.length) {
      const value = sized(at, 8)
      return value <= most ? value : damaged('an address behind its end')
    },
    isNowhere: at => u32(at) === 0xffffffff && u32(at + 4) === 0xffffffff,
    signature(at, text) {
      for (let i = 0; i < text.length; i++)
        if (view.getUint8(at + i) !== text.charCodeAt(i)) damaged(`no ${text} where one should be`)
    },
    text(at, length) {
      if (at + length > bytes.length) damaged('a text behind its end')
      const part = bytes.subarray(at, at + length)
      const end = part.indexOf(0)
      return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end))
    },
    spend() {
      if (--parts < 0) damaged('more parts than it has room for')
    },
    room(bytes) {
      left -= bytes
      if (!(left >= 0)) damaged(`values of more than ${limit} bytes`)
    },
  }
}
