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

/** A recurrent layer; where it goes backwards its steps stay in the order of time. */
export function steps(type: string, b: Builder, x: string, { config, inputs, weights, array }: Written): string {
  if (!Object.hasOwn(kinds, type)) throw unsupported(`${type} in two directions`, 'use a recurrent layer')
  const { operator, order } = kinds[type]

  const [, features] = inputs[0]
  const units = weights.U!.shape[0]
  const rows = units * order.length
  const operands = [
    b.transpose(x, [1, 0, 2]),
    array('W', [1, rows, features], turned(weights.W!.data, features, units, order)),
    array('U', [1, rows, units], turned(weights.U!.data, units, units, order)),
  ]
  if (weights.b) {
    const bias = new Float64Array(2 * rows)
    for (let at = 0; at < weights.b.data.length; at += rows)
      bias.set(turned(Array.from(weights.b.data).slice(at, at + rows), 1, units, order), at)
    operands.push(array('b', [1, 2 * rows], bias))
  }
  const act = gateOf(config.activation, 'tanh')
  const s = operator === 'RNN' ? '' : gateOf(config.recurrentActivation, 'sigmoid')
  const attributes = {
    hidden_size: units,
    direction: config.goBackwards ? 'reverse' : 'forward',
    activations: { RNN: [act], GRU: [s, act], LSTM: [s, act, act] }[operator],
    ...(operator === 'GRU' && { linear_before_reset: (config.resetAfter ?? true) ? 1 : 0 }),
  }
  const all = config.returnSequences
  const y = b.node(operator, operands, attributes, all ? 0 : 1)
  const steps = b.node('Squeeze', [y, b.whole([all ? 1 : 0])])
  return all ? b.transpose(steps, [1, 0, 2]) : steps
}

/** What goes backwards gives its steps in the order of reading. */
export const asRead = (b: Builder, y: string, { goBackwards, returnSequences }: Written['config']): string =>
  goBackwards && returnSequences
    ? b.node('Slice', [y, b.whole([-1]), b.whole([-(2 ** 31)]), b.whole([1]), b.whole([-1])])
    : y

const recurrent =
  (type: string): Writer =>
  (b, [x], layer) =>
    asRead(b, steps(type, b, x, layer), layer.config)

export const recurrentWriters: Readonly<Record<string, Writer>> = Object.fromEntries(
  Object.keys(kinds).map(type => [type, recurrent(type)]),
)
