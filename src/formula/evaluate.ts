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

/** Operations the loop knows by their place in this list; the others are called, which is slower. */
const QUICK = '+ - * / neg select < > max exp log sqrt tanh sigmoid'.split(' ')

/**
 * Lays a formula out as a tape: names, numbers and results have places in one array, and each distinct operation is one
 * instruction (what to do, three places to read) whose result takes the next place.
 */
export function compile(formula: Formula): Compiled {
  const { names } = formula
  const places: number[] = names.map(() => 0)
  const steps: { op: Operation; args: readonly Place[] }[] = []
  // How many steps come after the numbers is known only at the end, so a result's place waits for `first`.
  type Place = { readonly fixed: number } | { readonly step: number }
  const roots = fold<Place>([...formula.outputs.values()], (node, args) => {
    if (node.op === 'name') return { fixed: names.indexOf(node.name) }
    if (node.op === 'number') return { fixed: places.push(node.value) - 1 }
    return { step: steps.push({ op: node.op, args }) - 1 }
  })
  const first = places.length
  const at = (place: Place) => ('fixed' in place ? place.fixed : first + place.step)
  const p = new Float64Array(first + steps.length)
  p.set(places)
  const tape = Int32Array.from(
    steps.flatMap(({ op, args: [a, b = a, c = a] }) => [QUICK.indexOf(op), at(a), at(b), at(c)]),
  )
  const calls = steps.map(({ op }) => operations[op] as Function3)
  const results = Int32Array.from(roots, at)

  const count = names.length
  const length = tape.length

  function run(inputs: Float64Array, outputs: Float64Array) {
    for (let i = 0; i < count; i++) p[i] = inputs[i]
    for (let i = 0, next = first; i < length; i += 4) {
      const a = p[tape[i + 1]]
      const b = p[tape[i + 2]]
      let value: number
      switch (tape[i]) {
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
          value = a !== 0 ? b : p[tape[i + 3]]
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
        case 9:
          value = Math.exp(a)
          break
        case 10:
          value = Math.log(a)
          break
        case 11:
          value = Math.sqrt(a)
          break
        case 12:
          value = Math.tanh(a)
          break
        case 13:
          value = 1 / (1 + Math.exp(-a))
          break
        default:
          value = calls[i / 4](a, b, p[tape[i + 3]])
      }
      p[next++] = value
    }
    for (let i = 0; i < results.length; i++) outputs[i] = p[results[i]]
  }
  return { names, outputs: [...formula.outputs.keys()], run }
}
