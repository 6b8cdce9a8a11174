// The formats that the fuzzer damages, one row each. See ../fuzz.test.ts.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { encode } from 'fast-png'
import { readCsv } from '../../../src/data/csv.ts'
import { readIdx } from '../../../src/data/idx.ts'
import { gunzip } from '../../../src/data/inflate.ts'
import { readJsonLines } from '../../../src/data/jsonLines.ts'
import { readPng } from '../../../src/data/png.ts'
import { readData } from '../../../src/formats/data/index.ts'
import { readNpy, readNpz, writeNpy, writeNpz } from '../../../src/formats/npy/index.ts'
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors/index.ts'
import {
  type Dataset,
  fromBytes,
  layers,
  loadModel,
  readSafetensors as parseSafetensors,
  sequential,
  toBytes,
} from '../../../src/index.ts'
import files from '../../fixtures/numpy/files.json' with { type: 'json' }
import { inspected } from './inspected.ts'
import { keras } from './keras.ts'
import { models } from './onnx.ts'

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
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))
const arrays = {
  x: { shape: [2, 3], data: Float32Array.of(0.5, 1, 1.5, 2, 2.5, 3) },
  y: { shape: [2], data: Int32Array.of(0, 1) },
}
const tensors = Object.entries(arrays).map(([name, array]) => ({ name, ...array }))

