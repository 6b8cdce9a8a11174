import type { Instruction, Program } from './instruction.ts'
import { type Verbs, verbs } from './verbs.ts'

/** Runs `write` with verbs that do nothing but remember: the program is what they were told. */
export function record(name: string, scalars: readonly string[], write: (k: Verbs) => void): Program {
  const instructions: Instruction[] = []
  write(verbs(instruction => instructions.push(instruction), scalars))
  return { name, instructions, scalars }
}
