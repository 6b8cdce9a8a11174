import { resolveActivation } from '../../nn/resolve.ts'
import type { Builder } from './build.ts'
import type { Writer, Written } from './export.ts'
import { unsupported } from './file.ts'

/** Activations that recurrent operators know, when they are at their defaults. */
const gates: Readonly<Record<string, string>> = {
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  relu: 'Relu',
  softsign: 'Softsign',
  softplus: 'Softplus',
}

function gateOf(choice: Written['config']['activation'], fallback: 'tanh' | 'sigmoid'): string {
  const f = resolveActivation(choice ?? fallback)
  const plain = Object.hasOwn(gates, f.name) && resolveActivation(f.name as 'tanh').formulas?.forward.outputs.get('y')
  if (plain && plain === f.formulas?.forward.outputs.get('y')) return gates[f.name]
  throw unsupported(`activation ${f.name} in a recurrent layer`, `use one of ${Object.keys(gates).join(', ')}`)
}

/** [rows, gates · units] as the format has it: [1, gates · units, rows], its gates in another order. */
function turned(values: ArrayLike<number>, rows: number, units: number, order: readonly number[]): Float64Array {
  const columns = units * order.length
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [column, row] = [Math.floor(i / rows), i % rows]
    return values[row * columns + order[Math.floor(column / units)] * units + (column % units)]
  })
}

/** Where each gate of the format's stands among ours. */
const kinds: Readonly<Record<string, { operator: 'RNN' | 'GRU' | 'LSTM'; order: readonly number[] }>> = {
  simpleRnn: { operator: 'RNN', order: [0] },
  gru: { operator: 'GRU', order: [0, 1, 2] },
  lstm: { operator: 'LSTM', order: [0, 3, 1, 2] },
}

const joined = (parts: readonly Float64Array[]): Float64Array =>
  Float64Array.from({ length: parts.length * parts[0].length }, (_, i) => {
    return parts[Math.floor(i / parts[0].length)][i % parts[0].length]
  })

/**
 * A recurrent layer, or one forwards in time and one backwards: [batch, steps, units], without steps where the last is
 * asked for, and with an axis of directions before the units where there are two. Steps stay in the order of time.
 */
export function steps(type: string, b: Builder, x: string, ways: readonly Written[], array: Written['array']): string {
  if (!Object.hasOwn(kinds, type)) throw unsupported(`${type} in two directions`, 'use a recurrent layer')
  const { operator, order } = kinds[type]
  const [{ config, inputs, weights }] = ways
  const [, features] = inputs[0]
  const units = weights.U!.shape[0]
  const rows = units * order.length
  const each = (f: (weights: Written['weights']) => Float64Array) => joined(ways.map(way => f(way.weights)))
  const operands = [
    b.transpose(x, [1, 0, 2]),
    array(
      'W',
      [ways.length, rows, features],
      each(({ W }) => turned(W!.data, features, units, order)),
    ),
    array(
      'U',
      [ways.length, rows, units],
      each(({ U }) => turned(U!.data, units, units, order)),
    ),
  ]
  const biases = ({ b: own }: Written['weights']) => {
    const bias = new Float64Array(2 * rows)
    for (let at = 0; at < own!.data.length; at += rows)
      bias.set(turned(Array.from(own!.data).slice(at, at + rows), 1, units, order), at)
    return bias
  }
  if (weights.b) operands.push(array('b', [ways.length, 2 * rows], each(biases)))
  const act = gateOf(config.activation, 'tanh')
  const s = operator === 'RNN' ? '' : gateOf(config.recurrentActivation, 'sigmoid')
  const activations = { RNN: [act], GRU: [s, act], LSTM: [s, act, act] }[operator]
  const attributes = {
    hidden_size: units,
    direction: ways.length > 1 ? 'bidirectional' : config.goBackwards ? 'reverse' : 'forward',
    activations: ways.flatMap(() => activations),
    ...(operator === 'GRU' && { linear_before_reset: (config.resetAfter ?? true) ? 1 : 0 }),
  }
  const all = config.returnSequences
  const y = b.node(operator, operands, attributes, all ? 0 : 1)
  if (ways.length > 1) return b.transpose(y, all ? [2, 0, 1, 3] : [1, 0, 2])
  const squeezed = b.node('Squeeze', [y, b.whole([all ? 1 : 0])])
  return all ? b.transpose(squeezed, [1, 0, 2]) : squeezed
}

/** What goes backwards gives its steps in the order of reading. */
export const asRead = (b: Builder, y: string, { goBackwards, returnSequences }: Written['config']): string =>
  goBackwards && returnSequences
    ? b.node('Slice', [y, b.whole([-1]), b.whole([-(2 ** 31)]), b.whole([1]), b.whole([-1])])
    : y

const recurrent =
  (type: string): Writer =>
  (b, [x], layer) =>
    asRead(b, steps(type, b, x, [layer], layer.array), layer.config)

export const recurrentWriters: Readonly<Record<string, Writer>> = Object.fromEntries(
  Object.keys(kinds).map(type => [type, recurrent(type)]),
)
