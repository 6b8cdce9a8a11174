import { DataError } from '../../errors.ts'
import type { Json } from '../../nn/json.ts'
import { masksIn } from './masks.ts'
import { modern } from './modern.ts'
import { snake } from './table.ts'
import { type Config, isConfig } from './values.ts'

/** One layer as the file describes it, or a model that stands where a layer may. */
export interface Entry {
  /** As the file calls it. */
  readonly theirs: string
  /** The same behind the models around it: `encoder.dense`. */
  readonly label: string
  readonly class: string
  readonly config: Config
  readonly inbound: Json
  /** Where a file of Keras 3 has its arrays. */
  readonly group: string
  /** The layer of the outermost model that it is, or is within: older files have all arrays of that in one list. */
  readonly top: string
  readonly frozen: boolean
  /** How many steps of time its model goes through, which the file says around the model instead of around its layers. */
  readonly steps: number
  /** The layers of the model that it is. */
  readonly block?: Block
}

/** A model: its layers, and how they are wired. */
export interface Block {
  readonly kind: 'chain' | 'graph'
  readonly config: Config
  readonly entries: readonly Entry[]
  /** What only says which steps count, as the layers here do by themselves. */
  readonly masks: ReadonlySet<string>
}

type Around = Pick<Entry, 'group' | 'frozen' | 'steps'> & { readonly top?: string; readonly prefix: string }

const mostLayers = 10_000
export const deepest = 8
const kinds = new Map([
  ['Sequential', 'chain'],
  ['Functional', 'graph'],
  ['Model', 'graph'],
] as const)
const isModel = (type: Json): type is 'Model' => kinds.has(type as 'Model')

/**
 * The layers of a model, and of the models within it.
 * @throws DataError `bad-keras`
 */
export function blockOf(model: unknown, budget = { left: mostLayers }): Block {
  return within(model, { prefix: '', group: '', frozen: false, steps: 0 }, budget, 0)
}

function within(model: unknown, around: Around, budget: { left: number }, depth: number): Block {
  const { class_name: type, config: about } = record(model)
  if (!isModel(type as Json))
    throw bad(
      `a model of the class ${show(type)}`,
      'sequential and functional models can be read; others are Python code',
    )
  const config: Config = Array.isArray(about) ? { layers: about } : record(about)
  if (!Array.isArray(config.layers)) throw bad('no layers')
  budget.left -= config.layers.length
  if (budget.left < 0) throw bad(`more than ${mostLayers} layers`)
  if (depth > deepest) throw bad('models within models without end')
  const counts = new Map<string, number>()
  const entries = config.layers.map((value): Entry => {
    const plain = entryOf(value)
    const kind = snake(plain.class)
    const count = counts.get(kind) ?? 0
    counts.set(kind, count + 1)
    const place = {
      label: around.prefix + plain.theirs,
      group: `${around.group ? `${around.group}/` : ''}layers/${count === 0 ? kind : `${kind}_${count}`}`,
      top: around.top ?? plain.theirs,
      frozen: around.frozen || plain.config.trainable === false,
      steps: around.steps,
    }
    const inner = plain.config.layer
    const stepped = plain.class === 'TimeDistributed' && isConfig(inner) && isModel(inner.class_name)
    if (!stepped && !isModel(plain.class)) return { ...repeated(plain, place.steps), ...place }
    const inside = stepped
      ? { ...place, group: `${place.group}/layer`, steps: place.steps + 1 }
      : { ...place, group: place.group }
    const block = within(
      stepped ? inner : { class_name: plain.class, config: plain.config },
      { ...inside, prefix: `${place.label}.` },
      budget,
      depth + 1,
    )
    return { ...plain, ...place, block }
  })
  const masks = masksIn(entries)
  return {
    kind: kinds.get(type as 'Model')!,
    config,
    entries: entries.filter(({ theirs }) => !masks.has(theirs)),
    masks,
  }
}

type Plain = Pick<Entry, 'theirs' | 'class' | 'config' | 'inbound'>

/** A layer of a model that goes through steps of time. */
function repeated(entry: Plain, steps: number): Plain {
  if (steps === 0 || entry.class === 'InputLayer') return entry
  const { class: type, config, theirs: name } = repeated(entry, steps - 1)
  return { ...entry, class: 'TimeDistributed', config: { name, layer: { class_name: type, config } } }
}

/** A layer of any Keras in the words of Keras 3. */
export function entryOf(value: Json): Plain {
  const about = record(value)
  const { class_name: name, config, name: outer, inbound_nodes: inbound = [] } = about
  if (typeof name !== 'string') throw bad('a layer without a class')
  const [type, settings] = modern(name, record(config))
  const theirs = settings.name ?? outer ?? name
  return { theirs: String(theirs), class: foreignClass(about) ?? type, config: settings, inbound }
}

/** Operations that mean the same as the layer of their name, however they are called. */
const alike = new Set(['Add', 'Subtract', 'Multiply', 'Maximum', 'Minimum'])

/** A class that is not Keras's own layer of that name: a user's, or an operation on arrays. */
function foreignClass({ class_name: name, module, registered_name: registered }: Config): string | undefined {
  if (typeof registered === 'string' && registered.includes('>') && !registered.startsWith('keras>')) return registered
  if (typeof module !== 'string') return undefined
  if (/^keras\.(src\.)?ops\b/.test(module)) return alike.has(String(name)) ? undefined : `keras.ops.${name}`
  return /^(keras|keras_core|tf_keras|tensorflow|builtins)\b/.test(module) ? undefined : `${module}.${name}`
}

export const record = (value: unknown): Config => {
  if (isConfig(value)) return value
  throw bad('something else than a model')
}

export const show = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 60)

export const bad = (what: string, hint = 'the file is damaged, or was not written by Keras') =>
  new DataError('bad-keras', `the Keras model has ${what}`, { hint })
