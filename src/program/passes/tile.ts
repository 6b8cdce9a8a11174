import { formula } from '../../formula/index.ts'
import { type Buffer, regrouped, type View, viewOf } from '../../tensor/view.ts'
import type { Instruction, MapInstruction, Program, Scatter } from '../instruction.ts'

/**
 * A scatter whose target meets each element of its buffer once, as the gradient of pooling without overlap does, is a
 * map over that buffer: the value where the index says so, zero elsewhere.
 */
export function tile(program: Program): Program {
  const instructions = program.instructions.map((i): Instruction => (i.verb === 'scatter' ? (tiled(i) ?? i) : i))
  return { ...program, instructions }
}

function tiled({ out, index, values, axis }: Scatter): MapInstruction | undefined {
  if (!isTiling(out)) return undefined
  const factors = out.axes.flat().filter(f => f.size !== 1)
  const choices: Buffer = { name: 'index', shape: [out.shape[axis]], kind: 'index' }
  const all = {
    y: out,
    dy: values.repeat(axis, out.shape[axis]),
    place: index.repeat(axis, out.shape[axis]),
    here: viewOf(choices)
      .reshape(...out.shape.map((n, i) => (i === axis ? n : 1)))
      .broadcast(out.shape),
  }
  // In the order in which the buffer lies: outer dimensions first, and of one dimension the wider steps.
  const order = factors
    .map((_, i) => i)
    .sort((i, j) => factors[i].dim - factors[j].dim || factors[j].step - factors[i].step)
  const views: [string, View][] = []
  for (const [name, view] of Object.entries(all)) {
    const split = regrouped(
      view,
      factors.map(f => f.size),
    )
    if (!split) return undefined
    views.push([name, split.transpose(...order)])
  }
  const [[, y], ...inputs] = views
  return { verb: 'map', formula: formula('place == here ? dy : 0'), inputs: Object.fromEntries(inputs), outputs: { y } }
}

/** Whether the view covers every element of its buffer exactly once. */
function isTiling(view: View): boolean {
  if (view.axes.flat().some(f => f.step === 0 && f.size !== 1)) return false
  return view.buffer.shape.every((size, d) => {
    const factors = view.axes
      .flat()
      .filter(f => f.dim === d && f.step !== 0 && f.size !== 1)
      .sort((a, b) => a.step - b.step)
    let covered = 1
    for (const f of factors) {
      if (f.step !== covered) return false
      covered *= f.size
    }
    return view.divisor[d] === 1 && view.base[d] === 0 && covered === size
  })
}
