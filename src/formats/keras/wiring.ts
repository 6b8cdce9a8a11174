import { type Output, place } from '../../nn/call.ts'
import type { Json } from '../../nn/json.ts'
import type { Layer } from '../../nn/layer.ts'
import * as known from '../../nn/layers/index.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { type Block, bad, deepest, type Entry, show } from './entries.ts'
import { type Config, Foreign, isConfig } from './values.ts'
import type { Part } from './weights.ts'

// How layers are called on each other: chains, graphs, and models within them.

/** A layer that was made of an entry. */
export interface Made {
  layer: Layer
  /** Where its arrays are, if not where its own type has them. */
  readonly parts?: readonly Part[]
  /** What an input must be for the layer to be the same, or undefined. */
  readonly check?: (input: Shape) => string | undefined
  /** Whether it was called, and so knows its input. */
  called?: boolean
}

export interface Wiring {
  made(entry: Entry): Made
  /** Does what may fail for an entry; what fails is listed. */
  attempt<T>(entry: Entry, work: () => T): T | undefined
}

const mostCalls = 20_000
const mostNumbers = 2 ** 30
const mostAxes = 8

export const missing = (why: string): never => {
  throw new Foreign(why)
}

/** The inputs and outputs of a whole model; undefined where something failed. */
export function wired(block: Block, wiring: Wiring): { inputs: Output[]; outputs: Output[] } | undefined {
  const calls = { left: mostCalls }
  const starts =
    block.kind === 'chain'
      ? [startOf(block, wiring)]
      : inputsOf(block).map(entry => place(wiring.made(entry).layer, 'model'))
  if (starts.some(start => start === undefined)) return undefined
  const inputs = starts as Output[]
  const outputs = run(block, inputs, wiring, calls)
  return outputs && { inputs, outputs }
}

/** What the layers of a model give for these inputs. */
function run(block: Block, inputs: Output[], wiring: Wiring, calls: { left: number }): Output[] | undefined {
  return (block.kind === 'chain' ? chained : graphed)(block, inputs, wiring, calls)
}

/** What one call of a layer or of a model gives. */
function apply(entry: Entry, inputs: Output[], causal: boolean, wiring: Wiring, calls: { left: number }) {
  if (--calls.left < 0) throw bad(`more than ${mostCalls} calls`)
  if (entry.block) return run(entry.block, inputs, wiring, calls)
  return wiring.attempt(entry, () => {
    const made = wiring.made(entry)
    if (!made.called) {
      const why = made.check?.(inputs[0]?.shape)
      if (why) missing(why)
      if (causal) made.layer = made.layer.with({ useCausalMask: true })
      made.called = true
    }
    const output = made.layer(inputs)
    if (output.shape.length > mostAxes) missing(`an output of ${output.shape.length} axes`)
    return sizeOf(output.shape) <= mostNumbers ? [output] : missing(`an output of ${show(output.shape)}`)
  })
}

/** Where a chain begins. */
function startOf({ entries, config }: Block, { made, attempt }: Wiring): Output | undefined {
  const [first] = entries
  if (!first) throw bad('no layers')
  if (first.class === 'InputLayer') return place(made(first).layer, 'model')
  const said = isConfig(config.build_config) ? config.build_config.input_shape : config.build_input_shape
  const shape = attempt(
    first,
    () =>
      firstShape(first) ??
      (Array.isArray(said) ? inputShape({ batch_shape: said }) : undefined) ??
      missing('the shape of the input is not said'),
  )
  return shape && place(known.input(shape), 'model')
}

/** The shape that a chain's first layer says, or the first layer of the model that it is. */
function firstShape({ config, block }: Entry): Shape | undefined {
  const first = block?.kind === 'chain' ? block.entries[0] : block && inputsOf(block)[0]
  return first ? firstShape(first) : inputShape(config)
}

/** The shape of a sample, from any of the ways to say it. */
export function inputShape(config: Config): Shape | undefined {
  const { batch_shape, batch_input_shape, input_shape, shape } = config
  const batched = batch_shape ?? batch_input_shape
  const found = Array.isArray(batched) ? batched.slice(1) : (input_shape ?? shape)
  if (!Array.isArray(found)) return undefined
  if (found.length > mostAxes || found.some(n => !Number.isInteger(n)))
    missing(`the shape ${show(found)} of its input is not fixed`)
  return found as Shape
}

function chained({ entries }: Block, inputs: Output[], wiring: Wiring, calls: { left: number }): Output[] | undefined {
  if (inputs.length !== 1) throw bad(`${inputs.length} inputs of a chain`)
  let at: Output[] | undefined = inputs
  for (const entry of entries) {
    if (entry.class === 'InputLayer') continue
    at = apply(entry, at, false, wiring, calls)
    if (!at) return undefined
  }
  return at
}

/** What a call reads: an output of the n-th call of a layer. */
interface Reference {
  readonly layer: string
  readonly node: number
  readonly tensor: number
}

/** The layers where numbers enter a graph, in their order. */
function inputsOf({ entries, config }: Block): Entry[] {
  const named = new Map(entries.map(entry => [entry.theirs, entry]))
  return references(config.input_layers).map(({ layer }) => {
    const found = named.get(layer)
    if (found?.class !== 'InputLayer') throw bad('inputs that no layer gives')
    return found
  })
}

