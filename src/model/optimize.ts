import { resolveConstraint, resolveRegularizer } from '../nn/resolve.ts'
import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import { type View, viewOf } from '../tensor/view.ts'
import type { Network, Parameter } from './network.ts'
import type { Training } from './programs.ts'

/** Which of a layer's options speak of which of its parameters. */
const options: Readonly<Record<string, string>> = {
  W: 'kernel',
  U: 'recurrent',
  b: 'bias',
  E: 'embeddings',
  gamma: 'gamma',
  beta: 'beta',
  depth: 'depthwise',
  point: 'pointwise',
}

/** A parameter with what its layer was told of it. */
function toldOf(network: Network, kind: 'Regularizer' | 'Constraint') {
  return network.nodes.flatMap(({ layer, parameters }) =>
    parameters.flatMap((parameter): [Parameter, never][] => {
      const choice = layer.config[`${options[parameter.key] ?? parameter.key}${kind}`]
      return choice === undefined || choice === null ? [] : [[parameter, choice as never]]
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
    resolveRegularizer(choice).forward(k, { w: view, penalty })
    return [`penalty${i}`, penalty]
  })
  k.map(to, ['loss', ...terms.map(([name]) => name)].join(' + '), { loss, ...Object.fromEntries(terms) })
}

/** Moves the weights: the slopes of penalties join their gradients, the optimiser makes its step, constraints hold. */
export function optimize(k: Verbs, network: Network, { optimizer, slots }: Pick<Training, 'optimizer' | 'slots'>) {
  for (const [{ view, gradient }, choice] of toldOf(network, 'Regularizer'))
    resolveRegularizer(choice).backward(k, { w: view, g: gradient, dw: gradient })
  const kept = Object.fromEntries(Object.entries(slots).map(([name, buffer]) => [name, viewOf(buffer).as(name)]))
  const pieces = network.nodes
    .flatMap(node => node.parameters)
    .map(
      ({ offset, shape }) =>
        (flat: View) =>
          flat.slice(0, offset, sizeOf(shape)).reshape(...shape),
    )
  const w = viewOf(network.parameters).as('w')
  optimizer.update(k, { ...kept, w, g: viewOf(network.gradients).as('g') }, pieces)
  for (const [{ view }, choice] of toldOf(network, 'Constraint')) resolveConstraint(choice).apply(k, view)
}
