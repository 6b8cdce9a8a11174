import { fold, type Node } from '../../formula/index.ts'

const single = new Set(['+', '-', '*', 'neg', 'abs', 'min', 'max', 'select', '<', '<=', '>', '>=', '==', '!='])

/** Operations of one node: a division counts as a few and a polynomial as many. */
export const costOf = ({ op, args }: Node): number =>
  args.length === 0 || single.has(op) ? Number(args.length > 0) : op === '/' || op === 'sqrt' ? 4 : 24

/** Operations of formulas, what they share counted once. */
export function costOfAll(roots: Iterable<Node>): number {
  let cost = 0
  fold([...roots], node => {
    cost += costOf(node)
  })
  return cost
}
