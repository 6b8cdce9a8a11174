/** What a file is, in words. */
export const kinds = {
  keras: 'Keras 3 model',
  hdf5: 'HDF5 file',
  npz: 'NumPy arrays (.npz)',
  zip: 'zip archive',
  npy: 'NumPy array (.npy)',
  safetensors: 'safetensors file',
  onnx: 'ONNX model',
  tfjs: 'TensorFlow.js model',
  nabla: 'Nabla model',
  idx: 'idx array',
  png: 'PNG image',
  json: 'JSON file',
  lines: 'JSON lines',
  csv: 'table (CSV)',
  torch: 'PyTorch file (pickle)',
  unknown: 'unknown file',
} as const

export type Kind = keyof typeof kinds | 'gzip'

const begins = (bytes: Uint8Array, start: readonly number[]) => start.every((byte, i) => bytes[i] === byte)

/** Signatures that leave no doubt. */
const signatures: readonly (readonly [Kind, readonly number[]])[] = [
  ['hdf5', [0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10]],
  ['png', [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]],
  ['npy', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  ['zip', [0x50, 0x4b, 3, 4]],
  ['zip', [0x50, 0x4b, 5, 6]],
  ['gzip', [0x1f, 0x8b]],
]

/** What suffixes say, where the bytes do not. */
const suffixes: readonly (readonly [RegExp, Kind])[] = [
  [/\.(h5|hdf5|h5py)$/i, 'hdf5'],
  [/\.keras$/i, 'keras'],
  [/\.npz$/i, 'npz'],
  [/\.npy$/i, 'npy'],
  [/\.safetensors$/i, 'safetensors'],
  [/\.onnx$/i, 'onnx'],
  [/\.png$/i, 'png'],
  [/\.(idx|idx\d-ubyte|ubyte)$|idx\d-ubyte$/i, 'idx'],
  [/\.(csv|tsv)$/i, 'csv'],
  [/\.(jsonl|ndjson)$/i, 'lines'],
  [/\.json$/i, 'json'],
]

/** What a file holds: by its first bytes; where these say nothing, by its name. */
export function kindOf(bytes: Uint8Array, name: string): Kind {
  const signed = signatures.find(([, start]) => begins(bytes, start))
  if (signed) return signed[0]
  if (isSafetensors(bytes)) return 'safetensors'
  if (begins(bytes, [0, 0]) && bytes[2] >= 8 && bytes[2] <= 14 && bytes[3] <= 8) return 'idx'
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5) return 'torch'
  const named = suffixes.find(([suffix]) => suffix.test(name))?.[1]
  const text = textIn(bytes)
  if (text !== undefined) {
    const first = text.trimStart()
    if (named === 'csv' || named === 'lines') return named
    if (/^[{[]/.test(first)) return linesOf(first) ? 'lines' : 'json'
    return named ?? (isTable(first) ? 'csv' : 'unknown')
  }
  // A message of protocol buffers whose first field is the version of the format: 1 … 15.
  if (bytes[0] === 8 && bytes[1] > 0 && bytes[1] < 16 && (bytes[2] & 7) <= 2 && bytes[2] >> 3 <= 25) return 'onnx'
  return named ?? 'unknown'
}

/** A length, and a JSON object that lies within the file. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 9 || bytes[8] !== 0x7b) return false
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  return length >= 2n && length <= 100_000_000n
}

/** The beginning of a file as text, or nothing where it is none. */
function textIn(bytes: Uint8Array): string | undefined {
  const start = bytes.subarray(0, 4096)
  if (start.length === 0 || start.includes(0)) return undefined
  try {
    // The last letter may be cut.
    return new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true })
  } catch {
    return undefined
  }
}

/** Whether the first two lines have as many cells, and more than one. */
function isTable(text: string): boolean {
  const [first, second = ''] = text
    .replace(/"[^"]*"/g, '')
    .split('\n', 2)
    .map(line => line.match(/[,;\t]/g)?.length)
  return first !== undefined && first === second
}

/** Whether the first line is a value by itself, and another follows. */
function linesOf(text: string): boolean {
  const [first, second] = text.split('\n', 2)
  if (!second || !/^\s*[{[]/.test(second)) return false
  try {
    JSON.parse(first)
    return true
  } catch {
    return false
  }
}
