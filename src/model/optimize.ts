import { type ConstraintChoice, type RegularizerChoice, resolveConstraint, resolveRegularizer } from '../nn/resolve.ts'
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

/** The parameters of which a layer was told something, and what. */
function toldOf(network: Network, kind: 'Regularizer' | 'Constraint') {
  return network.nodes.flatMap(({ layer, parameters }) =>
    parameters.flatMap((parameter): [Parameter, string][] => {
      const names = titles[parameter.key] ?? [parameter.key]
      const choice = names.map(name => layer.config[`${name}${kind}`]).find(value => value !== undefined)
      return choice === undefined || choice === null ? [] : [[parameter, choice as string]]
    }),
  )
}

/** Writes the loss, with the penalties on the weights added where there are any. */
export function penalised(k: Verbs, network: Network, to: View, write: (loss: View) => void) {
  const told = toldOf(network, 'Regularizer')
  if (told.length === 0) return write(to)
  const loss = k.scratch('loss', [1])
  write(loss)
  const terms = told.map(([{ view, name }, choice], i): [string, View] => {
    const penalty = k.scratch(`penalty of ${name}`, [1])
    resolveRegularizer(choice as RegularizerChoice).forward(k, { w: view, penalty })
    return [`penalty${i}`, penalty]
  })
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
