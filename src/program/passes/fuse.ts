import { formulaOf, type Node, substitute } from '../../formula/index.ts'
import { sameShape } from '../../tensor/shape.ts'
import { type Buffer, isCounted, isStill, regrouped, sameView, type View } from '../../tensor/view.ts'
import {
  domain,
  type Gemm,
  type Instruction,
  type MapInstruction,
  type Program,
  reads,
  writes,
} from '../instruction.ts'
import { adopt, fresh } from './adopt.ts'

/**
 * Joins each map to the instruction that makes its operand, so that the value is used while it is still in a register:
 * bias and activation go into the product, chains of maps become one.
 */
export function fuse(program: Program): Program {
  const done: Instruction[] = []
  /** Where each buffer was last written, and where last read or written. */
  const [written, touched] = [new Map<Buffer, number>(), new Map<Buffer, number>()]
  const last = (places: Map<Buffer, number>, views: readonly View[]) =>
    views.reduce((latest, { buffer }) => Math.max(latest, places.get(buffer) ?? -1), -1)
  const note = (places: Map<Buffer, number>, views: readonly View[], at: number) => {
    for (const { buffer } of views) if (!(places.get(buffer)! >= at)) places.set(buffer, at)
  }
  /** Where the map can join: the last instruction that writes any of its operands, if nothing later minds. */
  const hostOf = (map: MapInstruction) => {
    const operands = reads(map)
    const at = last(written, operands)
    if (at < 0 || last(touched, writes(map)) > at) return -1
    const made = operands.filter(v => writes(done[at]).some(w => w.buffer === v.buffer))
    return fits(done[at], map, made) ? at : -1
  }
  for (const instruction of program.instructions) {
    const host = instruction.verb === 'map' ? hostOf(instruction) : -1
    const at = host < 0 ? done.length : host
    done[at] = host < 0 ? instruction : join(done[at] as Gemm | MapInstruction, instruction as MapInstruction)
    note(written, writes(instruction), at)
    note(touched, [...reads(instruction), ...writes(instruction)], at)
  }
  return { ...program, instructions: done }
}

function fits(host: Instruction, map: MapInstruction, made: readonly View[]): host is Gemm | MapInstruction {
  if (host.verb === 'map') {
    if (!sameShape(domain(host), domain(map))) return false
  } else if (host.verb === 'gemm') {
    // A few columns leave most of a vector empty; by itself the map goes along the rows.
    const [down, across] = domain(host).slice(-2)
    if (across < 4 && down >= 8) return false
    // Beside the product, an epilogue reads rows that are stored: a bias, or a number for each column.
    const shown = (view: View) => regrouped(view, domain(host))
    const isRow = (view?: View) => view && !isCounted(view.buffer) && isStill(view, view.shape.length - 2)
    const others = Object.values(map.inputs).filter(v => !made.includes(v))
    if (!writes(map).every(shown) || !others.map(shown).every(isRow)) return false
  } else return false
  return made.every(v => writes(host).some(w => sameView(w, v)))
}

function join(host: Gemm | MapInstruction, map: MapInstruction): Gemm | MapInstruction {
  const shaped = (v: View) => (host.verb === 'gemm' ? v.reshape(...domain(host)) : v)
  const inputs: Record<string, View> = { ...host.inputs }
  const outputs: Record<string, View> = { ...host.outputs }
  const nodes: Record<string, Node> = Object.fromEntries(host.formula.outputs)
  const replacements: Record<string, Node> = {}
  const scalars = map.formula.names.filter(n => !(n in map.inputs))
  const others: Record<string, View> = {}
  for (const [name, view] of Object.entries(map.inputs)) {
    const made = Object.entries(host.outputs).find(([, w]) => sameView(w, view))
    if (made) replacements[name] = host.formula.outputs.get(made[0])!
    else others[name] = shaped(view)
  }
  Object.assign(replacements, adopt(inputs, others, [...host.formula.names, ...scalars]))
  for (const [name, view] of Object.entries(map.outputs)) {
    // What both write is left as the map leaves it, for whoever joins next too.
    const again = Object.keys(outputs).find(key => sameView(outputs[key], shaped(view)))
    const key = again ?? fresh(name, Object.keys(outputs))
    outputs[key] = shaped(view)
    nodes[key] = substitute(map.formula.outputs.get(name)!, replacements)
  }
  return { ...host, inputs, outputs, formula: formulaOf(nodes) }
}
