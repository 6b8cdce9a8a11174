import type { Buffer } from '../../tensor/view.ts'
import { type Instruction, type Program, reads, writes } from '../instruction.ts'
import { pick } from './pick.ts'

/** Removes what nobody reads: instructions, and single outputs of fused ones. */
export function drop(program: Program): Program {
  const wanted = new Set<Buffer>()
  const lasting = (buffer: Buffer) => ['parameter', 'state', 'output'].includes(buffer.kind)
  const kept: Instruction[] = []
  for (const instruction of [...program.instructions].reverse()) {
    const live = writes(instruction).filter(v => lasting(v.buffer) || wanted.has(v.buffer))
    if (live.length === 0) continue
    const slim = 'out' in instruction ? instruction : pick(instruction, view => live.includes(view))
    for (const view of reads(slim)) wanted.add(view.buffer)
    kept.push(slim)
  }
  return { ...program, instructions: kept.reverse() }
}
