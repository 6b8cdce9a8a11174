import { nothingElse, StateError } from '../errors.ts'
import type { Layer } from '../nn/layer.ts'
import { input } from '../nn/layers/input.ts'
import { backward, forward } from '../nn/walk.ts'
import { type Backend, type Engine, type Program, record, type Verbs } from '../program/index.ts'
import { type NumpyRandom, numpyRandom } from '../tensor/random.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'
import type { Model } from './face.ts'
import { withDecisions } from './kinks.ts'
import { model } from './model.ts'
import { type Network, together } from './network.ts'
import { activityPenalties, penalised } from './optimize.ts'
import { partsOf, sliced } from './parts.ts'
import { type Ending, ending, targetsOf } from './programs.ts'

export interface CheckOptions {
  /** Must compute in float64. */
  backend: Backend
  /** Shape of a sample, for a layer, or of each of its inputs. */
  inputShape?: Shape | readonly Shape[]
  batchSize?: number
  seed?: number
  /** Half the distance between the two points of a difference. */
  h?: number
  /** How many elements of each array are checked. */
  points?: number
  /** The largest relative error that passes. */
  tolerance?: number
}

/** One array's comparison. */
export interface GradientCheck {
  /** `x` or the name of a weight. */
  readonly name: string
  readonly checked: number
  /** Points where a comparison flips within ±h, so that there is no slope to compare with. */
  readonly skipped: number
  /** The largest |written − measured| / max(|written|, |measured|, 0.001). */
  readonly error: number
  /** Where that is, with both slopes. */
  readonly at?: { readonly index: number; readonly written: number; readonly measured: number }
}

export interface GradientReport {
  readonly passed: boolean
  readonly arrays: readonly GradientCheck[]
}

/**
 * Compares the backward pass of a layer or model with central differences (f(w + h) − f(w − h)) / 2h in float64.
 *
 * f is the loss of a compiled model on random targets, else a random weighing of the outputs.
 * @throws StateError when the backend does not compute in float64
 * @example
 * await checkGradients(dense(3, { activation: 'tanh' }), { inputShape: [4] })
 */
export async function checkGradients(what: Layer | Model, options: CheckOptions): Promise<GradientReport> {
  const { backend, inputShape, batchSize = 3, seed = 0, h = 1e-5, points = 24, tolerance = 1e-5, ...others } = options
  nothingElse('checkGradients', others, { backend, inputShape, batchSize, seed, h, points, tolerance })
  const random = numpyRandom(seed)
  const subject = 'network' in what ? what : around(what, inputShape ?? [4], seed)
  const engine = backend.engine({ threads: 1 })
  if (engine.dtype !== 'float64')
    throw new StateError('needs-float64', `checkGradients got the backend ${engine.name}, which rounds to float32`, {
      hint: 'leave backend out',
    })
  const { network } = subject
  const { x, target, value, slopes, programs } = write(subject, batchSize)
  const scalars = { t: 1, seed }
  const arrays = new Map<Buffer, Float64Array>([
    [x, random.randn(sizeOf(x.shape))],
    [target, targetsFor(subject, batchSize, random)],
  ])
  const flat = new Float64Array(sizeOf(network.parameters.shape))
  arrays.set(network.parameters, flat)
  const weights = new Map(subject === what ? subject.weights().map(({ name, data }) => [name, data]) : [])
  for (const { name, shape, offset, initial } of network.nodes.flatMap(node => node.parameters)) {
    // Away from zeros and ones, where wrong factors would not show.
    const drawn = () => initial.draw(shape, random).map(w => w + 0.1 * random.gauss())
    flat.set(weights.get(name) ?? drawn(), offset)
  }
  for (const [buffer, values] of arrays) engine.write(buffer, values)
  await engine.compile(programs.backward).run(scalars)
  const probe = prober(engine, programs.forward, value, scalars)
  const wanted = [
    { name: 'x', buffer: x, written: engine.read(slopes.x), start: 0, size: sizeOf(x.shape) },
    ...network.nodes
      .flatMap(node => node.parameters)
      .map(({ name, offset, shape }) => {
        return {
          name,
          buffer: network.parameters,
          written: engine.read(slopes.parameters),
          start: offset,
          size: sizeOf(shape),
        }
      }),
  ]
  const checks: GradientCheck[] = []
  for (const { name, buffer, written, start, size } of wanted) {
    const values = arrays.get(buffer)!
    let [checked, skipped, error] = [0, 0, 0]
    let at: GradientCheck['at']
    const places =
      size <= points ? Array.from({ length: size }, (_, i) => i) : random.choice(size, points, { replace: false })
    for (const index of places) {
      const w = values[start + index]
      const see = async (moved: number) => {
        values[start + index] = moved
        engine.write(buffer, values)
        return probe()
      }
      const [low, high] = [await see(w - h), await see(w + h)]
      await see(w)
      if (low.decisions.some((list, i) => list.some((d, j) => d !== high.decisions[i][j]))) {
        skipped++
        continue
      }
      checked++
      const measured = (high.value - low.value) / (w + h - (w - h))
      const slope = written[start + index]
      const off = Math.abs(slope - measured) / Math.max(Math.abs(slope), Math.abs(measured), 1e-3)
      if (!(off <= error)) [error, at] = [off, { index, written: slope, measured }]
    }
    checks.push({ name, checked, skipped, error, at })
  }
  engine.close()
  return { passed: checks.every(check => check.error <= tolerance), arrays: checks }
}