/** A npy file with a shape of any text. */
function npyOf(shape: string) {
  const header = bytes(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`)
  return joined(
    Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8),
    header,
  )
}

/** A zip archive that may lie about its files. */
function zip(names: string[], { shared = false, size = 8, content = deflateRawSync(new Uint8Array(8)) } = {}) {
  const words = (...pairs: [value: number, bytes: 2 | 4][]) =>
    Uint8Array.from(pairs.flatMap(([value, size]) => Array.from({ length: size }, (_, i) => (value >>> (8 * i)) & 255)))
  const about = (name: Uint8Array): [number, 2 | 4][] => [[20, 2], [0, 2], [8, 2], [0, 4], [crc32(new Uint8Array(8)), 4], [content.length, 4], [size, 4], [name.length, 2], [0, 2]] // biome-ignore format: a table
  const locals: Uint8Array[] = []
  const central: Uint8Array[] = []
  let at = 0
  for (const text of names) {
    const name = bytes(text)
    const local = joined(words([0x04034b50, 4], ...about(name)), name, content)
    if (!shared || at === 0) locals.push(local)
    central.push(joined(words([0x02014b50, 4], [20, 2], ...about(name), [0, 2], [0, 2], [0, 2], [0, 4], [shared ? 0 : at, 4]), name)) // biome-ignore format: one thought
    at += local.length
  }
  const [files, list] = [joined(...locals), joined(...central)]
  const [many] = [names.length & 65_535]
  return joined(files, list, words([0x06054b50, 4], [0, 4], [many, 2], [many, 2], [list.length, 4], [files.length, 4], [0, 2])) // biome-ignore format: one thought
}

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

const soundModel = () => parseSafetensors(trained())
/** The topology of the sound model with another part. */
function changed(from: RegExp, to: string) {
  const text = soundModel().metadata['nabla']
  if (!from.test(text)) throw new Error(`there is no ${from} in ${text}`)
  return bytes(text.replace(from, to))
}

const idx = (text: string) => Uint8Array.from(text.split(' '), byte => Number.parseInt(byte, 16))

/** A PNG with sound checksums, whatever it says: by default 4×4 in grey. */
function png({ width = 4, height = 4, depth = 8, kind = 0, pixels = new Uint8Array(20) }) {
  const chunk = (type: string, content: Uint8Array) => {
    const body = joined(bytes(type), content)
    const whole = joined(new Uint8Array(4), body, new Uint8Array(4))
    const view = new DataView(whole.buffer)
    view.setUint32(0, content.length)
    view.setUint32(4 + body.length, crc32(body))
    return whole
  }
  const head = new Uint8Array(13)
  new DataView(head.buffer).setUint32(0, width)
  new DataView(head.buffer).setUint32(4, height)
  head.set([depth, kind], 8)
  const start = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  return joined(start, chunk('IHDR', head), chunk('IDAT', deflateSync(pixels)), chunk('IEND', new Uint8Array(0)))
}

function crc32(bytes: Uint8Array): number {
  let sum = -1
  for (const byte of bytes) {
    sum ^= byte
    for (let k = 0; k < 8; k++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  }
  return ~sum >>> 0
}

/** The topology of a model in a sound safetensors file. */
const modelOf = (topology: Uint8Array) =>
  writeSafetensors(soundModel().tensors, { nabla: new TextDecoder().decode(topology) })

async function gzip(content: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([content as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(packed).arrayBuffer())
}

export const formats: readonly Format[] = [
  {
    name: 'npy',
    sample: () => writeNpy(arrays.x),
    read: readNpy,
    hostile: {
      'a shape of many digits': () => npyOf(`(${'1'.repeat(60_000)}x)`),
      'a shape of many axes': () => npyOf(`(${'1,'.repeat(30_000)})`),
      'a shape that overflows': () => npyOf('(4294967296, 4294967296)'),
      'a shape of many blanks': () => npyOf(`(${' '.repeat(60_000)}`),
      'a header of many braces': () => npyOf('} '.repeat(30_000)),
    },
  },
  {
    name: 'npz',
    sample: () => writeNpz(arrays),
    read: readNpz,
    checked: true,
    hostile: {
      'one content under many names': () =>
        zip(
          Array.from({ length: 8000 }, (_, i) => `${i}`),
          { shared: true },
        ),
      'more files than there can be': () => zip(Array.from({ length: 60_000 }, (_, i) => `${i}`)),
      'a small file that says it is large': () => zip(['a'], { size: 2 ** 26 - 1 }),
      'a file that is larger than it says': () => zip(['a'], { content: deflateRawSync(new Uint8Array(2 ** 26)) }),
      'a name that leads elsewhere': () => zip(['../../x.npy']),
      'a name twice': () => zip(['a', 'a']),
    },
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
      'a name of 16 MiB': () => withHeader(`{"${'x'.repeat(2 ** 24)}":1}`),
      'a name of 8 million escapes': () => withHeader(`{"${'\\n'.repeat(2 ** 23)}":1}`),
      'a hundred thousand names': () =>
        withHeader(`{${Array.from({ length: 100_000 }, (_, i) => `"${i}":${entry(0, 32)}`).join()}}`),
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
    name: 'csv of text',
    sample: () => bytes('name,kind,label\n"a ""b"" c",x,yes\nNA,y,no\nc,z,no\n'),
    read: async text => rows(await readCsv(text, { missing: 'mode' })),
    hostile: {
      'a quote that stays open': () => joined(bytes('a,"b\n'), new Uint8Array(2 ** 25).fill(49)),
      'many columns, the last two of one name': () =>
        bytes(`${Array.from({ length: 200_000 }, (_, i) => i % 199_999)}\n1`),
      'a column for each byte': () => joined(new Uint8Array(2 ** 20).fill(44), bytes('\n1')),
      'some thousand rows, each of its own categories': () =>
        bytes(`a,b\n${Array.from({ length: 5000 }, (_, i) => `x${i},y${i}`).join('\n')}`),
      'a category a row, and a column for each': () =>
        bytes(`a,b\n${Array.from({ length: 60_000 }, (_, i) => `x${i},y${i}`).join('\n')}`),
    },
  },
  {
    name: 'JSON lines',
    sample: () => bytes('{"a":1,"b":[1,2],"label":"yes"}\n{"a":2.5,"b":[3,4],"label":"no"}\n'),
    read: async text => rows(await readJsonLines(text)),
    hostile: {
      'lists in lists': () => bytes(`{"a":${'['.repeat(2 ** 20)}${']'.repeat(2 ** 20)}}`),
      'objects in objects': () => bytes(`${'{"a":'.repeat(2 ** 18)}1${'}'.repeat(2 ** 18)}`),
      'a key for each row': () => bytes(Array.from({ length: 1000 }, (_, i) => `{"a${i}":1}`).join('\n')),
      'one line without end': () => bytes(`{"a":[${'1,'.repeat(2 ** 24)}`),
    },
  },
  {
    name: 'data of any kind',
    sample: () => bytes('label,a,b\n0,1,2\n1,3,4.5\n2,255,-6e1\n'),
    read: async text => rows(await readData(text)),
    hostile: {
      'a gzip file in a gzip file': () => gzipSync(gzipSync(new Uint8Array(2 ** 20))),
      'a gzip bomb': () => gzipSync(new Uint8Array(2 ** 28)),
    },
  },
  {
    name: 'png',
    sample: () => encode({ width: 5, height: 4, channels: 3, data: Uint8Array.from({ length: 60 }, (_, i) => 4 * i) }),
    read: readPng,
    checked: true,
    hostile: {
      'four billion pixels': () => png({ width: 65_535, height: 65_535 }),
      'more pixels than its size': () => png({ pixels: new Uint8Array(2 ** 26) }),
      'fewer pixels than its size': () => png({ pixels: new Uint8Array(5) }),
      'no width': () => png({ width: 0 }),
      'an unknown depth': () => png({ depth: 3 }),
      'an unknown kind': () => png({ kind: 9 }),
      'an unknown filter': () => png({ pixels: new Uint8Array(20).fill(77) }),
    },
  },
  {
    name: 'a model',
    sample: trained,
    read: file => fromBytes(file).weights(),
  },
  {
    name: 'the topology of a model',
    sample: () => bytes(soundModel().metadata['nabla']),
    read: topology => fromBytes(modelOf(topology)).weights(),
    hostile: {
      'layers without end': () => bytes(`{"format":"nabla","version":1,"layers":[${'{},'.repeat(2 ** 20)}{}]}`),
      'lists in lists': () =>
        bytes(`{"format":"nabla","version":1,"layers":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
      'a layer of the prototype': () => bytes('{"format":"nabla","version":1,"layers":[{"type":"constructor"}]}'),
      'a dense layer of 2⁴⁰ units': () => changed(/"units":\d+/, '"units":1099511627776'),
      'an input of 2⁵³ numbers': () => changed(/"shape":\[3\]/, '"shape":[9007199254740991]'),
      'an input of no number': () => changed(/"shape":\[3\]/, '"shape":[null]'),
      'a formula that is none': () => changed(/"relu"/, '"constructor.constructor(1)"'),
    },
  },
  {
    name: 'a folder of a model',
    sample: () => bytes(soundModel().metadata['nabla']),
    async read(topology) {
      mkdirSync('model', { recursive: true })
      writeFileSync('model/model.json', topology)
      writeFileSync('model/weights.safetensors', writeSafetensors(soundModel().tensors))
      try {
        return (await loadModel('model')).weights()
      } finally {
        rmSync('model', { recursive: true })
      }
    },
  },
  ...inspected,
  ...models,
  ...keras,
]
