// The formats that the fuzzer damages, one row each. See ../fuzz.test.ts.

import { readCsv } from '../../../src/data/csv.ts'
import { gunzip } from '../../../src/data/files.ts'
import { readIdx } from '../../../src/data/idx.ts'
import { readNpy, readNpz, writeNpy, writeNpz } from '../../../src/formats/npy/index.ts'
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors/index.ts'
import { type Dataset, fromBytes, layers, sequential, toBytes } from '../../../src/index.ts'
import files from '../../fixtures/numpy/files.json' with { type: 'json' }
import { inspected } from './inspected.ts'

export interface Format {
  readonly name: string
  /** The bytes of a sound file; a small one, so that each edit hits something. */
  sample(): Uint8Array | Promise<Uint8Array>
  /** Reads it as a program would, and gives plain data, arrays included, to compare. */
  read(bytes: Uint8Array): unknown
  /** Checksums cover the file: what is read in spite of one edit must be what the sound file holds. */
  checked?: boolean
  /** Files made by hand to hurt: each must be refused. */
  hostile?: Readonly<Record<string, () => Uint8Array>>
}

const bytes = (text: string) => new TextEncoder().encode(text)
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap(part => [...part]))
const arrays = {
  x: { shape: [2, 3], data: Float32Array.of(0.5, 1, 1.5, 2, 2.5, 3) },
  y: { shape: [2], data: Int32Array.of(0, 1) },
}
const tensors = Object.entries(arrays).map(([name, array]) => ({ name, ...array }))

/** The header of a safetensors file with as many bytes of numbers as the sound one has. */
const withHeader = (text: Uint8Array | string) => {
  const header = typeof text === 'string' ? bytes(text) : text
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true)
  return joined(length, header, new Uint8Array(32))
}
const entry = (from: number, to: number, shape = [(to - from) / 4]) =>
  JSON.stringify({ dtype: 'F32', shape, data_offsets: [from, to] })

/** All numbers of a dataset. */
function rows(data: Dataset) {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, data.size)
  const [x, y] = [new Float64Array(size(data.inputShape)), new Float64Array(size(data.targetShape))]
  data.fill(
    Array.from({ length: data.size }, (_, row) => row),
    x,
    data.hasTargets ? y : undefined,
  )
  return { x, y, inputShape: data.inputShape, targetShape: data.targetShape }
}

const trained = () => {
  const model = sequential([layers.input([3]), layers.dense(4, { activation: 'relu' }), layers.dense(2)], { seed: 1 })
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
  return toBytes(model)
}

const idx = (text: string) => Uint8Array.from(text.split(' '), byte => Number.parseInt(byte, 16))

async function gzip(content: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([content as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(packed).arrayBuffer())
}

export const formats: readonly Format[] = [
  {
    name: 'npy',
    sample: () => writeNpy(arrays.x),
    read: readNpy,
  },
  {
    name: 'npz',
    sample: () => writeNpz(arrays),
    read: readNpz,
    checked: true,
  },
  {
    name: 'npz packed',
    sample: () => Uint8Array.from(Buffer.from(files['npz packed'], 'base64')),
    read: readNpz,
    checked: true,
  },
  {
    name: 'safetensors',
    sample: () => writeSafetensors(tensors, { note: 'sound' }),
    read: readSafetensors,
    hostile: {
      'a header of 2⁶³ bytes': () => joined(new Uint8Array(7), Uint8Array.of(128), new Uint8Array(16)),
      'overlapping arrays': () => withHeader(`{"a":${entry(0, 20)},"b":${entry(12, 32)}}`),
      'a gap': () => withHeader(`{"a":${entry(0, 12)},"b":${entry(16, 32)}}`),
      'a name twice': () => withHeader(`{"a":${entry(0, 16)},"a":${entry(16, 32)}}`),
      'a shape that overflows': () => withHeader(`{"a":${entry(0, 32, [2 ** 32, 2 ** 32])}}`),
      'a shape of NaN': () => withHeader(`{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,32]}}`),
      'a negative shape': () => withHeader(`{"a":${entry(0, 32, [-2, -4])}}`),
      'a shape of fractions': () => withHeader(`{"a":${entry(0, 32, [0.5, 16])}}`),
      'a type of the prototype': () => withHeader(`{"a":{"dtype":"constructor","shape":[8],"data_offsets":[0,32]}}`),
      'lists in lists': () => withHeader('['.repeat(100_000)),
      'a header in UTF-16': () => withHeader(Uint8Array.from(Buffer.from('{}', 'utf16le'))),
    },
  },
  {
    name: 'the header of safetensors',
    sample: () => bytes(`{"a":${entry(0, 16)},"b":${entry(16, 32, [2, 2])}}`),
    read: header => readSafetensors(withHeader(header)),
  },
  {
    name: 'idx',
    sample: () => idx('00 00 08 03 00 00 00 02 00 00 00 01 00 00 00 02 01 02 03 04'),
    read: readIdx,
    hostile: {
      '255 axes': () => idx(`00 00 08 ff ${'ff '.repeat(1020).trim()}`),
      'sizes that overflow': () => idx(`00 00 0e 04 ${'ff '.repeat(16).trim()}`),
      'an axis of none beside a large one': () => idx('00 00 08 02 00 00 00 00 ff ff ff ff 00'),
    },
  },
  {
    name: 'idx packed',
    sample: () => gzip(idx('00 00 08 03 00 00 00 02 00 00 00 01 00 00 00 02 01 02 03 04')),
    read: async packed => readIdx(await gunzip(packed)),
  },
  {
    name: 'csv',
    sample: () => bytes('label,a,b\n0,1,2\n1,3,4.5\n2,255,-6e1\n'),
    read: async text => rows(await readCsv(text)),
    hostile: {
      'one line without end': () => new Uint8Array(2 ** 25).fill(49),
      'no line but line ends': () => new Uint8Array(2 ** 20).fill(10),
    },
  },
  {
    name: 'a model',
    sample: trained,
    read: file => fromBytes(file).weights(),
  },
  ...inspected,
]
