import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'

/** Element t of a sequence [batch, steps, …]. */
export const at = (v: View, t: number): View => v.slice(1, t, 1).reshape(v.shape[0], ...v.shape.slice(2))

/** The part of gate g in [batch, gates·units] or [gates·units]. */
export const gate = (v: View, g: number, units: number): View => v.slice(v.shape.length - 1, g * units, units)

/** The parts of the first `count` gates. */
export const gatesOf = (v: View, count: number, units: number): View[] =>
  Array.from({ length: count }, (_, g) => gate(v, g, units))

/** z = a + b for each of some gates, in one map: what is done with the gates then goes into the same loop. */
export function added(k: Verbs, z: readonly View[], a: readonly View[], b: readonly View[]): void {
  const named = (name: string, views: readonly View[]) => Object.fromEntries(views.map((v, g) => [`${name}${g}`, v]))
  const text = z.map((_, g) => `z${g} = a${g} + b${g}`).join('; ')
  k.map(named('z', z), text, { ...named('a', a), ...named('b', b) })
}
