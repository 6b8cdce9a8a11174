import { DataError, NablaError } from '../../errors.ts'
import type { Graph } from '../../model/graph.ts'
import { fit, type Output, place } from '../../nn/call.ts'
import type { Json } from '../../nn/json.ts'
import type { Layer, LayerMaker } from '../../nn/layer.ts'
import * as known from '../../nn/layers/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import { modern } from './modern.ts'
import { byClass, expected, meaningless, type Row, trainingOnly } from './table.ts'
import { type Config, Foreign, isConfig, valueFrom } from './values.ts'
import { type Part, partsOf } from './weights.ts'

/** A layer of a Keras file: where its arrays are there, and what it is called here. */
export interface Placed {
  readonly name: string
  /** As the file calls it. */
  readonly theirs: string
  readonly class: string
  readonly parts: readonly Part[]
  /** What the layer within it is called, which some files name arrays by. */
  readonly inner?: string
}

export interface Topology {
  readonly name: string
  readonly model: readonly Layer[] | Graph
  /** In Keras's order. */
  readonly layers: readonly Placed[]
}

export interface ReadOptions {
  /** Of Keras: 1, 2 or 3. */
  major: number
  warn(message: string): void
}

const makers = known as unknown as Readonly<Record<string, LayerMaker<unknown[]>>>
const mostLayers = 10_000
const deepest = 8

/** One layer as the file describes it. */
interface Entry {
  readonly theirs: string
  readonly class: string
  readonly config: Config
  readonly inbound: Json
}

/**
 * The layers of a Keras model and how they are wired.
 * @throws DataError `unsupported-layers` with everything that has no counterpart, `bad-keras`
 */
export function readTopology(model: unknown, options: ReadOptions): Topology {
  const { class_name: type, config: about } = record(model)
  if (type !== 'Sequential' && type !== 'Functional' && type !== 'Model')
    throw bad(
      `a model of the class ${show(type)}`,
      'sequential and functional models can be read; others are Python code',
    )
  const config: Config = Array.isArray(about) ? { layers: about } : record(about)
  if (!Array.isArray(config.layers) || config.layers.length > mostLayers) throw bad('no layers')
  const entries = config.layers.map(entryOf)
  const problems = new Map<string, string>()
  const names = distinct(entries.map(({ theirs }) => theirs))
  const attempt = <T>(entry: Entry, work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof Foreign || error instanceof NablaError)) throw error
      if (!problems.has(entry.theirs)) problems.set(entry.theirs, `${entry.class}: ${error.message.split('\n')[0]}`)
      return undefined
    }
  }
  const made = entries.map((entry, i) => attempt(entry, () => layerOf(entry, names[i], options)))
  const refuse = () => {
    if (problems.size === 0) return
    throw new DataError('unsupported-layers', `${problems.size} of ${entries.length} layers cannot be mapped`, {
      evidence: [...problems].slice(0, 60).map(([name, why]) => [name.slice(0, 60), why.slice(0, 200)]),
      hint: 'replace these layers in Keras and save again',
    })
  }
  refuse()
  const layers = made as Made[]
  const built =
    type === 'Sequential' ? chained(entries, layers, config, attempt) : wired(entries, layers, config, attempt)
  refuse()
  return {
    name: typeof config.name === 'string' ? config.name.slice(0, 64) : 'model',
    model: built!,
    layers: entries.flatMap((entry, i) =>
      entry.class === 'InputLayer'
        ? []
        : [
            {
              name: names[i],
              theirs: entry.theirs,
              class: entry.class,
              parts: partsOf(layers[i].layer),
              inner: innerName(entry.config.layer),
            },
          ],
    ),
  }
}

function entryOf(value: Json): Entry {
  const {
    class_name: name,
    config,
    name: outer,
    inbound_nodes: inbound = [],
    registered_name: registered,
  } = record(value)
  if (typeof name !== 'string') throw bad('a layer without a class')
  const [type, settings] = modern(name, record(config))
  const own = typeof registered === 'string' && registered.includes('>') && !registered.startsWith('keras>')
  const theirs = settings.name ?? outer ?? name
  return { theirs: String(theirs), class: own ? String(registered) : type, config: settings, inbound }
}

const innerName = (layer: Json): string | undefined => {
  const name = isConfig(layer) && isConfig(layer.config) ? layer.config.name : undefined
  return typeof name === 'string' ? name : undefined
}

/** Names as ours may be: the same where that is possible. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map(name => {
    const safe = name.replace(/[^\w.-]/g, '_').slice(0, 56) || 'layer'
    let unique = safe
    for (let i = 1; taken.has(unique); i++) unique = `${safe}_${i}`
    taken.add(unique)
    return unique
  })
}

interface Made {
  readonly layer: Layer
  /** What an input must be for the layer to be the same, or undefined. */
  readonly check?: (input: Shape) => string | undefined
}

