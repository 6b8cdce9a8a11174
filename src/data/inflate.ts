import { DataError } from '../errors.ts'
import { collect, streamed, tooLarge } from './files.ts'

type Unpack = (
  packed: Uint8Array,
  packing: 'gzip' | 'deflate' | 'deflate-raw',
  most: number,
) => Promise<Uint8Array | undefined>

/**
 * What was packed; nothing where that is more than `most` bytes.
 * @throws what the engine says of damaged bytes
 */
export const inflated: Unpack = (...args) => (typeof process === 'undefined' ? inPages : inNode)(...args)

/** Is done with a small picture before a stream is set up. */
export const inNode: Unpack = async (packed, packing, most) => {
  const { gunzip, inflate, inflateRaw } = await import('node:zlib')
  const unpack = { gzip: gunzip, deflate: inflate, 'deflate-raw': inflateRaw }[packing]
  const room = { maxOutputLength: Math.max(1, most), chunkSize: Math.min(Math.max(64, most + 1), 2 ** 20) }
  return new Promise((done, failed) => {
    unpack(packed, room, (error: NodeJS.ErrnoException | null, bytes) => {
      if (error && error.code !== 'ERR_BUFFER_TOO_LARGE') failed(error)
      else done(error || bytes.length > most ? undefined : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
    })
  })
}

export const inPages: Unpack = (packed, packing, most) => {
  const pieces = new Blob([packed as Uint8Array<ArrayBuffer>]).stream()
  return collect(streamed(pieces.pipeThrough(new DecompressionStream(packing))), most)
}

/** Whether bytes are a gzip file. */
export const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b

/**
 * Unpacks a gzip file, in Node and in browsers alike.
 * @param options.limit the most bytes to unpack: 64 MiB, or 16 times the file where that is more; unpacking stops there
 * @throws DataError `bad-gzip`, `too-large`
 */
export async function gunzip(
  bytes: Uint8Array,
  { limit = Math.max(2 ** 26, 16 * bytes.length), name = 'the gzip data' } = {},
): Promise<Uint8Array> {
  const content = await inflated(bytes, 'gzip', limit).catch((error: Error) => {
    throw new DataError('bad-gzip', `${name} cannot be unpacked: ${error.message}`, {
      hint: 'the file is cut short or damaged; fetch it again',
    })
  })
  return content ?? tooLarge(name, limit)
}
