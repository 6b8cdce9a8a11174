import { apply, fold, type Node, name, names, substitute } from './node.ts'

/** How tightly the text of each kind of node holds together. */
export const BINDING = {
  select: 1,
  '||': 2,
  '&&': 3,
  comparison: 4,
  sum: 5,
  product: 6,
  unary: 7,
  power: 8,
  atom: 9,
} as const

export const BINARY: Readonly<Record<string, number>> = {
  '||': BINDING['||'],
  '&&': BINDING['&&'],
  '<': BINDING.comparison,
  '<=': BINDING.comparison,
  '>': BINDING.comparison,
  '>=': BINDING.comparison,
  '==': BINDING.comparison,
  '!=': BINDING.comparison,
  '+': BINDING.sum,
  '-': BINDING.sum,
  '*': BINDING.product,
  '/': BINDING.product,
}

interface Piece {
  readonly text: string
  readonly binding: number
  /** The arguments of a chain of min or max, which prints as one call. */
  readonly chain?: string
}

const wrap = ({ text, binding }: Piece, least: number) => (binding >= least ? text : `(${text})`)

/** The formula language text of a node, with the fewest brackets; reading it gives the same node. */
export function print(node: Node): string {
  return printAll(new Map([['y', node]]))
}

/** The text of several outputs. */
export function printAll(outputs: ReadonlyMap<string, Node>): string {
  const fresh = freshNames(outputs)
  const kept = new Map(overwritten(outputs).map(free => [free, name(fresh())]))
  const { parts, bodies } = split(
    new Map([...outputs].map(([output, node]) => [output, substitute(node, kept)])),
    fresh,
  )
  const lines = [...kept].map(([free, label]) => `let ${label.name} = ${free};`)
  for (const [part, node] of parts) lines.push(`let ${part} = ${bare(node)};`)
  for (const [output, node] of bodies)
    lines.push(outputs.size === 1 && output === 'y' ? bare(node) : `${output} = ${bare(node)};`)
  return lines.join('\n')
}

/** Names that are free in an output and are given a value by an output before it: `m = 2 * m; w = w - m` with the old m. */
function overwritten(outputs: ReadonlyMap<string, Node>): string[] {
  const given = new Set<string>()
  const lost = new Set<string>()
  for (const [output, node] of outputs) {
    for (const free of names(node)) if (given.has(free)) lost.add(free)
    given.add(output)
  }
  return [...lost]
}

function freshNames(outputs: ReadonlyMap<string, Node>): () => string {
  const taken = new Set([...outputs.keys(), ...names(...outputs.values())])
  let next = 0
  return () => {
    do next++
    while (taken.has(`s${next}`))
    return `s${next}`
  }
}

function bare(root: Node): string {
  return fold<Piece>([root], (node, args) => {
    if (node.op === 'number') return numeral(node.value)
    if (node.op === 'name') return { text: node.name, binding: BINDING.atom }
    const [a, b, c] = args
    const binding = BINARY[node.op]
    if (binding) {
      const left = wrap(a, binding === BINDING.comparison ? binding + 1 : binding)
      return { text: `${left} ${node.op} ${wrap(b, binding + 1)}`, binding }
    }
    switch (node.op) {
      case 'neg':
        return { text: `-${wrap(a, BINDING.unary)}`, binding: BINDING.unary }
      case '!':
        return { text: `!${wrap(a, BINDING.unary)}`, binding: BINDING.unary }
      case '^':
        return { text: `${wrap(a, BINDING.atom)}^${wrap(b, BINDING.unary)}`, binding: BINDING.power }
      case 'select':
        return { text: `${wrap(a, BINDING['||'])} ? ${b.text} : ${c.text}`, binding: BINDING.select }
      case 'min':
      case 'max': {
        const chain = `${node.args[0].op === node.op ? a.chain : a.text}, ${b.text}`
        return { text: `${node.op}(${chain})`, binding: BINDING.atom, chain }
      }
      default:
        return { text: `${node.op}(${args.map(arg => arg.text).join(', ')})`, binding: BINDING.atom }
    }
  })[0].text
}

function numeral(value: number): Piece {
  if (Number.isNaN(value)) return { text: '0 / 0', binding: BINDING.product }
  const size = Math.abs(value)
  const text = size === Infinity ? 'inf' : size === Math.PI ? 'pi' : String(size)
  const negative = value < 0 || Object.is(value, -0)
  return { text: negative ? `-${text}` : text, binding: negative ? BINDING.unary : BINDING.atom }
}

/** Written out in full below this many nodes; above, shared parts are named once. */
const SMALL = 400
/** Brackets nested deeper than this are named too. */
const DEEP = 100

interface Split {
  /** Named parts, each in terms of those before. */
  readonly parts: readonly (readonly [string, Node])[]
  readonly bodies: ReadonlyMap<string, Node>
}

/** Names the shared parts of large expressions, so that text grows with the work and not with the paths. */
export function split(outputs: ReadonlyMap<string, Node>, fresh = freshNames(outputs)): Split {
  const roots = [...outputs.values()]
  const uses = new Map<Node, number>()
  const use = (node: Node) => uses.set(node, (uses.get(node) ?? 0) + 1)
  roots.forEach(use)
  const sizes = fold<{ size: number; depth: number }>(roots, (node, args) => {
    node.args.forEach(use)
    return {
      size: args.reduce((sum, { size }) => sum + size, 1),
      depth: args.reduce((most, { depth }) => Math.max(most, depth), 0) + 1,
    }
  })
  if (sizes.every(({ size, depth }) => size <= SMALL && depth <= DEEP)) return { parts: [], bodies: outputs }
  const parts: [string, Node][] = []
  const bodies = fold<{ node: Node; depth: number }>(roots, (part, args) => {
    if (part.op === 'number' || part.op === 'name') return { node: part, depth: 0 }
    const node = apply(part.op, ...args.map(arg => arg.node))
    const depth = args.reduce((most, arg) => Math.max(most, arg.depth), 0) + 1
    if (uses.get(part)! < 2 && depth < DEEP) return { node, depth }
    const label = fresh()
    parts.push([label, node])
    return { node: name(label), depth: 0 }
  })
  return { parts, bodies: new Map([...outputs.keys()].map((output, i) => [output, bodies[i].node])) }
}
