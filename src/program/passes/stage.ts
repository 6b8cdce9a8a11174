import { formula } from '../../formula/index.ts'
import { type Buffer, type View, viewOf } from '../../tensor/view.ts'
import type { Instruction, Program } from '../instruction.ts'
import { edges, type PlaceOptions } from './place.ts'

/**
 * An input that products read through windows over its edge is copied once, into a temporary: only a temporary can be
 * given a border of zeros.
 */
export function stage(program: Program, reach?: PlaceOptions['reach']): Program {
  const copies = new Map<Buffer, Buffer>()
  const staged = (view: View): View => {
    const copy = copies.get(view.buffer)
    return copy ? view.over(copy) : view
  }
  for (const i of program.instructions)
    for (const [buffer, { low, high }] of edges(i, reach))
      if (buffer.kind === 'input' && buffer.shape.some((n, d) => low[d] < 0 || high[d] >= n))
        copies.set(buffer, { ...buffer, kind: 'temporary' })
  if (copies.size === 0) return program
  const first = [...copies].map(
    ([from, to]): Instruction => ({
      verb: 'map',
      formula: formula('x'),
      inputs: { x: viewOf(from) },
      outputs: { y: viewOf(to) },
    }),
  )
  const rest = program.instructions.map(i => (i.verb === 'gemm' ? { ...i, a: staged(i.a), b: staged(i.b) } : i))
  return { ...program, instructions: [...first, ...rest] }
}
