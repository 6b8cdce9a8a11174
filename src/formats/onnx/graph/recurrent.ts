import * as layers from '../../../nn/layers/index.ts'
import { choice, must } from '../call.ts'
import { unsupported } from '../file.ts'
import { constant, flowing, type Mapping, type Row, type Rows, uniform, weights } from './mapping.ts'
import { batchAt, channelled, sample, sizeIn } from './sample.ts'
import { along } from './shapes.ts'

/** The file's gates among ours: place i of ours holds gate order[i] of the file. */
interface Kind {
  readonly gates: readonly number[]
  readonly activations: readonly string[]
  make(units: number, options: object): ReturnType<typeof layers.lstm>
}

const names: Readonly<Record<string, string>> = {
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  relu: 'relu',
  softsign: 'softsign',
  softplus: 'softplus',
}

/** Matrices [gates · units, columns] of the file as ours, [columns, gates · units], gates in our order. */
function gated(
  data: ArrayLike<number>,
  start: number,
  columns: number,
  units: number,
  order: readonly number[],
): Float64Array {
  const rows = units * order.length
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [column, row] = [Math.floor(i / rows), i % rows]
    return data[start + (order[Math.floor(row / units)] * units + (row % units)) * columns + column]
  })
}

const recurrent =
  ({ gates, activations, make }: Kind): Row =>
  m => {
    const [w, r, b] = [weights(m, 1), weights(m, 2), constant(m, 3)]
    const units = m.int('hidden_size', r.dims.at(-1))
    const way = choice('direction', m.text('direction', 'forward'), ['forward', 'reverse', 'bidirectional'])
    const ways = way === 'bidirectional' ? 2 : 1
    if (m.int('layout', 0) !== 0) throw unsupported('batches before steps', 'export with layout 0')
    const s = batchAt(flowing(m), 1)
    const [steps, features] = [sizeIn(s, 0), sizeIn(s, 2)]
    const rows = gates.length * units
    must(
      w.data.length === ways * rows * features && r.data.length === ways * rows * units,
      'recurrent weights do not fit',
    )
    checkStart(m, steps)
    const told = (m.texts('activations') ?? [...activations, ...activations]).map(name => names[name.toLowerCase()])
    const per = activations.length
    const uneven = ways === 2 && told.slice(0, per).join() !== told.slice(per).join()
    if (
      told.includes(undefined as never) ||
      uneven ||
      (per === 3 && told[1] !== told[2]) ||
      m.has('clip') ||
      m.has('activation_alpha') ||
      m.has('activation_beta')
    )
      throw unsupported('activations of this recurrent layer', 'run it with importOnnx')
    const after = m.operator === 'GRU' && m.int('linear_before_reset', 0) !== 0
    if (m.operator === 'LSTM' && m.int('input_forget', 0)) throw unsupported('input_forget', 'run it with importOnnx')
    const whole = m.wanted(0)
    const options = {
      activation: told[per - 1],
      ...(per > 1 && { recurrentActivation: told[0] }),
      ...(m.operator === 'GRU' && { resetAfter: after }),
      returnSequences: whole,
      useBias: b !== undefined,
    }
    const arrays = (direction: number) => {
      const of = (t: { data: ArrayLike<number> }, columns: number) =>
        gated(t.data, direction * rows * columns, columns, units, gates)
      const [input, state] = [0, 1].map(half => b && gated(b.data, (2 * direction + half) * rows, 1, units, gates))
      const bias = input && state && (after ? [...input, ...state] : Array.from(input, (v, i) => v + state[i]))
      return { W: of(w, features), U: of(r, units), ...(bias && { b: bias }) }
    }
    const prefixed = (prefix: string, direction: number) =>
      Object.fromEntries(Object.entries(arrays(direction)).map(([key, values]) => [prefix + key, values]))
    const made =
      ways === 2
        ? m.learn(layers.bidirectional(make(units, options), m.options(1)), {
            ...prefixed('forward_', 0),
            ...prefixed('backward_', 1),
          })
        : m.learn(make(units, { ...options, goBackwards: way === 'reverse', ...m.options(1) }), arrays(0))
    if (way === 'reverse' && whole) throw unsupported('steps of a layer that goes backwards', 'run it with importOnnx')
    const output = made(channelled(s, [0, 2]))
    if (!whole)
      return [
        undefined,
        ways === 2 ? sample(layers.reshape([2, units])(output), [[1], [0], [2]]) : sample(output, [[], [0], [1]]),
      ]
    const all =
      ways === 2
        ? sample(layers.reshape([steps, 2, units])(output), [[1], [2], [0], [3]])
        : sample(output, [[1], [], [0], [2]])
    if (!m.wanted(1)) return [all]
    if (ways === 2) throw unsupported('steps and last state of a bidirectional layer', 'use one of them')
    const last = along(all, [0], part => layers.cropping1d({ cropping: [steps - 1, 0] as never })(part))
    return [all, { ...last, axes: last.axes.slice(1) }]
  }

/** States begin with zeros, sequences are whole, and nothing peeps. */
function checkStart(m: Mapping, steps: number): void {
  const lengths = m.inputs[4] && constant(m, 4)
  if (lengths && !lengths.data.every(n => n === steps))
    throw unsupported('sequences of different lengths', 'run it with importOnnx')
  for (const i of [5, 6, 7]) {
    const value = m.inputs[i]
    const zero = value === undefined || ('tensors' in value && uniform(value.tensors[0]) === 0)
    if (!zero) throw unsupported(i === 7 ? 'peepholes' : 'a first state', 'leave it out: states begin with zeros')
  }
  if (m.operator === 'LSTM' && m.wanted(2))
    throw unsupported('the memory of an LSTM as output', 'run it with importOnnx')
}

export const recurrentRows: Rows = {
  RNN: recurrent({ gates: [0], activations: ['Tanh'], make: layers.simpleRnn as never }),
  GRU: recurrent({ gates: [0, 1, 2], activations: ['Sigmoid', 'Tanh'], make: layers.gru as never }),
  LSTM: recurrent({ gates: [0, 2, 3, 1], activations: ['Sigmoid', 'Tanh', 'Tanh'], make: layers.lstm as never }),
}
