import { type Formula, fold } from '../../formula/index.ts'
import { operations } from '../../formula/operations.ts'
import type { Builder } from './build.ts'

/** What an expression became: a name, and whether it is true or false rather than a number. */
interface Piece {
  readonly name: string
  readonly bool?: boolean
  readonly value?: number
}

const numeric: Readonly<Record<string, string>> = {
  neg: 'Neg',
  '+': 'Add',
  '-': 'Sub',
  '*': 'Mul',
  '/': 'Div',
  '^': 'Pow',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  abs: 'Abs',
  sign: 'Sign',
  floor: 'Floor',
  ceil: 'Ceil',
  round: 'Round',
  sin: 'Sin',
  cos: 'Cos',
  tan: 'Tan',
  atan: 'Atan',
  sinh: 'Sinh',
  cosh: 'Cosh',
  tanh: 'Tanh',
  erf: 'Erf',
  sigmoid: 'Sigmoid',
  softplus: 'Softplus',
  min: 'Min',
  max: 'Max',
}
const comparisons: Readonly<Record<string, string>> = {
  '<': 'Less',
  '<=': 'LessOrEqual',
  '>': 'Greater',
  '>=': 'GreaterOrEqual',
  '==': 'Equal',
}
const logic: Readonly<Record<string, string>> = { '&&': 'And', '||': 'Or', '!': 'Not' }

/** Writes the first output of a formula as nodes, one an operation; a part that occurs twice is written once. */
export function writeFormula(b: Builder, formula: Formula, inputs: Readonly<Record<string, string>>): string {
  const number = (piece: Piece): string =>
    piece.value !== undefined
      ? b.number(piece.value)
      : piece.bool
        ? b.node('Cast', [piece.name], { to: b.code })
        : piece.name
  const truth = (piece: Piece): string =>
    piece.bool ? piece.name : b.node('Not', [b.node('Equal', [number(piece), b.number(0)])])
  const [root] = formula.outputs.values()
  const [result] = fold<Piece>([root], (node, args) => {
    if (node.op === 'number') return { name: '', value: node.value }
    if (node.op === 'name') return { name: inputs[node.name] }
    if (args.every(({ value }) => value !== undefined))
      return {
        name: '',
        value: (operations[node.op] as (...x: number[]) => number)(...args.map(({ value }) => value!)),
      }
    if (node.op === 'select') return { name: b.node('Where', [truth(args[0]), number(args[1]), number(args[2])]) }
    if (node.op === '!=') return { name: b.node('Not', [b.node('Equal', args.map(number))]), bool: true }
    if (node.op === 'log1p') return { name: b.node('Log', [b.node('Add', [number(args[0]), b.number(1)])]) }
    if (node.op === 'expm1') return { name: b.node('Sub', [b.node('Exp', [number(args[0])]), b.number(1)]) }
    if (node.op in comparisons) return { name: b.node(comparisons[node.op], args.map(number)), bool: true }
    if (node.op in logic) return { name: b.node(logic[node.op], args.map(truth)), bool: true }
    return { name: b.node(numeric[node.op], args.map(number)) }
  })
  return number(result)
}
