import { FormulaError, nearest } from '../errors.ts'
import type { Formula } from './formula.ts'
import { fold, type Node } from './node.ts'
import { type Operation, operations } from './operations.ts'

type Function3 = (a: number, b: number, c: number) => number

/** The float64 value of a node. Throws FormulaError when a name has no value. */
export function evaluate(node: Node, values: Readonly<Record<string, number>> | ((name: string) => number)): number {
  const read = typeof values === 'function' ? values : (name: string) => lookUp(values, name)
  return fold<number>([node], (part, [a, b, c]) => {
    if (part.op === 'number') return part.value
    if (part.op === 'name') return read(part.name)
    return (operations[part.op] as Function3)(a, b, c)
  })[0]
}

function lookUp(values: Readonly<Record<string, number>>, name: string): number {
  if (Object.hasOwn(values, name)) return values[name]
  const guess = nearest(name, Object.keys(values), 1)
  throw new FormulaError('missing-value', `no value for the name "${name.slice(0, 24)}" of a formula`, {
    hint: guess.length > 0 ? `did you mean "${guess[0]}"?` : `pass { ${name.slice(0, 24)}: … }`,
  })
}

/** A formula made ready to be computed many times in float64. */
export interface Compiled {
  /** The order of `inputs`. */
  readonly names: readonly string[]
  /** The order of `outputs`. */
  readonly outputs: readonly string[]
  /** Reads one number a name, writes one number an output. */
  run(inputs: Float64Array, outputs: Float64Array): void
}

/** Operations the loop knows by number; the others are called. */
const QUICK: readonly Operation[] = ['+', '-', '*', '/', 'neg', 'select', '<', '>', 'max']

/**
 * Lays a formula out as a tape: names, numbers and results have places in one array, and each distinct operation is one
 * instruction that reads up to three places and writes the next.
 */
export function compile(formula: Formula): Compiled {
  const { names } = formula
  const outputs = [...formula.outputs.keys()]
  const constants: number[] = []
  const steps: { op: Operation; args: readonly number[] }[] = []
  // Places: names count up from 0, constants and steps follow once both are counted.
  type Place = { readonly kind: 'name' | 'constant' | 'step'; readonly index: number }
  const place = ({ kind, index }: Place) =>
    kind === 'name' ? index : kind === 'constant' ? names.length + index : names.length + constants.length + index
  const uses: (readonly Place[])[] = []
  const roots = fold<Place>([...formula.outputs.values()], (node, args) => {
    if (node.op === 'name') return { kind: 'name', index: names.indexOf(node.name) }
    if (node.op === 'number') return { kind: 'constant', index: constants.push(node.value) - 1 }
    uses.push(args)
    return { kind: 'step', index: steps.push({ op: node.op, args: [] }) - 1 }
  })
  const first = names.length + constants.length
  const places = new Float64Array(first + steps.length)
  places.set(constants, names.length)
  const codes = Int32Array.from(steps, ({ op }) => QUICK.indexOf(op))
  const calls = steps.map(({ op }) => operations[op] as Function3)
  const reads = Int32Array.from(uses.flatMap(args => [0, 1, 2].map(i => place(args[i] ?? args[0]))))
  const results = Int32Array.from(roots, place)
  return {
    names,
    outputs,
    run(inputs, outputs) {
      for (let i = 0; i < names.length; i++) places[i] = inputs[i]
      for (let i = 0; i < codes.length; i++) {
        const a = places[reads[3 * i]]
        const b = places[reads[3 * i + 1]]
        let value: number
        switch (codes[i]) {
          case 0:
            value = a + b
            break
          case 1:
            value = a - b
            break
          case 2:
            value = a * b
            break
          case 3:
            value = a / b
            break
          case 4:
            value = -a
            break
          case 5:
            value = a !== 0 ? b : places[reads[3 * i + 2]]
            break
          case 6:
            value = a < b ? 1 : 0
            break
          case 7:
            value = a > b ? 1 : 0
            break
          case 8:
            value = Math.max(a, b)
            break
          default:
            value = calls[i](a, b, places[reads[3 * i + 2]])
        }
        places[first + i] = value
      }
      for (let i = 0; i < results.length; i++) outputs[i] = places[results[i]]
    },
  }
}
