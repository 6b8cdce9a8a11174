import type { ByteSource } from '../../../data/files.ts'
import { NablaError, nothingElse } from '../../../errors.ts'
import type { EngineOptions } from '../../../model/face.ts'
import { model as core } from '../../../model/model.ts'
import { type Output, place } from '../../../nn/call.ts'
import type { Layer } from '../../../nn/layer.ts'
import * as layers from '../../../nn/layers/index.ts'
import { numpyRandom } from '../../../tensor/random.ts'
import { type Model, trainable } from '../../../training/trainable.ts'
import { attributesOf } from '../call.ts'
import { badFile, type Graph, type Node, type Port, readModel, unsupported, type Versioned } from '../file.ts'
import { execute, plan } from '../run.ts'
import { isFloat, within } from '../tensors.ts'
import { arithmetic } from './arithmetic.ts'
import { type Mapping, type Rows, steady } from './mapping.ts'
import { neural } from './neural.ts'
import { products } from './products.ts'
import { recurrentRows } from './recurrent.ts'
import { isKnown, type Known, natural, type Sample, type Value } from './sample.ts'
import { shapes } from './shapes.ts'

export interface LoadOnnxOptions extends EngineOptions {
  /** Take images as [height, width, channels], as everywhere here, instead of as the file has them. */
  channelsLast?: boolean
}

const rows: Rows = Object.assign(Object.create(null), arithmetic, shapes, neural, products, recurrentRows)

/** The operators that become layers. */
export const trainableOperators: readonly string[] = Object.keys(rows)

/**
 * An ONNX model as layers: it predicts, trains on, and is saved and exported like any other.
 *
 * Samples have the shape that the file says, without the batch; convolutions work with the channels last, and the axes are
 * exchanged where they enter and leave. Weights, scales and shifts are trained; batch normalisation uses the batch again.
 * @param source a path, a URL, a File, or the bytes
 * @throws BackendError `unsupported`, naming every node that has no counterpart; DataError `bad-onnx`, `unreadable`
 * @example
 * const model = await loadOnnx('mlp.onnx')
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
 */
export async function loadOnnx(source: ByteSource, options: LoadOnnxOptions = {}): Promise<Model> {
  return asLayers(await readModel(source), options)
}

/** A graph as layers. */
export function asLayers({ graph, opset }: Versioned, options: LoadOnnxOptions): Model {
  const { channelsLast = false, backend, threads, dtype, ...others } = options
  const engine = { backend, threads, dtype }
  nothingElse('loadOnnx', others, { channelsLast, ...engine })
  plan(graph, opset)
  const { inputs, outputs, learnt } = within(sizeOf(graph), () => mapped(graph, opset, channelsLast))
  const made = core({ inputs, outputs }, { dtype: engine.dtype })
  made.use(engine)
  made.setWeights(
    made.network.nodes.flatMap(({ layer, parameters, state }) => {
      const arrays = learnt.get(layer)
      return arrays ? [...parameters, ...state].map(({ key, name }) => ({ name, data: arrays[key] })) : []
    }),
  )
  return trainable(made)
}

/** How many numbers a file holds. */
const sizeOf = ({ constants }: Graph) => [...constants.values()].reduce((sum, { data }) => sum + data.length, 0)

type Arrays = Readonly<Record<string, ArrayLike<number>>>

/** Inputs and outputs of the layers that a graph stands for, and the numbers of their arrays. */
function mapped(graph: Graph, opset: number, channelsLast: boolean) {
  const values = new Map<string, Value>()
  for (const [name, t] of graph.constants) values.set(name, { tensors: [t, t], learnt: isFloat(t.type) })
  const batches = batchesOf(graph)
  const inputs = graph.inputs.map(port => entry(port, graph, channelsLast))
  for (const [i, { name }] of graph.inputs.entries()) values.set(name, inputs[i].value)
  const learnt = new Map<Layer, Arrays>()
  const names = new Set(inputs.map(({ input }) => input.layer.config.name as string))
  const problems = new Set<string>()
  const lost = new Set<string>()
  const done = new Set<Node>()
  const reading = new Map<string, Node[]>()
  for (const node of graph.nodes)
    for (const name of new Set(node.inputs)) reading.set(name, [...(reading.get(name)?.slice(0, 1) ?? []), node])
  const readers = (name: string) => (name ? (reading.get(name) ?? []) : [])
  const leaves = new Set(graph.outputs.map(({ name }) => name))
  for (const node of graph.nodes) {
    if (done.has(node)) continue
    if (node.inputs.some(name => lost.has(name))) {
      for (const name of node.outputs) lost.add(name)
      continue
    }
    const given = node.inputs.map(name => (name ? values.get(name) : undefined))
    const attributes = attributesOf(node)
    let output = node.outputs[0]
    const mapping: Mapping = {
      ...attributes,
      operator: node.operator,
      opset,
      outputs: node.outputs.length,
      inputs: given,
      batches,
      body: () => {
        throw unsupported('a graph within', 'run it with importOnnx')
      },
      random: seed => {
        const random = numpyRandom(seed)
        return () => random.random()
      },
      options(i) {
        const name = i === undefined ? undefined : /^[\w.-]+(?=[./]\w+$)/.exec(node.inputs[i] ?? '')?.[0]
        if (name === undefined || name.length > 64 || name.includes('onnx') || names.has(name)) return {}
        names.add(name)
        return { name }
      },
      learn(layer, arrays) {
        learnt.set(layer, arrays)
        return layer
      },
      read: () => readers(output).map(({ operator }) => operator),
      wanted: i => leaves.has(node.outputs[i]) || readers(node.outputs[i]).length > 0,
      bias(units, rank) {
        const [next, ...more] = readers(output)
        if (next?.operator !== 'Add' || more.length > 0 || leaves.has(output) || next.inputs.length !== 2)
          return undefined
        const other = values.get(next.inputs[next.inputs[0] === output ? 1 : 0])
        const t = other && isKnown(other) && other.learnt ? steady(other) : undefined
        const fits =
          t &&
          t.data.length === units &&
          t.dims.length <= rank &&
          t.dims.at(node.operator === 'Conv' ? 1 - rank : -1) === units
        if (!fits) return undefined
        done.add(next)
        output = next.outputs[0]
        return t
      },
    }
    try {
      const results = given.every(value => !value || isKnown(value))
        ? folded(graph, node, opset, given as Known[])
        : rowOf(node)(mapping)
      const unread = given.every(value => !value || isKnown(value)) ? [] : attributes.unread()
      if (unread.length > 0) throw unsupported(`attribute ${unread.join(', ')}`, 'run it with importOnnx')
      const list = Array.isArray(results) ? (results as readonly (Value | undefined)[]) : [results as Value]
      node.outputs.forEach((name, i) => {
        if (list[i]) values.set(i === 0 ? output : name, list[i])
      })
    } catch (error) {
      if (!(error instanceof NablaError)) throw badFile(`${node.operator} lacks an input, or got one of another shape`)
      const reason = error.message.split('\n')[0].replace(/^(unsupported|onnx): /, '')
      problems.add(`${node.operator}${reason === node.operator ? '' : ` (${reason})`}`)
      for (const name of [output, ...node.outputs]) lost.add(name)
    }
  }
  const ends = graph.outputs.map(({ name }): Output | undefined => {
    const value = values.get(name)
    if (value && !isKnown(value)) return natural(value)
    if (!lost.has(name))
      problems.add(
        `the output "${name.slice(0, 40)}", which ${value ? 'is the same for all samples' : 'is not computed'}`,
      )
    return undefined
  })
  if (problems.size > 0)
    throw unsupported([...problems].slice(0, 12).join(', '), 'run it with importOnnx, which needs no layers')
  return { inputs: inputs.map(({ input }) => input), outputs: ends as Output[], learnt }
}

