// NumPy's files: one array (.npy) or several by name (.npz).
import { type ByteSource, isBytes, readBytes, sourceName } from '../../data/files.ts'
import { nothingElse } from '../../errors.ts'
import { readZip, writeZip } from '../zip.ts'
import { type NpyArray, type NpyInput, type NpyOptions, parseNpy, writeNpy } from './npy.ts'

export type { ByteSource } from '../../data/files.ts'
export type { NpyArray, NpyData, NpyDtype, NpyInput, NpyOptions } from './npy.ts'
export { writeNpy } from './npy.ts'

export interface NpzOptions extends NpyOptions {
  /** The most bytes to unpack in all: 64 MiB, or 16 times the file where that is more. */
  limit?: number
}

/**
 * The array of a .npy file: versions 1 to 3, either byte order, C or Fortran order; 16-bit floats become 32-bit ones.
 * @param source a path, an address, a File or bytes
 * @throws DataError `bad-npy`, `unsupported-dtype`, `large-integer`
 * @example
 * const x = tensor(await readNpy('x.npy'))
 */
export const readNpy = async (source: ByteSource, options: NpyOptions = {}): Promise<NpyArray> =>
  parseNpy(await readBytes(source), { name: sourceName(source), ...options }, !isBytes(source))

/**
 * The arrays of a .npz file, by name.
 * @param source a path, an address, a File or bytes
 * @throws DataError `bad-zip`, `too-large`, `bad-npy`, `unsupported-dtype`, `large-integer`
 * @example
 * const { x_train, y_train } = await readNpz('mnist.npz')
 */
export async function readNpz(source: ByteSource, options: NpzOptions = {}): Promise<Record<string, NpyArray>> {
  const { name = sourceName(source), limit, int64, ...others } = options
  nothingElse('readNpz', others, { int64, name, limit })
  const arrays: Record<string, NpyArray> = Object.create(null)
  for (const [file, bytes] of await readZip(await readBytes(source), { name, limit }))
    arrays[file.replace(/\.npy$/, '')] = parseNpy(
      bytes,
      { int64, name: `${name}: ${file.slice(0, 40)}` },
      !isBytes(source),
    )
  return arrays
}

/**
 * Arrays by name as the bytes of a .npz file.
 * @throws DataError `bad-npy`, `unsupported-dtype`, `too-large`
 * @example
 * await writeFile('data.npz', writeNpz({ x, y }))
 */
export const writeNpz = (arrays: Readonly<Record<string, NpyInput>>): Uint8Array =>
  writeZip(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, writeNpy(array)]))
