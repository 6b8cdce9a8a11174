import { DataError, nothingElse, StateError } from '../errors.ts'
import type { Json } from '../nn/json.ts'
import type { Layer, LayerTypes } from '../nn/layer.ts'
import * as known from '../nn/layers/index.ts'
import { registeredLayers } from '../nn/register.ts'
import { readSafetensors, type Tensor, writeSafetensors } from '../tensor/safetensors.ts'
import { printShape } from '../tensor/shape.ts'
import type { EngineOptions, Model, Weight } from './face.ts'
import type { GoalOptions } from './goals.ts'
import { model } from './model.ts'
import type { Goal } from './programs.ts'
import { foreign, list, record, structure, wired } from './topology.ts'

export interface LoadOptions extends EngineOptions {
  /** Makers of layers that are not built in, by type. */
  layers?: LayerTypes
}

const version = 1

/** The model without its numbers: layers, formulas, settings of the training. */
export function topology({ name, seed, dtype, network, training, step, learningRate }: Model): Json {
  return JSON.parse(
    JSON.stringify({
      format: 'nabla',
      version,
      name,
      seed,
      dtype,
      ...structure(network),
      training: training && {
        optimizer: training.optimizer,
        ...goalsIn(training.goals),
        step,
        learningRate,
      },
    }),
  )
}

/** All numbers: weights, moving statistics, what the optimiser keeps. */
const tensorsOf = (model: Model): Tensor[] => [
  ...model.weights(),
  ...(model.training ? model.optimizerState() : []).map(({ name, ...rest }) => ({ name: optimizer + name, ...rest })),
]
const optimizer = 'optimizer/'

/** A model as the bytes of one safetensors file, the topology in its metadata. */
export const toBytes = (model: Model): Uint8Array =>
  writeSafetensors(tensorsOf(model), { nabla: JSON.stringify(topology(model)) })

/**
 * The model that toBytes wrote.
 * @throws DataError when the bytes are damaged or belong to something else
 */
export function fromBytes(bytes: Uint8Array, options?: LoadOptions): Model {
  const { tensors, metadata } = readSafetensors(bytes)
  if (metadata.nabla === undefined) throw foreign('it says nothing of a model')
  return restore(metadata.nabla, tensors, options)
}

/** Formats of others are asked for by name, for not all of a model is kept in them. */
function own(path: string): void {
  const other = /\.(keras|h5|hdf5|onnx)$/i.exec(path)?.[1]
  if (!other) return
  const [read, write, entry] = /onnx/i.test(other)
    ? ['loadOnnx', 'exportOnnx', 'onnx']
    : ['loadKeras', 'toKeras', 'keras']
  throw new StateError('other-format', `a model is a folder or one .safetensors file, got "${path.slice(-40)}"`, {
    hint: `${read} and ${write} of nabla/${entry} read and write .${other}`,
  })
}

/**
 * Writes a model: to a path that ends in .safetensors as one file, else to a folder of model.json and
 * weights.safetensors. Nothing is half-written: files appear whole or not at all.
 * @throws StateError `cannot-write`, `other-format`
 */
export async function save(model: Model, path: string): Promise<void> {
  own(path)
  if (path.endsWith('.safetensors')) return writeAll([[path, toBytes(model)]])
  const { join } = await import('node:path')
  await writeAll([
    [join(path, 'weights.safetensors'), writeSafetensors(tensorsOf(model))],
    [join(path, 'model.json'), new TextEncoder().encode(`${JSON.stringify(topology(model), null, 2)}\n`)],
  ])
}

/**
 * Reads what save wrote.
 * @throws StateError `cannot-read`, `other-format`; DataError when the files are damaged or do not belong together
 */
export async function loadModel(path: string, options?: LoadOptions, read = fromDisk): Promise<Model> {
  own(path)
  if (path.endsWith('.safetensors')) return fromBytes(await read(path), options)
  const text = new TextDecoder().decode(await read(`${path}/model.json`))
  const { tensors } = readSafetensors(await read(`${path}/weights.safetensors`))
  return restore(text, tensors, options)
}

function restore(text: string, tensors: readonly Tensor[], options: LoadOptions = {}): Model {
  const { layers: more = {}, backend, threads, dtype: kept, ...others } = options
  const engine = { backend, threads, dtype: kept }
  nothingElse('loadModel', others, { layers: more, ...engine })
  const about = parse(text)
  const layers = restored(about, { ...registeredLayers(), ...known, ...more }, more)
  if (typeof about.name !== 'string' || typeof about.seed !== 'number') throw foreign('name or seed is missing')
  const { name, seed, dtype = undefined } = about
  if (dtype !== undefined && dtype !== 'float32' && dtype !== 'float64') throw foreign('its dtype is none')
  const made = model(about.calls === undefined ? layers : wired(layers, about), { name, seed, dtype })
  made.use(engine)
  if (about.training !== undefined) {
    const { optimizer, loss, lossWeights, metrics } = record(about.training)
    const goals = { loss, lossWeights, metrics: list(metrics) } as never as GoalOptions
    made.compile({ optimizer: record(optimizer) as never, ...goals })
  }
  fill(made, about, tensors)
  return made
}

