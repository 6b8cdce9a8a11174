import type { onnx } from 'onnx-proto'
import { badFile, decodeModel, graphOf, tensorOf } from '../onnx/file.ts'
import { asLayers } from '../onnx/graph/load.ts'
import { operatorFor } from '../onnx/operators/index.ts'
import { plan } from '../onnx/run.ts'
import { dtypeOf, type Tensor } from '../onnx/tensors.ts'
import type { FileArray, Row } from './arrays.ts'
import { attempt, type Contents, type File, keeper, layersOf, problemsIn, short } from './contents.ts'

const mostNodes = 200_000
const deepest = 8

/** An ONNX model, whether it can be run or not: its operators, what goes in and out, and its arrays. */
export async function onnxContents(file: File): Promise<Contents> {
  const model = await decodeModel(file.bytes, file.name)
  const graph = model.graph
  if (!graph) throw badFile(`${file.name} holds no graph`)
  const nodes = nodesIn(graph)
  const constants = graph.initializer ?? []
  const held = new Set(constants.map(({ name }) => name))
  const { done: read, problems } = await attempt(() => {
    const made = graphOf(model, file.name)
    plan(made.graph, made.opset) // knows what cannot be run
    return made
  })
  const { arrays, unread } = read ? { arrays: [...read.graph.constants].map(row), unread: [] } : arraysIn(constants)
  const layers = read && (await attempt(() => asLayers(read, { backend: keeper() })))
  if (layers && !layers.done) file.warn(`it runs, but not all of it can become layers: ${layers.problems.join(' ')}`)
  const imports = (model.opsetImport ?? []).map(({ domain, version }) => `${domain ? `${domain} ` : ''}${version}`)
  const notes = (model.metadataProps ?? []).slice(0, 50)
  return {
    about: {
      graph: graph.name ? short(graph.name) : undefined,
      producer:
        [model.producerName, model.producerVersion]
          .filter(Boolean)
          .map(text => short(text))
          .join(' ') || undefined,
      'ONNX IR': Number(model.irVersion ?? 0),
      opset: short(imports.join(', ')),
      nodes: nodes.length,
      ...Object.fromEntries(notes.map(({ key, value }) => [short(key, 40), short(value)])),
    },
    tables: {
      inputs: (graph.input ?? []).filter(({ name }) => !held.has(name)).map(port),
      outputs: (graph.output ?? []).map(port),
      operators: operators(nodes),
      layers: layers?.done ? layersOf(layers.done) : [],
      ...(unread.length > 0 ? { 'other tensors': unread } : {}),
    },
    arrays,
    problems: [...problems, ...others(nodes, problems)],
  }
}

/** All nodes, those of the graphs within nodes too. */
function nodesIn(graph: onnx.IGraphProto, depth = 0, found: onnx.INodeProto[] = []): onnx.INodeProto[] {
  for (const node of graph.node ?? []) {
    if (found.push(node) > mostNodes) throw badFile(`a graph has more than ${mostNodes} nodes`)
    if (depth === deepest) continue
    for (const { g, graphs } of node.attribute ?? [])
      for (const inner of [...(g ? [g] : []), ...(graphs ?? [])]) nodesIn(inner, depth + 1, found)
  }
  return found
}

const known = ({ domain, opType }: onnx.INodeProto) =>
  operatorFor({ domain: domain === 'ai.onnx' ? '' : (domain ?? ''), operator: opType ?? '' } as never) !== undefined
const nameOf = ({ domain, opType }: onnx.INodeProto) => short(domain ? `${domain}.${opType}` : (opType ?? '?'), 60)

function operators(nodes: readonly onnx.INodeProto[]): Row[] {
  const counts = new Map<string, { count: number; known: boolean }>()
  for (const node of nodes) {
    const name = nameOf(node)
    const entry = counts.get(name) ?? { count: 0, known: known(node) }
    entry.count++
    counts.set(name, entry)
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([operator, { count, known }]) => ({ operator, nodes: count, runs: known ? 'yes' : 'no' }))
}

/** Operators without a row that an earlier problem hides. */
function others(nodes: readonly onnx.INodeProto[], problems: readonly string[]): string[] {
  const missing = [...new Set(nodes.filter(node => !known(node)).map(nameOf))]
  const unnamed = missing.filter(name => !problems.some(line => line.includes(name)))
  return unnamed.length > 0 ? [`unsupported: ${unnamed.join(', ')}`] : []
}

const row = ([name, { type, dims, data }]: readonly [string, Tensor]): FileArray => ({
  name: short(name),
  dtype: type,
  shape: dims,
  data,
})

function arraysIn(tensors: readonly onnx.ITensorProto[]) {
  const [arrays, unread]: [FileArray[], Row[]] = [[], []]
  for (const tensor of tensors) {
    const name = short(tensor.name ?? '')
    try {
      arrays.push(row([name, tensorOf(tensor)]))
    } catch (error) {
      const dims = (tensor.dims ?? []).slice(0, 32).map(Number).join(', ')
      unread.push({ name, shape: `[${dims}]`, why: short(problemsIn(error)[0]) })
    }
  }
  return { arrays, unread }
}

function port({ name, type }: onnx.IValueInfoProto): Row {
  const { elemType, shape } = type?.tensorType ?? {}
  const sizes = shape?.dim?.map(({ dimValue, dimParam }) =>
    dimParam ? short(dimParam, 20) : dimValue ? String(dimValue) : '?',
  )
  let dtype = '?'
  try {
    dtype = dtypeOf(elemType ?? 0)
  } catch (error) {
    dtype = short(problemsIn(error)[0].replace('unsupported: ', ''))
  }
  return {
    name: short(name ?? ''),
    dtype: type?.tensorType ? dtype : '?',
    shape: sizes ? `[${sizes.slice(0, 32).join(', ')}]` : '?',
  }
}
