import type { Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { type Network, present } from './network.ts'

/** What the forward pass leaves for the backward pass: each node's output and the arrays of its pair. */
export interface Trace {
  readonly y: View
  readonly views: Readonly<Record<string, View>>
}

type Loose = Readonly<Record<'saved' | 'shared' | 'random', Readonly<Record<string, Shape>> | undefined>>

/** Every layer's forward in order; outside training the one a layer keeps for use. */
export function forward(k: Verbs, network: Network, x: View, training: boolean): Trace[] {
  const batch = x.shape[0]
  const traces: Trace[] = []
  for (const node of network.nodes) {
    const { pair } = node.layer
    const from = node.input < 0 ? x : traces[node.input].y
    if ('view' in pair) {
      traces.push({ y: pair.view(from, node.shape), views: {} })
      continue
    }
    const { saved, shared, random } = pair.shapes(node.inputShape) as unknown as Loose
    const make = (
      shapes: Loose['saved'],
      of: (name: string, shape: Shape) => View,
      rows: readonly number[] = [batch],
    ) =>
      Object.fromEntries(present(shapes).map(([key, shape]) => [key, of(`${key}${node.number}`, [...rows, ...shape])]))
    const y = k.scratch(`y${node.number}`, [batch, ...node.shape])
    const views = {
      x: from,
      y,
      ...Object.fromEntries([...node.parameters, ...node.state].map(({ key, view }) => [key, view])),
      ...make(saved, k.scratch),
      ...make(shared, k.scratch, []),
      ...make(random, k.random),
    }
    if (training || !pair.infer) pair.forward(k, views, [from])
    else pair.infer(k, views, [from])
    traces.push({ y, views })
  }
  return traces
}

/**
 * Every layer's backward in reverse order. `begin` writes the gradient of the model's output; returned is the gradient
 * of its input. A node that several others read gets the sum of their gradients, so that no layer has to accumulate.
 */
export function backward(
  k: Verbs,
  network: Network,
  x: View,
  traces: readonly Trace[],
  begin: (dy: View) => void,
): View {
  const parts = new Map<number, View[]>()
  /** Room for one more gradient of a node's output; that of a rearrangement is its input's, seen the same way. */
  const target = (index: number): View => {
    const node = network.nodes[index]
    if (node && 'view' in node.layer.pair) return node.layer.pair.view(target(node.input), node.shape)
    const y = node ? traces[index].y : x
    const room = k.scratch(`d${y.name}`, y.shape)
    parts.set(index, [...(parts.get(index) ?? []), room])
    return room
  }
  const total = (index: number): View => {
    const [first, ...others] = parts.get(index)!
    return others.reduce((sum, part) => {
      const room = k.scratch(first.name, first.shape)
      k.map(room, 'a + b', { a: sum, b: part })
      return room
    }, first)
  }
  begin(target(network.nodes.length - 1))
  for (let index = network.nodes.length - 1; index >= 0; index--) {
    const { layer, parameters, number, input } = network.nodes[index]
    if ('view' in layer.pair) continue
    const { views } = traces[index]
    const { saved } = layer.pair.shapes(network.nodes[index].inputShape) as unknown as Loose
    const slopes = present(saved).map(([key]) => [`d${key}`, k.scratch(`d${key}${number}`, views[key].shape)])
    const dx = target(input)
    const all = {
      ...views,
      ...Object.fromEntries(parameters.map(({ key, gradient }) => [`d${key}`, gradient])),
      ...Object.fromEntries(slopes),
      dy: total(index),
      dx,
    } as Readonly<Record<string, View>> & Record<'x' | 'y' | 'dx' | 'dy', View>
    layer.pair.backward(k, all, [all.x], [dx])
  }
  return total(-1)
}
