import { formulaOf, number, substitute } from '../../formula/index.ts'
import { make, regrouped, type View } from '../../tensor/view.ts'
import { complete, type Gemm, type Instruction, mapped, type Program } from '../instruction.ts'

/**
 * A product that reads zeros between the elements of its left operand, as the way back of a convolution with strides does,
 * becomes one product for each phase of the stride: of three taps next to each other, a stride of two lets one or two meet
 * an element, and the others are left out.
 */
export function phases(program: Program): Program {
  return { ...program, instructions: program.instructions.flatMap(i => (i.verb === 'gemm' ? parted(i) : i)) }
}

function parted(gemm: Gemm): Instruction[] {
  const { a } = gemm
  const dim = a.divisor.findIndex(d => d !== 1)
  if (dim < 0) return [gemm]
  const [rows, depth] = a.axes
  const walks = (axis: View['axes'][0]) => axis.filter(f => f.dim === dim && f.step !== 0)
  const [row, ...otherRows] = walks(rows)
  const [tap, ...otherTaps] = walks(depth)
  if (row?.step !== 1 || !tap || otherRows.length > 0 || otherTaps.length > 0) return [gemm]
  const [down, along] = [rows, depth].map(axis => axis.map(f => f.size))
  const left = regrouped(a, [...down, ...along])
  const right = regrouped(gemm.b, [...along, gemm.b.shape[1]])
  const byRows = (view: View) => regrouped(view, [...down, view.shape[1]])
  const [results, operands] = [gemm.outputs, gemm.inputs].map(all => mapped(all, byRows))
  if (!left || !right || !complete(results) || !complete(operands)) return [gemm]

  const stride = a.divisor[dim]
  const [rowAxis, tapAxis] = [rows.indexOf(row), depth.indexOf(tap)]
  return Array.from({ length: Math.min(stride, row.size) }, (_, phase): Instruction[] => {
    const size = Math.ceil((row.size - phase) / stride)
    const mine = (view: View) => view.slice(rowAxis, phase, size, stride)
    const [outputs, inputs] = [results, operands].map(all => mapped(all, view => mine(view).matrix(rows.length)))
    const meets = (i: number) => (a.base[dim] + phase + i * tap.step) % stride === 0
    const taps = Array.from({ length: tap.size }, (_, i) => i).filter(meets)
    if (taps.length === 0) {
      const nodes = mapped(Object.fromEntries(gemm.formula.outputs), node => substitute(node, { product: number(0) }))
      return [{ verb: 'map', formula: formulaOf(nodes), inputs, outputs }]
    }
    const [first, second = first + 1] = taps
    const only = (view: View, axis: number) => view.slice(axis, first, taps.length, second - first)
    const seen = dense(only(mine(left), rows.length + tapAxis), dim).matrix(rows.length)
    return parted({ ...gemm, a: seen, b: only(right, tapAxis).matrix(depth.length), inputs, outputs })
  }).flat()
}

/** The view without the zeros between elements of a dimension, where it meets none of them. */
function dense(view: View, dim: number): View {
  const { name, buffer, axes, base, divisor, fill } = view
  const by = divisor[dim]
  return make({
    ...{ name, buffer, fill },
    // The step of a single tap may be any number, and stays a whole one.
    axes: axes.map(axis => axis.map(f => (f.dim === dim && f.size > 1 ? { ...f, step: f.step / by } : f))),
    base: base.with(dim, base[dim] / by),
    divisor: divisor.with(dim, 1),
  })
}
