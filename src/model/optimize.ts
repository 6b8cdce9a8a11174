import { activityPenalty } from '../nn/activity.ts'
import type { Json } from '../nn/json.ts'
import type { Layer } from '../nn/layer.ts'
import { type ConstraintChoice, type RegularizerChoice, resolveConstraint, resolveRegularizer } from '../nn/resolve.ts'
import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import { type View, viewOf } from '../tensor/view.ts'
import type { Network, Parameter } from './network.ts'
import type { Trace } from './passes.ts'
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
  if (own !== undefined) return own
  const within = 'within' in pair ? Object.entries(pair.within ?? {}) : []
  const inner = within.find(([prefix]) => key.startsWith(prefix))
  return inner && told(inner[1], key.slice(inner[0].length), kind)
}

/** The parameters of which a layer was told something, and what. */
function toldOf(network: Network, kind: 'Regularizer' | 'Constraint') {
  return network.nodes.flatMap(({ layer, parameters }) =>
    parameters.flatMap((parameter): [Parameter, Json][] => {
      const choice = told(layer, parameter.key, kind)
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

/** Moves the weights: the slopes of penalties join their gradients, the optimiser makes its step, constraints hold. */
export function optimize(k: Verbs, network: Network, { optimizer, slots }: Pick<Training, 'optimizer' | 'slots'>) {
  for (const [{ view, gradient }, choice] of toldOf(network, 'Regularizer'))
    resolveRegularizer(choice as RegularizerChoice).backward(k, { w: view, g: gradient, dw: gradient })
  const kept = Object.fromEntries(Object.entries(slots).map(([name, buffer]) => [name, viewOf(buffer)]))
  const pieces = network.nodes
    .flatMap(node => node.parameters)
    .map(
      ({ offset, shape }) =>
        (flat: View) =>
          flat.slice(0, offset, sizeOf(shape)).reshape(...shape),
    )
  const w = viewOf(network.parameters)
  optimizer.update(k, { ...kept, w, g: viewOf(network.gradients) }, pieces)
  for (const [{ view }, choice] of toldOf(network, 'Constraint'))
    resolveConstraint(choice as ConstraintChoice).apply(k, view)
}