function layerOf({ class: type, config }: Entry, name: string, options: ReadOptions, depth = 0): Made {
  if (type === 'InputLayer')
    return { layer: known.input(inputShape(config) ?? missing('it does not say its shape'), { name }) }
  if (depth > deepest) throw new Foreign('layers within layers too deep')
  const row = byClass.get(type) ?? missing('no such layer here')
  const settings: Record<string, Json> = { name }
  for (const [key, value] of Object.entries(config)) {
    const ours = row.args.get(key)
    if (ours === 'layer') settings.layer = innerOf(value, options, depth)
    else if (ours !== undefined && value !== null && key !== 'trainable') {
      try {
        settings[ours] = valueFrom(key, value, options.major < 3)
      } catch (error) {
        if (!(error instanceof Foreign && /_(initializer|regularizer|constraint)$/.test(key))) throw error
        options.warn(`${name}: ${error.message}; it only matters to training`)
      }
    } else if (ours === undefined) ignored(row, name, key, value, options)
  }
  const layer = makers[row.type].fromConfig(settings)
  return { layer, check: axisCheck(type, config.axis) }
}

const missing = (why: string): never => {
  throw new Foreign(why)
}

/** The layer within a wrapper, as a wrapper saves it. */
function innerOf(value: Json, options: ReadOptions, depth: number): Json {
  const inner = entryOf(value)
  const { layer } = layerOf(inner, inner.theirs.replace(/[^\w.-]/g, '_').slice(0, 60), options, depth + 1)
  const { name: _, ...config } = layer.config
  return { type: layer.type, config }
}

/** Refuses what would make another layer; warns of what would train otherwise. */
function ignored(row: Row, name: string, key: string, value: Json, { warn }: ReadOptions): void {
  if (key === 'trainable' && value === false) warn(`${name} is frozen in Keras; here it is trained like the others`)
  if (meaningless.has(key) || value === null || (key === 'axis' && row.type === 'batchNormalization')) return
  if (Object.hasOwn(row.fixed, key)) {
    if (JSON.stringify([value].flat()) !== JSON.stringify([row.fixed[key]])) missing(`${key} = ${show(value)}`)
  } else if (Object.hasOwn(expected, key)) {
    if (!expected[key].includes(Array.isArray(value) ? JSON.stringify(value) : value))
      missing(`${key} = ${show(value)}`)
  } else if (/_initializer$/.test(key)) return
  else if (trainingOnly.test(key)) {
    if (value !== 0) warn(`${name}: ${key} is left out; it only matters to training`)
  } else if (value !== false) missing(`unknown argument ${key} = ${show(value)}`)
}

/** Batch normalisation is over the last axis here. */
function axisCheck(type: string, axis: Json = -1): Made['check'] {
  const [place] = [axis].flat() as Json[]
  if (type !== 'BatchNormalization' || place === -1) return undefined
  return input => (place === input.length ? undefined : `axis = ${show(axis)}`)
}

/** The shape of a sample, from any of the ways to say it. */
function inputShape(config: Config): Shape | undefined {
  const { batch_shape, batch_input_shape, input_shape, input_dim, shape } = config
  const batched = batch_shape ?? batch_input_shape
  const found = Array.isArray(batched)
    ? batched.slice(1)
    : (input_shape ?? shape ?? (typeof input_dim === 'number' ? [input_dim] : undefined))
  if (!Array.isArray(found)) return undefined
  if (found.some(n => !Number.isInteger(n))) missing(`the shape ${show(found)} of its input is not fixed`)
  return found as Shape
}

type Attempt = <T>(entry: Entry, work: () => T) => T | undefined

/** The layer as it takes this input: dense layers see each step of a sequence by itself, as in Keras. */
function fitted({ layer, check }: Made, inputs: readonly Shape[]): Layer {
  const why = check?.(inputs[0])
  if (why) missing(why)
  if (layer.type !== 'dense' || inputs.length !== 1) return layer
  const { name, ...config } = layer.config
  let wrapped = layer.with({})
  if (inputs[0].length > 1) wrapped = makers.dense.fromConfig(config)
  for (let i = 1; i < inputs[0].length; i++)
    wrapped = known.timeDistributed(wrapped, i === inputs[0].length - 1 ? { name: name as string } : {})
  return inputs[0].length > 1 ? wrapped : layer
}

