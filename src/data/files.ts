import { DataError } from '../errors.ts'

/** Where bytes can come from: a path or address, a URL, a Blob or File, or the bytes themselves. */
export type ByteSource = string | URL | Blob | Uint8Array | ArrayBuffer

/** Where text can come from, also piece by piece. */
export type TextSource = ByteSource | AsyncIterable<Uint8Array | string>

/** What a source is called in error messages. */
export function sourceName(source: unknown): string {
  const name = source instanceof URL ? source.href : source
  if (typeof name === 'string') return /^(data|blob):/.test(name) ? 'the data' : name
  if (typeof File !== 'undefined' && source instanceof File) return source.name
  return 'the data'
}

/**
 * All bytes of a source.
 * @param limit the most bytes to read, 1 GiB unless told otherwise
 * @throws DataError `unreadable`, `too-large`
 */
export async function readBytes(source: ByteSource, { limit = 2 ** 30 } = {}): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  return collect(byteChunks(source), sourceName(source), limit)
}

/** The bytes of a source, piece by piece, so that a large file never lies in memory as a whole. */
export async function* byteChunks(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) yield source
  else if (source instanceof ArrayBuffer) yield new Uint8Array(source)
  else if (source instanceof Blob) yield* streamed(source.stream())
  else if (isAddress(source)) yield* fetched(source)
  else yield* fileChunks(source)
}

/** The bytes of a text, piece by piece. */
export async function* textChunks(source: TextSource): AsyncGenerator<Uint8Array> {
  if (!(typeof source === 'object' && Symbol.asyncIterator in source)) return yield* byteChunks(source)
  const encoder = new TextEncoder()
  for await (const chunk of source) yield typeof chunk === 'string' ? encoder.encode(chunk) : chunk
}

/** Whether it is fetched rather than opened: in a page everything is. */
export const isAddress = (source: string | URL) =>
  /^(https?|data|blob):/.test(String(source)) || typeof process === 'undefined'

async function* fetched(address: string | URL) {
  const response = await fetch(address).catch((error: Error) => unreadable(String(address), error.message))
  if (!response.ok || !response.body) return unreadable(String(address), `status ${response.status}`)
  yield* streamed(response.body)
}

async function* fileChunks(path: string | URL) {
  const { createReadStream } = await import('node:fs')
  const place = typeof path === 'string' && path.startsWith('file:') ? new URL(path) : path
  try {
    for await (const chunk of createReadStream(place, { highWaterMark: 1 << 18 })) yield chunk as Uint8Array
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    unreadable(String(path), code === 'ENOENT' ? 'no such file' : message.split(', ', 1)[0]) // what follows is the path
  }
}

function unreadable(name: string, reason: string): never {
  const isText = name.includes('\n')
  throw new DataError('unreadable', `${short(isText ? JSON.stringify(name) : name)} cannot be read: ${reason}`, {
    hint: isText
      ? 'text is taken for the path of a file; give its bytes: new TextEncoder().encode(text)'
      : 'check the path; a relative one starts at the folder the program was started in',
  })
}

/** What is said of a name: a whole file may have been given for one. */
const short = (text: string) => (text.length > 200 ? `${text.slice(0, 100)}…` : text)

async function* streamed(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Joins pieces into one array and stops as soon as there are more than `limit` bytes. */
async function collect(chunks: AsyncIterable<Uint8Array>, name: string, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > limit)
      throw new DataError('too-large', `${name} has more than ${limit} bytes`, {
        hint: 'pass { limit } when a file of this size is what you expect',
      })
    parts.push(chunk)
  }
  return joined(...parts)
}

/** Pieces as one array. */
export function joined(...parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
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
  const pieces = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
  try {
    return await collect(streamed(pieces.pipeThrough(new DecompressionStream('gzip'))), name, limit)
  } catch (error) {
    if (error instanceof DataError) throw error
    throw new DataError('bad-gzip', `${name} cannot be unpacked: ${(error as Error).message}`, {
      hint: 'the file is cut short or damaged; fetch it again',
    })
  }
}
