import { DataError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import type { Entry } from '../../model/network.ts'
import type { Layer } from '../../nn/layer.ts'
import { printShape, type Shape, sizeOf } from '../../tensor/shape.ts'
import type { Hdf5, Hdf5Numbers } from '../hdf5/read.ts'
import type { Placed } from './read.ts'
import { byType, snake } from './table.ts'

/** Arrays that lie together: where in the layer, and what ours are called. */
export interface Part {
  readonly part: string
  readonly keys: readonly string[]
}

type Saved = { readonly type: string; readonly config: Readonly<Record<string, unknown>> }

/** Our arrays of a layer in Keras's order. */
export function partsOf({ type, config }: Saved | Layer): readonly Part[] {
  const within = (path: string, prefix: string) =>
    partsOf(config.layer as Saved).map(({ part, keys }) => ({
      part: [path, part].filter(Boolean).join('/'),
      keys: keys.map(key => prefix + key),
    }))
  if (type === 'bidirectional')
    return [...within('forward_layer', 'forward_'), ...within('backward_layer', 'backward_')]
  if (type === 'timeDistributed') return within('layer', '')
  return byType.get(type)?.weights ?? []
}

/** Where a layer that Keras knows as one class is two here: dense layers over steps. */
const flat = (parts: readonly Part[], type: string) =>
  type === 'TimeDistributed'
    ? parts
    : parts.map(({ part, keys }) => ({ part: part.replace(/^(layer(\/|$))+/, ''), keys }))

/** The group of each layer in a file of Keras 3: its class, counted. */
export function groupsOf(layers: readonly { readonly class: string }[]): string[] {
  const counts = new Map<string, number>()
  return layers.map(layer => {
    const name = snake(layer.class)
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return count === 0 ? name : `${name}_${count}`
  })
}

/** The arrays at these paths, those that are there. */
async function arraysAt(file: Hdf5, paths: readonly string[]): Promise<Hdf5Numbers[]> {
  const found: Hdf5Numbers[] = []
  for (const path of paths) {
    const array = await file.array(path)
    if (array) found.push(array)
  }
  return found
}

/** The arrays of a model.weights.h5 by layer, in Keras's order. */
export async function currentWeights(file: Hdf5, layers: readonly Placed[]): Promise<Hdf5Numbers[][]> {
  const root = ['layers', '_layer_checkpoint_dependencies'].find(root => file.has(root)) ?? 'layers'
  const groups = groupsOf(layers)
  const found: Hdf5Numbers[][] = []
  for (const [i, { parts, class: type }] of layers.entries()) {
    const paths = flat(parts, type).flatMap(({ part }) => {
      const path = [root, groups[i], part, 'vars'].filter(Boolean).join('/')
      const count = file.has(path) ? file.keys(path).length : 0
      return Array.from({ length: count }, (_, n) => `${path}/${n}`)
    })
    found.push(await arraysAt(file, paths))
  }
  return found
}

/** The arrays of a legacy file by layer: by name where the names agree, else in order. */
export async function legacyWeights(file: Hdf5, root: string, layers: readonly Placed[]): Promise<Hdf5Numbers[][]> {
  const join = (...path: string[]) => path.filter(Boolean).join('/')
  const names = listed(file, root, 'layer_names') ?? []
  const full = names.map(name => [name, listed(file, join(root, name), 'weight_names') ?? []] as const)
  const filled = full.filter(([, arrays]) => arrays.length > 0)
  const byName = layers.every(({ theirs, parts }) => parts.length === 0 || names.includes(theirs))
  const found: Hdf5Numbers[][] = []
  let next = 0
  for (const { theirs, parts } of layers) {
    const at = byName ? full.find(([name]) => name === theirs) : parts.length > 0 ? filled[next++] : undefined
    const [name, arrays] = at ?? ['', []]
    found.push(
      await arraysAt(
        file,
        arrays.map(array => join(root, name, array)),
      ),
    )
  }
  return found
}

/** A list that is cut into several attributes where it is long: layer_names0, layer_names1, … */
function listed(file: Hdf5, path: string, name: string): string[] | undefined {
  const whole = file.texts(path, name)
  if (whole) return whole
  const parts: string[] = []
  for (let i = 0; i < 10_000; i++) {
    const part = file.texts(path, `${name}${i}`)
    if (!part) break
    parts.push(...part)
  }
  return parts.length > 0 ? parts : undefined
}

/**
 * Sets a model's weights by layers in Keras's order.
 * @throws DataError `wrong-weights` with every array that is missing, left over or of another shape
 */
export function setWeights(model: Model, layers: readonly Placed[], found: readonly (readonly Hdf5Numbers[])[]): void {
  const wrong: [string, string][] = []
  const weights = layers.flatMap((layer, i) => {
    const entries = entriesOf(model, layer)
    const arrays = layer.class === 'Normalization' ? found[i].slice(0, 2) : found[i] // the third is a count
    if (arrays.length !== entries.length) {
      wrong.push([layer.theirs, `${arrays.length} arrays, expected ${entries.length}`])
      return []
    }
    return entries.map(({ name, shape }, n) => {
      const { shape: theirs, data } = arrays[n]
      if (squeezed(theirs) !== squeezed(shape) || sizeOf(theirs) !== data.length)
        wrong.push([layer.theirs, `array ${n} is ${printShape(theirs)}, expected ${printShape(shape)} for ${name}`])
      return { name, data }
    })
  })
  if (wrong.length > 0)
    throw new DataError(
      'wrong-weights',
      `the weights of ${new Set(wrong.map(([name]) => name)).size} layers do not fit the model`,
      {
        evidence: wrong.slice(0, 60).map(([name, why]) => [name.slice(0, 60), why]),
        hint: 'the weights belong to a model of other layers or sizes',
      },
    )
  model.setWeights(weights)
}

/** Axes of size 1 do not count: Keras leaves some out. */
const squeezed = (shape: Shape) => printShape(shape.filter(n => n !== 1))

/** A layer's arrays in Keras's order. */
export function entriesOf(
  { network }: Pick<Model, 'network'>,
  { name, parts }: Pick<Placed, 'name' | 'parts'>,
): Entry[] {
  const node = network.nodes.find((other, i) => other.name === name && other.owner === i)
  const entries = node ? [...node.parameters, ...node.state] : []
  return parts.flatMap(({ keys }) => keys).flatMap(key => entries.filter(entry => entry.key === key))
}
