// What a file holds, whatever it is: models, weights, arrays, tables and pictures, loadable or not.
import { type ByteSource, byteChunks, readBytes, sourceName } from '../../data/files.ts'
import { readIdx } from '../../data/idx.ts'
import { gunzip } from '../../data/inflate.ts'
import { DataError, NablaError, nothingElse } from '../../errors.ts'
import type { TensorData } from '../../tensor/safetensors.ts'
import { widened } from '../../tensor/wide.ts'
import { parseNpy } from '../npy/npy.ts'
import { dtypes } from '../onnx/tensors.ts'
import { readZip } from '../zip.ts'
import { arrayRow, dtypeOf, type FileArray, type Row } from './arrays.ts'
import { attempt, type Contents, type File, isRecord, parseJson, short } from './contents.ts'
import { onnxContents } from './graph.ts'
import { type Kind, kindOf, kinds } from './kind.ts'
import { hdf5Contents, kerasContents, nablaContents, safetensorsContents, tfjsContents } from './models.ts'
import { pngContents } from './png.ts'
import { csvArray, csvContents, linesContents } from './tables.ts'

export type { ByteSource } from '../../data/files.ts'
export type { Row } from './arrays.ts'

export type FileKind = keyof typeof kinds

export interface InspectOptions {
  /** Where a file beside this one is: the shards or weights of a model.json. By default beside it, when it is a path or address. */
  beside?(name: string): ByteSource
}

/** What a file holds. */
export interface Inspection {
  readonly kind: FileKind
  /** The kind in words. */
  readonly format: string
  readonly bytes: number
  /** Facts: versions, sizes, notes. */
  readonly about: Readonly<Record<string, string | number>>
  /** Tables by name: layers, tensors, operators, inputs, outputs, columns, fields, files, chunks. */
  readonly tables: Readonly<Record<string, readonly Row[]>>
  /** Why the file cannot be loaded; empty where it can. */
  readonly problems: readonly string[]
  /** What loading it would leave out. */
  readonly notes: readonly string[]
}

/**
 * What a file holds: recognised by its first bytes, then by its name; files that cannot be loaded say why, all at once.
 * @param source a path, an address, a File or bytes
 * @throws DataError where not even the outermost layer of the file can be read
 * @example
 * const { format, tables, problems } = await inspect('model.onnx')
 */
export async function inspect(source: ByteSource, options: InspectOptions = {}): Promise<Inspection> {
  const { kind, file, size, notes } = await open(source, options, 'inspect')
  const found = await guarded(file, () => contents(kind, file))
  const { about = {}, tables = {}, arrays = [], problems = [], kind: type = kind.kind } = found
  const facts = Object.entries(about).filter(
    (fact): fact is [string, string | number] => fact[1] !== undefined && fact[1] !== '',
  )
  const rows = Object.entries({ ...tables, ...(arrays.length > 0 ? { tensors: arrays.map(arrayRow) } : {}) })
  return {
    kind: type,
    format: kinds[type],
    bytes: size(),
    about: Object.fromEntries(facts),
    tables: Object.fromEntries(rows.filter(([, list]) => list.length > 0)),
    problems,
    notes,
  }
}

/**
 * The kind of a file, without reading more of it than that takes.
 * @param source a path, an address, a File or bytes
 * @example
 * if ((await fileKind(file)) === 'onnx') await importOnnx(file)
 */
export const fileKind = async (source: ByteSource): Promise<FileKind> => (await open(source, {})).kind.kind

/** The kinds, in words. */
export const fileKinds: Readonly<Record<FileKind, string>> = kinds

/** An array of a file, as it is there: 16-bit floats become 32-bit ones. */
export interface NamedArray {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: TensorData
}

/**
 * The arrays of a file by name: npy, npz, idx, safetensors, HDF5, Keras, TensorFlow.js, ONNX, or a table of numbers.
 * @throws DataError `no-arrays` where it holds none, and those of each format
 * @example
 * const arrays = await readArrays('weights.npz')
 */
