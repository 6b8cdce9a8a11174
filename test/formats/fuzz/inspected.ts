// Files of every kind that `inspect` knows, as rows for the fuzzer: damaged, they are described or refused.
import { NablaError } from '../../../src/errors.ts'
import { inspect, readArrays } from '../../../src/formats/inspect/index.ts'
import { toKeras, toKerasH5, toKerasWeights } from '../../../src/formats/keras/index.ts'
import { writeNpy, writeNpz } from '../../../src/formats/npy/index.ts'
import { exportOnnx } from '../../../src/formats/onnx/index.ts'
import { writeSafetensors } from '../../../src/formats/safetensors/index.ts'
import { toTfjs } from '../../../src/formats/tfjs/index.ts'
import { layers, sequential, toBytes } from '../../../src/index.ts'
import type { Format } from './formats.ts'

const text = (value: string) => new TextEncoder().encode(value)
const x = { shape: [2, 2], data: Float32Array.of(1, 2, 3, Number.NaN) }
const model = () =>
  sequential([layers.input([3]), layers.dense(2, { activation: 'relu' }), layers.softmax()], { seed: 1 })
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAAAAACMmsGiAAAACnRFWHRUaXRsZQBmb3VyO9nlHAAAABxJREFUeJxjYGBkYmbg4ubhZRARFRNnkJNXUAQABmgBCTqjMOAAAAAASUVORK5CYII='

/** Small sound files of each kind. */
export const samples: Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>> = {
  'keras.keras': () => toKeras(model()),
  'keras.h5': () => toKerasH5(model()),
  'keras.weights.h5': () => toKerasWeights(model()),
  'model.json': () => toTfjs(model())['model.json'],
  'model.onnx': () => exportOnnx(model()),
  'model.safetensors': () => toBytes(model()),
  'x.safetensors': () => writeSafetensors([{ name: 'x', ...x }]),
  'x.npy': () => writeNpy(x),
  'x.npz': () => writeNpz({ x }),
  'x.csv': () => text('name;a;b\n"one; ""two""";1;2\nthree;;4.5\n'),
  'x.jsonl': () => text('{"a":1,"b":"x"}\n{"a":2.5,"b":null}\n'),
  'x.json': () => text('{"a":[1,2,{"b":null}]}'),
  'x.png': () => Uint8Array.from(Buffer.from(png, 'base64')),
  'x.idx': () => Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4),
}

export const inspected: readonly Format[] = Object.entries(samples).map(([name, sample]) => ({
  name: `${name} that is inspected`,
  sample,
  async read(bytes) {
    const file = new File([bytes as Uint8Array<ArrayBuffer>], name)
    const arrays = readArrays(file).catch(error => (error instanceof NablaError ? [] : Promise.reject(error)))
    return [await inspect(file), await arrays]
  },
}))
