import { ShapeError } from '../errors.ts'
import { formOf, identity } from '../nn/form.ts'
import type { Masks } from '../nn/layer.ts'
import type { Loss } from '../nn/loss.ts'
import { beside } from '../nn/masks.ts'
import type { Metric } from '../nn/metric.ts'
import type { Optimizer } from '../nn/optimizer.ts'
import { registrations } from '../nn/register.ts'
import { type ActivationChoice, resolveActivation } from '../nn/resolve.ts'
import { backward, forward, type Trace } from '../nn/walk.ts'
import { alias, drop, fuse, type Program, recent, record, share, type Verbs } from '../program/index.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'
import { type Network, type Port, together } from './network.ts'
import { activityPenalties, optimize, penalised, weightPenalties } from './optimize.ts'
import { partsOf, sliced } from './parts.ts'
import { maskOf, report } from './report.ts'

export type Mode = 'train' | 'evaluate' | 'predict'

/** What one output of a model is to come near to, and by what it is measured. */
export interface Goal {
  readonly loss: Loss
  /** What its loss counts in the sum of all. */
  readonly weight: number
  readonly metrics: readonly Metric[]
}

/** What a model is trained with. */
export interface Training {
  /** One for each output. */
  readonly goals: readonly Goal[]
  readonly optimizer: Optimizer
  /** The network as compile found it: with what was frozen then. */
  readonly network: Network
  /** m, v, …: as long as the flat parameters. */
  readonly slots: Readonly<Record<string, Buffer>>
}

/** A program and the buffers through which it is spoken to. */
export interface Plan {
  readonly program: Program
  readonly x: Buffer
  /** Targets; absent when predicting. */
  readonly y?: Buffer
  /** What each sample counts in the loss, where that is not the same. */
  readonly weights?: Buffer
  /** The loss and the metrics of the batch, or the predictions. */
  readonly out: Buffer
}

export const scalars = ['t', 'learningRate', 'seed']

const plans = recent<Plan>(64)

/** What a mode does with a batch of this size: recorded once for all networks that are alike and trained alike. */
export function plan(bare: Network, mode: Mode, batch: number, training?: Training, weighted = false): Plan {
  if (!(Number.isInteger(batch) && batch >= 1))
    throw new ShapeError('bad-batch', `a batch of ${String(batch).slice(0, 24)} samples was asked for`, {
      hint: 'give how many samples there are: 1, 2, …',
    })
  const network = training?.network ?? bare
  const trained = mode === 'predict' ? undefined : training
  const key = [mode, batch, weighted, registrations(), ...alike(network), ...(trained ? aims(trained) : [])].join()
  return plans(key, () => recorded(network, mode, batch, trained, weighted))
}

/** All of a network that a program of it depends on. */
const alike = ({ nodes, inputs, outputs, parameters, gradients }: Network): string[] => [
  ...[parameters, gradients, ...nodes.flatMap(({ state }) => state.map(({ view }) => view.buffer))].map(identity),
  ...[...inputs, ...outputs].map(({ name, shape, node }) => formOf([name, shape, node])),
  ...nodes.map(({ layer, name, inputs, owner, resting, parameters }) =>
    formOf([layer, name, inputs.join(), owner, resting, parameters.map(({ frozen }) => Number(frozen ?? 0)).join()]),
  ),
]

/** All of a training that a program depends on. */
const aims = ({ goals, optimizer, slots }: Training): string[] => [
  ...goals.map(({ loss, weight, metrics }) => formOf([loss, weight, metrics])),
  formOf(optimizer),
  ...Object.values(slots).map(identity),
]

