// Keras's and TensorFlow.js's files as rows for the fuzzer: whole, and their parts where a checksum guards the whole.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { withHdf5 } from '../../../src/formats/hdf5/read.ts'
import { loadKeras, loadKerasWeights, toKeras, toKerasH5, toKerasWeights } from '../../../src/formats/keras/index.ts'
import { loadTfjs, toTfjs } from '../../../src/formats/tfjs/index.ts'
import { readZip, writeZip } from '../../../src/formats/zip.ts'
import { layers, model, sequential } from '../../../src/index.ts'
import { add, dense, input } from '../../../src/nn/layers/index.ts'
import type { Format } from './formats.ts'

const quiet = { warn: () => {} }
const { lstm, embedding, bidirectional, batchNormalization } = layers

const chain = () => {
  const made = sequential(
    [input([3]), embedding(5, 2), bidirectional(lstm(2)), batchNormalization(), dense(2, { activation: 'softmax' })],
    { seed: 1 },
  )
  made.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy', 'auc'] })
  return made
}
const graph = () => {
  const [a, b] = [input([3]), input([2])]
  const same = dense(2, { activation: 'tanh' })
  const made = model({ inputs: [a, b], outputs: [add()(same(dense(3)(a)), dense(2)(b)), same(a)], seed: 1 })
  made.compile({ optimizer: { name: 'sgd', params: { momentum: 0.9 } }, loss: 'meanSquaredError' })
  return made
}

type Loaded = Awaited<ReturnType<typeof loadKeras>>
const numbers = async (loaded: Loaded | Promise<Loaded>) => {
  const made = await loaded
  const found = [made.weights(), made.training ? made.optimizerState() : []]
  made.close()
  return found
}
const read = (bytes: Uint8Array) => numbers(loadKeras(bytes, quiet))

/** One part of a .keras file, damaged within a whole whose checksums are right. */
function partOf(make: () => ReturnType<typeof chain>, part: string): Format {
  let files: Map<string, Uint8Array> | undefined
  return {
    name: `${part} of a .keras file${make === graph ? ' of a graph' : ''}`,
    async sample() {
      files = await readZip(await toKeras(make(), quiet))
      return files.get(part)!
    },
    read: bytes => read(writeZip([...files!].map(([name, content]) => [name, name === part ? bytes : content]))),
  }
}

const text = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const weights = readFileSync(resolve(import.meta.dirname, root(), 'test/fixtures/keras/normal.h5'))
/** The fuzzer is built to a folder within node_modules. */
function root() {
  return import.meta.dirname.includes('node_modules') ? '../..' : '../../..'
}
const archive = (config: unknown) =>
  writeZip([
    ['config.json', text(config)],
    ['model.weights.h5', weights],
  ])
const first = { batch_shape: [null, 2] }
const chained = (...list: object[]) => archive({ class_name: 'Sequential', config: { name: 's', layers: list } })
const one = (class_name: string, config: object) => chained({ class_name, config: { ...first, ...config } })
const tensor = (from: string, node = 0) => ({
  class_name: '__keras_tensor__',
  config: { keras_history: [from, node, 0] },
})
const call = (from: string, node = 0) => ({ args: [tensor(from, node)], kwargs: {} })
const wired = (list: object[], input_layers: unknown = [['in', 0, 0]], output_layers: unknown = [['out', 0, 0]]) =>
  archive({ class_name: 'Functional', config: { name: 'f', layers: list, input_layers, output_layers } })
const start = { class_name: 'InputLayer', config: { ...first, name: 'in' } }
const relu = (name: string, ...inbound_nodes: unknown[]) => ({
  class_name: 'ReLU',
  config: { name },
  name,
  inbound_nodes,
})
const nested = (depth: number, calls: number): object => {
  const list = Array.from({ length: calls }, (_, i) => (i === 0 ? [['in', 0, 0, {}]] : [['out', i - 1, 0, {}]]))
  const out =
    depth === 0 ? { ...relu('out'), inbound_nodes: list } : { ...nested(depth - 1, calls), inbound_nodes: list }
  return {
    class_name: 'Functional',
    name: 'out',
    config: { name: 'out', layers: [start, out], input_layers: [['in', 0, 0]], output_layers: [['out', calls - 1, 0]] },
  }
}
const zip = (entries: [string, Uint8Array][]) => writeZip(entries)
const inflated = (name: string) => {
  const bytes = writeZip([[name, new Uint8Array(64)]])
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length - 4; at++)
    if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 0xfffffff0, true)
  return bytes
}

