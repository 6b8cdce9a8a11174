import type { Pair } from '../nn/layer.ts'
import { adjoints, type Instruction, start, type Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { type Network, type Node, type Port, present } from './network.ts'

type Views = Parameters<NonNullable<Pair['backward']>>[1]

/** What the forward pass leaves for the backward pass: each node's output and the arrays of its pair. */
export interface Trace {
  readonly y: View
  readonly xs: readonly View[]
  readonly views: Readonly<Record<string, View>>
  /** What forward did, where backward is derived from it. */
  readonly tape?: readonly Instruction[]
}

type Loose = Readonly<Record<'saved' | 'shared' | 'random', Readonly<Record<string, Shape>> | undefined>>

const shapesOf = ({ layer, inputShapes }: Node) => {
  const [first, ...others] = inputShapes
  return layer.pair.shapes(first, ...others) as unknown as Loose
}

/** What was written at a node or at an input of the model. */
const at = <T>(index: number, inputs: readonly T[], nodes: readonly T[]): T =>
  index < 0 ? inputs[-1 - index] : nodes[index]

/** Every layer's forward in order; outside training the one a layer keeps for use. */
export function forward(k: Verbs, { nodes }: Network, inputs: readonly View[], training: boolean): Trace[] {
  const traces: Trace[] = []
  const written: View[] = []
  for (const node of nodes) {
    const { pair } = node.layer
    const xs = node.inputs.map(index => at(index, inputs, written))
    const trace =
      'view' in pair ? { y: pair.view(xs[0], node.shape), xs, views: {} } : call(k, nodes, node, pair, xs, training)
    traces.push(trace)
    written.push(trace.y)
  }
  return traces
}

function call(k: Verbs, nodes: readonly Node[], node: Node, pair: Pair, xs: readonly View[], training: boolean): Trace {
  const views = room(k, nodes, node, xs)
  const { y } = views
  if (training && !pair.backward) {
    const starts: View[] = []
    const begin = (view: View, row = false) => starts[starts.push(start(k, view, starts, row)) - 1]
    const own = xs.map(x => begin(x))
    const parameters = nodes[node.owner].parameters.map(({ key }) => [key, begin(views[key], true)])
    const all = { ...views, ...Object.fromEntries(parameters), x: own[0] } as Views
    const tape: Instruction[] = []
    pair.forward(
      k.watch(instruction => tape.push(instruction)),
      all,
      own,
    )
    return { y, xs: own, views: all, tape }
  }
  if (training || !pair.infer) pair.forward(k, views as Views, xs)
  else pair.infer(k, views as Views, xs)
  return { y, xs, views }
}

/** The arrays of a layer where it is called: its own, and those that live from forward to backward. */
function room(k: Verbs, nodes: readonly Node[], node: Node, xs: readonly View[]): Record<string, View> {
  const batch = xs[0].shape[0]
  const { saved, shared, random } = shapesOf(node)
  const make = (shapes: Loose['saved'], of: (name: string, shape: Shape) => View, rows: readonly number[] = [batch]) =>
    Object.fromEntries(present(shapes).map(([key, shape]) => [key, of(`${key}${node.number}`, [...rows, ...shape])]))
  const { parameters, state } = nodes[node.owner]
  return {
    x: xs[0],
    y: k.scratch(`y${node.number}`, [batch, ...node.shape]),
    ...Object.fromEntries([...parameters, ...state].map(({ key, view }) => [key, view])),
    ...make(saved, k.scratch),
    ...make(shared, k.scratch, []),
    ...make(random, k.random),
  }
}

/**
 * Every layer's backward in reverse order. `begin` writes the gradient of each of the model's outputs; returned are the
 * gradients of its inputs. What several read, be it an output or a parameter, gets the sum of their gradients, so that
 * no layer has to accumulate.
 */
export function backward(
  k: Verbs,
  { nodes, outputs }: Network,
  inputs: readonly View[],
  traces: readonly Trace[],
  begin: (dy: View, output: number) => void,
): View[] {
  const parts = new Map<number | string, View[]>()
  const written = traces.map(({ y }) => y)
  const part = (key: number | string, name: string, shape: Shape): View => {
    const made = k.scratch(name, shape)
    parts.set(key, [...(parts.get(key) ?? []), made])
    return made
  }
  /** Room for one more gradient of a node's output; that of a rearrangement is its input's, seen the same way. */
  const target = (index: number): View => {
    const node = nodes[index]
    if (node && 'view' in node.layer.pair) return node.layer.pair.view(target(node.inputs[0]), node.shape)
    const y = at(index, inputs, written)
    return part(index, `d${y.name}`, y.shape)
  }
  /** The sum of what was written into these rooms, in `out` if that is given. */
  const total = (key: number | string, out?: View): View => {
    const [first, ...others] = parts.get(key)!
    return others.reduce((sum, next, i) => {
      const to = out && i === others.length - 1 ? out : k.scratch(first.name, first.shape)
      k.map(to, 'a + b', { a: sum, b: next })
      return to
    }, first)
  }
  const several = new Set(nodes.filter(({ owner }, i) => owner !== i).map(({ owner }) => owner))

  outputs.forEach(({ node }, i) => {
    begin(target(node), i)
  })
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index]
    const { layer, number, inputs: reads, owner } = node
    if ('view' in layer.pair) continue
    const { views, xs, tape } = traces[index]
    const slopes = present(shapesOf(node).saved).map(([key]) => [
      `d${key}`,
      k.scratch(`d${key}${number}`, views[key].shape),
    ])
    const shared = several.has(owner)
    const gradients = nodes[owner].parameters.map(({ key, name, gradient, shape }) => [
      `d${key}`,
      shared ? part(name, gradient.name, shape) : gradient,
    ])
    const dxs = reads.map(target)
    const all = {
      ...views,
      ...Object.fromEntries([...gradients, ...slopes]),
      dy: total(index),
      dx: dxs[0],
    } as Views
    if (tape) {
      const starts = nodes[owner].parameters.map(({ key }) => ({ of: all[key], slope: all[`d${key}`] }))
      adjoints(k, tape, { of: all.y, slope: all.dy }, [...xs.map((of, i) => ({ of, slope: dxs[i] })), ...starts])
    } else layer.pair.backward!(k, all, xs, dxs)
    if (shared && owner === index) for (const { name, gradient } of node.parameters) total(name, gradient)
  }
  return inputs.map((_, i) => total(-1 - i))
}

/** The parts of samples that lie one after another, each as an array of its own. */
export function partsOf(k: Verbs, flat: View, ports: readonly Pick<Port, 'name' | 'shape'>[]): View[] {
  if (ports.length === 1) return [flat]
  return sliced(flat, ports).map((part, i) => {
    // Windows slide over the edges of a buffer, not of a part: what has several axes gets a buffer of its own.
    if (ports[i].shape.length < 2) return part
    const own = k.scratch(part.name, part.shape)
    k.copy(own, part)
    return own
  })
}

/** The same parts where they lie. */
export function sliced(flat: View, ports: readonly Pick<Port, 'name' | 'shape'>[]): View[] {
  if (ports.length === 1) return [flat]
  let start = 0
  return ports.map(({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1)
    start += size
    return flat
      .slice(1, start - size, size)
      .reshape(flat.shape[0], ...shape)
      .as(name)
  })
}
