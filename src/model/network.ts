import { ShapeError, StateError } from '../errors.ts'
import type { Initializer } from '../nn/initializer.ts'
import { zeros } from '../nn/initializers.ts'
import type { Layer } from '../nn/layer.ts'
import { printShape, type Shape, sizeOf } from '../tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'

/** One array of a layer: a piece of the flat parameters, or a state of its own. */
export interface Entry {
  /** As the layer calls it: `W`. */
  readonly key: string
  /** As the model calls it: `dense/W`. */
  readonly name: string
  readonly shape: Shape
  readonly initial: Initializer
  readonly view: View
}

export interface Parameter extends Entry {
  readonly offset: number
  readonly gradient: View
}

export interface Node {
  readonly layer: Layer
  readonly name: string
  /** The number its arrays carry in explanations: y1, W1. */
  readonly number: number
  /** Index of the node whose output it reads, -1 for the model's input. */
  readonly input: number
  readonly inputShape: Shape
  readonly shape: Shape
  readonly parameters: readonly Parameter[]
  readonly state: readonly Entry[]
}

/** Layers with shapes and arrays: everything about a model but its numbers. Nodes come after what they read. */
export interface Network {
  readonly nodes: readonly Node[]
  readonly inputShape: Shape
  readonly outputShape: Shape
  /** All parameters one after another, each from a multiple of 4, so that an optimiser is one loop. */
  readonly parameters: Buffer
  readonly gradients: Buffer
}

/** How many numbers arrays have together. */
export const countOf = (entries: readonly { readonly shape: Shape }[]): number =>
  entries.reduce((sum, { shape }) => sum + sizeOf(shape), 0)

/** A network whose layers follow one another. */
export function chain(layers: readonly Layer[]): Network {
  if (layers.length === 0)
    throw new StateError('no-layers', 'sequential got no layers, expected at least one', {
      hint: 'sequential([input([2]), dense(1)])',
    })
  const inputShape = (layers[0].config.inputShape ?? layers[0].config.shape) as Shape | undefined
  if (!Array.isArray(inputShape))
    throw new ShapeError('no-input-shape', 'sequential does not know the shape of its input', {
      hint: `start with input([…]), or give the first layer { inputShape: […] }`,
    })
  const names = nameAll(layers)
  const sizes = layout(layers, inputShape, names)
  const parameters: Buffer = { name: 'parameters', shape: [sizes.total], kind: 'parameter' }
  const gradients: Buffer = { name: 'gradients', shape: [sizes.total], kind: 'gradient' }
  let number = 0
  const nodes = layers.map((layer, i): Node => {
    const { shapes, inputShape, offsets } = sizes.nodes[i]
    const { pair } = layer
    number += 'view' in pair ? 0 : 1
    const initial = 'initial' in pair ? pair.initial : undefined
    const entry = (key: string, shape: Shape, view: View): Entry => {
      return { key, name: `${names[i]}/${key}`, shape, initial: initial?.[key] ?? zeros(), view }
    }
    const piece = (buffer: Buffer, offset: number, shape: Shape, name: string) =>
      viewOf(buffer)
        .slice(0, offset, sizeOf(shape))
        .reshape(...shape)
        .as(name)
    return {
      layer,
      name: names[i],
      number,
      input: i - 1,
      inputShape,
      shape: shapes.y,
      parameters: present(shapes.params).map(([key, shape]) => ({
        ...entry(key, shape, piece(parameters, offsets[key], shape, `${key}${number}`)),
        offset: offsets[key],
        gradient: piece(gradients, offsets[key], shape, `d${key}${number}`),
      })),
      state: present(shapes.state).map(([key, shape]) =>
        entry(key, shape, viewOf({ name: `${key}${number}`, shape, kind: 'state' })),
      ),
    }
  })
  return { nodes, inputShape, outputShape: nodes[nodes.length - 1].shape, parameters, gradients }
}

export const present = (shapes: Readonly<Record<string, Shape | undefined>> = {}): [string, Shape][] =>
  Object.entries(shapes).filter((entry): entry is [string, Shape] => entry[1] !== undefined)

type AnyShapes = { readonly y: Shape } & Partial<
  Record<'params' | 'state', Readonly<Record<string, Shape | undefined>>>
>

function layout(layers: readonly Layer[], first: Shape, names: readonly string[]) {
  let [shape, total] = [first, 0]
  const nodes = layers.map((layer, i) => {
    const inputShape = shape
    const shapes: AnyShapes = named(names[i], layer, () => layer.pair.shapes(inputShape))
    const offsets: Record<string, number> = {}
    for (const [key, s] of present(shapes.params)) {
      offsets[key] = total
      total += Math.ceil(sizeOf(s) / 4) * 4
    }
    if (total > 2 ** 30)
      throw new ShapeError('too-large', `${names[i]} makes the model larger than 2³⁰ parameters`, {
        evidence: present(shapes.params).map(([key, s]) => [key, printShape(s)]),
        hint: 'pool or flatten less, or use fewer units',
      })
    shape = shapes.y
    return { shapes, inputShape, offsets }
  })
  return { nodes, total }
}

/** Adds to a shape error which of the model's layers it was. */
function named<T>(name: string, layer: Layer, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ShapeError) error.message = error.message.replace(layer.type, calledBy(name, layer))
    throw error
  }
}

/** How an error speaks of a layer: `dense "hidden"`. */
export const calledBy = (name: string, { type }: Layer): string => (name === type ? type : `${type} "${name}"`)

/** Keras's name of a layer's class: leakyRelu is LeakyReLU, conv2d is Conv2D. */
export const className = ({ type }: Layer): string =>
  (type[0].toUpperCase() + type.slice(1)).replace(/(\d)d$/, '$1D').replace('Relu', 'ReLU')

/** Keras's way from a class to a name: LeakyReLU becomes leaky_re_lu. */
const snake = (text: string): string =>
  text
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()

/** The names of layers: given ones, else the class with a number from the second on (Keras 3) or the first (Keras 2). */
export function nameAll(layers: readonly Layer[], style: 'keras3' | 'keras2' = 'keras3'): string[] {
  const counts = new Map<string, number>()
  const taken = new Set<string>()
  return layers.map(layer => {
    const given = layer.config.name
    const base = snake(className(layer))
    let name = given as string
    while (given === undefined && (name === undefined || taken.has(name))) {
      const count = (counts.get(base) ?? 0) + 1
      counts.set(base, count)
      name = style === 'keras2' ? `${base}_${count}` : count === 1 ? base : `${base}_${count - 1}`
    }
    if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name) || taken.has(name))
      throw new StateError('bad-name', `sequential got the layer name ${JSON.stringify(name).slice(0, 40)}`, {
        hint: 'names are unique, of up to 64 letters, digits, _ - and .',
      })
    taken.add(name)
    return name
  })
}
