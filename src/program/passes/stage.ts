import { formula } from '../../formula/index.ts'
import { type Buffer, isCounted, type View, viewOf } from '../../tensor/view.ts'
import { type Instruction, mapped, type Program, writes } from '../instruction.ts'
import { edges, type PlaceOptions } from './place.ts'

/**
 * What kernels cannot read where it is, is copied into a temporary before they do: a lasting array that products see
 * through windows over its edge, for only a temporary can be given a border of zeros, and what is stored nowhere but read
 * by its address.
 */
export function stage(program: Program, reach?: PlaceOptions['reach']): Program {
  const copies = new Map<Buffer, Buffer>()
  const staged = (view: View): View => {
    const copy = copies.get(view.buffer)
    return copy ? view.over(copy) : view
  }
  const instructions = program.instructions.flatMap(i => {
    const first: Instruction[] = []
    const copy = (from: Buffer) => {
      if (copies.has(from)) return
      const to: Buffer = { ...from, kind: 'temporary' }
      copies.set(from, to)
      first.push({ verb: 'map', formula: formula('x'), inputs: { x: viewOf(from) }, outputs: { y: viewOf(to) } })
    }
    for (const [buffer] of edges(i, reach)) if (buffer.kind !== 'temporary') copy(buffer)
    const own = byAddress(i, view => {
      if (isCounted(view.buffer)) copy(view.buffer)
      return staged(view)
    })
    for (const { buffer } of writes(i)) copies.delete(buffer)
    return [...first, own]
  })
  return { ...program, instructions }
}

/** The instruction over other views of what it reads of memory as it lies there. */
function byAddress(i: Instruction, over: (view: View) => View): Instruction {
  if (i.verb === 'gather') return { ...i, source: over(i.source) }
  return i.verb === 'gemm' ? { ...i, a: over(i.a), b: over(i.b), inputs: mapped(i.inputs, over) } : i
}
