import { DataError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import { isChain, type Network, type Node } from '../../model/network.ts'
import type { Json } from '../../nn/json.ts'
import type { Shape } from '../../tensor/shape.ts'
import { kerasOrder } from './order.ts'
import type { Placed } from './read.ts'
import { byType } from './table.ts'
import { type Config, Foreign, valueTo } from './values.ts'
import { groupsOf, partsOf, type Saved } from './weights.ts'

/** A model in Keras's words. */
export interface Written {
  readonly config: Config
  readonly layers: readonly Placed[]
}

/**
 * A model as Keras describes it; `before3` in the sense of Keras 2.
 * @throws DataError `unsupported-layers` with everything that Keras has no counterpart for
 */
export function writeTopology({ network, name, dtype = 'float32' }: Model, before3 = false): Written {
  // Attention has several inputs and a mask, which a chain cannot say.
  const chain = isChain(network) && !network.nodes.some(({ layer }) => /attention$/i.test(layer.type))
  const owners = chain ? network.nodes.map((_, i) => i) : kerasOrder(network)
  const problems: [string, string][] = []
  const layers: Config[] = []
  const own = owners.map(owner => network.nodes[owner]).filter(({ layer }) => layer.type !== 'input')
  const classes = own.map(({ layer }) => byType.get(unstepped(layer).type)?.class ?? '')
  const groups = groupsOf(classes)
  const placed = own.map(({ name, layer }, i): Placed => {
    const place = { name, theirs: name, top: name, group: groups[i], class: classes[i] }
    return { ...place, parts: partsOf(unstepped(layer)) }
  })
  if (chain && network.nodes[0].layer.type !== 'input')
    layers.push(inputLayer('input_layer', network.inputShape, dtype))
  for (const owner of owners) {
    const node = network.nodes[owner]
    try {
      layers.push({
        ...layerTo(node, dtype, before3),
        ...(chain ? {} : { name: node.name, inbound_nodes: callsOf(node, owner, network) }),
      })
    } catch (error) {
      if (!(error instanceof Foreign)) throw error
      problems.push([node.name, error.message])
    }
  }
  if (problems.length > 0)
    throw new DataError('unsupported-layers', `Keras has no counterpart for ${problems.length} layers`, {
      evidence: problems.slice(0, 60),
      hint: 'replace these layers, or save with model.save, which keeps everything',
    })
  const about: Config = { name, trainable: true, layers }
  if (chain)
    return {
      config: { ...keras('Sequential'), config: { ...about, build_input_shape: [null, ...network.inputShape] } },
      layers: placed,
    }
  const ports = {
    input_layers: network.inputs.map(port => [port.name, 0, 0]),
    output_layers: network.outputs.map(({ node }) => history(node, network)),
  }
  return {
    config: { ...keras('Functional', 'keras.src.models.functional'), config: { ...about, ...ports } },
    layers: placed,
  }
}

/** Dense layers at every step of a sequence are dense layers in Keras. */
function unstepped(layer: Saved): Saved {
  let within = layer
  while (within.type === 'timeDistributed') within = within.config.layer as Saved
  return within.type === 'dense' ? within : layer
}

const keras = (name: string, module = 'keras') => ({
  module,
  class_name: name,
  registered_name: name === 'Functional' ? name : null,
})

const inputLayer = (name: string, shape: Shape, dtype: string): Config => ({
  ...keras('InputLayer', 'keras.layers'),
  config: { batch_shape: [null, ...shape], dtype, sparse: false, ragged: false, name },
})

function layerTo({ layer, name, shape, inputShapes }: Node, dtype: string, before3: boolean): Config {
  if (layer.type === 'input') return inputLayer(name, shape, dtype)
  const { type, config } = unstepped(layer)
  const whole = described(type, { ...(config as Config), name }, dtype, before3)
  const more: Record<string, Json> = layer.trainable ? {} : { trainable: false }
  if (Array.isArray(config.axis))
    more.axis = config.axis.map((a: number) => (a < 0 ? a + inputShapes[0].length + 1 : a))
  return { ...whole, config: { ...(whole.config as Config), ...more } }
}

function described(type: string, config: Config, dtype: string, before3: boolean): Config {
  const row = byType.get(type)
  if (!row) throw new Foreign(`${type} is not in Keras`)
  const back = new Map([...row.args].map(([theirs, ours]) => [ours, theirs]))
  const out: Record<string, Json> = { name: config.name ?? type, dtype, ...(row.fixed as Config) }
  if (row.args.has('recurrent_activation')) out.recurrent_activation = 'sigmoid' // Keras 2.2 and tfjs have another default
  if (row.args.has('reset_after')) out.reset_after = true // before Keras 3 it was another default
  if (row.args.has('pool_size')) out.pool_size = 2 // Keras has no default for the mean of a sequence or volume
  const inside = config.layer as { type: string; config: Config } | undefined
  if (type === 'bidirectional' && inside?.config.goBackwards) {
    const turned = { ...inside.config, goBackwards: false }
    out.backward_layer = described(inside.type, turned, dtype, before3) // Keras would not turn it by itself
  }
  for (const [key, value] of Object.entries(config)) {
    if (type === 'normalization' && key !== 'invert') continue // what it has seen is among the arrays
    if (key === 'mergeMode' && value === null) throw new Foreign('Keras would give two outputs')
    if (['name', 'inputShape', 'useCausalMask', 'trainable'].includes(key) || value === null) continue
    const theirs = back.get(key)
    if (theirs === undefined) throw new Foreign(`${type} has ${key}, which is not in Keras`)
    out[theirs] =
      theirs === 'layer' ? described(inside!.type, inside!.config, dtype, before3) : valueTo(theirs, value, before3)
  }
  return { ...keras(row.class, 'keras.layers'), config: out }
}

/** Which call of its layer a node is, as Keras counts. */
function history(index: number, { nodes }: Network): Json[] {
  const { owner, name } = nodes[index]
  return [name, nodes.slice(0, index).filter(other => other.owner === owner).length, 0]
}

/** Everywhere that a layer is called. */
function callsOf(node: Node, owner: number, network: Network): Json[] {
  const { nodes } = network
  const { type, config } = node.layer
  const tensor = (index: number): Json => ({
    class_name: '__keras_tensor__',
    config: { shape: [null, ...nodes[index].shape], dtype: 'float32', keras_history: history(index, network) },
  })
  if (type === 'input') return []
  const kwargs: Config = config.useCausalMask ? { use_causal_mask: true } : {}
  return nodes.flatMap((call): Json[] => {
    if (call.owner !== owner) return []
    const read = /[aA]ttention$/.test(type) && call.inputs.length === 1 ? [call.inputs[0], call.inputs[0]] : call.inputs
    const tensors = read.map(tensor)
    const several = 'inputs' in node.layer.pair && type !== 'multiHeadAttention'
    return [{ args: several ? [tensors] : tensors, kwargs }]
  })
}
