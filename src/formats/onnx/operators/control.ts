import { type Call, must, type Operators } from '../call.ts'
import { badFile, unsupported } from '../file.ts'
import { concat, front, reshape, scalar, slice, type Tensor } from '../tensors.ts'

/** Most rounds of a loop. */
const rounds = 2 ** 17

const wide = (t: Tensor, axis: number): Tensor => reshape(t, t.dims.toSpliced(axis, 0, 1))
const joined = (list: readonly Tensor[], axis: number): Tensor => {
  if (list.length === 0)
    throw unsupported('a loop of no rounds whose rounds are collected', 'run it for one round at least')
  return concat(
    list.map(t => wide(t, axis)),
    axis,
  )
}

/** The body takes the round, whether to go on, and what is carried; it gives whether to go on, what is carried, what is collected. */
function loop([most, start, ...first]: readonly Tensor[], c: Call): Tensor[] {
  const body = c.body('body')
  const limit = most ? most.data[0] : Infinity
  let go = start ? start.data[0] !== 0 : true
  let carried: readonly Tensor[] = first
  const collected: Tensor[][] = Array.from({ length: c.outputs - first.length }, () => [])
  for (let round = 0; go && round < limit; round++) {
    if (round === rounds) throw badFile(`a loop did not end in ${rounds} rounds`)
    const [on, ...results] = body([scalar('int64', round), scalar('bool', 1), ...carried])
    go = on.data[0] !== 0
    carried = results.slice(0, first.length)
    collected.forEach((list, i) => void list.push(results[first.length + i]))
  }
  return [...carried, ...collected.map(list => joined(list, 0))]
}

function scan(inputs: readonly Tensor[], c: Call): Tensor[] {
  const count = c.int('num_scan_inputs')
  const body = c.body('body')
  const states = inputs.length - count
  must(count >= 1 && states >= 0, 'Scan got fewer inputs than it scans')
  const sequences = inputs.slice(states)
  const outs = c.outputs - states
  const [inAxes, inBack, outAxes, outBack] = [
    'scan_input_axes',
    'scan_input_directions',
    'scan_output_axes',
    'scan_output_directions',
  ].map(name => c.ints(name))
  const axes = sequences.map((t, i) => front(inAxes?.[i] ?? 0, t.dims.length))
  const length = sequences[0].dims[axes[0]]
  must(
    sequences.every((t, i) => t.dims[axes[i]] === length),
    'Scan got sequences of different lengths',
  )
  let carried: readonly Tensor[] = inputs.slice(0, states)
  const collected: Tensor[][] = Array.from({ length: outs }, () => [])
  for (let round = 0; round < length; round++) {
    const at = (i: number) => (inBack?.[i] ? length - 1 - round : round)
    const parts = sequences.map((t, i) => {
      const part = slice(t, axes[i], at(i), at(i) + 1)
      return reshape(part, part.dims.toSpliced(axes[i], 1))
    })
    const results = body([...carried, ...parts])
    carried = results.slice(0, states)
    collected.forEach(
      (list, i) => void (outBack?.[i] ? list.unshift(results[states + i]) : list.push(results[states + i])),
    )
  }
  return [
    ...carried,
    ...collected.map((list, i) => joined(list, front(outAxes?.[i] ?? 0, (list[0]?.dims.length ?? 0) + 1))),
  ]
}

/** Opset 8 scans along axis 1, once for each sample. */
function scanBatches([lengths, ...inputs]: readonly Tensor[], c: Call): Tensor[] {
  if (lengths) throw unsupported('Scan with lengths', 'export with opset 9 or newer')
  const batch = inputs[0].dims[0]
  const single = (t: Tensor, i: number) => reshape(slice(t, 0, i, i + 1), t.dims.slice(1))
  const renamed: Call = { ...c, ints: name => (name === 'scan_input_directions' ? c.ints('directions') : undefined) }
  const results = Array.from({ length: batch }, (_, i) =>
    scan(
      inputs.map(t => single(t, i)),
      renamed,
    ),
  )
  return results[0].map((_, k) =>
    joined(
      results.map(list => list[k]),
      0,
    ),
  )
}

export const control: Operators = {
  If: ([when], c) => {
    const [yes, no] = [c.body('then_branch'), c.body('else_branch')]
    return when.data[0] !== 0 ? yes([]) : no([])
  },
  Loop: loop,
  Scan: (inputs, c) => (c.opset < 9 ? scanBatches(inputs, c) : scan(inputs, c)),
}
