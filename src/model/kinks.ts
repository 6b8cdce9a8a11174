import { apply, fold, formulaOf, type Node, number } from '../formula/index.ts'
import { domain, type Instruction, type Program } from '../program/index.ts'
import { type Buffer, type View, viewOf } from '../tensor/view.ts'

/**
 * The program with every decision it takes written to an output of its own: which branch, which is larger, where a
 * maximum stood. Between two runs with the same decisions it is smooth.
 */
export function withDecisions(program: Program): { program: Program; decisions: Buffer[] } {
  const decisions: Buffer[] = []
  const keep = (shape: readonly number[]): View => {
    const buffer: Buffer = { name: `decision${decisions.length}`, shape, kind: 'output' }
    decisions.push(buffer)
    return viewOf(buffer)
  }
  const instructions = program.instructions.flatMap(instruction => [...watchers(instruction, keep), instruction])
  return { program: { ...program, instructions }, decisions }
}

function* watchers(instruction: Instruction, keep: (shape: readonly number[]) => View): Generator<Instruction> {
  if (instruction.verb !== 'map' && instruction.verb !== 'reduce') return
  const { formula, inputs } = instruction
  const shape = domain(instruction)
  const watched = decisionsOf([...formula.outputs.values()])
  if (watched.length > 0) {
    const watching = formulaOf(Object.fromEntries(watched.map((node, i) => [`c${i}`, node])))
    const used = Object.fromEntries(Object.entries(inputs).filter(([name]) => watching.names.includes(name)))
    const outputs = Object.fromEntries(watched.map((_, i) => [`c${i}`, keep(shape)]))
    yield { verb: 'map', formula: watching, inputs: used, outputs }
  }
  if (instruction.verb !== 'reduce') return
  const left = shape.filter((_, axis) => !instruction.axes.includes(axis))
  for (const [key, value] of formula.outputs) {
    const kind = instruction.kinds[key]
    if (kind !== 'max' && kind !== 'min') continue
    const at = formulaOf({ at: kind === 'max' ? value : apply('neg', value) })
    yield { ...instruction, kinds: { at: 'argmax' }, formula: at, outputs: { at: keep(left) } }
  }
}

function decisionsOf(roots: readonly Node[]): Node[] {
  const found: Node[] = []
  fold(roots, node => {
    const [a, b] = node.args
    if (['<', '<=', '>', '>=', '==', '!=', 'floor', 'ceil', 'round'].includes(node.op)) found.push(node)
    else if (node.op === 'min' || node.op === 'max') found.push(apply('<', a, b))
    else if (node.op === 'abs' || node.op === 'sign') found.push(apply('<', a, number(0)))
  })
  return found.filter(node => node.op !== 'number')
}
