import { DataError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import type { Entry } from '../../model/network.ts'
import { moves } from '../../model/optimize.ts'
import type { Layer } from '../../nn/layer.ts'
import { printShape, type Shape, sizeOf } from '../../tensor/shape.ts'
import type { Hdf5, Hdf5Numbers } from '../hdf5/read.ts'
import { modernWeights } from './old.ts'
import type { Placed } from './read.ts'
import { byType, snake } from './table.ts'

/** Arrays that lie together: where in the layer, and what ours are called. */
export interface Part {
  readonly part: string
  readonly keys: readonly string[]
}

/** A layer as plain data. */
export type Saved = { readonly type: string; readonly config: Readonly<Record<string, unknown>> }

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

/** The groups of layers of one model in a file of Keras 3: their classes, counted. */
export function groupsOf(classes: readonly string[]): string[] {
  const counts = new Map<string, number>()
  return classes.map(type => {
    const name = snake(type)
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return `layers/${count === 0 ? name : `${name}_${count}`}`
  })
}

/** The arrays at these paths, those that are there. */
export async function arraysAt(file: Hdf5, paths: readonly string[]): Promise<Hdf5Numbers[]> {
  const found: Hdf5Numbers[] = []
  for (const path of paths) {
    const array = await file.array(path)
    if (array) found.push(array)
  }
  return found
}

/** The arrays that lie in a group of Keras 3 by their numbers. */
export function varsAt(file: Hdf5, group: string): Promise<Hdf5Numbers[]> {
  const path = `${group}/vars`
  const count = file.has(path) ? file.keys(path).length : 0
  return arraysAt(
    file,
    Array.from({ length: count }, (_, n) => `${path}/${n}`),
  )
}

/** The arrays of a model.weights.h5 by layer, in Keras's order. */
export async function currentWeights(file: Hdf5, layers: readonly Placed[]): Promise<Hdf5Numbers[][]> {
  const old = !file.has('layers') && file.has('_layer_checkpoint_dependencies')
  const found: Hdf5Numbers[][] = []
  for (const { parts, group } of layers) {
    const root = old ? group.replaceAll('layers/', '_layer_checkpoint_dependencies/') : group
    const own: Hdf5Numbers[] = []
    for (const { part } of parts) own.push(...(await varsAt(file, part ? `${root}/${part}` : root)))
    found.push(own)
  }
  return found
}

/** The arrays of a legacy file by layer: by name where the names agree, else in order. */
export async function legacyWeights(
  file: Hdf5,
  root: string,
  layers: readonly Placed[],
  model: Pick<Model, 'network'>,
): Promise<Hdf5Numbers[][]> {
  const join = (...path: string[]) => path.filter(Boolean).join('/')
  const names = listed(file, root, 'layer_names') ?? []
  const full = names.map(name => [name, listed(file, join(root, name), 'weight_names') ?? []] as const)
  const filled = full.filter(([, arrays]) => arrays.length > 0)
  const tops = new Map<string, Placed[]>()
  for (const layer of layers.filter(({ parts }) => parts.length > 0))
    tops.set(layer.top, [...(tops.get(layer.top) ?? []), layer])
  const byName = [...tops.keys()].every(top => names.includes(top))
  const found = new Map<Placed, Hdf5Numbers[]>()
  const version = {
    major: Number.parseInt(file.text(root, 'keras_version') ?? file.text('', 'keras_version') ?? '1', 10),
    backend: file.text(root, 'backend') ?? file.text('', 'backend'),
  }
  let next = 0
  for (const [top, inside] of tops) {
    const [name, paths] = (byName ? full.find(([name]) => name === top) : filled[next++]) ?? ['', []]
    const arrays = await arraysAt(
      file,
      paths.map(array => join(root, name, array)),
    )
    if (inside.length === 1) found.set(inside[0], modernWeights(inside[0].class, arrays, version))
    else share(model, inside, arrays, version, found)
  }
  return layers.map(layer => found.get(layer) ?? [])
}

/** Gives the layers of a model what is listed for all: first the arrays that are trained, then all others. */
function share(
  model: Pick<Model, 'network'>,
  layers: readonly Placed[],
  arrays: readonly Hdf5Numbers[],
  version: Parameters<typeof modernWeights>[2],
  found: Map<Placed, Hdf5Numbers[]>,
): void {
  const places = layers.map(layer => ({ layer, entries: entriesOf(model, layer) }))
  let next = 0
  const own = new Map<Placed, (Hdf5Numbers | undefined)[]>(layers.map(layer => [layer, []]))
  for (const trained of [true, false])
    for (const { layer, entries } of places)
      for (const [i, entry] of entries.entries()) if (entry.trained === trained) own.get(layer)![i] = arrays[next++]
  for (const { layer, entries } of places) {
    const counted = entries.map((_, i) => own.get(layer)![i]).filter(array => array !== undefined)
    found.set(layer, modernWeights(layer.class, counted, version))
  }
  const last = layers[layers.length - 1]
  found.set(last, [...found.get(last)!, ...arrays.slice(next)]) // left over: told where the count is checked
}

/** A list that is cut into several attributes where it is long: layer_names0, layer_names1, … */
export function listed(file: Hdf5, path: string, name: string): string[] | undefined {
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
    if (layer.class === 'Normalization' && arrays.length === 0) return [] // its settings say what it has seen
    if (arrays.length !== entries.length) {
      wrong.push([layer.theirs, `${arrays.length} arrays, expected ${entries.length}`])
      return []
    }
    return entries.map(({ name, shape }, n) => {
      const { shape: theirs, data } = arrays[n]
      // Keras takes the axes of a layer's normalisation in another order, but not their numbers.
      const fits =
        layer.class === 'LayerNormalization' ? sizeOf(theirs) === sizeOf(shape) : squeezed(theirs) === squeezed(shape)
      if (!fits || sizeOf(theirs) !== data.length)
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

/** A layer's arrays in Keras's order, and whether each is trained. */
export function entriesOf(
  { network }: Pick<Model, 'network'>,
  { name, parts }: Pick<Placed, 'name' | 'parts'>,
): (Entry & { trained: boolean })[] {
  const node = network.nodes.find((other, i) => other.name === name && other.owner === i)
  if (!node) return []
  const entries = [
    ...node.parameters.map(entry => ({ ...entry, trained: moves(node.layer, entry.key) })),
    ...node.state.map(entry => ({ ...entry, trained: false })),
  ]
  return parts.flatMap(({ keys }) => keys).flatMap(key => entries.filter(entry => entry.key === key))
}