/** Sets all numbers: weights, the state of the optimiser, and how far the training is. */
function fill(made: Model, about: Readonly<Record<string, Json>>, tensors: readonly Tensor[]): void {
  const weights = tensors.filter(({ name }) => !name.startsWith(optimizer))
  fits(made, weights)
  if (made.training) {
    const { step, learningRate } = record(about.training)
    if (!(Number.isSafeInteger(step) && (step as number) >= 0 && Number.isFinite(learningRate)))
      throw foreign('step or learning rate is missing')
    made.step = step as number
    made.learningRate = learningRate as number
  }
  made.setWeights(weights.map(numeric))
  const state = tensors.filter(({ name }) => name.startsWith(optimizer)).map(numeric)
  if (made.training && Object.keys(made.training.slots).length > 0)
    made.setOptimizerState(state.map(({ name, ...rest }) => ({ name: name.slice(optimizer.length), ...rest })))
}

/**
 * Puts what `save` wrote into one file into a model of the same layers that was compiled in the same way.
 * @throws StateError `cannot-read`; DataError when the file is damaged or belongs to another model
 */
export async function loadInto(model: Model, path: string): Promise<void> {
  const { tensors, metadata } = readSafetensors(await fromDisk(path))
  if (metadata.nabla === undefined) throw foreign('it says nothing of a model')
  fill(model, parse(metadata.nabla), tensors)
}

/** How deep models may stand in models. */
const deepest = 16

/** The layers of a saved topology, made again; models among them too. */
function restored(about: Readonly<Record<string, Json>>, types: LayerTypes, more: LayerTypes, depth = 0): Layer[] {
  const nested = {
    fromConfig(config: Readonly<Record<string, Json>>): Layer {
      if (depth > deepest) throw foreign('models stand too deep within models')
      const { name, seed, trainable } = config
      if ((name !== undefined && typeof name !== 'string') || typeof seed !== 'number')
        throw foreign('a seed is missing')
      const layers = restored(config, types, more, depth + 1)
      const made = model(config.calls === undefined ? layers : wired(layers, config), { name, seed })
      if (trainable === false) made.trainable = false
      return made
    },
  }
  const makers: LayerTypes = { sequential: nested, functional: nested, ...types }
  return list(about.layers).map(entry => {
    const { type, config } = record(entry)
    if (typeof type !== 'string' || !Object.hasOwn(makers, type))
      throw new DataError('unknown-layer', `the model has a layer of type ${JSON.stringify(type)?.slice(0, 40)}`, {
        evidence: [['known', Object.keys(makers).sort().join(', ')]],
        hint: 'give the makers of your own layers: loadModel(path, { layers: { … } })',
      })
    return makers[type].fromConfig(record(config), { sequential: nested, functional: nested, ...more })
  })
}

/** What compile was told of each output; of the only one as it is. */
function goalsIn(goals: readonly Goal[]): object {
  const [losses, weights, metrics] = [goals.map(g => g.loss), goals.map(g => g.weight), goals.map(g => g.metrics)]
  const lossWeights = weights.every(weight => weight === 1) ? undefined : weights
  return goals.length > 1
    ? { loss: losses, lossWeights, metrics }
    : { loss: losses[0], lossWeights, metrics: metrics[0] }
}

/** Checks that every array is there before room is made for any. */
function fits({ network }: Model, weights: readonly Tensor[]): void {
  const entries = network.nodes.flatMap(node => [...node.parameters, ...node.state])
  for (const { name, shape } of entries) {
    const found = weights.find(weight => weight.name === name)
    if (found && printShape(found.shape) === printShape(shape)) continue
    throw new DataError('wrong-weights', `the file has ${found ? printShape(found.shape) : 'nothing'} for ${name}`, {
      evidence: [['expected', printShape(shape)]],
      hint: 'weights and model.json do not belong together',
    })
  }
}

function numeric({ name, shape, data }: Tensor): Weight {
  if (data instanceof Float32Array || data instanceof Float64Array) return { name, shape, data }
  throw foreign(`${name.slice(0, 40)} is no array of floats`)
}

function parse(text: string): Record<string, Json> {
  let about: unknown
  try {
    about = JSON.parse(text)
  } catch {
    throw foreign('its topology is no JSON')
  }
  const found = record(about)
  if (found.format !== 'nabla') throw foreign('its topology is of another program')
  if (found.version !== version)
    throw new DataError('newer-model', `the model has version ${JSON.stringify(found.version)}, expected ${version}`, {
      hint: 'it was saved by a newer release; update this one',
    })
  return found
}

async function fromDisk(path: string): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises')
  try {
    return await readFile(path)
  } catch (error) {
    throw new StateError('cannot-read', `cannot read ${path}`, {
      evidence: [['cause', String((error as Error).message)]],
      hint: 'check the path; a model is a folder with model.json, or one .safetensors file',
    })
  }
}

/** Makes a folder and those above it: where none can be made, as in /proc, Node's own `recursive` tries for ever. */
export async function makeFolder(path: string, isLast = false): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  const { dirname } = await import('node:path')
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || isLast) throw error
    await makeFolder(dirname(path))
    await makeFolder(path, true)
  }
}

/** Writes each file beside its place and moves them there once all are complete. */
async function writeAll(files: readonly (readonly [path: string, bytes: Uint8Array])[]): Promise<void> {
  const { rename, rm, writeFile } = await import('node:fs/promises')
  const { dirname } = await import('node:path')
  const beside = files.map(([path]) => `${path}.${process.pid}.part`)
  try {
    await makeFolder(dirname(files[0][0]))
    for (const [i, [, bytes]] of files.entries()) await writeFile(beside[i], bytes)
    for (const [i, [path]] of files.entries()) await rename(beside[i], path)
  } catch (error) {
    await Promise.all(beside.map(path => rm(path, { force: true }).catch(() => {})))
    throw new StateError('cannot-write', `cannot write ${files[0][0]}`, {
      evidence: [['cause', String((error as Error).message)]],
      hint: 'free some space, or choose a folder that exists and is yours to write',
    })
  }
}
