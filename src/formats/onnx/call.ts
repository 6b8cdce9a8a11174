import { DataError } from '../../errors.ts'
import { type Attribute, badFile, type Graph, type Node, readGraph, tensorOf, unsupported, whole } from './file.ts'
import type { Dims, Tensor } from './tensors.ts'

/** Runs the body of a branch or a loop. */
export type Body = (inputs: readonly Tensor[]) => readonly Tensor[]

/** What an operator is told beside its inputs: attributes, the version of the operator set, what is asked of it. */
export interface Call {
  readonly opset: number
  /** How many outputs are named. */
  readonly outputs: number
  int(name: string, fallback?: number): number
  float(name: string, fallback?: number): number
  text(name: string, fallback?: string): string
  ints(name: string): number[] | undefined
  floats(name: string): number[] | undefined
  texts(name: string): string[] | undefined
  tensor(name: string): Tensor | undefined
  body(name: string): Body
  has(name: string): boolean
  /** Draws uniform numbers in [0, 1). */
  random(seed: number): () => number
}

/** An operator: tensors in, tensors out; an input left out is undefined. */
export type Operator = (inputs: readonly Tensor[], call: Call) => Tensor | readonly (Tensor | undefined)[]
export type Operators = Readonly<Record<string, Operator>>

const decoder = new TextDecoder()

/** Reads the attributes of a node, and knows which were never read: no setting is passed over in silence. */
export function attributesOf(node: Node) {
  const read = new Set<string>()
  const find = (name: string): Attribute | undefined => {
    read.add(name)
    return node.attributes.get(name)
  }
  const required = <T>(name: string, value: T | undefined): T => {
    if (value !== undefined) return value
    throw badFile(`${node.operator} has no attribute ${name}`)
  }
  const list = <T, R>(name: string, values: (found: Attribute) => readonly T[] | null | undefined, f: (x: T) => R) => {
    const found = find(name)
    return found && (values(found) ?? []).map(f)
  }
  return {
    int: (name: string, fallback?: number) => {
      const found = find(name)
      return required(name, found ? whole(found.i) : fallback)
    },
    float: (name: string, fallback?: number) => {
      const found = find(name)
      return required(name, found ? Number(found.f ?? 0) : fallback)
    },
    text: (name: string, fallback?: string) => {
      const found = find(name)
      return required(name, found ? decoder.decode(found.s ?? new Uint8Array()) : fallback)
    },
    ints: (name: string) => list(name, ({ ints }) => ints, whole),
    floats: (name: string) => list(name, ({ floats }) => floats, Number),
    texts: (name: string) =>
      list(
        name,
        ({ strings }) => strings,
        bytes => decoder.decode(bytes),
      ),
    tensor: (name: string) => {
      const found = find(name)
      return found?.t ? tensorOf(found.t) : undefined
    },
    has: (name: string) => find(name) !== undefined,
    unread: () => [...node.attributes.keys()].filter(name => !read.has(name)),
    read: (name: string) => void read.add(name),
  }
}

/** The graphs that a node holds: branches and bodies of loops. */
export function graphsOf(node: Node): [name: string, graph: Graph][] {
  const found: [string, Graph][] = []
  for (const [name, { g }] of node.attributes) if (g) found.push([name, readGraph(g)])
  return found
}

export function choice<T extends string>(what: string, value: string, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T
  throw unsupported(`${what} ${value.slice(0, 30)}`, `one of ${known.join(', ')} is understood`)
}

/** The numbers of an input that must be there. */
export function numbers(t: Tensor | undefined, what: string): number[] {
  if (t) return Array.from(t.data)
  throw new DataError('bad-onnx', `${what} is missing`, { hint: 'export the model again' })
}

export function must(condition: boolean, reason: string): void {
  if (!condition) throw badFile(reason, 'check the shapes and types of what goes in, and export the model again')
}

export const showDims = (dims: Dims) => `[${dims.join(', ')}]`
