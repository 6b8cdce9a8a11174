import { formula } from '../../formula/index.ts'
import { type Buffer, inside, type View, viewOf } from '../../tensor/view.ts'
import type { Instruction, Program } from '../instruction.ts'

/**
 * An input that products read through windows over its edge is copied once, into a temporary: only a temporary can be
 * given a border of zeros.
 */
export function stage(program: Program): Program {
  const copies = new Map<Buffer, Buffer>()
  const staged = (view: View): View => {
    const copy = copies.get(view.buffer)
    return copy ? view.over(copy) : view
  }
  for (const i of program.instructions)
    if (i.verb === 'gemm')
      for (const view of [i.a, i.b])
        if (view.buffer.kind === 'input' && view.fill === 0 && !inside(view))
          copies.set(view.buffer, { ...view.buffer, kind: 'temporary' })
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
