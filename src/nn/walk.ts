import type { Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { present, settled, type Written, written } from './derived.ts'
import type { Layer, Masks, Pair } from './layer.ts'

// How layers that are called on each other run, in a model and within a block.

/** A lasting array of a layer, where it is run. */
export interface Held {
  /** As the layer calls it: `W`. */
  readonly key: string
  readonly name: string
  readonly shape: Shape
  readonly view: View
  /** Of a parameter: where its gradient goes. */
  readonly gradient?: View
  /** Set where training leaves it as it is: its gradient is asked for by nobody. */
  readonly frozen?: boolean
}

/** One call of a layer. Steps come after what they read. */
export interface Step {
  readonly layer: Layer
  /** What the names of its arrays end in: y1, W1. */
  readonly number: number | string
  /** Indices of the steps that it reads; −1 − i is input i. */
  readonly inputs: readonly number[]
  readonly inputShapes: readonly Shape[]
  readonly shape: Shape
  /** Index of the first call of its layer, which holds the arrays of all. */
  readonly owner: number
  readonly parameters: readonly Held[]
  readonly state: readonly Held[]
  /** Set where it runs in training as it does outside of it. */
  readonly resting?: boolean
}

/** What the forward pass leaves for the backward pass: each step's output and the arrays of its pair. */
export interface Trace {
  readonly y: View
  readonly xs: readonly View[]
  readonly views: Readonly<Record<string, View>>
  /** Of its inputs, and of its output. */
  readonly masks: Masks
  readonly mask?: View
}

type Views = Parameters<Written['backward']>[1]
type Loose = Readonly<Record<'saved' | 'shared' | 'random', Readonly<Record<string, Shape>> | undefined>>

const shapesOf = ({ layer, inputShapes }: Step) => {
  const [first, ...others] = inputShapes
  return layer.pair.shapes(first, ...others) as unknown as Loose
}

/** What was written at a step or at an input. */
const at = <T>(index: number, inputs: readonly T[], steps: readonly T[]): T =>
  index < 0 ? inputs[-1 - index] : steps[index]

/** The pair that trains. */
const trained = ({ resting }: Step, pair: Pair): Written => (resting ? settled(pair) : written(pair))

/** Whether a frozen layer runs in training as it does outside of it. */
export const rests = ({ trainable, pair }: Layer): boolean => !trainable && 'rests' in pair && pair.rests === true

export interface Forward {
  /** Outside training the forward that a layer keeps for use. */
  readonly training: boolean
  /** Of the inputs. */
  readonly masks?: Masks
  /** Where the last step writes, if not to room of its own. */
  readonly to?: View
}

/** Every layer's forward in order. */
export function forward(k: Verbs, steps: readonly Step[], inputs: readonly View[], options: Forward): Trace[] {
  const { training, masks: given = [], to } = options
  const traces: Trace[] = []
  for (const [i, step] of steps.entries()) {
    const { pair } = step.layer
    const xs = step.inputs.map(index => (index < 0 ? inputs[-1 - index] : traces[index].y))
    const masks = step.inputs.map(index => (index < 0 ? given[-1 - index] : traces[index].mask))
    const y = i === steps.length - 1 ? to : undefined
    if ('view' in pair) {
      const seen = pair.view(xs[0], step.shape)
      if (y) k.copy(y, seen)
      traces.push({ y: seen, xs, views: {}, masks })
      continue
    }
    const views = room(k, steps, step, xs, y) as Views
    if (training) trained(step, pair).forward(k, views, xs, masks)
    else (pair.infer ?? pair.forward)(k, views, xs, masks)
    traces.push({ y: views.y, xs, views, masks, mask: pair.mask?.(k, views, xs, masks) })
  }
  return traces
}

/** The arrays of a layer where it is called: its own, and those that live from forward to backward. */
function room(k: Verbs, steps: readonly Step[], step: Step, xs: readonly View[], y?: View): Record<string, View> {
  const { number, owner, shape } = step
  const batch = xs[0].shape[0]
  const { saved, shared, random } = shapesOf(step)
  const make = (shapes: Loose['saved'], of: (name: string, shape: Shape) => View, rows: readonly number[] = [batch]) =>
    Object.fromEntries(present(shapes).map(([key, shape]) => [key, of(`${key}${number}`, [...rows, ...shape])]))
  const { parameters, state } = steps[owner]
  return {
    x: xs[0],
    y: y ?? k.scratch(`y${number}`, [batch, ...shape]),
    ...Object.fromEntries([...parameters, ...state].map(({ key, view }) => [key, view])),
    ...make(saved, k.scratch),
    ...make(shared, k.scratch, []),
    ...make(random, k.random),
  }
}

/**
 * Every layer's backward in reverse order. `begin` writes the gradient of each output; returned are the gradients of the
 * inputs, none for one that nobody reads. What several read, be it an output or a parameter, gets the sum of their
 * gradients, so that no layer has to accumulate.
 */
export function backward(
  k: Verbs,
  steps: readonly Step[],
  outputs: readonly number[],
  inputs: readonly View[],
  traces: readonly Trace[],
  begin: (dy: View, output: number) => void,
): (View | undefined)[] {
  const parts = new Map<number | string, View[]>()
  const ys = traces.map(({ y }) => y)
  const part = (key: number | string, name: string, shape: Shape): View => {
    const made = k.scratch(name, shape)
    parts.set(key, [...(parts.get(key) ?? []), made])
    return made
  }
  /** Room for one more gradient of a step's output; that of a rearrangement is its input's, seen the same way. */
  const target = (index: number): View => {
    const step = steps[index]
    if (step && 'view' in step.layer.pair) return step.layer.pair.view(target(step.inputs[0]), step.shape)
    const y = at(index, inputs, ys)
    return part(index, `d${y.name}`, y.shape)
  }
  /** The sum of what was written into these rooms, in `out` if that is given. */
  const total = (key: number | string, out?: View): View | undefined => {
    const [first, ...others] = parts.get(key) ?? []
    return others.reduce((sum, next, i) => {
      const to = out && i === others.length - 1 ? out : k.scratch(first.name, first.shape)
      k.map(to, 'a + b', { a: sum, b: next })
      return to
    }, first)
  }
  const several = new Set(steps.filter(({ owner }, i) => owner !== i).map(({ owner }) => owner))

  for (const [i, index] of outputs.entries()) begin(target(index), i)
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]
    const { layer, number, inputs: reads, owner } = step
    if ('view' in layer.pair) continue
    const { views, xs, masks } = traces[index]
    const slopes = present(shapesOf(step).saved).map(([key]) => [
      `d${key}`,
      k.scratch(`d${key}${number}`, views[key].shape),
    ])
    const shared = several.has(owner)
    const gradients = steps[owner].parameters.map(({ key, name, gradient, shape, frozen }) => [
      `d${key}`,
      frozen ? k.scratch(gradient!.name, shape) : shared ? part(name, gradient!.name, shape) : gradient,
    ])
    const dxs = reads.map(target)
    const all = {
      ...views,
      ...Object.fromEntries([...gradients, ...slopes]),
      dy: total(index),
      dx: dxs[0],
    } as Views
    trained(step, layer.pair).backward(k, all, xs, dxs, masks)
    if (shared && owner === index) for (const { name, gradient } of step.parameters) total(name, gradient) // none of frozen ones
  }
  return inputs.map((_, i) => total(-1 - i))
}
