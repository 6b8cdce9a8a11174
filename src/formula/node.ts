import { FormulaError } from '../errors.ts'
import { functions, type Operation, operations } from './operations.ts'

/** An immutable expression. Equal structure is the same object, so a shared part is shared by itself. */
export type Node = NumberNode | NameNode | ApplyNode

export interface NumberNode {
  readonly id: number
  readonly op: 'number'
  readonly value: number
  readonly args: readonly []
}
export interface NameNode {
  readonly id: number
  readonly op: 'name'
  readonly name: string
  readonly args: readonly []
}
export interface ApplyNode {
  readonly id: number
  readonly op: Operation
  readonly args: readonly Node[]
}

/** What a name may look like: Latin and Greek letters, digits, underscores. */
export const NAME = /[A-Za-zΑ-Ωα-ω_][A-Za-zΑ-Ωα-ω_0-9]*/y

/** Words with a meaning of their own. */
export const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ['pi', Math.PI],
  ['π', Math.PI],
  ['inf', Infinity],
])

const table = new Map<string, WeakRef<Node>>()
const gone = new FinalizationRegistry<string>(key => {
  if (!table.get(key)?.deref()) table.delete(key)
})
let ids = 0

// A node keeps its arguments alive, so a key made of their ids cannot come to mean something else.
function intern<N extends Node>(key: string, make: (id: number) => N): N {
  const known = table.get(key)?.deref() as N | undefined
  if (known) return known
  const node = Object.freeze(make(ids++)) as N
  table.set(key, new WeakRef(node))
  gone.register(node, key)
  return node
}

/** The node of a constant. */
export function number(value: number): NumberNode {
  return intern(Object.is(value, -0) ? '-0' : String(value), id => ({ id, op: 'number', value, args: [] }))
}

/** The node of a free name. Throws FormulaError when the text is not a name. */
export function name(text: string): NameNode {
  if (!isName(text))
    throw new FormulaError('bad-name', `${JSON.stringify(text).slice(0, 40)} cannot be a name in a formula`, {
      hint: 'use letters, digits and _, and no word of the language',
    })
  return intern(`name ${text}`, id => ({ id, op: 'name', name: text, args: [] }))
}

export function isName(text: string): boolean {
  NAME.lastIndex = 0
  return NAME.exec(text)?.[0] === text && text !== 'let' && !CONSTANTS.has(text) && !functions.has(text)
}

/**
 * The node of an operation on nodes, lightly simplified: constants are folded, x + 0, x · 1, x / 1, x ^ 1 and --x vanish.
 * `min` and `max` take two or more, `clamp` is written as the two.
 */
export function apply(op: Operation | 'clamp', ...args: readonly Node[]): Node {
  const [a, b, c] = args
  if (op === 'clamp') return apply('min', apply('max', a, b), c)
  const { length } = operations[op]
  if ((op === 'min' || op === 'max') && args.length > 2) return apply(op, apply(op, a, b), ...args.slice(2))
  if (args.length !== length)
    throw new FormulaError('wrong-arguments', `${op} takes ${length}, got ${args.length}`, {
      hint: 'count its arguments',
    })
  if (args.every(arg => arg.op === 'number')) {
    const [u, v, w] = args.map(arg => arg.value)
    return number((operations[op] as (u: number, v: number, w: number) => number)(u, v, w))
  }
  if (op === 'neg' && a.op === 'neg') return a.args[0]
  if (op === '+' && is(a, 0)) return b
  if ((op === '+' || op === '-') && is(b, 0)) return a
  if (op === '*' && is(a, 1)) return b
  if ((op === '*' || op === '/' || op === '^') && is(b, 1)) return a
  if (op === 'select' && a.op === 'number') return a.value !== 0 ? b : c
  if (op === 'select' && b === c) return b
  return intern(`${op} ${args.map(arg => arg.id)}`, id => ({ id, op, args: Object.freeze([...args]) }))
}

export const is = (node: Node, value: number) => node.op === 'number' && node.value === value

/** Works from the leaves up, each shared node once, and gives the results at the roots. */
export function fold<T>(roots: readonly Node[], algebra: (node: Node, args: readonly T[]) => T): T[] {
  const done = new Map<Node, T>()
  const stack = [...roots].reverse()
  while (stack.length > 0) {
    const { length } = stack
    const node = stack[length - 1]
    const { args } = node
    if (!done.has(node)) for (let i = args.length - 1; i >= 0; i--) if (!done.has(args[i])) stack.push(args[i])
    if (stack.length > length) continue
    stack.pop()
    if (!done.has(node)) {
      const values: T[] = []
      for (const arg of args) values.push(done.get(arg)!)
      done.set(node, algebra(node, values))
    }
  }
  return roots.map(root => done.get(root)!)
}

/** The free names below the nodes, in order of first appearance. */
export function names(...roots: readonly Node[]): Set<string> {
  const found = new Set<string>()
  const seen = new Set<Node>()
  const stack = [...roots].reverse()
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    if (node.op === 'name') found.add(node.name)
    for (let i = node.args.length - 1; i >= 0; i--) stack.push(node.args[i])
  }
  return found
}

/** The number of distinct operations: what one evaluation costs. */
export function count(...roots: readonly Node[]): number {
  let operations = 0
  fold(roots, node => {
    if (node.args.length > 0) operations++
  })
  return operations
}

/** The node with names replaced by nodes, all at once. */
export function substitute(node: Node, replacements: ReadonlyMap<string, Node> | Readonly<Record<string, Node>>): Node {
  const map = replacements instanceof Map ? replacements : new Map(Object.entries(replacements))
  if (map.size === 0) return node
  return fold<Node>([node], (part, args) => {
    if (part.op === 'name') return map.get(part.name) ?? part
    return part.op === 'number' ? part : apply(part.op, ...args)
  })[0]
}
