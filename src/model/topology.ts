import { DataError } from '../errors.ts'
import { type Output, place, type Source } from '../nn/call.ts'
import type { Json } from '../nn/json.ts'
import type { Layer } from '../nn/layer.ts'
import type { Graph } from './graph.ts'
import { isChain, itemOf, itemsOf, type Network } from './network.ts'

/** Layers and who reads whom, as plain JSON; models that stand among the layers are one each. */
export function structure(network: Network): Record<string, Json> {
  const { nodes, inputs, outputs, uses } = network
  const items = itemsOf(nodes)
  const layers = items.map(saved)
  if (isChain(network)) return { layers }
  const calls: { layer: number; inputs: Json[] }[] = []
  /** Where the output of a node is found: the call, and which of its outputs where it has several. */
  const references = new Map<number, Json>()
  const known = (index: number): Json => references.get(index) ?? -1
  const done = new Set<object>()
  for (const [i, node] of nodes.entries()) {
    const used = uses.find(({ use }) => use === node.within[0])
    if (used && done.has(used)) continue
    if (used) done.add(used)
    const reads = used ? used.inputs : node.inputs.filter(from => from >= 0)
    const at = calls.push({ layer: items.indexOf(itemOf(node)), inputs: reads.map(known) }) - 1
    if (!used) references.set(i, at)
    for (const [j, end] of used?.outputs.entries() ?? []) references.set(end, used!.outputs.length > 1 ? [at, j] : at)
  }
  const starts = inputs.map(port => known(nodes.findIndex(node => node.inputs[0] === port.node)))
  return { layers, calls, inputs: starts, outputs: outputs.map(({ node }) => known(node)) } as Record<string, Json>
}

const saved = ({ type, config: { trainable: _, ...config }, trainable }: Layer): Json =>
  ({ type, config: trainable ? config : { ...config, trainable } }) as Json

/** The graph that was saved: layers are called again in the same order. */
export function wired(layers: readonly Layer[], about: Readonly<Record<string, Json>>): Graph {
  const made: (Output | Output[])[] = []
  const pick = <T>(from: readonly T[], index: Json): T => {
    if (Number.isInteger(index) && Object.hasOwn(from, index as number)) return from[index as number]
    throw foreign('its layers read what is not there')
  }
  const read = (reference: Json): Output => {
    const [call, output] = Array.isArray(reference) ? reference : [reference, undefined]
    const found = pick(made, call)
    if (output !== undefined && Array.isArray(found)) return pick(found, output)
    if (output === undefined && !Array.isArray(found)) return found
    throw foreign('its layers read what is not there')
  }
  for (const entry of list(about.calls)) {
    const { layer, inputs } = record(entry)
    const called: (from: readonly Source[]) => Output | Output[] = pick(layers, layer)
    const from = list(inputs).map(read)
    const { type } = called as Layer
    made.push(type === 'input' ? place(called as Layer, 'model') : called(from))
  }
  const [inputs, outputs] = [about.inputs, about.outputs].map(part => list(part).map(read))
  return { inputs, outputs }
}

export function record(value: unknown): Record<string, Json> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, Json>
  throw foreign('a part of its topology is missing')
}

export function list(value: unknown): readonly Json[] {
  if (Array.isArray(value) && value.length <= 10_000) return value
  throw foreign('a list in its topology is missing')
}

export const foreign = (why: string) =>
  new DataError('bad-model', `this is not a saved model: ${why}`, {
    hint: 'give the folder or file that model.save wrote',
  })