function recorded(network: Network, mode: Mode, batch: number, training?: Training, weighted = false): Plan {
  const x: Buffer = { name: 'x', shape: [batch, ...network.inputShape], kind: 'input' }
  if (!training) {
    const out: Buffer = { name: 'p', shape: [batch, ...network.outputShape], kind: 'output' }
    const program = record(mode, [], k => {
      const traces = forward(k, network.nodes, partsOf(k, viewOf(x), network.inputs), { training: false })
      sliced(viewOf(out), network.outputs).forEach((part, i) => {
        k.copy(part.as('p'), traces[network.outputs[i].node].y)
      })
    })
    return { program: improve(program), x, out }
  }
  const { goals } = training
  const targets = targetsOf(network, goals)
  const y: Buffer = { name: 't', shape: [batch, ...together(targets)], kind: 'input' }
  const weights: Buffer | undefined = weighted ? { name: 'weights', shape: [batch], kind: 'input' } : undefined
  const told = report(network, training)
  const out: Buffer = { name: 'report', shape: [told.reduce((n, { size }) => n + size, 0)], kind: 'output' }
  const cells = told.map(({ name, start, size }) => viewOf(out).slice(0, start, size).as(name))
  const program = record(mode, mode === 'train' ? scalars : [], k => {
    const end = ending(k, network, goals, weights && viewOf(weights))
    const xs = partsOf(k, viewOf(x), network.inputs)
    const ts = partsOf(k, viewOf(y), targets)
    const traces = forward(k, end.network.nodes, xs, { training: mode === 'train' })
    const ps = end.predict(traces)
    penalised(k, [...weightPenalties(k, network), ...activityPenalties(traces)], cells[0], loss => {
      end.forward(ts, loss, goals.length > 1 ? cells.slice(1) : [loss])
    })
    told.forEach(({ metric, output }, i) => {
      if (metric) measure(k, metric, { p: ps[output], t: ts[output], out: cells[i] }, end.mask(output))
    })
    if (mode !== 'train') return
    const { nodes } = end.network
    backward(
      k,
      nodes,
      network.outputs.map(({ node }) => node),
      xs,
      traces,
      (dy, i) => end.backward(ts, dy, i),
    )
    optimize(k, network, training)
  })
  return { program: improve(program), x, y, weights, out }
}

/** Writes the sums of a metric, and at the end how many samples count where some steps do not. */
function measure(k: Verbs, metric: Metric, views: Parameters<Metric['measure']>[1], mask?: View) {
  const { p, out } = views
  if (!mask) return metric.measure(k, views)
  const [weight, size] = [beside(mask, p), out.shape[0] - 1]
  metric.measure(k, { ...views, out: out.slice(0, 0, size), weight })
  const axes = weight.shape.map((_, i) => i)
  const share = p.shape[0] / sizeOf(mask.shape)
  k.reduce(out.slice(0, size, 1), 'sum', 'm * share', { m: weight, share }, axes)
}

const improve = (program: Program): Program => drop(fuse(share(alias(drop(program)))))

/** The target of each output, without the batch axis. */
export const targetsOf = ({ outputs }: Network, goals: readonly Goal[]): Pick<Port, 'name' | 'shape'>[] =>
  outputs.map(({ name, shape }, i) => ({
    name: outputs.length > 1 ? `t_${name}` : 't',
    shape: targetShape(shape, goals[i].loss),
  }))

/** One target for an output of this shape. */
export const targetShape = (output: Shape, loss: Loss): Shape =>
  loss.targetShape?.(output) ?? (loss.target === 'class' ? output.slice(0, -1) : output)

/** What comes after the last layers. */
export interface Ending {
  /** The network as it is run. */
  readonly network: Network
  /** What the outputs are, given what the nodes left. */
  predict(traces: readonly Trace[]): View[]
  /** Which steps of an output count, where not all do. */
  mask(output: number): View | undefined
  /** Each output's loss, and their weighted sum. */
  forward(ts: readonly View[], sum: View, parts: readonly View[]): void
  /** The gradient of the sum by what an output's node gives. */
  backward(ts: readonly View[], dy: View, output: number): void
}

/**
 * How the model and its losses meet. Where an output's activation and its loss are known as a pair (softmax with
 * cross-entropy), the layer stays linear and the pair works on its z.
 */
