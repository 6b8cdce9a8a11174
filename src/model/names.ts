import { StateError } from '../errors.ts'
import type { Layer } from '../nn/layer.ts'

/** Keras's name of a layer's class: leakyRelu is LeakyReLU, conv2dTranspose is Conv2DTranspose, lstm is LSTM. */
export const className = ({ type }: Layer): string =>
  type === 'input'
    ? 'InputLayer'
    : (type[0].toUpperCase() + type.slice(1))
        .replace(/(\d)d(?=[A-Z]|$)/, '$1D')
        .replace(/^Prelu|Relu/, word => (word === 'Relu' ? 'ReLU' : 'PReLU'))
        .replace(/^(Elu|Lstm|Gru|Rms)|Rnn$/, word => word.toUpperCase())

/** Keras's way from a class to a name: LeakyReLU becomes leaky_re_lu. */
const snake = (text: string): string =>
  text
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()

/** The names of layers: given ones, else the class with a number from the second on (Keras 3) or the first (Keras 2). */
export function nameAll(layers: readonly Layer[], style: 'keras3' | 'keras2' = 'keras3', who = 'sequential'): string[] {
  const counts = new Map<string, number>()
  const taken = new Set<string>()
  const reserved = new Set(layers.map(({ config }) => config.name))
  return layers.map(layer => {
    const given = layer.config.name
    const base = snake(className(layer))
    let name = given as string
    while (given === undefined && (name === undefined || taken.has(name) || reserved.has(name))) {
      const count = (counts.get(base) ?? 0) + 1
      counts.set(base, count)
      name = style === 'keras2' ? `${base}_${count}` : count === 1 ? base : `${base}_${count - 1}`
    }
    if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name) || taken.has(name))
      throw new StateError('bad-name', `${who} got the layer name ${JSON.stringify(name).slice(0, 40)}`, {
        hint: 'names are unique, of up to 64 letters, digits, _ - and .',
      })
    taken.add(name)
    return name
  })
}
