// TensorFlow.js's layers models: model.json and the shards beside it.
import { type ByteSource, readBytes } from '../../data/files.ts'
import { DataError, nothingElse } from '../../errors.ts'
import type { Model as Core, EngineOptions } from '../../model/face.ts'
import { model as core } from '../../model/model.ts'
import { type Model, trainable } from '../../training/trainable.ts'
import { compileFrom } from '../keras/compile.ts'
import { parseConfig } from '../keras/json.ts'
import { readTopology } from '../keras/read.ts'
import { slotsFrom } from '../keras/slots.ts'
import { type Config, isConfig } from '../keras/values.ts'
import { setWeights } from '../keras/weights.ts'
import { arraysOf, readShards } from './weights.ts'
import { manifestOf, oldTopology } from './write.ts'

export type { ByteSource } from '../../data/files.ts'

export interface TfjsOptions extends EngineOptions {
  /** Where a shard is; by default beside model.json. */
  shard?(path: string): ByteSource
  /** Told what was left out because it only matters to training; console.warn by default. */
  warn?(message: string): void
}

/**
 * A layers model of TensorFlow.js, its weights quantised or not, compiled as it was there where that is possible.
 * @param source model.json: a path, an address, a File or bytes; with the last two, `shard` says where the weights are
 * @throws DataError `unsupported-layers` lists every layer that has no counterpart; `wrong-weights`, `bad-tfjs`
 * @example
 * const model = await loadTfjs('digits/model.json')
 */
export async function loadTfjs(source: ByteSource, options: TfjsOptions = {}): Promise<Model> {
  const { warn = console.warn, shard = beside(source), backend, threads, dtype, ...others } = options
  const engine = { backend, threads, dtype }
  nothingElse('loadTfjs', others, { warn, shard, ...engine })
  const about = parse(await readBytes(source, { limit: 2 ** 24 }))
  const outer = about.modelTopology
  if (!isConfig(outer))
    throw bad(
      'no modelTopology',
      'graph models hold operations, not layers: convert with --output_format tfjs_layers_model',
    )
  const inner = outer.model_config ?? outer
  const topology = readTopology(typeof inner === 'string' ? parse(inner) : inner, {
    major: 2,
    warn,
  })
  const made = core(topology.model, { name: topology.name.replace(/[^\w.-]/g, '_') || 'model', dtype: engine.dtype })
  made.use(engine)
  const arrays = await readShards(about.weightsManifest, shard)
  const own = arrays.filter(({ group }) => group !== 'optimizer')
  setWeights(made, topology.layers, arraysOf(own, topology.layers))
  if (isConfig(about.trainingConfig)) {
    compileFrom(made, trainingIn(about.trainingConfig), warn)
    const kept = arrays.filter(({ group }) => group === 'optimizer')
    const names = kept.map(({ name }) => name)
    if (made.training && alike.has(made.training.optimizer.name)) slotsFrom(made, topology.layers, kept, warn, names)
  }
  return trainable(made)
}

/** Optimisers whose states mean the same here; the momentum of sgd is counted in gradients there, in steps here. */
const alike = new Set(['adam', 'adagrad', 'adadelta', 'rmsprop'])

/** What compile was told, in Keras's words. */
function trainingIn({ optimizer_config: told, ...rest }: Config): Config {
  if (!isConfig(told) || !isConfig(told.config)) return { ...rest, optimizer_config: told ?? null }
  const { decay: rho, use_nesterov: nesterov, ...config } = told.config
  const type = told.class_name === 'Momentum' ? 'SGD' : told.class_name
  const settings = { ...config, ...(rho !== undefined && { rho }), ...(nesterov !== undefined && { nesterov }) }
  return { ...rest, optimizer_config: { class_name: type, config: settings } }
}

/**
 * A model as the files of a layers model, which TensorFlow.js loads: model.json and its shards, by name.
 * @throws DataError `unsupported-layers` lists every layer that TensorFlow.js has no counterpart for
 * @example
 * for (const [name, bytes] of Object.entries(toTfjs(model))) await writeFile(`digits/${name}`, bytes)
 */
export function toTfjs(model: Core): Record<string, Uint8Array> {
  const { topology, layers } = oldTopology(model)
  const { manifest, shards } = manifestOf(model, layers)
  const about = {
    format: 'layers-model',
    generatedBy: 'nabla',
    convertedBy: null,
    modelTopology: { keras_version: '2.15.0', backend: 'tensorflow', model_config: topology },
    weightsManifest: manifest,
  }
  return { 'model.json': new TextEncoder().encode(JSON.stringify(about)), ...shards }
}

const beside = (source: ByteSource) => (path: string) => {
  if (typeof source !== 'string' && !(source instanceof URL))
    throw bad(`weights in ${path}, but nobody says where that is`, 'loadTfjs(file, { shard: path => files[path] })')
  const at = String(source)
  const folder = at.slice(0, Math.max(at.lastIndexOf('/'), at.lastIndexOf('\\')) + 1) + path
  return source instanceof URL ? new URL(folder) : folder
}

function parse(text: string | Uint8Array): Config {
  const value = parseConfig(text)
  if (value) return value
  throw bad('no JSON object that can be read')
}

const bad = (what: string, hint = 'give the model.json of a layers model') =>
  new DataError('bad-tfjs', `the TensorFlow.js model has ${what}`, { hint })
