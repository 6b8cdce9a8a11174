import { ShapeError } from '../errors.ts'
import { calledBy, type Output, output, place, type Source, type Use } from '../nn/call.ts'
import type { Layer } from '../nn/layer.ts'
import { printShape, sameShape } from '../tensor/shape.ts'
import type { Network } from './network.ts'

/**
 * A model called on what layers give: its layers take their places in the graph, with the numbers that they have in the
 * model. One output, or a list of several.
 * @throws ShapeError when it takes others, or another number of them
 */
export function inlined(layer: Layer & { readonly network: Network }, sources: readonly Source[]): Output | Output[] {
  const { nodes, inputs, outputs } = layer.network
  const who = calledBy(layer.config.name ?? layer.type, layer)
  const given = sources.map(source => place(source, who))
  const fits = given.length === inputs.length && inputs.every(({ shape }, i) => sameShape(shape, given[i].shape))
  if (!fits)
    throw new ShapeError('wrong-input', `${who} is called on other inputs than it was made for`, {
      evidence: [
        ['got', given.map(({ shape }) => printShape(shape)).join(', ')],
        ['expected', inputs.map(({ shape }) => printShape(shape)).join(', ')],
      ],
      hint: 'a model takes what its own inputs say, in their order',
    })
  const ends: Output[] = []
  const use: Use = { layer, inputs: given, outputs: ends }
  const made: Output[] = []
  for (const node of nodes) {
    const from = node.inputs.map(index => (index < 0 ? given[-1 - index] : made[index]))
    const { layer, shape, key, name: inner } = node
    const own = layer.type === 'input' ? from[0] : undefined
    made.push(own ?? output({ layer, inputs: from, shape, key, inner, within: [use, ...node.within] }))
  }
  ends.push(...outputs.map(({ node }) => made[node]))
  return ends.length === 1 ? ends[0] : ends
}
