import type { Network } from '../../model/network.ts'

/**
 * The layers of a graph in Keras's order: by how far they are from the end, then as they are met going back from the
 * outputs. Groups of weights are counted in this order, so it must be the one in which Keras will have them.
 */
export function kerasOrder({ nodes, outputs }: Network): number[] {
  const finished: number[] = []
  const met = new Map<number, number>()
  const seen = new Set<number>()
  // Depth first without recursion: a node is finished when all it reads are.
  for (const { node: end } of outputs) {
    const open: [node: number, next: number][] = [[end, 0]]
    while (open.length > 0) {
      const top = open[open.length - 1]
      const [index, next] = top
      if (next === 0) {
        if (seen.has(index)) {
          open.pop()
          continue
        }
        seen.add(index)
        if (!met.has(nodes[index].owner)) met.set(nodes[index].owner, met.size)
      }
      const reads = nodes[index].inputs.filter(input => input >= 0)
      if (next < reads.length) {
        top[1]++
        if (!seen.has(reads[next])) open.push([reads[next], 0])
      } else {
        finished.push(index)
        open.pop()
      }
    }
  }
  const depths = new Map<number, number>()
  const ownDepths = new Map<number, number>()
  for (const index of finished.reverse()) {
    const { owner, inputs } = nodes[index]
    const depth = Math.max(depths.get(index) ?? 0, ownDepths.get(owner) ?? 0)
    ownDepths.set(owner, depth)
    for (const input of inputs.filter(i => i >= 0)) depths.set(input, Math.max(depth + 1, depths.get(input) ?? 0))
  }
  return [...ownDepths.keys()].sort((a, b) => ownDepths.get(b)! - ownDepths.get(a)! || met.get(a)! - met.get(b)!)
}
