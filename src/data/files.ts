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
 * @param limit the most bytes to read: unless told otherwise 4 GiB of a file, and 1 GiB of what is fetched
 * @throws DataError `unreadable`, `too-large`
 */
export async function readBytes(source: ByteSource, { limit = mostOf(source) } = {}): Promise<Uint8Array> {
  // Not as it is: `slice` of a Buffer of Node's is no copy.
  if (source instanceof Uint8Array) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  const isFile = !(source instanceof Blob) && !isAddress(source)
  const read = isFile ? await fileBytes(source, limit) : await collect(byteChunks(source), limit)
  return read ?? tooLarge(sourceName(source), limit)
}

/** Whether a source is bytes, which whoever gave them may still use. */
export const isBytes = (source: ByteSource): source is Uint8Array | ArrayBuffer =>
  source instanceof Uint8Array || source instanceof ArrayBuffer

const mostOf = (source: ByteSource) =>
  (typeof source === 'string' || source instanceof URL) && isAddress(source) ? 2 ** 30 : 2 ** 32

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

const atOnce = 2 ** 18

async function opened(path: string | URL) {
  const { open } = await import('node:fs/promises')
  const place = typeof path === 'string' && path.startsWith('file:') ? new URL(path) : path
  const fail = ({ code, message }: NodeJS.ErrnoException) =>
    unreadable(String(path), code === 'ENOENT' ? 'no such file' : message.split(', ', 1)[0]) // what follows is the path
  const file = await open(place).catch(fail)
  return {
    size: (await file.stat()).size,
    /** Reads what comes next into an array from a place on; gives how many bytes came, none at the end. */
    read: async (room: Uint8Array, at = 0) =>
      (await file.read(room, at, Math.min(room.length - at, 2 ** 30)).catch(fail)).bytesRead,
    close: () => file.close(),
  }
}

type Opened = Awaited<ReturnType<typeof opened>>

async function* pieces({ read }: Opened, most: number) {
  for (;;) {
    const room = new Uint8Array(most)
    const count = await read(room)
    if (count === 0) return
    yield room.subarray(0, count)
  }
}

async function* fileChunks(path: string | URL) {
  const file = await opened(path)
  try {
    // A small file needs no large room; one byte more is how its end is seen.
    yield* pieces(file, file.size > 0 ? Math.min(file.size + 1, atOnce) : atOnce)
  } finally {
    await file.close()
  }
}

/** All bytes of a file, which lie in memory once; nothing where there are more than `most`. */
async function fileBytes(path: string | URL, most: number): Promise<Uint8Array | undefined> {
  const file = await opened(path)
  try {
    if (file.size > most) return undefined
    const room = new Uint8Array(file.size)
    let at = 0
    for (let count = 1; count > 0 && at < room.length; at += count) count = await file.read(room, at)
    // What has no size, such as a pipe, goes on, and so may what has one.
    const rest = await collect(pieces(file, at > 0 ? 4096 : atOnce), most - at)
    return rest && (rest.length > 0 ? joined(room.subarray(0, at), rest) : room.subarray(0, at))
  } finally {
    await file.close()
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

export async function* streamed(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Joins pieces into one array; nothing as soon as there are more than `most` bytes. */
export async function collect(chunks: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > most) return undefined
    parts.push(chunk)
  }
  return joined(...parts)
}

export function tooLarge(name: string, limit: number): never {
  throw new DataError('too-large', `${name} has more than ${limit} bytes`, {
    hint: 'read it in parts, or pass { limit } where a file of this size is what you expect',
  })
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
