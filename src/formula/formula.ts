import { FormulaError, nearest } from '../errors.ts'
import { isName, type Node, names } from './node.ts'
import { failure, parse } from './parse.ts'
import { printAll } from './print.ts'
import { recent } from './recent.ts'

/** One or more named expressions over free names. */
export interface Formula {
  /** The text it was read from, or an equivalent one. */
  readonly text: string
  readonly outputs: ReadonlyMap<string, Node>
  /** The free names in order of first appearance. */
  readonly names: readonly string[]
}

/**
 * Reads a formula. A bare expression gives one output, `y`; `name = …;` gives several; `let name = …;` shares a part.
 * A name that was given a value means that value from then on; before, it is free.
 *
 * Throws FormulaError with a caret when the text cannot be read, is over 10,000 characters, 200 levels or 5,000 nodes.
 *
 * @example
 * formula('x > 0 ? x : slope * x').names          // ['x', 'slope']
 * formula('m = beta * m + g; w = w - rate * m')   // outputs m and w; w uses the new m
 */
export function formula(text: string): Formula {
  return text.length > long ? read(text) : texts(text, () => read(text))
}

/** What was read of late: a recurrent layer writes the same formulas at each of its steps. */
const texts = recent<Formula>(256)
const long = 1000

function read(text: string): Formula {
  const parsed = parse(text)
  return Object.freeze({ text, outputs: parsed.outputs, names: Object.freeze([...parsed.names.keys()]) })
}

/** Formulas by their first node, a few of each: equal ones are the same object, as equal nodes are. */
const known = new WeakMap<Node, Formula[]>()
const few = 16

/** A formula of nodes; its text is printed when asked for. */
export function formulaOf(outputs: ReadonlyMap<string, Node> | Readonly<Record<string, Node>>): Formula {
  const map: ReadonlyMap<string, Node> = new Map(outputs instanceof Map ? outputs : Object.entries(outputs))
  const [first] = map.values()
  const others = (first && known.get(first)) ?? []
  const same = others.find(other => isSame(other.outputs, map))
  if (same) return same
  for (const output of map.keys())
    if (!isName(output))
      throw new FormulaError('bad-name', `${JSON.stringify(output).slice(0, 40)} cannot be an output of a formula`, {
        hint: 'use letters, digits and _, and no word of the language',
      })
  let text: string | undefined
  const made = Object.freeze({
    get text() {
      return (text ??= printAll(map))
    },
    outputs: map,
    names: Object.freeze([...names(...map.values())]),
  })
  if (first) known.set(first, [made, ...others.slice(0, few - 1)])
  return made
}

/** Whether both have the same outputs in the same order. */
function isSame(a: ReadonlyMap<string, Node>, b: ReadonlyMap<string, Node>): boolean {
  if (a.size !== b.size) return false
  const others = b.entries()
  for (const [output, node] of a) {
    const [name, other] = others.next().value!
    if (name !== output || other !== node) return false
  }
  return true
}

/**
 * Returns the formula if it uses only `known` names.
 * Throws FormulaError with a caret at the first unknown one; `what` says whose formula it is.
 */
export function check(formula: Formula, known: readonly string[], what: string | (() => string)): Formula {
  const unknown = formula.names.find(name => !known.includes(name))
  if (unknown === undefined) return formula
  const guess = nearest(unknown, known, 1)
  const hint =
    guess.length > 0 ? `did you mean "${guess[0]}"?` : `it may use ${known.slice(0, 12).join(', ') || 'no names'}`
  const who = typeof what === 'string' ? what : what()
  const message = `unknown name "${unknown.slice(0, 24)}" in the formula of ${who.slice(0, 32)}`
  throw failure('unknown-name', formula.text, parse(formula.text).names.get(unknown) ?? 0, message, hint)
}
