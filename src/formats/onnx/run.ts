import { DataError, NablaError, ShapeError } from '../../errors.ts'
import { numpyRandom } from '../../tensor/random.ts'
import { attributesOf, type Body, graphsOf, type Operator } from './call.ts'
import { badFile, type Graph, type Node, unsupported } from './file.ts'
import { operatorFor } from './operators/index.ts'
import { spend, type Tensor } from './tensors.ts'

/** A graph made ready: every operator found, every name known, and when a value is needed for the last time. */
export interface Plan {
  readonly graph: Graph
  readonly steps: readonly Step[]
}

interface Step {
  readonly node: Node
  readonly operator: Operator
  readonly bodies: ReadonlyMap<string, Plan>
  /** Names that no later step reads. */
  readonly done: readonly string[]
}

/** Operators that meant something else before opset 7. */
const changed = new Set('BatchNormalization Cast Concat Dropout GRU Pad Reshape Tile TopK Upsample'.split(' '))

type Values = Map<string, Tensor>

/**
 * Checks a graph as a whole.
 * @throws BackendError `unsupported`, naming every operator there is no row for; DataError `bad-onnx`
 */
export function plan(graph: Graph, opset: number, outer: (name: string) => boolean = () => false, depth = 0): Plan {
  if (depth > 8) throw badFile('graphs are nested more than 8 deep')
  const missing = new Set(graph.nodes.filter(node => !operatorFor(node)).map(nameOf))
  if (missing.size > 0) throw unsupported([...missing].slice(0, 12).join(', '), 'export without these operators')
  for (const { operator } of graph.nodes)
    if (opset < 7 && changed.has(operator))
      throw unsupported(`${operator} of opset ${opset}`, 'export with opset 7 or newer')
  const own = new Set([...graph.constants.keys(), ...graph.inputs.map(({ name }) => name)])
  const known = (name: string) => own.has(name) || outer(name)
  const lastUse = new Map<string, number>()
  const bodies = graph.nodes.map((node, i) => {
    for (const name of node.inputs)
      if (name && !known(name)) throw badFile(`${nameOf(node)} reads "${name}", which no earlier node writes`)
    const inner = new Map(graphsOf(node).map(([name, body]) => [name, plan(body, opset, known, depth + 1)]))
    for (const name of [...node.inputs, ...[...inner.values()].flatMap(names)]) lastUse.set(name, i)
    for (const name of node.outputs) {
      if (name && own.has(name)) throw badFile(`"${name}" is written twice`)
      own.add(name)
    }
    return inner
  })
  for (const { name } of graph.outputs) {
    if (!known(name)) throw badFile(`the graph's output "${name}" is written by no node`)
    lastUse.delete(name)
  }
  const done = graph.nodes.map((): string[] => [])
  for (const [name, i] of lastUse) if (own.has(name) && !graph.constants.has(name)) done[i].push(name)
  const steps = graph.nodes.map((node, i) => ({
    node,
    operator: operatorFor(node)!,
    bodies: bodies[i],
    done: done[i],
  }))
  return { graph, steps }
}

/** Every name that a plan reads, its inner graphs included. */
const names = ({ graph, steps }: Plan): string[] => [
  ...steps.flatMap(({ node, bodies }) => [...node.inputs, ...[...bodies.values()].flatMap(names)]),
  ...graph.outputs.map(({ name }) => name),
]

/** What a node takes beside its numbers, and a graph that is run once more. */
const overhead = 2 ** 12

/** Runs a plan; `outer` are the values around an inner graph. */
export function execute(
  made: Plan,
  opset: number,
  inputs: Values,
  outer: (name: string) => Tensor | undefined = () => undefined,
): Tensor[] {
  spend(overhead)
  const values: Values = new Map(inputs)
  const find = (name: string) => values.get(name) ?? made.graph.constants.get(name) ?? outer(name)
  for (const { node, operator, bodies, done } of made.steps) {
    const attributes = attributesOf(node)
    spend(overhead)
    const body = (name: string): Body => {
      attributes.read(name)
      const inner = bodies.get(name)
      if (!inner) throw badFile(`${nameOf(node)} has no graph ${name}`)
      return given => execute(inner, opset, new Map(inner.graph.inputs.map((port, i) => [port.name, given[i]])), find)
    }
    const given = node.inputs.map(name => (name ? find(name) : undefined))
    if (given.some((t, i) => !t && node.inputs[i]))
      throw badFile(`${nameOf(node)} reads "${node.inputs.find((name, i) => name && !given[i])}", which is not there`)
    const call = { ...attributes, opset, outputs: node.outputs.length, body, random: (seed: number) => uniform(seed) }
    const result = attempt(node, () => operator(given as Tensor[], call))
    const unread = attributes.unread()
    if (unread.length > 0)
      throw unsupported(`${nameOf(node)} attribute ${unread.join(', ')}`, 'export with another opset, from 7 to 28')
    const results = Array.isArray(result) ? (result as readonly (Tensor | undefined)[]) : [result as Tensor]
    node.outputs.forEach((name, i) => {
      if (!name) return
      if (!results[i]) throw unsupported(`${nameOf(node)} output ${i + 1}`, 'leave this output out')
      values.set(name, results[i])
    })
    for (const name of done) values.delete(name)
  }
  return made.graph.outputs.map(({ name }) => {
    const found = find(name)
    if (!found) throw badFile(`the graph's output "${name}" was not computed`)
    return found
  })
}

const uniform = (seed: number) => {
  const random = numpyRandom(seed)
  return () => random.random()
}

const nameOf = ({ domain, operator }: Node) => (domain ? `${domain}.${operator}` : operator).slice(0, 60)

/** Says which node an error comes from; what a broken node does to an operator is an error of ours as well. */
function attempt<T>(node: Node, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const who = `${nameOf(node)}${node.name ? ` "${node.name.slice(0, 30)}"` : ''}`
    if (!(error instanceof NablaError))
      throw badFile(`${who} lacks an input, or got one of another shape`, 'check the shapes of what goes in')
    const [first, ...rest] = error.message.split('\n')
    if (/^(unsupported|onnx)/.test(first)) throw error
    const hint = /hint: (.*)$/.exec(rest.at(-1) ?? '')?.[1]
    const Kind = error instanceof ShapeError ? ShapeError : DataError
    throw new Kind(error.code, `onnx ${who}: ${first}`, { hint })
  }
}