function chained(entries: readonly Entry[], made: Made[], config: Config, attempt: Attempt): Layer[] | undefined {
  const [first] = entries
  const starts = first?.class === 'InputLayer'
  const said = isConfig(config.build_config) ? config.build_config.input_shape : config.build_input_shape
  const shape = starts
    ? undefined
    : attempt(
        first,
        () =>
          inputShape(first.config) ??
          (Array.isArray(said) ? inputShape({ batch_shape: said }) : undefined) ??
          missing('the shape of the input is not said'),
      )
  if (!starts && !shape) return undefined
  const start = starts ? made[0].layer : known.input(shape!)
  const layers = [start]
  let at = fit(start, [[]])
  for (let i = starts ? 1 : 0; i < entries.length; i++) {
    const done = attempt(entries[i], () => {
      const layer = fitted(made[i], [at])
      at = fit(layer, [at])
      return layer
    })
    if (!done) return undefined
    made[i] = { layer: done }
    layers.push(done)
  }
  return layers
}

/** What a call reads: the output of the n-th call of a layer. */
interface Reference {
  readonly layer: string
  readonly node: number
}

function wired(entries: readonly Entry[], made: Made[], config: Config, attempt: Attempt): Graph | undefined {
  const outputs = new Map<string, Output>()
  const key = ({ layer, node }: Reference) => JSON.stringify([layer, node])
  const pending = entries.flatMap((entry, i) => {
    if (entry.class === 'InputLayer') {
      outputs.set(key({ layer: entry.theirs, node: 0 }), place(made[i].layer, 'model'))
      return []
    }
    if (!Array.isArray(entry.inbound)) throw bad(`no calls of ${show(entry.theirs)}`)
    return entry.inbound.map((call, node) => ({ entry, i, node, read: attempt(entry, () => readsOf(entry, call)) }))
  })
  if (pending.some(({ read }) => !read)) return undefined
  let open = pending
  while (open.length > 0) {
    const later = open.filter(({ entry, i, node, read }) => {
      const inputs = read!.references.map(reference => outputs.get(key(reference)))
      if (inputs.some(input => input === undefined)) return true
      attempt(entry, () => {
        if (node === 0) {
          const fits = fitted(
            made[i],
            (inputs as Output[]).map(({ shape }) => shape),
          )
          made[i] = { layer: read!.causal ? fits.with({ useCausalMask: true }) : fits }
        }
        outputs.set(key({ layer: entry.theirs, node }), made[i].layer(inputs as Output[]))
      })
      return false
    })
    if (later.length === open.length) {
      for (const { entry } of later) attempt(entry, () => missing('it reads what no layer gives'))
      return undefined
    }
    open = later
  }
  const ends = (value: Json, what: string) => {
    const found = references(value).map(reference => outputs.get(key(reference)))
    if (found.length === 0 || found.some(output => output === undefined)) throw bad(`${what} that no layer gives`)
    return found as Output[]
  }
  return { inputs: ends(config.input_layers, 'inputs'), outputs: ends(config.output_layers, 'outputs') }
}

const roles = ['query', 'value', 'key']

/** What a call reads, from Keras 3's arguments or the lists of Keras 1 and 2. */
function readsOf({ class: type }: Entry, call: Json): { references: Reference[]; causal: boolean } {
  const isNew = isConfig(call)
  const kwargs = isNew
    ? call.kwargs
    : Array.isArray(call)
      ? call.map(item => (Array.isArray(item) ? item[3] : null)).find(isConfig)
      : {}
  const found = references(isNew ? call.args : call)
  let causal = false
  const named = Object.entries(isConfig(kwargs) ? kwargs : {}).sort(([a], [b]) => roles.indexOf(a) - roles.indexOf(b))
  for (const [name, value] of named) {
    if (value === null || value === false || name === 'training') continue
    if (name === 'use_causal_mask') causal = value === true
    else if (/Attention/.test(type) && roles.includes(name)) found.push(...references(value))
    else if (name === 'inputs' || name === 'x') found.push(...references(value))
    else missing(`called with ${name} = ${show(value)}`)
  }
  if (found.length === 0) missing('called on nothing')
  return { references: found, causal }
}

/** References in any nesting: [name, node, tensor] or a __keras_tensor__. */
function references(value: Json, depth = 0): Reference[] {
  if (depth > deepest) throw bad('arguments too deep')
  if (isConfig(value)) {
    if (value.class_name === '__keras_tensor__') return references((value.config as Config)?.keras_history, depth + 1)
    if (value.class_name !== undefined) return missing(`called on a ${show(value.class_name)}`)
    return Object.values(value).flatMap(item => references(item, depth + 1))
  }
  if (!Array.isArray(value)) return missing(`called on ${show(value)}`)
  const [layer, node, tensor] = value
  if (typeof layer !== 'string' || !Number.isInteger(node)) return value.flatMap(item => references(item, depth + 1))
  if (tensor !== 0) missing(`output ${show(tensor)} of ${layer}`)
  return [{ layer, node: node as number }]
}

const record = (value: unknown): Config => {
  if (isConfig(value)) return value
  throw bad('something else than a model')
}
const show = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 60)

export const bad = (what: string, hint = 'the file is damaged, or was not written by Keras') =>
  new DataError('bad-keras', `the Keras model has ${what}`, { hint })
