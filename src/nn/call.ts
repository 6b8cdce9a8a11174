import { ShapeError, StateError } from '../errors.ts'
import type { Shape } from '../tensor/shape.ts'
import type { Layer } from './layer.ts'

/** What a layer gives where it is called: a place in a graph that knows its shape, but no numbers. */
export interface Output {
  readonly layer: Layer
  readonly inputs: readonly Output[]
  /** Of one sample. */
  readonly shape: Shape
  /** Counts calls: what is read was made before. */
  readonly order: number
  /** The models that were called, from the outside in, for the layer to stand here. */
  readonly within?: readonly Use[]
  /** In such a model: what the layer is called there, and what has the same key has the same numbers. */
  readonly inner?: string
  readonly key?: object
}

/** One call of a model among layers. */
export interface Use {
  readonly layer: Layer
  readonly inputs: readonly Output[]
  readonly outputs: readonly Output[]
}

/** What a layer may be called on: the output of another, or the layer `input([…])` itself. */
export type Source = Output | Layer

let calls = 0
const starts = new WeakMap<Layer, Output>()

/** A new place in a graph. */
export const output = (what: Omit<Output, 'order'>): Output => ({ ...what, order: calls++ })

/** The place in a graph that a layer takes when it is called on these. */
export function call(layer: Layer, sources: readonly Source[]): Output {
  const who = calledBy(layer.config.name ?? layer.type, layer)
  const inputs = sources.map(source => place(source, who))
  const shapes = inputs.map(({ shape }) => shape)
  const shape = named(layer.config.name ?? layer.type, layer, () => fit(layer, shapes))
  return output({ layer, inputs, shape })
}

/** The output that a source stands for. */
export function place(source: Source, who: string): Output {
  if (typeof source === 'object' && source !== null && 'order' in source) return source
  if (typeof source !== 'function' || source.type !== 'input')
    throw new StateError('not-called', `${who} got ${describe(source)}, expected the output of a layer`, {
      hint: 'call layers on each other: dense(8)(input([4]))',
    })
  let start = starts.get(source)
  if (!start)
    starts.set(source, (start = { layer: source, inputs: [], shape: source.pair.shapes([]).y, order: calls++ }))
  return start
}

const describe = (source: unknown) =>
  typeof source === 'function' && 'type' in source ? `the layer ${source.type} itself` : `a ${typeof source}`

/** Every call that the ends depend on, in the order in which they were made. */
export function reached(ends: readonly Output[]): Output[] {
  const found = new Set<Output>()
  const open = [...ends]
  while (open.length > 0) {
    const call = open.pop()!
    if (found.has(call)) continue
    found.add(call)
    open.push(...call.inputs, ...(call.within?.[0]?.inputs ?? []))
  }
  return [...found].sort((a, b) => a.order - b.order)
}

/** The shape a layer makes of these. */
export function fit({ type, pair }: Layer, inputs: readonly Shape[]): Shape {
  const [least, most] = ('inputs' in pair && pair.inputs) || [1, 1]
  if (inputs.length >= least && inputs.length <= most) return pair.shapes(inputs[0], ...inputs.slice(1)).y
  const expected = least === most ? `${least}` : `${least} to ${most}`
  throw new ShapeError(
    'input-count',
    `${type} got ${inputs.length} inputs, expected ${most === Infinity ? `at least ${least}` : expected}`,
    { hint: most === 1 ? 'join them first: concatenate()([a, b])' : 'give them as a list: add()([a, b])' },
  )
}

/** Adds to a shape error which of the model's layers it was. */
export function named<T>(name: unknown, layer: Layer, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ShapeError) error.message = error.message.replace(layer.type, calledBy(name, layer))
    throw error
  }
}

/** How an error speaks of a layer: `dense "hidden"`. */
export const calledBy = (name: unknown, { type }: Layer): string => (name === type ? type : `${type} "${name}"`)
