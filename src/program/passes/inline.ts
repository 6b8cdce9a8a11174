import { formulaOf, type Node, substitute } from '../../formula/index.ts'
import { commonShape, type Shape, sameShape, sizeOf } from '../../tensor/shape.ts'
import { type Buffer, inside, isCounted, isWhole, regrouped, type View, viewThrough } from '../../tensor/view.ts'
import {
  complete,
  domain,
  type Instruction,
  type MapInstruction,
  mapped,
  type Program,
  type Reduce,
  reads,
  writes,
} from '../instruction.ts'
import { adopt } from './adopt.ts'
import { costOfAll } from './cost.ts'

/**
 * What is cheaper to compute again than to store is computed where it is read: a normalised and activated image is
 * never written, the pooling that reads it computes it, and so does the way back.
 */
export function inline(program: Program): Program {
  const instructions = [...program.instructions]
  for (let at = 0; at < instructions.length; ) {
    const done = instructions[at].verb === 'map' && inlined(instructions, at)
    if (!done) at++
  }
  return { ...program, instructions }
}

/** Puts the map at `at` into all who read it and takes it out, where that can be and pays. */
function inlined(instructions: Instruction[], at: number): boolean {
  const map = instructions[at] as MapInstruction
  const [out, ...others] = Object.values(map.outputs)
  if (others.length > 0 || out.buffer.kind !== 'temporary' || !isWhole(out)) return false
  const sources = new Set(Object.values(map.inputs).map(v => v.buffer))
  if (sources.has(out.buffer) || [...sources].some(buffer => buffer.kind === 'random')) return false
  const changed = new Set<Buffer>()
  const replaced = new Map<number, [Elementwise, Elementwise]>()
  for (let i = 0; i < instructions.length; i++) {
    if (i === at) continue
    const reader = instructions[i]
    if (writes(reader).some(v => v.buffer === out.buffer)) return false
    // What it is made of must still be there, and stay while the reader writes.
    if (i > at) for (const view of writes(reader)) changed.add(view.buffer)
    if (reads(reader).some(v => v.buffer === out.buffer)) {
      if (i < at || [...sources].some(buffer => changed.has(buffer))) return false
      const own = reader.verb === 'map' || reader.verb === 'reduce' ? within(reader, map, out) : undefined
      if (!own) return false
      replaced.set(i, [reader as Elementwise, own])
    }
  }
  if (replaced.size === 0 || !pays(map, [...replaced.values()])) return false
  for (const [i, [, own]] of replaced) instructions[i] = own
  instructions.splice(at, 1)
  return true
}

type Elementwise = MapInstruction | Reduce

/** The reader with the map's formula in place of what the map would have written. */
function within(reader: Elementwise, map: MapInstruction, out: View): Elementwise | undefined {
  const scalars = map.formula.names.filter(n => !(n in map.inputs))
  if (scalars.some(name => name in reader.inputs)) return undefined
  const read = Object.keys(reader.inputs).filter(name => reader.inputs[name].buffer === out.buffer)
  let host = reader
  if (read.some(name => isWhole(reader.inputs[name]))) {
    const shape = commonShape(domain(reader), domain(map))
    const finer = shape && reshaped(reader, shape)
    if (!finer) return undefined
    host = finer
  }
  const [root] = map.formula.outputs.values()
  const nodes: Record<string, Node> = {}
  const inputs: Record<string, View> = { ...host.inputs }
  for (const name of read) delete inputs[name]
  for (const name of read) {
    const seen = mapped(map.inputs, input => seenThrough(input, host.inputs[name], out))
    if (!complete(seen)) return undefined
    nodes[name] = substitute(root, adopt(inputs, seen, [...host.formula.names, ...scalars]))
  }
  const outputs = [...host.formula.outputs].map(([key, node]) => [key, substitute(node, nodes)])
  return { ...host, inputs, formula: formulaOf(Object.fromEntries(outputs)) }
}

/** What the map reads for an element that is read of its output through `view`. */
function seenThrough(input: View, view: View, out: View): View | undefined {
  if (isWhole(view)) return regrouped(input, view.shape)
  if (!inside(view) || sizeOf(view.shape) > sizeOf(out.shape)) return undefined
  const own = regrouped(input, out.buffer.shape)
  return own && viewThrough(own, view)
}

/** The instruction over the same elements in another shape. */
function reshaped(instruction: Elementwise, shape: Shape): Elementwise | undefined {
  const old = domain(instruction)
  if (sameShape(old, shape)) return instruction
  // An axis that was cut in parts is reduced in all of them.
  const axes: number[] = []
  if (instruction.verb === 'reduce')
    for (let axis = 0, i = 0; axis < old.length; axis++)
      for (let part = 1; part < old[axis]; part *= shape[i++]) if (instruction.axes.includes(axis)) axes.push(i)
  if (instruction.verb === 'reduce' && axes.length === 0) return undefined
  const inputs = mapped(instruction.inputs, view => regrouped(view, shape))
  const kept = shape.filter((_, i) => !axes.includes(i))
  const outputs = mapped(instruction.outputs, view => regrouped(view, kept))
  if (!complete(inputs) || !complete(outputs)) return undefined
  return { ...instruction, inputs, outputs, ...(instruction.verb === 'reduce' && { axes }) }
}

/** Whether moving fewer bytes is worth the operations that are done again. */
function pays(map: MapInstruction, readers: readonly [before: Elementwise, after: Elementwise][]): boolean {
  const saved = readers.reduce((sum, [before, after]) => sum + bytes(before) - bytes(after), bytes(map))
  const again = readers.reduce((sum, [before, after]) => sum + work(after) - work(before), -work(map))
  return saved > 0 && again <= saved * 2
}

/** Bytes of the elements an instruction shows, those of one buffer counted once. */
function bytes({ inputs, outputs }: Elementwise): number {
  const shown = new Map<Buffer, number>()
  for (const { buffer, axes } of [...Object.values(inputs), ...Object.values(outputs)]) {
    if (isCounted(buffer)) continue
    const elements = axes.flat().reduce((product, f) => (f.step === 0 ? product : product * f.size), 1)
    shown.set(buffer, Math.max(shown.get(buffer) ?? 0, elements))
  }
  return 4 * [...shown.values()].reduce((a, b) => a + b, 0)
}

/** Operations of an instruction. */
const work = (instruction: Elementwise): number =>
  costOfAll(instruction.formula.outputs.values()) * sizeOf(domain(instruction))
