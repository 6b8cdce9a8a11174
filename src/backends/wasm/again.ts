import type { Formula } from '../../formula/index.ts'
import { isCounted } from '../../tensor/view.ts'
import type { Code, Local } from './assembler.ts'
import type { Body, Build } from './build.ts'
import { type Nest, pointerOf } from './nest.ts'

/** A function that is written, and which of its numbers are the addresses that its operands start at. */
interface Written {
  readonly code: Code
  readonly starts: readonly number[]
}

// Of each program, by formula and by all else that the code depends on but where the arrays lie.
const known = new WeakMap<Build, WeakMap<Formula, Map<string, Written>>>()

/**
 * The loops of a formula, which `write` writes into an empty function, and says which numbers are the addresses: what is
 * written for the same loops over other arrays is copied. A recurrent layer has the same ones in each of its steps.
 */
export function again(
  build: Build,
  formula: Formula,
  n: Nest,
  kind: string,
  write: (f: Code, begin: Local, end: Local) => readonly number[],
): Body {
  return (f, begin, end) => {
    const formulas = known.get(build) ?? new WeakMap<Formula, Map<string, Written>>()
    known.set(build, formulas)
    const forms = formulas.get(formula) ?? new Map<string, Written>()
    formulas.set(formula, forms)
    const form = formOf(n, kind)
    const first = forms.get(form)
    if (first) copy(f, first, n)
    else forms.set(form, { starts: write(f, begin, end), code: f })
  }
}

const formOf = ({ sizes, operands }: Nest, kind: string): string =>
  JSON.stringify([
    kind,
    sizes,
    operands.map(({ view: { buffer, fill }, strides, checks }) => [
      strides,
      checks.length > 0 && [String(fill), checks],
      isCounted(buffer) && [buffer.kind, buffer.stream],
    ]),
  ])

function copy(f: Code, { code, starts }: Written, n: Nest): void {
  const addresses = new Map(starts.map((at, i) => [at, pointerOf(n.operands[i])]))
  f.locals.push(...code.locals)
  const view = code.bytes.view()
  let i = 0
  code.parts((from, to, number) => {
    if (number === undefined) f.bytes.append(view.subarray(from, to))
    else {
      f.bytes.append(view.subarray(from, to - 1)) // its opcode is written again
      f.i32(addresses.get(i++) ?? number)
    }
  })
}
