import type { onnx } from 'onnx-proto'
import { badFile } from './file.ts'

type Node = onnx.INodeProto
/** Defaults of settings came with version 9 of the format. */
type Function = onnx.IFunctionProto & { readonly attributeProto?: readonly onnx.IAttributeProto[] }

/** Most nodes that calls may become, and how deep functions may call functions. */
const limits = { nodes: 200_000, depth: 32 }

const keyOf = (domain: unknown, name: unknown) => `${domain ?? ''}:${name ?? ''}`

/** The nodes of a graph with every call of a function of the file's own written out. */
export function inlined(nodes: readonly Node[], functions: readonly Function[]): Node[] {
  if (functions.length === 0) return [...nodes]
  const known = new Map(functions.map(f => [keyOf(f.domain, f.name), f]))
  const written: Node[] = []
  let calls = 0
  const write = (node: Node, depth: number) => {
    if (written.length + calls > limits.nodes || depth > limits.depth)
      throw badFile('functions call each other without end')
    const called = known.get(keyOf(node.domain, node.opType))
    if (!called) return void written.push(node)
    const prefix = `${called.name} ${++calls}/`
    const outer = new Map<string, string>()
    called.input?.forEach((name, i) => void outer.set(name, node.input?.[i] ?? ''))
    called.output?.forEach((name, i) => void outer.set(name, node.output?.[i] || prefix + name))
    const rename = (name: string) => (name === '' ? '' : (outer.get(name) ?? prefix + name))
    const given = new Map([...(called.attributeProto ?? []), ...(node.attribute ?? [])].map(a => [a.name, a]))
    for (const inner of called.node ?? []) write(renamed(inner, rename, given), depth + 1)
  }
  for (const node of nodes) write(node, 0)
  return written
}

/** A node of a function with the caller's names and settings; graphs within it follow. */
function renamed(
  node: Node,
  rename: (name: string) => string,
  given: ReadonlyMap<unknown, onnx.IAttributeProto>,
): Node {
  const attribute = (node.attribute ?? []).flatMap((a): onnx.IAttributeProto[] => {
    if (a.refAttrName) {
      const found = given.get(a.refAttrName)
      return found ? [{ ...found, name: a.name }] : []
    }
    return [a.g ? { ...a, g: within(a.g, rename, given) } : a]
  })
  return { ...node, input: node.input?.map(rename), output: node.output?.map(rename), attribute }
}

function within(
  graph: onnx.IGraphProto,
  rename: (name: string) => string,
  given: ReadonlyMap<unknown, onnx.IAttributeProto>,
): onnx.IGraphProto {
  const port = (value: onnx.IValueInfoProto) => ({ ...value, name: rename(value.name ?? '') })
  return {
    ...graph,
    input: graph.input?.map(port),
    output: graph.output?.map(port),
    initializer: graph.initializer?.map(tensor => ({ ...tensor, name: rename(tensor.name ?? '') })),
    node: graph.node?.map(node => renamed(node, rename, given)),
  }
}
