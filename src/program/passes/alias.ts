import { sameShape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type Buffer, isWhole } from '../../tensor/view.ts'
import { type Instruction, type Program, writes } from '../instruction.ts'

/** Lets a plain copy of a temporary be the temporary itself: dropout outside training costs nothing. */
export function alias(program: Program): Program {
  const written = new Map<Buffer, number>()
  for (const { buffer } of program.instructions.flatMap(writes)) written.set(buffer, (written.get(buffer) ?? 0) + 1)
  const successors = new Map<Buffer, Buffer>()
  const last = (buffer: Buffer): Buffer => {
    const next = successors.get(buffer)
    return next ? last(next) : buffer
  }
  const once = (buffer: Buffer) => buffer.kind === 'temporary' && written.get(buffer) === 1
  const kept = program.instructions.filter(instruction => {
    const copy = copyOf(instruction)
    // A buffer copied twice can be only one of its copies.
    const same = copy && once(copy.from) && once(copy.to) && !successors.has(copy.from)
    if (same) successors.set(copy.from, copy.to)
    return !same
  })
  if (successors.size === 0) return program
  const over = (view: View) => {
    const to = last(view.buffer)
    return to === view.buffer ? view : view.over(to).as(view.name.replace(view.buffer.name, to.name))
  }
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

/** The instruction over other views. */
export function replace<I extends Instruction>(instruction: I, over: (view: View) => View): I
export function replace(instruction: Instruction, over: (view: View) => View): Instruction {
  const all = (views: Readonly<Record<string, View>>) =>
    Object.fromEntries(Object.entries(views).map(([name, view]) => [name, over(view)]))
  const { verb } = instruction
  if (verb === 'gather') {
    const { out, source, index } = instruction
    return { ...instruction, out: over(out), source: over(source), index: over(index) }
  }
  if (verb === 'scatter') {
    const { out, values, index } = instruction
    return { ...instruction, out: over(out), values: over(values), index: over(index) }
  }
  const [inputs, outputs] = [all(instruction.inputs), all(instruction.outputs)]
  if (verb !== 'gemm') return { ...instruction, inputs, outputs }
  return { ...instruction, inputs, outputs, a: over(instruction.a), b: over(instruction.b) }
}
