import { type Call, choice, must, type Operators, showDims } from '../call.ts'
import { unsupported } from '../file.ts'
import { exactly, room, rounded, spend, type Tensor, transpose } from '../tensors.ts'
import { gates } from './elementwise.ts'

type Gate = (x: number) => number
/** One step of one sample: `a` holds W·x and both biases, `r` gives R·h a row at a time. */
type Cell = (step: {
  a: Float64Array
  h: Float64Array
  s: Float64Array
  r: (row: number, h: Float64Array) => number
  n: number
  peep?: Float64Array
  bias: (row: number) => number
  acts: readonly Gate[]
}) => void

interface Kind {
  readonly gates: number
  readonly activations: readonly string[]
  readonly states: 1 | 2
  readonly cell: (c: Call) => Cell
}

const rnn: Kind = {
  gates: 1,
  activations: ['Tanh'],
  states: 1,
  cell:
    () =>
    ({ a, h, r, n, bias, acts: [f] }) => {
      const before = h.slice()
      for (let j = 0; j < n; j++) h[j] = f(a[j] + r(j, before) + bias(j))
    },
}

const gru: Kind = {
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  states: 1,
  cell: c => {
    const late = c.int('linear_before_reset', 0) !== 0
    return ({ a, h, r, n, bias, acts: [f, g] }) => {
      const before = h.slice()
      const [z, reset] = [0, n].map(from => before.map((_, j) => f(a[from + j] + r(from + j, before) + bias(from + j))))
      const kept = before.map((v, j) => reset[j] * v)
      for (let j = 0; j < n; j++) {
        const row = 2 * n + j
        const past = late ? reset[j] * (r(row, before) + bias(row)) : r(row, kept) + bias(row)
        h[j] = (1 - z[j]) * g(a[row] + past) + z[j] * before[j]
      }
    }
  },
}

const lstm: Kind = {
  gates: 4,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  states: 2,
  cell: c => {
    const coupled = c.int('input_forget', 0) !== 0
    return ({ a, h, s, r, n, peep, bias, acts: [f, g, k] }) => {
      const before = h.slice()
      for (let j = 0; j < n; j++) {
        const z = (gate: number) => a[gate * n + j] + r(gate * n + j, before) + bias(gate * n + j)
        const look = (gate: number) => (peep ? peep[gate * n + j] : 0)
        const input = f(z(0) + look(0) * s[j])
        const forget = coupled ? 1 - input : f(z(2) + look(2) * s[j])
        s[j] = forget * s[j] + input * g(z(3))
        h[j] = f(z(1) + look(1) * s[j]) * k(s[j])
      }
    }
  },
}

/** The activations of each direction; each takes its alpha and beta from the lists in turn. */
function activationsOf(c: Call, kind: Kind, directions: number): Gate[][] {
  const names = c.texts('activations') ?? Array.from({ length: directions }, () => kind.activations).flat()
  const [alphas, betas] = [[...(c.floats('activation_alpha') ?? [])], [...(c.floats('activation_beta') ?? [])]]
  const clip = c.has('clip') ? c.float('clip') : Infinity
  must(names.length === directions * kind.activations.length, `a recurrent node got ${names.length} activations`)
  const made = names.map(name => {
    const gate = Object.hasOwn(gates, name.toLowerCase()) ? gates[name.toLowerCase()] : undefined
    if (!gate)
      throw unsupported(`activation ${name.slice(0, 20)}`, `one of ${Object.keys(gates).join(', ')} is understood`)
    const alpha = gate.alpha === undefined ? 0 : (alphas.shift() ?? gate.alpha)
    const beta = gate.beta === undefined ? 0 : (betas.shift() ?? gate.beta)
    return (x: number) => gate.f(Math.min(Math.max(x, -clip), clip), alpha, beta)
  })
  const each = kind.activations.length
  return Array.from({ length: directions }, (_, d) => made.slice(d * each, (d + 1) * each))
}

function recur(kind: Kind, inputs: readonly Tensor[], c: Call): Tensor[] {
  const [given, w, r, b, lengths, firstH] = inputs
  const [firstS, peepholes] = kind.states === 2 ? inputs.slice(6) : []
  const swapped = c.int('layout', 0) !== 0
  const direction = choice('direction', c.text('direction', 'forward'), ['forward', 'reverse', 'bidirectional'])
  const directions = direction === 'bidirectional' ? 2 : 1
  const x = swapped ? transpose(given, [1, 0, 2]) : given
  const [steps, batch, features] = x.dims
  const n = r.dims[2]
  const rows = kind.gates * n
  c.has('hidden_size')
  c.has('output_sequence')
  const fits =
    x.dims.length === 3 &&
    w.dims.join() === [directions, rows, features].join() &&
    r.dims.join() === [directions, rows, n].join()
  must(fits, `a recurrent node got W ${showDims(w.dims)} and R ${showDims(r.dims)} for X ${showDims(x.dims)}`)
  const acts = activationsOf(c, kind, directions)
  const cell = kind.cell(c)
  const start = (t: Tensor | undefined) =>
    (t ? (swapped ? transpose(t, [1, 0, 2]) : t).data : room([directions, batch, n])).slice()
  const [hs, ss] = [start(firstH), start(firstS)]
  must(
    hs.length === directions * batch * n && ss.length === hs.length,
    'a recurrent node got a first state of another size',
  )
  const y = room([steps, directions, batch, n])
  spend(2 * steps * directions * batch * rows * (features + n + 8))
  const a = new Float64Array(rows)
  for (let d = 0; d < directions; d++) {
    const wide = (d * 2 + 0) * rows
    const bias = (row: number) => (b ? b.data[wide + rows + row] : 0)
    const recurrent = (row: number, h: Float64Array) => {
      let sum = 0
      for (let j = 0, at = (d * rows + row) * n; j < n; j++) sum += r.data[at + j] * h[j]
      return sum
    }
    const peep = peepholes?.data.subarray(d * 3 * n, (d + 1) * 3 * n)
    for (let i = 0; i < batch; i++) {
      const own = (d * batch + i) * n
      const [h, s] = [hs.subarray(own, own + n), ss.subarray(own, own + n)]
      const length = lengths ? lengths.data[i] : steps
      must(length >= 0 && length <= steps, `a recurrent node got the length ${length} of ${steps} steps`)
      for (let k = 0; k < length; k++) {
        const t = direction === 'reverse' || d === 1 ? length - 1 - k : k
        const from = (t * batch + i) * features
        for (let row = 0; row < rows; row++) {
          let sum = b ? b.data[wide + row] : 0
          for (let j = 0, at = (d * rows + row) * features; j < features; j++) sum += w.data[at + j] * x.data[from + j]
          a[row] = sum
        }
        cell({ a, h, s, r: recurrent, n, peep, bias, acts: acts[d] })
        y.set(h, ((t * directions + d) * batch + i) * n)
      }
    }
  }
  const all = rounded(x.type, [steps, directions, batch, n], y)
  const last = [hs, ss].slice(0, kind.states).map(data => rounded(x.type, [directions, batch, n], data))
  if (!swapped) return [all, ...last]
  return [transpose(all, [2, 0, 1, 3]), ...last.map(t => transpose(exactly(t.type, t.dims, t.data), [1, 0, 2]))]
}

export const recurrent: Operators = {
  RNN: (inputs, c) => recur(rnn, inputs, c),
  GRU: (inputs, c) => recur(gru, inputs, c),
  LSTM: (inputs, c) => recur(lstm, inputs, c),
}
