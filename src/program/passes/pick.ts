import { formulaOf } from '../../formula/index.ts'
import type { View } from '../../tensor/view.ts'
import type { Gemm, MapInstruction, Reduce } from '../instruction.ts'

/** The same instruction with only the outputs that `keep` wants, and only the inputs these need. */
export function pick<I extends Gemm | MapInstruction | Reduce>(instruction: I, keep: (view: View) => boolean): I {
  const outputs = Object.fromEntries(Object.entries(instruction.outputs).filter(([, view]) => keep(view)))
  if (Object.keys(outputs).length === Object.keys(instruction.outputs).length) return instruction
  const formula = formulaOf(Object.fromEntries(Object.keys(outputs).map(k => [k, instruction.formula.outputs.get(k)!])))
  const inputs = Object.fromEntries(Object.entries(instruction.inputs).filter(([name]) => formula.names.includes(name)))
  return { ...instruction, formula, outputs, inputs }
}
