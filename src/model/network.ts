import { ShapeError, StateError } from '../errors.ts'
import { named, type Use } from '../nn/call.ts'
import { present } from '../nn/derived.ts'
import type { Initializer } from '../nn/initializer.ts'
import { zeros } from '../nn/initializers.ts'
import type { Layer } from '../nn/layer.ts'
import type { Held, Step } from '../nn/walk.ts'
import { recent } from '../program/index.ts'
import { printShape, type Shape, sizeOf } from '../tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'
import { nameAll } from './names.ts'

/** One array of a layer: a piece of the flat parameters, or a state of its own. */
export interface Entry extends Held {
  readonly initial: Initializer
}

export interface Parameter extends Entry {
  readonly offset: number
  readonly gradient: View
}

/** One call of a layer. */
export interface Node extends Step {
  readonly name: string
  readonly number: number
  readonly parameters: readonly Parameter[]
  readonly state: readonly Entry[]
  /** What has the same key has the same numbers, in other models too. */
  readonly key: object
  /** The models that stand here with all their layers, of which this is one, from the outside in. */
  readonly within: readonly Use[]
}

/** Where numbers enter or leave. */
export interface Port {
  readonly name: string
  readonly shape: Shape
  /** Index of the node that gives it; −1 − i for input i. */
  readonly node: number
}

/** Layers with shapes and arrays: everything about a model but its numbers. Nodes come after what they read. */
export interface Network {
  readonly nodes: readonly Node[]
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** Of a sample: that of the only input, or all numbers of all inputs one after another. */
  readonly inputShape: Shape
  readonly outputShape: Shape
  /** The models that stand in it with all their layers: the nodes that they read, and those that give their outputs. */
  readonly uses: readonly {
    readonly use: Use
    readonly inputs: readonly number[]
    readonly outputs: readonly number[]
  }[]
  /** All parameters one after another, each from a multiple of 4, so that an optimiser is one loop. */
  readonly parameters: Buffer
  readonly gradients: Buffer
}

const buffers = recent<Buffer>(256)

/**
 * A lasting array of which a network has one in this place. Each model has an engine of its own, so those that are alike
 * have these in common, and with them what is recorded.
 */
export const lasting = (place: string, buffer: Buffer): Buffer => buffers(JSON.stringify([place, buffer]), () => buffer)

/** How many numbers arrays have together. */
export const countOf = (entries: readonly { readonly shape: Shape }[]): number =>
  entries.reduce((sum, { shape }) => sum + sizeOf(shape), 0)

/** The shape of a sample of several parts: the only one's, or all numbers in a row. */
export const together = (ports: readonly { readonly shape: Shape }[]): Shape =>
  ports.length === 1 ? ports[0].shape : [countOf(ports)]

/** Whether each layer reads the one before it and nothing else. */
export const isChain = ({ nodes, outputs }: Network): boolean =>
  outputs.length === 1 &&
  outputs[0].node === nodes.length - 1 &&
  nodes.every(({ inputs, owner }, i) => owner === i && inputs.length === 1 && inputs[0] === i - 1)

/** A call of a layer, before shapes and arrays are known. */
export interface Call extends Pick<Node, 'layer' | 'inputs' | 'owner'>, Partial<Pick<Node, 'key' | 'within'>> {
  /** What a model within calls its layer. */
  readonly inner?: string
}

/** A network whose layers follow one another. */
export function chain(layers: readonly Layer[]): Network {
  const shape = firstShape(layers)
  const own = layers.map((layer, i) => (layers.indexOf(layer) === i ? layer : layer.with({}))) // listed twice, made twice
  const calls = own.map((layer, i): Call => ({ layer, inputs: [i - 1], owner: i }))
  return build('sequential', calls, [{ name: 'x', shape }], [layers.length - 1])
}

/** Layers in a list, and nothing that is taken for one: a maker that was not called, the pair of a block. */
export function listed(layers: readonly Layer[]): readonly Layer[] {
  const strange: unknown[] = Array.isArray(layers) ? layers.filter(layer => layer?.config === undefined) : [layers]
  if (strange.length === 0) return layers
  const [got] = strange as [{ type?: unknown } | undefined]
  const what = got?.type ? `${'config' in got ? 'the layer' : 'the maker'} ${got.type}` : `a ${typeof got}`
  throw new StateError('no-layer', `sequential got ${what}, expected a list of layers`, {
    hint: 'makers are called: sequential([input([2]), flatten(), dense(1)])',
  })
}

/** The shape of a sample, as the first of layers that follow one another says. */
export function firstShape(layers: readonly Layer[]): Shape {
  if (layers.length === 0)
    throw new StateError('no-layers', 'sequential got no layers, expected at least one', {
      hint: 'sequential([input([2]), dense(1)])',
    })
  const shape = layers[0].config.inputShape ?? layers[0].config.shape
  if (Array.isArray(shape)) return shape as Shape
  throw new ShapeError('no-input-shape', 'sequential does not know the shape of its input', {
    hint: `start with input([…]), or give the first layer { inputShape: […] }`,
  })
}

