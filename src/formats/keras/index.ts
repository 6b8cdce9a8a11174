// Keras's files: .keras (3), .weights.h5, and the older .h5 with topology and weights in one.
import { type ByteSource, readBytes, sourceName } from '../../data/files.ts'
import { nothingElse } from '../../errors.ts'
import type { Model as Core, EngineOptions } from '../../model/face.ts'
import { model as core } from '../../model/model.ts'
import { type Model, trainable } from '../../training/trainable.ts'
import { isHdf5, withHdf5 } from '../hdf5/read.ts'
import { type Hdf5Array, type Hdf5Tree, writeHdf5 } from '../hdf5/write.ts'
import { readZip, writeZip } from '../zip.ts'
import { compileFrom, compileTo } from './compile.ts'
import { bad } from './entries.ts'
import { parseConfig, toJson } from './json.ts'
import { type Placed, readTopology, type Topology } from './read.ts'
import { type Kept, slotsFrom, slotsTo } from './slots.ts'
import { variableName } from './table.ts'
import type { Config } from './values.ts'
import { arraysAt, currentWeights, entriesOf, legacyWeights, listed, type Part, setWeights, varsAt } from './weights.ts'
import { writeTopology } from './write.ts'

export type { ByteSource } from '../../data/files.ts'

export interface KerasOptions extends EngineOptions {
  /** Told what was left out because it only matters to training; console.warn by default. */
  warn?(message: string): void
  /** The most bytes that a .keras file may unpack to: 16 MiB, or 16 times the file where that is more. */
  limit?: number
}

/** What is told where something cannot be written that only matters to training. */
export type WriteOptions = Pick<KerasOptions, 'warn'>

const encode = (value: unknown) => new TextEncoder().encode(toJson(value))

function parse(source: string | Uint8Array, what: string): Config {
  const value = parseConfig(source)
  if (value) return value
  throw bad(`no ${what} that can be read`)
}

/**
 * A model that Keras saved: .keras of Keras 3, or .h5 and .hdf5 of Keras 1 to 3, topology and weights. It is compiled as it was
 * in Keras, where that is possible, and trains on from where that stopped.
 * @param source a path, an address, a File or bytes
 * @throws DataError `unsupported-layers` lists every layer that has no counterpart, before anything is built;
 * `wrong-weights`, `bad-keras`, `bad-hdf5`, `bad-zip`, `too-large`
 * @example
 * const model = await loadKeras('digits.keras')
 */
export async function loadKeras(source: ByteSource, options: KerasOptions = {}): Promise<Model> {
  const { warn = console.warn, limit, backend, threads, dtype, ...others } = options
  const engine = { backend, threads, dtype }
  nothingElse('loadKeras', others, { warn, limit, ...engine })
  const name = sourceName(source)
  if (name.endsWith('.h5py')) warn(`${name}: h5py is the name of a Python package; files of this kind end in .h5`)
  const bytes = await readBytes(source)
  const build = ({ model, name }: Topology) => {
    const made = core(model, { name: name.replace(/[^\w.-]/g, '_') || 'model', dtype: engine.dtype })
    made.use(engine)
    return made
  }
  if (isHdf5(bytes))
    return withHdf5(bytes, name, async file => {
      const config = file.text('', 'model_config')
      if (config === undefined) throw bad('weights alone', 'build the model, then loadKerasWeights(model, file)')
      const major = Number.parseInt(file.text('', 'keras_version') ?? '1', 10)
      const topology = readTopology(parse(config, 'model_config'), { major, warn })
      const made = build(topology)
      setWeights(made, topology.layers, await legacyWeights(file, 'model_weights', topology.layers, made))
      const training = file.text('', 'training_config')
      if (training === undefined) return trainable(made)
      compileFrom(made, parse(training, 'training_config'), warn)
      const names = listed(file, 'optimizer_weights', 'weight_names') ?? []
      const kept = await arraysAt(
        file,
        names.map(name => `optimizer_weights/${name}`),
      )
      slotsFrom(made, topology.layers, kept, warn, names)
      return trainable(made)
    })
  const files = await readZip(bytes, { limit: limit ?? Math.max(2 ** 24, 16 * bytes.length), name })
  const [config, weights] = ['config.json', 'model.weights.h5'].map(file => files.get(file))
  if (!config || !weights) throw bad(`no ${config ? 'model.weights.h5' : 'config.json'}`)
  const about = files.get('metadata.json')
  const major = Number.parseInt(about ? String(parse(about, 'metadata.json').keras_version) : '3', 10)
  const described = parse(config, 'config.json')
  const topology = readTopology(described, { major, warn })
  const made = build(topology)
  await withHdf5(weights, name, async file => {
    setWeights(made, topology.layers, await currentWeights(file, topology.layers))
    compileFrom(made, described.compile_config, warn)
    slotsFrom(made, topology.layers, await varsAt(file, 'optimizer'), warn)
  })
  return trainable(made)
}

/**
 * Sets a model's weights from a file of weights alone: .weights.h5, or what older Keras saved as .h5.
 * @throws DataError `wrong-weights` lists every layer that does not fit
 * @example
 * await loadKerasWeights(model, 'digits.weights.h5')
 */
export async function loadKerasWeights(model: Core, source: ByteSource): Promise<void> {
  const { layers } = writeTopology(model)
  await withHdf5(await readBytes(source), sourceName(source), async file => {
    const root = file.has('model_weights') ? 'model_weights' : ''
    const legacy = root !== '' || file.texts('', 'layer_names') !== undefined
    setWeights(model, layers, await (legacy ? legacyWeights(file, root, layers, model) : currentWeights(file, layers)))
  })
}