export function ending(k: Verbs, network: Network, goals: readonly Goal[], weights?: View): Ending {
  const nodes = [...network.nodes]
  const ends = network.outputs.map((port, i) => {
    const { loss, weight } = goals[i]
    const fused = isFused(network, loss, i) ? loss.fused : undefined
    const node = network.nodes[port.node]
    if (fused) nodes[port.node] = { ...node, layer: node.layer.with({ activation: 'linear' }) }
    return { loss, weight, fused, node: port.node, activation: node.layer.config.activation as ActivationChoice }
  })
  let ys: readonly View[] = []
  let ps: View[] = []
  let masks: Masks = []
  let counts: Masks = []
  const several = ends.length > 1 || ends[0].weight !== 1
  return {
    network: { ...network, nodes },
    predict(traces: readonly Trace[]): View[] {
      ys = ends.map(({ node }) => traces[node].y)
      masks = ends.map(({ node }) => maskOf(traces[node]))
      counts = ys.map((y, i) => counting(k, y, masks[i], weights))
      ps = ends.map(({ fused, activation }, i) => {
        if (!fused) return ys[i]
        const p = k.scratch('p', ys[i].shape)
        resolveActivation(activation).forward(k, { x: ys[i], y: p })
        return p
      })
      return ps
    },
    mask: i => masks[i],
    forward(ts: readonly View[], sum: View, parts: readonly View[]) {
      const cells = ends.map(({ loss, fused }, i) => {
        const cell = several && ends.length === 1 ? k.scratch('unweighted', [1]) : parts[i]
        if (fused) fused.forward(k, { z: ys[i], t: ts[i], loss: cell, weight: counts[i] })
        else loss.forward(k, { p: ps[i], t: ts[i], loss: cell, weight: counts[i] })
        return cell
      })
      if (!several) return
      const terms = ends.map((_, i) => `w${i} * l${i}`)
      const operands = ends.flatMap(({ weight }, i): [string, View | number][] => [
        [`w${i}`, weight],
        [`l${i}`, cells[i]],
      ])
      k.map(sum, terms.join(' + '), Object.fromEntries(operands))
    },
    backward(ts: readonly View[], dy: View, i: number) {
      const { loss, fused, weight } = ends[i]
      const slope = weight === 1 ? dy : k.scratch('slope', dy.shape)
      if (fused) fused.backward(k, { z: ys[i], p: ps[i], t: ts[i], dz: slope, weight: counts[i] })
      else loss.backward(k, { p: ps[i], t: ts[i], dp: slope, weight: counts[i] })
      if (weight !== 1) k.map(dy, 'weight * slope', { weight, slope })
    },
  }
}

/** What each row of an output counts: nothing where it is masked, and the others as much more. */
function counting(k: Verbs, y: View, mask?: View, weights?: View): View | undefined {
  if (!mask) return weights
  const m = beside(mask, y)
  const [valid, counts] = [
    k.scratch(
      'valid',
      m.shape.map(() => 1),
    ),
    k.scratch('counts', m.shape),
  ]
  k.reduce(
    valid,
    'sum',
    'm',
    { m },
    m.shape.map((_, i) => i),
  )
  const weight = weights ? beside(weights, m) : 1
  k.map(counts, 'm * weight * n / max(valid, 1)', { m, weight, valid, n: sizeOf(mask.shape) })
  return counts
}

/** Whether an output's activation and its loss meet as a pair: nothing else may read that output. */
export function isFused({ nodes, outputs }: Network, { fused }: Loss, output = 0): boolean {
  const { node } = outputs[output]
  const { pair, config } = nodes[node].layer
  const choice = 'activated' in pair && pair.activated ? (config.activation as ActivationChoice | undefined) : undefined
  if (fused === undefined || choice === undefined) return false
  const { name, params } = resolveActivation(choice)
  // The pair takes each row's last axis together; a softmax along another has to be itself.
  if (name !== fused.activation || (params.axis ?? -1) !== -1) return false
  const readers = nodes.filter(
    ({ inputs, owner }, i) => inputs.includes(node) || (owner === nodes[node].owner && i !== node),
  )
  return readers.length === 0 && outputs.filter(port => port.node === node).length === 1
}

/** The pair, as summary and explain announce it. */
export const announcement = (network: Network, goals: readonly Goal[]): string | undefined => {
  const pairs = goals.filter(({ loss }, i) => isFused(network, loss, i))
  const [first] = pairs
  return first && `${first.loss.fused!.activation} and ${first.loss.name} work as one pair on z: dz = (p - t) / n`
}
