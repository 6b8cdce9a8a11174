import { DataError, NablaError } from '../../errors.ts'
import type { Graph } from '../../model/graph.ts'
import type { Json } from '../../nn/json.ts'
import type { LayerMaker } from '../../nn/layer.ts'
import * as known from '../../nn/layers/index.ts'
import { type Block, bad, blockOf, deepest, type Entry, entryOf, show } from './entries.ts'
import { byClass, expected, meaningless, type Row, trainingOnly } from './table.ts'
import { type Config, Foreign, isConfig, valueFrom } from './values.ts'
import { type Part, partsOf, type Saved } from './weights.ts'
import { inputShape, type Made, missing, type Wiring, wired } from './wiring.ts'

/** A layer of a Keras file: where its arrays are there, and what it is called here. */
export interface Placed extends Pick<Entry, 'group' | 'top'> {
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
  readonly model: Graph
  /** In Keras's order. */
  readonly layers: readonly Placed[]
}

export interface ReadOptions {
  /** Of Keras: 1, 2 or 3. */
  major: number
  warn(message: string): void
}

const makers = known as unknown as Readonly<Record<string, LayerMaker<unknown[]>>>

/**
 * The layers of a Keras model and how they are wired; models within it become part of it.
 * @throws DataError `unsupported-layers` with everything that has no counterpart, `bad-keras`
 */
export function readTopology(model: unknown, options: ReadOptions): Topology {
  const block = blockOf(model)
  const entries = leaves(block)
  const problems = new Map<string, string>()
  const names = distinct(entries.map(({ label }) => label))
  const attempt = <T>(entry: Entry, work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (error instanceof DataError) throw error
      // A setting of another kind than a layer expects ends where it is first used.
      const known = error instanceof Foreign || error instanceof NablaError
      const why = known ? error.message.split('\n')[0] : 'a setting of the wrong kind'
      if (!problems.has(entry.label)) problems.set(entry.label, `${entry.class}: ${why}`)
      return undefined
    }
  }
  const refuse = () => {
    if (problems.size === 0) return
    throw new DataError('unsupported-layers', `${problems.size} of ${entries.length} layers cannot be mapped`, {
      evidence: [...problems].slice(0, 60).map(([name, why]) => [name.slice(0, 60), why.slice(0, 200)]),
      hint: 'replace these layers in Keras and save again',
    })
  }
  const made = new Map(entries.map((entry, i) => [entry, attempt(entry, () => layerOf(entry, names[i], options))]))
  refuse()
  const layers = entries.flatMap((entry, i): Placed[] => {
    if (entry.class === 'InputLayer') return []
    const { layer, parts } = made.get(entry)!
    let own: Saved = layer
    for (let step = 0; step < entry.steps; step++) own = own.config.layer as Saved
    const { theirs, class: type, group, top, config } = entry
    return [
      {
        name: names[i],
        theirs,
        class: type,
        group,
        top,
        parts: parts ?? partsOf(own),
        inner: innerName(config),
      },
    ]
  })
  const graph = connected(block, { attempt, made: entry => made.get(entry)! })
  refuse()
  const { name } = block.config
  return { name: typeof name === 'string' ? name.slice(0, 64) : 'model', model: graph!, layers }
}

function connected(block: Block, wiring: Wiring): Graph | undefined {
  try {
    return wired(block, wiring)
  } catch (error) {
    throw error instanceof Foreign ? bad(`inputs or outputs ${error.message}`) : error
  }
}

/** The layers of a model and of all models within it, without those that only say where these begin. */
const leaves = ({ entries }: Block, depth = 0): Entry[] =>
  entries.flatMap(entry => {
    if (entry.block) return leaves(entry.block, depth + 1)
    return depth > 0 && entry.class === 'InputLayer' ? [] : [entry]
  })

const innerName = ({ layer }: Config): string | undefined => {
  const name = isConfig(layer) && isConfig(layer.config) ? layer.config.name : undefined
  return typeof name === 'string' ? name : undefined
}

/** Names as ours may be: the same where that is possible. */
function distinct(names: readonly string[]): string[] {
  const taken = new Map<string, number>()
  return names.map(name => {
    const safe = name.replace(/[^\w.-]/g, '_').slice(-56) || 'layer'
    let again = taken.get(safe) ?? 0
    let unique = again > 0 ? `${safe}_${again}` : safe
    while (again > 0 && taken.has(unique)) unique = `${safe}_${++again}`
    taken.set(safe, again + 1)
    if (unique !== safe) taken.set(unique, 1)
    return unique
  })
}

