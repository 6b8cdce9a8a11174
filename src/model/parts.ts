import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import type { Port } from './network.ts'

/** The parts of samples that lie one after another, each as an array of its own. */
export function partsOf(k: Verbs, flat: View, ports: readonly Pick<Port, 'name' | 'shape'>[]): View[] {
  if (ports.length === 1) return [flat]
  return sliced(flat, ports).map((part, i) => {
    // Windows slide over the edges of a buffer, not of a part: what has several axes gets a buffer of its own.
    if (ports[i].shape.length < 2) return part
    const own = k.scratch(part.name, part.shape)
    k.copy(own, part)
    return own
  })
}

/** The same parts where they lie. */
export function sliced(flat: View, ports: readonly Pick<Port, 'name' | 'shape'>[]): View[] {
  if (ports.length === 1) return [flat]
  let start = 0
  return ports.map(({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1)
    start += size
    return flat
      .slice(1, start - size, size)
      .reshape(flat.shape[0], ...shape)
      .as(name)
  })
}