const hostile: Format['hostile'] = {
  'no bytes': () => new Uint8Array(0),
  'a config that nests 10,000 deep': () => archive(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
  'lists without end': () => archive(`{"class_name":"Sequential","config":${'['.repeat(1e6)}`),
  'a config of 12 MiB': () => archive(`{"class_name":"Sequential","config":[${'[],'.repeat(2 ** 22)}1]}`),
  'a layer that reads itself': () => wired([start, relu('out', call('out'))]),
  'layers that read each other': () => wired([start, relu('a', call('out')), relu('out', call('a'))]),
  'a chain of 50,000 layers': () => chained(start, ...Array.from({ length: 50_000 }, () => relu('r'))),
  'layers in reverse that lead nowhere': () =>
    wired(Array.from({ length: 9000 }, (_, i) => relu(`r${i}`, call(`r${i + 1}`)))),
  'inputs that are no references': () => wired([start, relu('out', call('in'))], [['in', null, 0]]),
  'models within models that call ten times each': () => archive(nested(8, 10)),
  'models within models without end': () => archive(nested(30, 1)),
  'a layer of 2³¹ units': () => one('Dense', { units: 2 ** 31 }),
  'a layer of −1 units': () => one('Dense', { units: -1 }),
  'a layer of 1.5 units': () => one('Dense', { units: 1.5 }),
  'a layer of no units': () => one('Dense', { units: null }),
  'units that are an object': () => one('Dense', { units: { valueOf: 1 } }),
  'a million repetitions of a million': () => one('RepeatVector', { n: 1e12 }),
  'a border without end': () => one('ZeroPadding1D', { padding: [1e15, 1e15], batch_shape: [null, 2, 2] }),
  'an image enlarged without end': () => one('UpSampling2D', { size: [1e9, 1e9], batch_shape: [null, 2, 2, 2] }),
  'a shape of NaN': () =>
    archive(
      '{"class_name":"Sequential","config":{"layers":[{"class_name":"Dense","config":{"units":2,"batch_shape":[null,NaN]}}]}}',
    ),
  'a shape of 1e999': () =>
    archive(
      '{"class_name":"Sequential","config":{"layers":[{"class_name":"Dense","config":{"units":2,"batch_shape":[null,1e999]}}]}}',
    ),
  'a negative shape': () => one('Dense', { units: 2, batch_shape: [null, -2] }),
  'a shape of a thousand axes': () => one('Dense', { units: 2, batch_shape: [null, ...Array(1000).fill(1)] }),
  'a reshape to a thousand axes': () =>
    chained(
      { class_name: 'Reshape', config: { ...first, target_shape: [2, ...Array(1000).fill(1)] } },
      { class_name: 'Dense', config: { units: 1 } },
    ),
  'a class of the prototype': () => one('constructor', {}),
  'a class called __proto__': () =>
    archive(
      '{"class_name":"Sequential","config":{"layers":[{"class_name":"__proto__","config":{"__proto__":{"x":1}}}]}}',
    ),
  'an activation of the prototype': () => one('Dense', { units: 2, activation: 'toString' }),
  'an activation that is code': () => one('Dense', { units: 2, activation: 'process.exit()' }),
  'a Lambda': () => one('Lambda', { function: ['4wEAAAAAAAAA', null, null] }),
  'a class of one’s own called Dense': () =>
    chained({ class_name: 'Dense', module: 'mine', registered_name: 'mine>Dense', config: { ...first, units: 2 } }),
  'an operation called like a layer': () =>
    chained({ class_name: 'Average', module: 'keras.src.ops.numpy', config: { ...first, axis: -1 } }),
  'an archive with ../': () => zip([['../config.json', text('{}')]]),
  'an archive that unpacks to 4 GiB': () => inflated('config.json'),
  'weights that are no HDF5': () => zip([['config.json', text({ class_name: 'Sequential', config: { layers: [start] } })], ['model.weights.h5', new Uint8Array(100)]]), // biome-ignore format: a list
}

const shards = toTfjs(chain())
const tfjs = (about: Uint8Array, shard: (path: string) => Uint8Array = path => shards[path]) =>
  numbers(loadTfjs(about, { ...quiet, shard }))
const [shard] = Object.keys(shards).filter(name => name.endsWith('.bin'))

const hdf5 = (name: string): Format => ({
  name: `HDF5 of the kind ${name}`,
  sample: () => new Uint8Array(readFileSync(resolve(import.meta.dirname, root(), `test/fixtures/hdf5/${name}.h5`))),
  read: bytes =>
    withHdf5(bytes, name, async file => {
      const found: unknown[] = [file.texts('', 'names'), file.texts('', 'texts'), file.texts('', 'long')]
      for (const key of file.keys('')) found.push(await file.array(key))
      for (const group of ['plain', 'chunks', 'many'])
        for (const key of file.keys(group)) {
          found.push(await file.array(`${group}/${key}`))
          found.push(file.text(group, key.replace('array', 'attribute')))
        }
      return found
    }),
})

export const keras: readonly Format[] = [
  { name: 'a .keras file', sample: () => toKeras(chain(), quiet), read, checked: true, hostile },
  partOf(chain, 'config.json'),
  partOf(graph, 'config.json'),
  partOf(chain, 'metadata.json'),
  partOf(chain, 'model.weights.h5'),
  { name: 'a .h5 file', sample: () => toKerasH5(graph(), quiet), read },
  { name: 'a .h5 file of Keras', sample: () => new Uint8Array(weights), read },
  {
    name: 'a .weights.h5 file',
    sample: () => toKerasWeights(chain()),
    async read(bytes) {
      const made = chain()
      await loadKerasWeights(made, bytes)
      return numbers(made)
    },
  },
  hdf5('earliest'),
  hdf5('latest'),
  hdf5('ordered'),
  hdf5('growing'),
  { name: 'model.json of TensorFlow.js', sample: () => shards['model.json'], read: about => tfjs(about) },
  {
    name: 'a shard of TensorFlow.js',
    sample: () => shards[shard],
    read: bytes => tfjs(shards['model.json'], () => bytes),
  },
]