export async function readArrays(source: ByteSource, options: InspectOptions = {}): Promise<NamedArray[]> {
  const { kind, file } = await open(source, options, 'readArrays')
  const { arrays = [], problems = [] } = await guarded(
    file,
    async (): Promise<Contents> =>
      kind.kind === 'csv' ? { arrays: [await csvArray(file, stem(file.name))] } : contents(kind, file),
  )
  const found = arrays.filter(({ dtype }) => dtype !== 'other')
  if (found.length === 0)
    throw new DataError('no-arrays', `${short(file.name)} holds no arrays that can be read`, {
      evidence: problems.slice(0, 5).map(line => ['because', short(line, 120)]),
      hint: 'nabla inspect shows what is in it',
    })
  return found.map(typed)
}

/** A kind of file, and what was unpacked to know it. */
interface Known {
  readonly kind: FileKind
  readonly files?: ReadonlyMap<string, Uint8Array>
  readonly json?: unknown
}

async function open(source: ByteSource, options: InspectOptions, who = '') {
  const { beside = neighbour(source), ...others } = options
  nothingElse(who, others, { beside })
  const notes: string[] = []
  const name = sourceName(source)
  const head = await beginning(source)
  if (head.length === 0)
    throw new DataError('unreadable', `${short(name, 60)} is empty`, { hint: 'write or download it again' })
  const first = kindOf(head, name)
  const isText = first === 'csv' || first === 'lines'
  const packed = isText ? head : await readBytes(source)
  const limit = Math.max(2 ** 26, 64 * packed.length)
  const bytes = first === 'gzip' ? await gunzip(packed, { name, limit }) : packed
  let size = isText ? 0 : packed.length
  async function* counted() {
    for await (const chunk of byteChunks(source)) {
      size += chunk.length
      yield chunk
    }
  }
  const warn = (note: string) => void notes.push(short(note, 300))
  const file: File = { name, bytes, text: isText ? counted() : bytes, beside, warn }
  const kind = await guarded(file, () => known(file, first === 'gzip' ? name.replace(/\.gz$/i, '') : name))
  return { kind, file, size: () => size, notes }
}

/** The first piece of a source. */
async function beginning(source: ByteSource): Promise<Uint8Array> {
  for await (const chunk of byteChunks(source)) return chunk
  return new Uint8Array()
}

/** Where files lie together, the folder of the one that was named. */
function neighbour(source: ByteSource): ((name: string) => ByteSource) | undefined {
  if (source instanceof URL) return name => new URL(name, source)
  if (typeof source !== 'string') return undefined
  const end = Math.max(source.lastIndexOf('/'), source.lastIndexOf('\\')) + 1
  return name => source.slice(0, end) + name
}

/** The kind of a file; zips and JSON are known by what is in them. */
async function known({ bytes }: File, name: string): Promise<Known> {
  const kind = kindOf(bytes, name)
  if (kind === 'zip') {
    const files = await readZip(bytes, { name })
    const names = [...files.keys()]
    if (names.some(file => /(^|\/)data\.pkl$/.test(file))) return { kind: 'torch' }
    if (files.has('config.json')) return { kind: 'keras', files }
    return { kind: names.length > 0 && names.every(file => file.endsWith('.npy')) ? 'npz' : 'zip', files }
  }
  if (kind === 'gzip')
    throw new DataError('bad-gzip', `${name} is packed twice`, { hint: 'unpack it with gunzip first' })
  if (kind !== 'json') return { kind }
  const json = parseJson(new TextDecoder().decode(bytes), name)
  if (isRecord(json) && json.format === 'nabla') return { kind: 'nabla', json }
  if (isRecord(json) && ('modelTopology' in json || 'weightsManifest' in json)) return { kind: 'tfjs', json }
  return { kind, json }
}

