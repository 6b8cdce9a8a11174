import type { View } from '../../tensor/view.ts'

/** Element t of a sequence [batch, steps, …]. */
export const at = (v: View, t: number): View => v.slice(1, t, 1).reshape(v.shape[0], ...v.shape.slice(2))

/** The part of gate g in [batch, gates·units] or [gates·units]. */
export const gate = (v: View, g: number, units: number): View => v.slice(v.shape.length - 1, g * units, units)
