import { StateError } from '../errors.ts'
import { type Output, place, reached, type Source } from '../nn/call.ts'
import type { Layer } from '../nn/layer.ts'
import { input } from '../nn/layers/input.ts'
import type { Shape } from '../tensor/shape.ts'
import { build, firstShape, type Network } from './network.ts'

/** Where numbers enter and where they leave: what lies between is found by itself. */
export interface Graph {
  /** Layers `input([…])`, in the order in which the data comes. */
  inputs: Source | readonly Source[]
  /** What layers give. */
  outputs: Source | readonly Source[]
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T])

/**
 * The network between inputs and outputs.
 * @throws StateError `no-outputs`, `not-an-input`, `unlisted-input`, `unused-input`
 */
export function graph({ inputs, outputs }: Graph): Network {
  const starts = list(inputs).map(source => place(source, 'inputs of model'))
  const ends = list(outputs).map(source => place(source, 'outputs of model'))
  if (starts.length === 0 || ends.length === 0)
    throw new StateError('no-outputs', `model got ${starts.length} inputs and ${ends.length} outputs`, {
      hint: 'model({ inputs: x, outputs: y }) with x = input([4]) and y = dense(1)(x)',
    })
  starts.forEach((start, i) => {
    if (start.layer.type !== 'input' || starts.indexOf(start) !== i)
      throw new StateError('not-an-input', `model got ${start.layer.type} as input ${i}, expected another input([…])`, {
        hint: 'inputs are the layers input([…]) themselves, each once',
      })
  })
  const calls = reached(ends)
  const index = new Map(calls.map((call, i) => [call, i]))
  for (const call of calls)
    if (call.layer.type === 'input' && !starts.includes(call))
      throw new StateError('unlisted-input', `model reads ${label(call)}, which is not among its inputs`, {
        evidence: [['inputs', starts.map(label).join(', ')]],
        hint: 'list every input that the outputs depend on',
      })
  const unused = starts.find(start => !index.has(start))
  if (unused)
    throw new StateError('unused-input', `no output of model depends on ${label(unused)}`, {
      hint: 'leave it out, or call a layer on it',
    })
  const first = new Map([...calls].reverse().map(call => [call.key ?? call.layer, index.get(call)!]))
  const alike = new Map<Layer, Output[]>(calls.map(({ layer }) => [layer, []]))
  for (const call of calls) alike.get(call.layer)!.push(call)
  const nodes = calls.map(call => {
    const start = starts.indexOf(call)
    return {
      layer: call.layer,
      inputs: start >= 0 ? [-1 - start] : call.inputs.map(input => index.get(input)!),
      owner: first.get(call.key ?? call.layer)!,
      key: call.key ?? keyOf(alike.get(call.layer)!),
      within: call.within,
      inner: call.inner,
    }
  })
  const ports = starts.map(start => ({ name: '', shape: start.shape }))
  const made = build(
    'model',
    nodes,
    ports,
    ends.map(end => index.get(end)!),
  )
  const name = (i: number) => made.nodes[index.get(starts[i])!].name
  const found = new Set(calls.flatMap(({ within }) => within?.slice(0, 1) ?? []))
  const uses = [...found].map(use => {
    const [inputs, outputs] = [use.inputs, use.outputs].map(list => list.map(each => index.get(each) ?? -1))
    return { use, inputs, outputs }
  })
  return { ...made, uses, inputs: made.inputs.map((port, i) => ({ ...port, name: name(i) })) }
}

const keys = new WeakMap<Output, object>()

/** What stands for the numbers of a layer in every model that has one of these calls of it. */
function keyOf(calls: readonly Output[]): object {
  const key = calls.map(call => keys.get(call)).find(found => found !== undefined) ?? {}
  for (const call of calls) keys.set(call, key)
  return key
}

/** The path of layers that are called one on the other, models among them. */
export function path(layers: readonly Layer[]): Graph {
  const [first, ...others] = layers
  const shape = 'network' in first ? (first as unknown as { inputShape: Shape }).inputShape : firstShape(layers)
  const start = place(first.type === 'input' ? first : input(shape), 'sequential')
  const rest = first.type === 'input' ? others : layers
  return { inputs: start, outputs: rest.reduce<Output>((x, layer) => layer(x), start) }
}

const label = ({ layer, shape }: Output) => `input "${layer.config.name ?? `[${shape.join(', ')}]`}"`
