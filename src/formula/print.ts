import { apply, fold, type Node, name, names } from './node.ts'

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
  const { parts, bodies } = split(outputs)
  const lines = parts.map(([part, node]) => `let ${part} = ${bare(node)};`)
  // A later output that reads a free name must not meet the output of that name.
  const aliases = new Map<string, string>()
  const taken = new Set<string>()
  const rows = [...bodies].map(([output, node]) => {
    for (const used of names(node)) if (taken.has(used)) aliases.set(used, '')
    taken.add(output)
    return [output, node] as const
  })
  if (aliases.size > 0) {
    const fresh = freshNames([...outputs.values()], [...outputs.keys(), ...parts.map(([part]) => part)])
    for (const used of aliases.keys()) lines.push(`let ${remember(aliases, used, fresh())} = ${used};`)
  }
  const renamed = rows.map(([output, node]) => [output, bare(rename(node, aliases))] as const)
  if (outputs.size === 1 && outputs.has('y')) return [...lines, renamed[0][1]].join('\n')
  return [...lines, ...renamed.map(([output, body]) => `${output} = ${body};`)].join('\n')
}

function remember(aliases: Map<string, string>, used: string, alias: string): string {
  aliases.set(used, alias)
  return alias
}

const rename = (node: Node, aliases: ReadonlyMap<string, string>) =>
  aliases.size === 0
    ? node
    : fold<Node>([node], (part, args) => {
        if (part.op === 'name') return aliases.has(part.name) ? name(aliases.get(part.name)!) : part
        return part.op === 'number' ? part : apply(part.op, ...args)
      })[0]

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

/** Names the shared parts of large expressions, so that text grows with the work and not with the paths. */
export function split(outputs: ReadonlyMap<string, Node>): {
  parts: readonly (readonly [string, Node])[]
  bodies: ReadonlyMap<string, Node>
} {
  const roots = [...outputs.values()]
  const uses = new Map<Node, number>()
  const sizes = fold<{ size: number; depth: number }>(roots, (node, args) => {
    for (const arg of node.args) uses.set(arg, (uses.get(arg) ?? 0) + 1)
    return {
      size: args.reduce((sum, { size }) => sum + size, 1),
      depth: args.reduce((most, { depth }) => Math.max(most, depth), 0) + 1,
    }
  })
  if (sizes.every(({ size, depth }) => size <= SMALL && depth <= DEEP)) return { parts: [], bodies: outputs }
  for (const root of roots) uses.set(root, (uses.get(root) ?? 0) + 1)
  const fresh = freshNames(roots, outputs.keys())
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

function freshNames(roots: readonly Node[], also: Iterable<string>): () => string {
  const taken = new Set([...names(...roots), ...also])
  let next = 0
  return () => {
    do next++
    while (taken.has(`s${next}`))
    return `s${next}`
  }
}
