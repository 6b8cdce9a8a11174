import { apply, fold, formulaOf, type Node, name as nameNode, names } from '../../formula/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import { isStill, type View, viewOf } from '../../tensor/view.ts'
import { domain, type Gemm, type Instruction, type MapInstruction, type Program, type Reduce } from '../instruction.ts'

/** Rows from which computing a part once a column pays for the memory it takes. */
const enough = 32

/**
 * Parts of a formula that are the same in every row (γ·r of a batch normalisation, 1/√(variance + ε) outside training)
 * are computed once for each column, and only read where the rows go by.
 */
export function lift(program: Program): Program {
  return { ...program, instructions: program.instructions.flatMap(i => ('formula' in i ? lifted(i) : [i])) }
}

function lifted<I extends Gemm | MapInstruction | Reduce>(instruction: I): Instruction[] {
  const shape = domain(instruction)
  const width = shape[shape.length - 1]
  const columns = Object.keys(instruction.inputs).filter(n => n !== 'product' && sameInEveryRow(instruction.inputs[n]))
  if (columns.length === 0 || shape.length < 2 || sizeOf(shape) / width < enough) return [instruction]
  const inputs: Record<string, View> = { ...instruction.inputs }
  const first: Instruction[] = []
  const done = new Map<Node, Node>()
  const isColumn = (node: Node): boolean => {
    if (node.op === 'number' || node.op === 'name') return false
    const used = [...names(node)].filter(n => n === 'product' || n in instruction.inputs)
    return used.length > 0 && used.every(n => columns.includes(n))
  }
  const replace = (node: Node): Node => {
    let found = done.get(node)
    if (!found) {
      const key = `column_${done.size}`
      const column = viewOf({ name: key, shape: [width], kind: 'temporary' })
      const used = Object.entries(instruction.inputs).filter(([n]) => names(node).has(n))
      first.push({
        verb: 'map',
        formula: formulaOf({ y: node }),
        inputs: Object.fromEntries(used.map(([n, view]) => [n, view.last()])),
        outputs: { y: column },
      })
      inputs[key] = column.broadcast(Object.values(instruction.inputs)[0].shape)
      done.set(node, (found = nameNode(key)))
    }
    return found
  }
  const outputs = Object.fromEntries(
    [...instruction.formula.outputs].map(([key, root]): [string, Node] => {
      if (isColumn(root)) return [key, root]
      const [node] = fold([root], (node: Node, args: readonly Node[]): Node => {
        if (node.op === 'number' || node.op === 'name') return node
        return apply(node.op, ...node.args.map((arg, i) => (isColumn(arg) ? replace(arg) : args[i])))
      })
      return [key, node]
    }),
  )
  if (first.length === 0) return [instruction]
  const formula = formulaOf(outputs)
  const kept = Object.fromEntries(Object.entries(inputs).filter(([n]) => formula.names.includes(n)))
  return [...first, { ...instruction, formula, inputs: kept }]
}

const sameInEveryRow = (view: View): boolean => view.shape.slice(0, -1).every((_, axis) => isStill(view, axis))
