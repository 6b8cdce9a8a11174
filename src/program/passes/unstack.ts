import { commonShape, type Shape } from '../../tensor/shape.ts'
import { inside } from '../../tensor/view.ts'
import { type Gemm, type Program, reads, writes } from '../instruction.ts'
import { replace } from './alias.ts'

/** Products from which on a stack is worth a loop: fewer are better planned, and shared by threads, one by one. */
const many = 16

/** A stack of few products, or of such as no loops go through together, becomes these products. */
export function unstack(program: Program): Program {
  const instructions = program.instructions.flatMap(i => (i.verb === 'gemm' && i.a.shape.length > 2 ? parted(i) : i))
  return { ...program, instructions }
}

function parted(gemm: Gemm) {
  const [count] = gemm.a.shape
  if (count >= many && viewsOf(gemm).every(inside) && levels(gemm)) return [gemm]
  return Array.from({ length: count }, (_, i) => replace(gemm, view => view.at(i)))
}

/** The loops that go through a stack, outermost first, if all its views can be cut so. */
export const levels = (gemm: Gemm): Shape | undefined =>
  viewsOf(gemm)
    .map(({ axes }): Shape | undefined => axes[0].map(f => f.size))
    .reduce((a, b) => a && b && commonShape(a, b))

const viewsOf = (gemm: Gemm) => [...reads(gemm), ...writes(gemm)]
