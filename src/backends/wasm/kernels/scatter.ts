import type { Scatter } from '../../../program/index.ts'
import type { View } from '../../../tensor/view.ts'
import type { Emit } from '../build.ts'
import { iterations, nest, traffic } from '../nest.ts'
import { range } from '../numbers.ts'
import { sections, vectorizable, walker } from '../walk.ts'

/**
 * The gradient of a maximum over windows that do not overlap: every element of the target is written once, the value
 * where the index points to it and zero elsewhere. Other scatters are left to the reference loops.
 */
export const scatter: Emit<Scatter> = (build, { out, index, values, axis }) => {
  if (!tiles(out)) return false
  const choices = out.shape[axis]
  const across = (view: View) => view.repeat(axis, choices)
  const n = nest([across(index), across(values), out], build.locate, a => a === axis)
  if (!n) return false
  const inner = n.sizes.length - 1
  const window = range(0, n.sizes.length).filter(l => n.axes[l] === axis)
  if (window.length === 0 || window.includes(inner) || window.includes(0)) return false
  const vector = vectorizable(n, inner, n.operands.slice(2))
  const outer = range(1, inner).filter(l => !window.includes(l))
  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end) => {
    const w = walker(f, n, build.key)
    w.share(begin, end, () => {
      w.loops(outer, () => {
        w.sectioned(inner, sections(n.sizes[inner], vector, 1), ({ lanes }) => {
          const place = w.load(0, inner, lanes)
          const value = w.load(1, inner, lanes)
          for (let j = 0; j < choices; j++) {
            const at: Record<number, number> = {}
            let rest = j
            for (const l of [...window].reverse()) {
              at[l] = rest % n.sizes[l]
              rest = Math.floor(rest / n.sizes[l])
            }
            const part = f.local('v128')
            f.get(value).get(place).f32x4(j).op('f32x4.eq').op('v128.and').set(part)
            w.store(2, part, lanes, at)
          }
        })
      })
    })
  })
  build.add({ name: `scatter ${out.name}`, code, units: n.sizes[0], flops: iterations(n), bytes: traffic(n) })
  return true
}

/** Whether the windows of a view cover every element of its buffer exactly once. */
function tiles(view: View): boolean {
  if (view.axes.flat().some(f => f.step === 0 && f.size !== 1)) return false
  return view.buffer.shape.every((size, d) => {
    const factors = view.axes
      .flat()
      .filter(f => f.dim === d && f.step !== 0)
      .sort((a, b) => a.step - b.step)
    let covered = 1
    for (const f of factors) {
      if (f.size === 1) continue
      if (f.step !== covered) return false
      covered *= f.size
    }
    return view.divisor[d] === 1 && view.base[d] <= 0 && view.base[d] + covered >= size
  })
}
