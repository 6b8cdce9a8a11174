import { apply, fold, formulaOf, type Node, name as nameNode, substitute } from '../../formula/index.ts'
import { sameShape, sizeOf } from '../../tensor/shape.ts'
import { type Buffer, isWhole, type View } from '../../tensor/view.ts'
import {
  domain,
  type Instruction,
  type MapInstruction,
  mapped,
  type Program,
  type Reduce,
  writes,
} from '../instruction.ts'
import { replace } from './alias.ts'
import { costOf } from './cost.ts'

/** Elements from which on it is worth looking for what is computed twice, and operations of what is then read. */
const enough = 1 << 14
const dear = 24

const isLarge = (instruction: Instruction): instruction is MapInstruction | Reduce =>
  (instruction.verb === 'map' || instruction.verb === 'reduce') && sizeOf(domain(instruction)) >= enough

/**
 * What has been computed of the same numbers before is read from there: a loss behind a softmax finds its exponentials and
 * their sums made already.
 */
export function share(program: Program): Program {
  if (program.instructions.filter(isLarge).length < 2) return program
  const written = new Map<Buffer, number>()
  for (const { buffer } of program.instructions.flatMap(writes)) written.set(buffer, (written.get(buffer) ?? 0) + 1)
  /** Whether the numbers are the same wherever the view is read. */
  const isFixed = ({ buffer }: View) => (written.get(buffer) ?? 0) <= Number(buffer.kind === 'temporary')

  // The same view has the same name wherever it is read, so that formulas of the same are the same.
  const buffers = new Map<Buffer, number>()
  const [names, views] = [new Map<string, string>(), new Map<string, View>()]
  const nameOf = (view: View) => {
    const { buffer, fill, base, divisor, axes } = view
    if (!buffers.has(buffer)) buffers.set(buffer, buffers.size)
    const walks = axes.map(axis => axis.map(({ size, dim, step }) => [size, dim, step]))
    const key = JSON.stringify([buffers.get(buffer), String(fill), base, divisor, walks])
    const name = names.get(key) ?? `v${names.size}`
    names.set(key, name)
    views.set(name, view)
    return name
  }
  /** Arrays by the formulas that they are made of, and what is done with these. */
  const made = new Map<Node, Map<string, View>>()
  const instead = new Map<Buffer, Buffer>()
  const over = (view: View) => view.over(instead.get(view.buffer) ?? view.buffer)

  const shared = (before: Instruction): Instruction[] => {
    const instruction = instead.size > 0 ? replace(before, over) : before
    if (!isLarge(instruction)) return [instruction]
    const shape = domain(instruction)
    const [[key, out], ...others] = Object.entries(instruction.outputs)
    if (others.length > 0 || !Object.values(instruction.inputs).every(isFixed)) return [instruction]
    const called = mapped(instruction.inputs, view => nameNode(nameOf(view)))
    const plain = substitute(instruction.formula.outputs.get(key)!, called)
    const each = `each of ${shape}`
    const [root] = fold<Node>([plain], (node, args) => {
      if (node.op === 'name' || node.op === 'number') return node
      const isPart = node !== plain || instruction.verb === 'reduce'
      const known = isPart && costOf(node) >= dear ? made.get(node)?.get(each) : undefined
      return known ? nameNode(nameOf(known)) : apply(node.op, ...args)
    })
    const how = instruction.verb === 'reduce' ? `${instruction.kinds[key]} over ${instruction.axes} of ${shape}` : each
    const known = made.get(root) ?? new Map<string, View>()
    const same = known.get(how)
    if (out.buffer.kind === 'temporary' && isFixed(out) && isWhole(out)) {
      if (same && sameShape(same.buffer.shape, out.buffer.shape)) {
        instead.set(out.buffer, same.buffer)
        return []
      }
      made.set(root, known.set(how, out))
    }
    if (root === plain) return [instruction]
    const formula = formulaOf({ [key]: root })
    const read = formula.names.filter(name => views.has(name))
    return [{ ...instruction, formula, inputs: Object.fromEntries(read.map(name => [name, views.get(name)!])) }]
  }
  return { ...program, instructions: program.instructions.flatMap(shared) }
}