function layerOf(
  { class: type, config, frozen }: Pick<Entry, 'class' | 'config'> & { readonly frozen?: boolean },
  name: string,
  options: ReadOptions,
  depth = 0,
): Made {
  if (type === 'InputLayer')
    return { layer: known.input(inputShape(config) ?? missing('it does not say its shape'), { name }) }
  if (depth > deepest) throw new Foreign('layers within layers too deep')
  if (type === 'SpectralNormalization') return spectral(config, name, options, depth)
  const row = byClass.get(type) ?? missing('no such layer here')
  const settings: Record<string, Json> = { name }
  if (frozen || config.trainable === false) settings.trainable = false
  for (const [key, value] of Object.entries(config)) {
    const ours = row.args.get(key)
    if (ours === 'layer') settings.layer = innerOf(value, options, depth)
    else if (ours !== undefined && value !== null) {
      try {
        settings[ours] = valueFrom(key, value, options.major < 3)
      } catch (error) {
        if (!(error instanceof Foreign && /_(initializer|regularizer|constraint)$/.test(key))) throw error
        options.warn(`${name}: ${error.message}; it only matters to training`)
      }
    } else if (ours === undefined) ignored(row, name, key, value, options)
  }
  if (type === 'Bidirectional') sameBothWays(config, { ...options, warn: () => {} }, depth)
  return { layer: makers[row.type].fromConfig(settings), check: axisCheck(type, config.axis) }
}

/** Keras writes the normalised weights over those it trains: what predicts the same is the layer itself. */
function spectral({ layer }: Config, name: string, options: ReadOptions, depth: number): Made {
  options.warn(`${name}: SpectralNormalization is left out; it only matters to training`)
  const made = layerOf(entryOf(layer), name, options, depth + 1)
  const inside = (made.parts ?? partsOf(made.layer)).map(({ part, keys }) => {
    return { part: ['layer', part].filter(Boolean).join('/'), keys }
  })
  return { ...made, parts: inside }
}

/** The layer within a wrapper, as a wrapper saves it. */
function innerOf(value: Json, options: ReadOptions, depth: number): Json {
  const inner = entryOf(value)
  if (inner.class === 'SpectralNormalization') missing('SpectralNormalization within another layer')
  const { layer } = layerOf(inner, inner.theirs.replace(/[^\w.-]/g, '_').slice(0, 60), options, depth + 1)
  const { name: _, ...config } = layer.config
  return { type: layer.type, config }
}

/** The layer that reads from the end is the same as the other one here. */
function sameBothWays({ layer, backward_layer: backward }: Config, options: ReadOptions, depth: number): void {
  if (!isConfig(backward)) return
  const [forth, back] = [layer, backward].map(value => {
    const { type, config } = innerOf(value, options, depth) as { type: string; config: Config }
    const told = Object.entries(config).filter(([key]) => !/Initializer$|^goBackwards$/.test(key))
    return JSON.stringify([type, told.sort(([a], [b]) => (a < b ? -1 : 1))])
  })
  if (forth !== back) missing('another layer backwards than forwards')
}

/** Refuses what would make another layer; warns of what would train otherwise. */
function ignored(row: Row, name: string, key: string, value: Json, { warn }: ReadOptions): void {
  if (meaningless.has(key) || value === null || (key === 'axis' && row.type === 'batchNormalization')) return
  if (Object.hasOwn(row.fixed, key)) {
    if (JSON.stringify([value].flat()) !== JSON.stringify([row.fixed[key]])) missing(`${key} = ${show(value)}`)
  } else if (Object.hasOwn(expected, key)) {
    if (!expected[key].includes(Array.isArray(value) ? JSON.stringify(value) : value))
      missing(`${key} = ${show(value)}`)
  } else if (/_initializer$/.test(key)) return
  else if (trainingOnly.test(key)) {
    warn(`${name}: ${key} is left out; it only matters to training`)
  } else if (value !== false) missing(`unknown argument ${key} = ${show(value)}`)
}

/** Batch normalisation is over the last axis here. */
function axisCheck(type: string, axis: Json = -1): Made['check'] {
  const [place] = [axis].flat() as Json[]
  if (type !== 'BatchNormalization' || place === -1) return undefined
  return input => (place === input.length ? undefined : `axis = ${show(axis)}`)
}
