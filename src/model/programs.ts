import type { Loss } from '../nn/loss.ts'
import type { Metric } from '../nn/metrics.ts'
import type { Optimizer } from '../nn/optimizer.ts'
import { type ActivationChoice, resolveActivation } from '../nn/resolve.ts'
import { drop, fuse, lift, type Program, record, type Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'
import type { Network } from './network.ts'
import { backward, forward } from './passes.ts'

export type Mode = 'train' | 'evaluate' | 'predict'

/** What a model is trained with. */
export interface Training {
  readonly loss: Loss
  readonly optimizer: Optimizer
  /** m, v, …: as long as the flat parameters. */
  readonly slots: Readonly<Record<string, Buffer>>
  readonly metrics: readonly Metric[]
}

/** A program and the buffers through which it is spoken to. */
export interface Plan {
  readonly program: Program
  readonly x: Buffer
  /** Targets; absent when predicting. */
  readonly y?: Buffer
  /** The loss and the metrics of the batch, or the predictions. */
  readonly out: Buffer
}

export const scalars = ['t', 'learningRate', 'seed']

/** Records what a mode does with a batch of this size. */
export function plan(network: Network, mode: Mode, batch: number, training?: Training): Plan {
  const x: Buffer = { name: 'x', shape: [batch, ...network.inputShape], kind: 'input' }
  if (mode === 'predict' || !training) {
    const out: Buffer = { name: 'p', shape: [batch, ...network.outputShape], kind: 'output' }
    const program = record(mode, [], k => {
      const { y } = forward(k, network, viewOf(x), false)[network.nodes.length - 1]
      k.copy(viewOf(out), y)
    })
    return { program: improve(program), x, out }
  }
  const { loss, optimizer, slots, metrics } = training
  const y: Buffer = { name: 't', shape: [batch, ...targetShape(network, loss)], kind: 'input' }
  const out: Buffer = { name: 'report', shape: [1 + metrics.length], kind: 'output' }
  const cell = (i: number, name: string) => viewOf(out).slice(0, i, 1).as(name)
  const program = record(mode, mode === 'train' ? scalars : [], k => {
    const t = viewOf(y)
    const end = ending(k, network, loss)
    const traces = forward(k, end.network, viewOf(x), mode === 'train')
    const p = end.predict(traces[traces.length - 1].y)
    end.forward(t, cell(0, 'loss'))
    metrics.forEach((metric, i) => {
      metric.measure(k, { p, t, out: cell(i + 1, metric.name) })
    })
    if (mode !== 'train') return
    backward(k, end.network, viewOf(x), traces, dy => end.backward(t, dy))
    if (network.parameters.shape[0] === 0) return
    const kept = Object.fromEntries(Object.entries(slots).map(([name, buffer]) => [name, viewOf(buffer)]))
    const w = viewOf(network.parameters)
    const { learningRate: _, ...params } = optimizer.params
    const numbers = params as Record<string, number>
    k.map({ ...kept, w }, optimizer.step, { ...numbers, ...kept, w, g: viewOf(network.gradients) })
  })
  return { program: improve(program), x, y, out }
}

const improve = (program: Program): Program => lift(drop(fuse(drop(program))))

/** One target, without the batch axis. */
export const targetShape = (network: Network, loss: Loss): Shape =>
  loss.target === 'class' ? network.outputShape.slice(0, -1) : network.outputShape

/**
 * How the model and its loss meet. Where the last activation and the loss are known as a pair (softmax with
 * cross-entropy), the last layer stays linear and the pair works on its z.
 */
export function ending(k: Verbs, network: Network, loss: Loss) {
  let p: View
  let z: View
  if (!isFused(network, loss))
    return {
      network,
      predict: (y: View) => (p = y),
      forward: (t: View, to: View) => loss.forward(k, { p, t, loss: to }),
      backward: (t: View, dp: View) => loss.backward(k, { p, t, dp }),
    }
  const fused = loss.fused!
  const last = network.nodes[network.nodes.length - 1]
  const activation = resolveActivation(last.layer.config.activation)
  const layer = last.layer.with({ activation: 'linear' })
  return {
    network: { ...network, nodes: network.nodes.with(-1, { ...last, layer }) },
    predict(y: View) {
      z = y
      p = k.scratch('p', y.shape)
      activation.forward(k, { x: z, y: p })
      return p
    },
    forward: (t: View, to: View) => fused.forward(k, { z, t, loss: to }),
    backward: (t: View, dz: View) => fused.backward(k, { p, t, dz }),
  }
}

/** Whether the last activation and the loss meet as a pair. */
export function isFused({ nodes }: Network, { fused }: Loss): boolean {
  const choice = nodes[nodes.length - 1].layer.config.activation as ActivationChoice | undefined
  return fused !== undefined && choice !== undefined && resolveActivation(choice).name === fused.activation
}

/** The pair, as summary and explain announce it. */
export const announcement = (network: Network, loss: Loss): string | undefined =>
  isFused(network, loss)
    ? `${loss.fused!.activation} and ${loss.name} work as one pair on z: dz = (p - t) / n`
    : undefined
