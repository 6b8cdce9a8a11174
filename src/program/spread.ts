import { StateError } from '../errors.ts'
import { sizeOf } from '../tensor/shape.ts'
import { type Buffer, type Factor, inside, make, reach, type View, viewOf } from '../tensor/view.ts'
import type { Verbs } from './verbs.ts'

/** More maps than this for one view are a mistake. */
const most = 4096

/**
 * Adds to an array what a view of it would send back: to += Σ room over all places where the view shows an element.
 * What the view repeats is summed; where it slides (windows), each place in the window is a map of its own; what lies
 * outside the array is left out.
 */
export function spread(k: Verbs, view: View, room: View, to: View): void {
  const { buffer, divisor } = view
  const factors = view.axes.flat().filter(f => f.size !== 1)
  const sizes = factors.map(f => f.size)
  const repeated = factors.flatMap((f, i) => (f.step === 0 ? [i] : []))
  const moving = factors.filter(f => f.step !== 0)
  let slope = room.reshape(...sizes)
  if (repeated.length > 0) {
    slope = k.scratch(
      room.name,
      moving.map(f => f.size),
    )
    k.sum(slope, room.reshape(...sizes), repeated)
  }
  if (inside(view)) return add(k, view, moving, slope, to.buffer, view.base)
  // A larger array, with room for what lies outside and between the elements.
  const { low, high } = reach(view)
  const first = low.map(n => Math.min(0, n))
  const shape = buffer.shape.map((n, d) => Math.max((n - 1) * divisor[d], high[d]) - first[d] + 1)
  const around = k.scratch(`${to.name} with its border`, shape)
  k.map(around, '0', {})
  const base = view.base.map((b, d) => b - first[d])
  add(k, view, moving, slope, around.buffer, base)
  const kept = buffer.shape.reduce((v, n, d) => v.slice(d, -first[d], n, divisor[d]), viewOf(around.buffer))
  k.map(to, 'a + b', { a: to, b: kept })
}

/** buffer[base + Σ step·index] += slope[index], as few maps as reach no element twice. */
function add(k: Verbs, view: View, factors: readonly Factor[], slope: View, buffer: Buffer, base: readonly number[]) {
  const looped = overlapping(factors)
  const kept = factors.filter(f => !looped.includes(f))
  const count = sizeOf(looped.map(f => f.size))
  if (count > most)
    throw new StateError('too-many-parts', `the slope of ${view.name} would take ${count} maps`, {
      hint: 'write the backward pass of this layer as well',
    })
  for (let n = 0; n < count; n++) {
    let [rest, from] = [n, slope]
    const at = [...base]
    factors.forEach((f, axis) => {
      if (!looped.includes(f)) return
      const index = rest % f.size
      rest = (rest - index) / f.size
      at[f.dim] += index * f.step
      from = from.slice(axis, index, 1)
    })
    const axes = kept.length > 0 ? kept.map(f => [f]) : [[]]
    const to = make({ name: `d${view.name}`, buffer, axes, base: at, divisor: base.map(() => 1), fill: 0 })
    k.map(to, 'a + b', { a: to, b: from.reshape(...to.shape) })
  }
}

/** The factors to loop over, so that the others reach every element once: of those that overlap, the short ones. */
function overlapping(factors: readonly Factor[]): Factor[] {
  const dims = new Set(factors.map(f => f.dim))
  return [...dims].flatMap(dim => {
    const looped: Factor[] = []
    for (;;) {
      const left = factors.filter(f => f.dim === dim && !looped.includes(f))
      if (isInjective(left)) return looped
      looped.push(left.reduce((a, b) => (b.size < a.size ? b : a)))
    }
  })
}

/** Whether each step is longer than all that the shorter ones reach together. */
function isInjective(factors: readonly Factor[]): boolean {
  let reached = 0
  for (const { step, size } of [...factors].sort((a, b) => Math.abs(a.step) - Math.abs(b.step))) {
    if (Math.abs(step) <= reached) return false
    reached += Math.abs(step) * (size - 1)
  }
  return true
}