function graphed(block: Block, inputs: Output[], wiring: Wiring, calls: { left: number }): Output[] | undefined {
  const starts = inputsOf(block)
  if (starts.length !== inputs.length) throw bad(`a model of ${starts.length} inputs that reads ${inputs.length}`)
  const given = new Map<string, Output[]>()
  const key = ({ layer, node }: Pick<Reference, 'layer' | 'node'>) => `${node} ${layer}`
  const find = (reference: Reference) => given.get(key(reference))?.[reference.tensor]
  for (const [i, { theirs }] of starts.entries()) given.set(key({ layer: theirs, node: 0 }), [inputs[i]])
  const pending = block.entries.flatMap(entry => {
    if (entry.class === 'InputLayer') return []
    if (!Array.isArray(entry.inbound)) throw bad(`no calls of ${show(entry.theirs)}`)
    return entry.inbound.map((call, node) => {
      const read = wiring.attempt(entry, () => readsOf(entry, call, block.masks))
      return { entry, node, ...read, left: new Set(read?.references.map(key)) }
    })
  })
  if (pending.some(({ references }) => !references)) return undefined
  // Calls are made in the order of the file; one that comes before what it reads is made as soon as it can be.
  const waiting = new Map<string, typeof pending>()
  for (const name of given.keys()) for (const call of pending) call.left.delete(name)
  for (const call of pending) for (const name of call.left) waiting.set(name, [...(waiting.get(name) ?? []), call])
  const [late, done] = [new Set<(typeof pending)[number]>(), new Set<(typeof pending)[number]>()]
  const open = pending.toReversed()
  for (let call = open.pop(); call; call = open.pop()) {
    if (call.left.size > 0) {
      late.add(call)
      continue
    }
    done.add(call)
    const { entry, node, references, causal } = call
    const read = references!.map(find)
    const outputs = read.includes(undefined)
      ? wiring.attempt(entry, () => missing('it reads what no layer gives'))
      : apply(entry, read as Output[], causal!, wiring, calls)
    if (!outputs) return undefined
    const name = key({ layer: entry.theirs, node })
    given.set(name, outputs)
    for (const reader of waiting.get(name) ?? []) if (reader.left.delete(name) && late.has(reader)) open.push(reader)
  }
  const stuck = pending.filter(call => !done.has(call))
  for (const { entry } of stuck) wiring.attempt(entry, () => missing('it reads what no layer gives'))
  if (stuck.length > 0) return undefined
  const ends = references(block.config.output_layers).map(find)
  if (ends.length === 0 || ends.includes(undefined)) throw bad('outputs that no layer gives')
  return ends as Output[]
}

const roles = ['query', 'value', 'key']

/** What a call reads, from Keras 3's arguments or the lists of Keras 1 and 2. */
function readsOf(
  { class: type }: Entry,
  call: Json,
  masks: ReadonlySet<string>,
): { references: Reference[]; causal: boolean } {
  const isNew = isConfig(call)
  const kwargs = isNew
    ? call.kwargs
    : Array.isArray(call)
      ? call.map(item => (Array.isArray(item) ? item[3] : null)).find(isConfig)
      : {}
  const found = references(isNew ? call.args : call)
  let causal = false
  const named = Object.entries(isConfig(kwargs) ? kwargs : {}).sort(([a], [b]) => roles.indexOf(a) - roles.indexOf(b))
  for (const [name, value] of named) {
    if (isEmpty(value) || name === 'training') continue
    if (/^(query_|value_|key_)?mask$/.test(name) && references(value).every(({ layer }) => masks.has(layer))) continue
    if (name === 'use_causal_mask') causal = value === true
    else if (/Attention/.test(type) && roles.includes(name)) found.push(...references(value))
    else if (name === 'inputs' || name === 'x') found.push(...references(value))
    else missing(`called with ${name} = ${show(value)}`)
  }
  if (found.length === 0) missing('called on nothing')
  return { references: found, causal }
}

/** Nothing, in any nesting. */
const isEmpty = (value: Json, depth = 0): boolean =>
  value === null ||
  value === false ||
  (Array.isArray(value) && depth < deepest && value.every(item => isEmpty(item, depth + 1)))

/** References in any nesting: [name, node, tensor] or a __keras_tensor__. */
function references(value: Json, depth = 0): Reference[] {
  if (depth > deepest) throw bad('arguments too deep')
  if (isConfig(value)) {
    if (value.class_name === '__keras_tensor__')
      return references((value.config as Config | undefined)?.keras_history ?? null, depth + 1)
    if (value.class_name !== undefined) return missing(`called on a ${show(value.class_name)}`)
    return Object.values(value).flatMap(item => references(item, depth + 1))
  }
  if (value === null && depth > 0) return []
  if (!Array.isArray(value)) return missing(`called on ${show(value)}`)
  const [layer, node, tensor] = value
  if (typeof layer !== 'string' || !Number.isInteger(node)) return value.flatMap(item => references(item, depth + 1))
  if (!Number.isInteger(tensor)) return missing(`output ${show(tensor)} of ${layer}`)
  return [{ layer, node: node as number, tensor: tensor as number }]
}