/** What is in a file of a known kind. */
async function contents({ kind, files, json }: Known, file: File): Promise<Contents> {
  switch (kind) {
    case 'keras':
      return files ? kerasContents(file, files) : damaged(kind, file)
    case 'npz':
      return files ? archived(files) : damaged(kind, file)
    case 'zip':
      return { tables: { files: [...files!].map(([name, { length }]) => ({ file: short(name), bytes: length })) } }
    case 'hdf5':
      return hdf5Contents(file)
    case 'npy':
      return npy(file.bytes, file.name)
    case 'safetensors':
      return safetensorsContents(file)
    case 'onnx':
      return onnxContents(file)
    case 'tfjs':
      return tfjsContents(file, json as Record<string, unknown>)
    case 'nabla':
      return nablaContents(file, json as Record<string, unknown>)
    case 'idx': {
      const { shape, data } = readIdx(file.bytes, { name: file.name })
      return { arrays: [{ name: stem(file.name), dtype: dtypeOf(data), shape, data }] }
    }
    case 'png':
      return pngContents(file.bytes, file.name)
    case 'csv':
      return csvContents(file)
    case 'lines':
      return linesContents(file)
    case 'json':
      return {
        tables: {
          fields: Object.entries(isRecord(json) ? json : { '': json })
            .slice(0, 1000)
            .map(([field, value]) => ({ field: short(field, 40), value: short(value) })),
        },
      }
    case 'torch':
      return {
        problems: [
          'pickles are programs and are never read',
          'save the weights in Python: safetensors.torch.save_file(model.state_dict(), "model.safetensors")',
        ],
      }
    case 'unknown':
      return { problems: ['neither its first bytes nor its name say what it is'], about: { begins: hex(file.bytes) } }
  }
}

/** A .npy file, or what its header says and why it cannot be read. */
async function npy(bytes: Uint8Array, name: string): Promise<Contents> {
  const { done, problems } = await attempt(() => parseNpy(bytes, { name, int64: 'bigint' }))
  const header = new TextDecoder('latin1').decode(bytes.subarray(0, 1000)).match(/\{[^}]*\}/)?.[0]
  const about = { version: bytes[6], header: header && short(header, 200) }
  return done ? { about, arrays: [{ name: stem(name), ...done }] } : { about, problems }
}

async function archived(files: ReadonlyMap<string, Uint8Array>): Promise<Contents> {
  const parts: FileArray[] = []
  const wrong: string[] = []
  for (const [file, bytes] of files) {
    const name = file.replace(/\.npy$/, '')
    const { arrays = [], problems = [] } = await npy(bytes, file)
    parts.push(...arrays.map(array => ({ ...array, name })))
    wrong.push(...problems)
  }
  return { arrays: parts, problems: wrong }
}

/** What came from ONNX as float64 in the array of its own type; what is typed already as it is. */
function typed({ name, dtype, shape, data }: FileArray): NamedArray {
  const own = Object.hasOwn(dtypes, dtype) ? dtypes[dtype as keyof typeof dtypes].Array : undefined
  if (Array.isArray(data)) return { name, shape, data: Float64Array.from(data, Number) }
  if (!own || data instanceof own) return { name, shape, data: data as TensorData }
  if (own === BigInt64Array || own === BigUint64Array)
    return { name, shape, data: widened(data as ArrayLike<number>, new own(data.length)) }
  return { name, shape, data: (own as typeof Float32Array).from(data as ArrayLike<number>) }
}

/** Whatever happens inside, an error of ours comes out. */
async function guarded<T>(file: File, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NablaError) throw error
    throw new DataError('unreadable', `${short(file.name, 60)} cannot be read`, {
      evidence: [['reason', short((error as Error)?.message ?? error, 120)]],
      hint: 'the file is damaged or not what its name says',
    })
  }
}

function damaged(kind: Kind, { name, bytes }: File): never {
  throw new DataError('unreadable', `${short(name, 60)} is no ${kind} file: it begins with ${hex(bytes)}`, {
    hint: 'the file is damaged or not what its name says',
  })
}

const stem = (name: string) => name.replace(/\.(gz|npy|csv|tsv|idx)$/gi, '').replace(/^.*[\\/]/, '') || 'array'
const hex = (bytes: Uint8Array) =>
  Array.from(bytes.subarray(0, 8), byte => byte.toString(16).padStart(2, '0')).join(' ')
