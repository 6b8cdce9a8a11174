import { formula } from '../../formula/index.ts'
import { type Buffer, isCounted, type View, viewOf } from '../../tensor/view.ts'
import { type Instruction, type Program, reads } from '../instruction.ts'
import { replace } from './alias.ts'
import { edges, type PlaceOptions } from './place.ts'

/**
 * What kernels cannot read where it is, is copied once, into a temporary: an input that products see through windows over
 * its edge, for only a temporary can be given a border of zeros, and what is stored nowhere but read by its address.
 */
export function stage(program: Program, reach?: PlaceOptions['reach']): Program {
  const copies = new Map<Buffer, Buffer>()
  const copy = (buffer: Buffer) => copies.set(buffer, { ...buffer, kind: 'temporary' })
  for (const i of program.instructions) {
    for (const { buffer } of byAddress(i)) if (isCounted(buffer)) copy(buffer)
    for (const [buffer, { low, high }] of edges(i, reach))
      if (buffer.kind === 'input' && buffer.shape.some((n, d) => low[d] < 0 || high[d] >= n)) copy(buffer)
  }
  if (copies.size === 0) return program
  const staged = (view: View): View => {
    const copy = copies.get(view.buffer)
    return copy ? view.over(copy) : view
  }
  const first = [...copies].map(
    ([from, to]): Instruction => ({
      verb: 'map',
      formula: formula('x'),
      inputs: { x: viewOf(from) },
      outputs: { y: viewOf(to) },
    }),
  )
  const rest = program.instructions.map(i => (byAddress(i).length > 0 ? replace(i, staged) : i))
  return { ...program, instructions: [...first, ...rest] }
}

/** What an instruction reads of memory as it lies there. */
function byAddress(i: Instruction): View[] {
  if (i.verb === 'gather') return [i.source]
  return i.verb === 'gemm' ? reads(i) : []
}