/**
 * A model as the bytes of a .keras file, which Keras 3 loads and trains on.
 * @throws DataError `unsupported-layers` lists every layer that Keras has no counterpart for
 * @example
 * await writeFile('digits.keras', await toKeras(model))
 */
export async function toKeras(model: Core, { warn = console.warn, ...others }: WriteOptions = {}): Promise<Uint8Array> {
  nothingElse('toKeras', others, { warn })
  const { config, layers } = writeTopology(model)
  const compiled = compileTo(model, warn)
  return writeZip([
    ['metadata.json', encode({ keras_version: '3.0.0', date_saved: '1980-01-01@00:00:00' })],
    ['config.json', encode(compiled ? { ...config, compile_config: compiled } : config)],
    ['model.weights.h5', await writeHdf5(current(model, layers, compiled !== undefined))],
  ])
}

/**
 * A model's weights as the bytes of a .weights.h5 file.
 * @throws DataError `unsupported-layers`
 * @example
 * await writeFile('digits.weights.h5', await toKerasWeights(model))
 */
export const toKerasWeights = (model: Core): Promise<Uint8Array> =>
  writeHdf5(current(model, writeTopology(model).layers))

/**
 * A model as the bytes of the older .h5 file, topology and weights in one.
 * @throws DataError `unsupported-layers`
 * @example
 * await writeFile('digits.h5', await toKerasH5(model))
 */
export async function toKerasH5(
  model: Core,
  { warn = console.warn, ...others }: WriteOptions = {},
): Promise<Uint8Array> {
  nothingElse('toKerasH5', others, { warn })
  const { config, layers } = writeTopology(model)
  const compiled = compileTo(model, warn)
  const version = { backend: 'numpy', keras_version: '3.0.0' }
  const arrays = arraysOf(model)
  const groups = layers.map((layer): [string, Hdf5Tree] => {
    const own = layer.parts.flatMap(part => arraysIn(model, layer, part, arrays))
    return [
      layer.name,
      {
        attributes: { weight_names: own.map(([key]) => `${layer.name}/${key}`) },
        groups: { [layer.name]: { arrays: Object.fromEntries(own) } },
      },
    ]
  })
  const top: [string, Hdf5Tree] = ['top_level_model_weights', { attributes: { weight_names: [] } }]
  const { optimizer, ...training } = compiled ?? {}
  const kept = compiled ? slotsTo(model, layers) : []
  return writeHdf5({
    attributes: {
      ...version,
      model_config: JSON.stringify(config),
      ...(compiled && { training_config: toJson({ ...training, optimizer_config: optimizer }) }),
    },
    groups: {
      ...(kept.length > 0 && {
        optimizer_weights: {
          attributes: { weight_names: kept.map(({ name }) => name) },
          arrays: Object.fromEntries(kept.map(array => [array.name, written(array)])),
        },
      }),
      model_weights: {
        attributes: { ...version, layer_names: layers.map(({ name }) => name) },
        groups: Object.fromEntries([...groups, top]),
      },
    },
  })
}

/** An array as HDF5 holds it. */
const written = ({ shape, data }: Pick<Kept, 'shape' | 'data'>): Hdf5Array =>
  data instanceof Float64Array || data instanceof BigInt64Array
    ? { shape, data }
    : { shape, data: Float32Array.from(data as ArrayLike<number>) }

const arraysOf = (model: Core): ReadonlyMap<string, Hdf5Array> =>
  new Map(model.weights().map(weight => [weight.name, written(weight)]))

/** The arrays of a part of a layer in Keras's order, which counts what a normalisation has seen. */
function arraysIn(
  model: Core,
  layer: Placed,
  part: Part,
  arrays: ReadonlyMap<string, Hdf5Array>,
): [string, Hdf5Array][] {
  const own = entriesOf(model, { ...layer, parts: [part] }).map(({ key, name }): [string, Hdf5Array] => [
    variableName(layer.class, key),
    arrays.get(name)!,
  ])
  return layer.class === 'Normalization' ? [...own, ['count', { shape: [], data: BigInt64Array.of(0n) }]] : own
}

/** What Keras 3 writes: layers/dense/vars/0, layers/lstm/cell/vars/0, … */
function current(model: Core, layers: readonly Placed[], compiled = false): Hdf5Tree {
  const arrays = arraysOf(model)
  const trees = layers.map((layer): [string, Hdf5Tree] => {
    const root: Tree = { groups: {} }
    root.groups.vars = { attributes: { name: layer.name } }
    for (const part of layer.parts) {
      const vars = arraysIn(model, layer, part, arrays).map(([, array]) => array)
      let at = root
      for (const step of part.part.split('/').filter(Boolean)) at = (at.groups[step] ??= { groups: {} }) as Tree
      at.groups.vars = { ...at.groups.vars, arrays: Object.fromEntries(vars.map((array, n) => [`${n}`, array])) }
    }
    return [layer.group.slice('layers/'.length), root]
  })
  const kept = compiled ? slotsTo(model, layers).map((array, n) => [`${n}`, written(array)] as const) : []
  return {
    groups: {
      layers: { groups: Object.fromEntries(trees) },
      vars: { attributes: { name: model.name } },
      ...(kept.length > 0 && { optimizer: { groups: { vars: { arrays: Object.fromEntries(kept) } } } }),
    },
  }
}

interface Tree {
  readonly groups: Record<string, Hdf5Tree>
}