/** A model of one layer, with an input for each of these shapes. */
function around(layer: Layer, shapes: Shape | readonly Shape[], seed: number): Model {
  const isOne = (list: Shape | readonly Shape[]): list is Shape => !Array.isArray(list[0])
  if (isOne(shapes)) return model([input(shapes), layer], { seed })
  const inputs = shapes.map(shape => input(shape))
  return model({ inputs, outputs: layer(inputs) }, { seed })
}

/** The two programs: the value alone with its decisions, and the value with all gradients. */
function write({ network, training }: Model, batch: number) {
  const targets = training ? targetsOf(network, training.goals) : network.outputs
  const x: Buffer = { name: 'x', shape: [batch, ...network.inputShape], kind: 'input' }
  const target: Buffer = { name: 't', shape: [batch, ...together(targets)], kind: 'input' }
  const value: Buffer = { name: 'value', shape: [1], kind: 'output' }
  const slopes = {
    x: { name: 'slope of x', shape: x.shape, kind: 'output' } as Buffer,
    parameters: { name: 'slope', shape: network.parameters.shape, kind: 'output' } as Buffer,
  }
  const recorded = (both: boolean): Program =>
    record('check', ['t', 'seed'], k => {
      const xs = partsOf(k, viewOf(x), network.inputs)
      const ts = partsOf(k, viewOf(target), targets)
      const end = training ? ending(k, network, training.goals) : weighing(k, network)
      const traces = forward(k, end.network.nodes, xs, { training: true })
      end.predict(traces)
      const parts = (sum: View) => ts.map((_, i) => (ts.length > 1 ? k.scratch(`value${i}`, [1]) : sum))
      penalised(k, activityPenalties(traces), viewOf(value), sum => end.forward(ts, sum, parts(sum)))
      if (!both) return
      const ends = network.outputs.map(({ node }) => node)
      const dxs = backward(k, end.network.nodes, ends, xs, traces, (dy, i) => end.backward(ts, dy, i))
      sliced(viewOf(slopes.x), network.inputs).forEach((part, i) => {
        k.copy(part, dxs[i]!)
      })
      k.copy(viewOf(slopes.parameters), viewOf(network.gradients))
    })
  return { x, target, value, slopes, programs: { forward: recorded(false), backward: recorded(true) } }
}

/** In the place of losses: the sum of all outputs, each number times a weight. */
function weighing(k: Verbs, network: Network): Ending {
  let ys: View[] = []
  return {
    network,
    predict: traces => (ys = network.outputs.map(({ node }) => traces[node].y)),
    mask: () => undefined,
    forward(ts, sum, parts) {
      ys.forEach((y, i) => {
        const axes = y.shape.map((_, axis) => axis)
        k.reduce(parts[i], 'sum', 'y * t', { y, t: ts[i] }, axes)
      })
      if (ys.length > 1)
        k.map(sum, parts.map((_, i) => `v${i}`).join(' + '), Object.fromEntries(parts.map((v, i) => [`v${i}`, v])))
    },
    backward: (ts, dy, i) => k.copy(dy, ts[i]),
  }
}

function prober(engine: Engine, program: Program, value: Buffer, scalars: Readonly<Record<string, number>>) {
  const watched = withDecisions(program)
  const compiled = engine.compile(watched.program)
  return async () => {
    await compiled.run(scalars)
    return { value: engine.read(value)[0], decisions: watched.decisions.map(buffer => engine.read(buffer)) }
  }
}

/** Random weights of the outputs; for a loss classes, or shares that add up to 1. */
function targetsFor({ training, network }: Model, batch: number, random: NumpyRandom): Float64Array {
  if (!training) return random.randn(batch * sizeOf(network.outputShape))
  const rows = targetsOf(network, training.goals).map(({ shape }, i) => {
    const { shape: output } = network.outputs[i]
    return drawn(training.goals[i].loss.target, batch * sizeOf(shape), output[output.length - 1] ?? 1, random)
  })
  const widths = rows.map(({ length }) => length / batch)
  return Float64Array.from(
    Array.from({ length: batch }, (_, b) =>
      rows.flatMap((row, i) => [...row.subarray(b * widths[i], (b + 1) * widths[i])]),
    ).flat(),
  )
}

function drawn(target: 'same' | 'class', size: number, classes: number, random: NumpyRandom): Float64Array {
  if (target === 'class') return Float64Array.from(random.randint(0, classes, size))
  const shares = random.rand(size)
  if (classes === 1) return shares
  return shares.map((share, i) => {
    const row = i - (i % classes)
    return share / shares.subarray(row, row + classes).reduce((a, b) => a + b)
  })
}
