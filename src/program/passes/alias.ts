import { sameShape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type Buffer, isWhole } from '../../tensor/view.ts'
import { type Instruction, type Program, writes } from '../instruction.ts'

/** Lets a plain copy of a temporary be the temporary itself: dropout outside training costs nothing. */
export function alias(program: Program): Program {
  const written = new Map<Buffer, number>()
  for (const { buffer } of program.instructions.flatMap(writes)) written.set(buffer, (written.get(buffer) ?? 0) + 1)
  const names = new Map<Buffer, Buffer>()
  const original = (buffer: Buffer): Buffer => {
    const found = names.get(buffer)
    return found ? original(found) : buffer
  }
  const once = (buffer: Buffer) => buffer.kind === 'temporary' && written.get(buffer) === 1
  const kept: Instruction[] = []
  for (const instruction of program.instructions) {
    const copy = copyOf(instruction)
    if (copy && once(copy.from) && once(copy.to)) names.set(copy.to, original(copy.from))
    else kept.push(instruction)
  }
  if (names.size === 0) return program
  const over = (view: View) => (names.has(view.buffer) ? view.over(original(view.buffer)) : view)
  return { ...program, instructions: kept.map(instruction => replace(instruction, over)) }
}

/** The buffers of an instruction that only copies one whole array to another of the same shape. */
function copyOf(instruction: Instruction): { from: Buffer; to: Buffer } | undefined {
  if (instruction.verb !== 'map') return undefined
  const [[key, to], ...others] = Object.entries(instruction.outputs)
  const node = instruction.formula.outputs.get(key)!
  if (others.length > 0 || node.op !== 'name' || !(node.name in instruction.inputs)) return undefined
  const from = instruction.inputs[node.name]
  const whole = isWhole(from) && isWhole(to) && sameShape(from.buffer.shape, to.buffer.shape)
  return whole ? { from: from.buffer, to: to.buffer } : undefined
}

function replace(instruction: Instruction, over: (view: View) => View): Instruction {
  const all = (views: Readonly<Record<string, View>>) =>
    Object.fromEntries(Object.entries(views).map(([name, view]) => [name, over(view)]))
  switch (instruction.verb) {
    case 'gemm':
      return { ...instruction, a: over(instruction.a), b: over(instruction.b), inputs: all(instruction.inputs) }
    case 'map':
    case 'reduce':
      return { ...instruction, inputs: all(instruction.inputs) }
    case 'gather':
      return { ...instruction, source: over(instruction.source), index: over(instruction.index) }
    case 'scatter':
      return { ...instruction, values: over(instruction.values), index: over(instruction.index) }
  }
}