function rowOf({ domain, operator }: Node) {
  if (domain === '' && rows[operator]) return rows[operator]
  throw unsupported(operator, 'run it with importOnnx')
}

/** A node of which all inputs are known: it is computed once for each size of the batch. */
function folded(graph: Graph, node: Node, opset: number, given: readonly (Known | undefined)[]): (Known | undefined)[] {
  const port = (name: string): Port => ({ name, dtype: 'float32', shape: undefined })
  const named = (names: readonly string[]) => [...new Set(names)].filter(name => name !== '').map(port)
  const alone = { ...graph, inputs: named(node.inputs), outputs: named(node.outputs), nodes: [node] }
  const made = plan(alone, opset)
  const run = (n: 0 | 1) => {
    const values = node.inputs.flatMap((name, i) => (given[i] ? [[name, given[i].tensors[n]] as const] : []))
    return execute(made, opset, new Map(values))
  }
  const first = run(0)
  const second = given.every(value => !value || value.tensors[0] === value.tensors[1]) ? first : run(1)
  const learnt = given.some(value => value?.learnt)
  const results = first.map((t, i): Known => ({ tensors: [t, second[i]], learnt: learnt && isFloat(t.type) }))
  return node.outputs.map(name => results[alone.outputs.findIndex(port => port.name === name)])
}

/** The axis along which samples lie: the first whose size is open, or the first; recurrent operators have steps first. */
function batchOf({ name, shape }: Port, { nodes }: Graph): number {
  const open = shape?.findIndex(n => typeof n !== 'number') ?? -1
  const read = nodes.some(({ operator, inputs }) => inputs[0] === name && ['LSTM', 'GRU', 'RNN'].includes(operator))
  return open >= 0 ? open : read ? 1 : 0
}

/** Two sizes of a batch that is open, or the only one there is. */
function batchesOf(graph: Graph): [number, number] {
  const sizes = graph.inputs.map(port => port.shape?.[batchOf(port, graph)])
  const fixed = sizes.find(n => typeof n === 'number')
  if (typeof fixed !== 'number') return [2, 3]
  if (sizes.every(n => n === fixed) && fixed > 0) return [fixed, fixed]
  throw unsupported('inputs of which some have a batch of another size', 'run it with importOnnx')
}

/** The layer input of a port, and the sample that comes in. */
function entry(port: Port, graph: Graph, channelsLast: boolean): { input: Output; value: Sample } {
  const { name, shape } = port
  const at = batchOf(port, graph)
  const rest = shape?.flatMap((n, axis) => (axis === at ? [] : [n]))
  if (!shape?.length || !rest?.every(n => typeof n === 'number' && n > 0))
    throw unsupported(
      `input "${name.slice(0, 40)}" of open shape`,
      'export it with all sizes fixed but that of the batch',
    )
  const sizes = rest as number[]
  const turn = channelsLast && at === 0 && sizes.length > 2
  const places = sizes.map((_, i) => (turn ? (i === 0 ? sizes.length : i) : i + 1))
  const own = turn ? [...sizes.slice(1), sizes[0]] : sizes
  const options = /^[A-Za-z_][\w.-]{0,63}$/.test(name) ? { name } : {}
  const input = place(layers.input(own.length > 0 ? own : [1], options), 'loadOnnx')
  return {
    input,
    value: {
      output: input,
      axes: shape.map((_, axis) => (axis === at ? [0] : [places[axis < at ? axis : axis - 1]])),
      text: 'x',
      whole: !isFloat(port.dtype),
    },
  }
}