/** What stands in a model by itself: a layer, or a model with all its layers. */
export const itemOf = ({ layer, within }: Pick<Call, 'layer' | 'within'>): Layer => within?.[0]?.layer ?? layer

/** Each of these once, in order. */
export const itemsOf = (calls: readonly Pick<Call, 'layer' | 'within' | 'owner'>[]): Layer[] => [
  ...new Set(calls.filter(({ owner }, i) => owner === i).map(itemOf)),
]

/** Gives calls their names, shapes and arrays. */
export function build(
  who: string,
  calls: readonly Call[],
  inputs: readonly Omit<Port, 'node'>[],
  outputs: readonly number[],
): Network {
  const items = itemsOf(calls)
  const given = nameAll(items, 'keras3', who)
  const names = calls.map(({ owner }) => {
    const { inner } = calls[owner]
    const name = given[items.indexOf(itemOf(calls[owner]))]
    return inner === undefined ? name : `${name}/${inner}`
  })
  const sizes = layout(calls, inputs, names)
  const parameters = lasting('', { name: 'parameters', shape: [sizes.total], kind: 'parameter' })
  const gradients = lasting('', { name: 'gradients', shape: [sizes.total], kind: 'gradient' })
  const piece = (buffer: Buffer, offset: number, shape: Shape, name: string) =>
    viewOf(buffer)
      .slice(0, offset, sizeOf(shape))
      .reshape(...shape)
      .as(name)
  let number = 0
  const nodes = calls.map((call, i): Node => {
    const { shapes, inputShapes, offsets } = sizes.nodes[i]
    const { pair } = call.layer
    number += 'view' in pair ? 0 : 1
    const initial = 'initial' in pair ? pair.initial : undefined
    const entry = (key: string, shape: Shape, view: View): Entry => {
      return { key, name: `${names[i]}/${key}`, shape, initial: initial?.[key] ?? zeros(), view }
    }
    const own = call.owner === i
    const { layer, inputs, owner, key = {}, within = [] } = call
    return {
      ...{ layer, inputs, owner, key, within },
      name: names[i],
      number,
      inputShapes,
      shape: shapes.y,
      parameters: (own ? present(shapes.params) : []).map(([key, shape]) => ({
        ...entry(key, shape, piece(parameters, offsets[key], shape, `${key}${number}`)),
        offset: offsets[key],
        gradient: piece(gradients, offsets[key], shape, `d${key}${number}`),
      })),
      state: (own ? present(shapes.state) : []).map(([key, shape]) =>
        entry(key, shape, viewOf(lasting(`${number}`, { name: `${key}${number}`, shape, kind: 'state' }))),
      ),
    }
  })
  const ports = outputs.map((node, i): Port => {
    const again = outputs.slice(0, i).filter(other => names[other] === names[node]).length
    return { name: again > 0 ? `${names[node]}_${again}` : names[node], shape: nodes[node].shape, node }
  })
  return {
    nodes,
    inputs: inputs.map((port, i) => ({ ...port, node: -1 - i })),
    outputs: ports,
    inputShape: together(inputs),
    outputShape: together(ports),
    uses: [],
    parameters,
    gradients,
  }
}

type AnyShapes = { readonly y: Shape } & Partial<
  Record<'params' | 'state', Readonly<Record<string, Shape | undefined>>>
>

function layout(calls: readonly Call[], inputs: readonly Omit<Port, 'node'>[], names: readonly string[]) {
  let total = 0
  const nodes: { shapes: AnyShapes; inputShapes: Shape[]; offsets: Record<string, number> }[] = []
  calls.forEach(({ layer, inputs: reads, owner }, i) => {
    const inputShapes = reads.map(from => (from < 0 ? inputs[-1 - from].shape : nodes[from].shapes.y))
    const [first, ...others] = inputShapes
    const shapes: AnyShapes = named(names[i], layer, () => layer.pair.shapes(first, ...others))
    const offsets: Record<string, number> = {}
    for (const [key, s] of owner === i ? present(shapes.params) : []) {
      offsets[key] = total
      total += Math.ceil(sizeOf(s) / 4) * 4
    }
    if (owner !== i) agree(names[i], shapes, nodes[owner].shapes)
    if (total > 2 ** 30)
      throw new ShapeError('too-large', `${names[i]} makes the model larger than 2³⁰ parameters`, {
        evidence: present(shapes.params).map(([key, s]) => [key, printShape(s)]),
        hint: 'pool or flatten less, or use fewer units',
      })
    nodes.push({ shapes, inputShapes, offsets })
  })
  return { nodes, total }
}

/** Two calls of a layer need arrays of the same shapes. */
function agree(name: string, now: AnyShapes, before: AnyShapes): void {
  const print = ({ params, state }: AnyShapes) =>
    [...present(params), ...present(state)].map(([key, shape]) => `${key} ${printShape(shape)}`).join(', ')
  if (print(now) === print(before)) return
  throw new ShapeError('shared-layer', `${name} is called on inputs that need other arrays than before`, {
    evidence: [
      ['first', print(before)],
      ['now', print(now)],
    ],
    hint: 'a shared layer takes inputs of one shape; make a second layer',
  })
}
