import { readBytes } from '../../data/files.ts'
import { NablaError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import { fromBytes } from '../../model/save.ts'
import { readSafetensors, type Tensor, writeSafetensors } from '../../tensor/safetensors.ts'
import { type Hdf5, type Hdf5Numbers, withHdf5 } from '../hdf5/read.ts'
import { loadKeras } from '../keras/index.ts'
import { parseConfig } from '../keras/json.ts'
import { loadTfjs } from '../tfjs/index.ts'
import { readShards } from '../tfjs/weights.ts'
import { dtypeOf, type FileArray, type Row } from './arrays.ts'
import {
  attempt,
  type Contents,
  type File,
  isRecord,
  keeper,
  layersOf,
  modelFacts,
  parseJson,
  short,
} from './contents.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** A model that loads in full, or what its description says and why it does not load. */
async function modelOrNames(load: () => Promise<Model>, config: unknown): Promise<Contents> {
  const { done: model, problems } = await attempt(load)
  if (!model) return { tables: { layers: namesIn(config) }, problems }
  const found = { about: modelFacts(model), tables: { layers: layersOf(model) } }
  model.close()
  return found
}

/** The layers that a description of Keras's names, whatever they are. */
function namesIn(model: unknown): Row[] {
  const config = isRecord(model) ? model.config : undefined
  const layers = isRecord(config) ? config.layers : config
  if (!Array.isArray(layers)) return []
  return layers.slice(0, 10_000).map(layer => {
    const { class_name, config: own, name } = isRecord(layer) ? layer : ({} as Record<string, unknown>)
    const settings = isRecord(own) ? own : {}
    return { layer: short(settings.name ?? name ?? '?', 40), type: short(class_name ?? '?', 40) }
  })
}

/** A .keras file, unpacked. */
export async function kerasContents(file: File, files: ReadonlyMap<string, Uint8Array>): Promise<Contents> {
  const config = parseConfig(text(files.get('config.json')!))
  const about = parseConfig(text(files.get('metadata.json') ?? new Uint8Array()))
  const found = await modelOrNames(() => loadKeras(file.bytes, { warn: file.warn, backend: keeper() }), config)
  const weights = files.get('model.weights.h5')
  const inside = weights ? await attempt(() => withHdf5(weights, file.name, tree)) : undefined
  return {
    ...found,
    about: {
      'Keras version': about ? short(about.keras_version) : undefined,
      saved: about ? short(about.date_saved ?? '') : undefined,
      class: config ? short(config.class_name) : undefined,
      ...found.about,
    },
    arrays: inside?.done?.arrays,
    problems: [...new Set([...(found.problems ?? []), ...(inside?.problems ?? [])])],
  }
}

/** An HDF5 file: a model of older Keras, weights alone, or something else. */
export async function hdf5Contents(file: File): Promise<Contents> {
  const inside = await withHdf5(file.bytes, file.name, tree)
  const { config, arrays, version, backend, training, weightsOnly } = inside
  const about = { 'Keras version': version, backend, 'training settings': training ? 'yes' : undefined }
  if (config === undefined)
    return {
      about: { ...about, holds: weightsOnly ? 'weights without a model' : 'arrays' },
      arrays,
      problems: weightsOnly ? ['weights alone: build the model, then loadKerasWeights(model, file)'] : [],
    }
  const model = await modelOrNames(
    () => loadKeras(file.bytes, { warn: file.warn, backend: keeper() }),
    parseConfig(config),
  )
  return { ...model, about: { ...about, ...model.about }, arrays }
}

const mostArrays = 100_000
const deepest = 32

/** Everything in an HDF5 file. */
async function tree(file: Hdf5) {
  const arrays: FileArray[] = []
  let left = mostArrays
  const walk = async (path: string, depth: number): Promise<void> => {
    for (const key of file.keys(path)) {
      if (--left < 0 || depth > deepest) return
      const inner = path === '' ? key : `${path}/${key}`
      let found: Hdf5Numbers | undefined
      try {
        found = await file.array(inner)
      } catch (error) {
        if (!(error instanceof NablaError || error instanceof RangeError)) throw error
        arrays.push({ name: inner, dtype: 'other', shape: [], data: [] })
        continue
      }
      if (found) arrays.push({ name: inner, dtype: dtypeOf(found.data), ...found })
      else await walk(inner, depth + 1)
    }
  }
  await walk('', 0)
  return {
    arrays,
    config: file.text('', 'model_config'),
    training: file.text('', 'training_config') !== undefined,
    version: file.text('', 'keras_version') ?? file.text('model_weights', 'keras_version'),
    backend: file.text('', 'backend'),
    weightsOnly:
      ['layers', '_layer_checkpoint_dependencies'].some(name => file.has(name)) ||
      file.texts('', 'layer_names') !== undefined,
  }
}

/** The model.json of TensorFlow.js. */
export async function tfjsContents(file: File, about: Readonly<Record<string, unknown>>): Promise<Contents> {
  const shard = file.beside
  const outer = about.modelTopology
  const inner = isRecord(outer) ? (outer.model_config ?? outer) : undefined
  const found = await modelOrNames(
    () => loadTfjs(file.bytes, { warn: file.warn, backend: keeper(), ...(shard && { shard }) }),
    typeof inner === 'string' ? parseConfig(inner) : inner,
  )
  const arrays = shard ? await attempt(() => readShards(about.weightsManifest, shard)) : undefined
  const facts = ['format', 'generatedBy', 'convertedBy', 'signature'].map(key => [
    key,
    about[key] ? short(about[key]) : undefined,
  ])
  return {
    ...found,
    about: { ...Object.fromEntries(facts), ...found.about },
    arrays: arrays?.done?.map(({ name, shape, data }) => ({ name, shape, data, dtype: dtypeOf(data) })),
  }
}

/** The model.json of ours, with the weights beside it. */
export async function nablaContents(file: File, about: Readonly<Record<string, unknown>>): Promise<Contents> {
  const weights = file.beside?.('weights.safetensors')
  const read = await attempt(async () =>
    weights === undefined ? [] : readSafetensors(await readBytes(weights)).tensors,
  )
  return { ...(await ours(about, read.done ?? [], text(file.bytes))), arrays: named(read.done ?? []) }
}

async function ours(about: Readonly<Record<string, unknown>>, tensors: readonly Tensor[], json: string) {
  const { done: model, problems } = await attempt(() => {
    const backend = keeper(about.dtype === 'float64' ? 'float64' : 'float32')
    return fromBytes(writeSafetensors(tensors, { nabla: json }), { backend })
  })
  const { training } = about
  const facts = {
    ...(model ? modelFacts(model) : { name: typeof about.name === 'string' ? short(about.name) : undefined }),
    step: isRecord(training) ? short(training.step) : undefined,
  }
  const names = Array.isArray(about.layers) ? about.layers.slice(0, 10_000) : []
  const layers = model ? layersOf(model) : names.map(layer => ({ type: short(isRecord(layer) ? layer.type : '?') }))
  model?.close()
  return { about: facts, tables: { layers }, problems }
}

const named = (tensors: readonly Tensor[], header?: Readonly<Record<string, unknown>>): FileArray[] =>
  tensors.map(tensor => {
    const entry = header?.[tensor.name]
    return { ...tensor, dtype: isRecord(entry) ? String(entry.dtype) : dtypeOf(tensor.data) }
  })

/** A safetensors file: of ours with a model in it, or arrays alone. */
export async function safetensorsContents({ bytes, name }: File): Promise<Contents> {
  const { done, problems } = await attempt(() => readSafetensors(bytes))
  const header = headerOf(bytes, name)
  if (!done)
    return {
      tables: {
        tensors: Object.entries(header)
          .filter(([key]) => key !== '__metadata__')
          .slice(0, mostArrays)
          .map(described),
      },
      problems,
    }
  const { nabla, ...metadata } = done.metadata
  const notes = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [short(key, 40), short(value)]))
  const arrays = named(done.tensors, header)
  if (nabla === undefined) return { about: notes, arrays }
  const topology = parseConfig(nabla)
  const model = topology ? await ours(topology, done.tensors, nabla) : { problems: ['its model is no JSON'] }
  return { kind: 'nabla', ...model, about: { ...notes, ...('about' in model ? model.about : {}) }, arrays }
}

/** What the header says, as far as it can be read. */
function headerOf(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (8 + length > bytes.length) return {}
  const header = parseJson(text(bytes.subarray(8, 8 + length)), name)
  return isRecord(header) ? header : {}
}

const described = ([name, entry]: readonly [string, unknown]): Row => {
  const { dtype, shape } = isRecord(entry) ? entry : ({} as Record<string, unknown>)
  return { name: short(name), dtype: short(dtype ?? '?'), shape: short(shape ?? '?') }
}
