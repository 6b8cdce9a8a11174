import { activityPenalty } from '../nn/activity.ts'
import type { Json } from '../nn/json.ts'
import type { Layer } from '../nn/layer.ts'
import { type ConstraintChoice, type RegularizerChoice, resolveConstraint, resolveRegularizer } from '../nn/resolve.ts'
import { rests, type Trace } from '../nn/walk.ts'
import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import { type View, viewOf } from '../tensor/view.ts'
import type { Network, Parameter } from './network.ts'
import type { Training } from './programs.ts'

/** What Keras calls a layer's parameters where it speaks of them in options: kernelRegularizer is about W. */
const titles: Readonly<Record<string, readonly string[]>> = {
  W: ['kernel', 'pointwise', 'embeddings'],
  D: ['depthwise'],
  U: ['recurrent'],
  b: ['bias'],
}

/** What a layer was told of one of its arrays; a layer inside it may have been told instead. */
function told({ config, pair }: Layer, key: string, kind: 'Regularizer' | 'Constraint'): Json | undefined {
  const names = titles[/^[Wb][qkvo]$/.test(key) ? key[0] : key] ?? [key]
  const own = names.map(name => config[`${name}${kind}`]).find(value => value !== undefined && value !== null)
  const inner = insideOf(pair, key)
  return own ?? (inner && told(...inner, kind))
}

/** The layer inside that an array belongs to, and what it calls it. */
function insideOf(pair: Layer['pair'], key: string): [Layer, string] | undefined {
  const found = 'within' in pair && Object.entries(pair.within ?? {}).find(([prefix]) => key.startsWith(prefix))
  return found ? [found[1], key.slice(found[0].length)] : undefined
}

/** Whether a parameter of a layer moves, as the layer and those within it are told now. */
export function moves({ trainable, pair }: Layer, key: string): boolean {
  const inner = insideOf(pair, key)
  return trainable && (!inner || moves(...inner))
}

/** The network as its layers are told to be now: what is frozen stays so until the next compile. */
export function frozen(network: Network): Network {
  const nodes = network.nodes.map(node => {
    const { layer } = node
    if (!layer.trainable) layer.trainable = false // for all that it has within
    const parameters = node.parameters.map(each => ({ ...each, frozen: !moves(layer, each.key) }))
    return { ...node, parameters, resting: rests(layer) }
  })
  return { ...network, nodes }
}

/** The parameters of which a layer was told something, and what. */
function toldOf(network: Network, kind: 'Regularizer' | 'Constraint') {
  return network.nodes.flatMap(({ layer, parameters }) =>
    parameters.flatMap((parameter): [Parameter, Json][] => {
      const choice = parameter.frozen ? undefined : told(layer, parameter.key, kind)
      return choice === undefined ? [] : [[parameter, choice]]
    }),
  )
}

/** What the regularisers of weights add to the loss. */
export const weightPenalties = (k: Verbs, network: Network): View[] =>
  toldOf(network, 'Regularizer').map(([{ view, name }, choice]) => {
    const penalty = k.scratch(`penalty of ${name}`, [1])
    resolveRegularizer(choice as RegularizerChoice).forward(k, { w: view, penalty })
    return penalty
  })

/** What the regularisers of outputs add to it. */
export const activityPenalties = (traces: readonly Trace[]): View[] =>
  traces.flatMap(({ views }) =>
    Object.entries(views).flatMap(([key, view]) => (key.endsWith(activityPenalty) ? [view] : [])),
  )

/** Writes the loss with these added. */
export function penalised(k: Verbs, penalties: readonly View[], to: View, write: (loss: View) => void) {
  if (penalties.length === 0) return write(to)
  const loss = k.scratch('loss', [1])
  write(loss)
  const terms = penalties.map((penalty, i) => [`penalty${i}`, penalty] as const)
  k.map(to, ['loss', ...terms.map(([name]) => name)].join(' + '), { loss, ...Object.fromEntries(terms) })
}

/** Parameters that lie one after another, without frozen ones between them: as [start, size] of the flat arrays. */
function runsOf(all: readonly Parameter[], total: number): (readonly [start: number, size: number])[] {
  const runs: { start: number; end: number }[] = []
  for (const [i, { offset, frozen }] of all.entries()) {
    const end = all[i + 1]?.offset ?? total
    if (frozen) continue
    const last = runs[runs.length - 1]
    if (last?.end === offset) last.end = end
    else runs.push({ start: offset, end })
  }
  return runs.map(({ start, end }) => [start, end - start])
}

/** Moves the weights: the slopes of penalties join their gradients, the optimiser makes its step, constraints hold. */
export function optimize(k: Verbs, network: Network, { optimizer, slots }: Pick<Training, 'optimizer' | 'slots'>) {
  for (const [{ view, gradient }, choice] of toldOf(network, 'Regularizer'))
    resolveRegularizer(choice as RegularizerChoice).backward(k, { w: view, g: gradient, dw: gradient })
  const kept = Object.fromEntries(Object.entries(slots).map(([name, buffer]) => [name, viewOf(buffer)]))
  const all = network.nodes.flatMap(node => node.parameters)
  const pieces = all
    .filter(parameter => !parameter.frozen)
    .map(
      ({ offset, shape }) =>
        (flat: View) =>
          flat.slice(0, offset, sizeOf(shape)).reshape(...shape),
    )
  if (pieces.length === 0) return
  const runs = runsOf(all, network.parameters.shape[0]).map(
    ([start, size]) =>
      (flat: View) =>
        size === flat.shape[0] ? flat : flat.slice(0, start, size),
  )
  const w = viewOf(network.parameters)
  optimizer.update(k, { ...kept, w, g: viewOf(network.gradients) }, pieces, runs)
  for (const [{ view }, choice] of toldOf(network, 'Constraint'))
    resolveConstraint(choice as ConstraintChoice).apply(k, view)
}
