import { isCounted } from '../../tensor/view.ts'
import type { Module } from './assembler.ts'
import type { Kernel } from './build.ts'
import { call } from './merge.ts'
import type { Nest } from './nest.ts'

/** What a kernel's units touch in memory, in elements: unit i from `low + i · step` up to `high + i · step`. */
export interface Touch {
  readonly low: number
  readonly high: number
  readonly step: number
  readonly writes: boolean
}

/** Bytes that the units of a strip touch: half of a first cache. */
const stripBytes = 16384
/** From how many bytes on what one kernel leaves is no longer there when the next one comes. */
const least = 1 << 18

/** What the outermost level of a nest touches, or undefined where places are checked one by one. */
export function touches(n: Nest, reading: number): readonly Touch[] | undefined {
  const stored = n.operands.map((o, i) => ({ o, writes: i >= reading })).filter(({ o }) => !isCounted(o.view.buffer))
  if (stored.some(({ o }) => o.checks.length > 0)) return undefined
  return stored.map(({ o, writes }) => {
    const reach = n.sizes.slice(1).map((size, l) => (size - 1) * o.strides[l + 1])
    const sum = (pick: (a: number, b: number) => number) => reach.reduce((total, r) => total + pick(0, r), o.start)
    return { low: sum(Math.min), high: sum(Math.max) + 1, step: o.strides[0], writes }
  })
}

/**
 * Kernels that follow each other over the same units, where no unit needs what another one makes, go over a few units
 * together before the next ones: the rows of a softmax stay in the first cache, and threads meet once instead of four times.
 */
export function inStrips(module: Module, kernels: readonly Kernel[]): Kernel[] {
  const groups: Kernel[][] = []
  for (const kernel of kernels) {
    const group = groups[groups.length - 1]
    if (group?.every(earlier => apart(earlier, kernel))) group.push(kernel)
    else groups.push([kernel])
  }
  return groups.map(group => (group.length === 1 ? group[0] : strips(module, group)))
}

/** Whether a unit of one kernel shares memory that changes with the same unit of the other alone. */
function apart(a: Kernel, b: Kernel): boolean {
  if (!a.touches || !b.touches || a.units !== b.units || a.units === 1 || a.settled !== b.settled) return false
  if (Math.max(a.bytes, b.bytes) < least) return false
  return a.touches.every(s =>
    b.touches!.every(t => {
      if (!s.writes && !t.writes) return true
      const [from, to] = [Math.min(s.low, t.low), Math.max(s.high, t.high)]
      return (s.step === t.step && to - from <= s.step) || isBefore(s, t, a.units) || isBefore(t, s, a.units)
    }),
  )
}

/** Whether all units of `s` lie before all of `t`. */
const isBefore = (s: Touch, t: Touch, units: number): boolean =>
  s.high + Math.max(0, s.step * (units - 1)) <= t.low + Math.min(0, t.step * (units - 1))

function strips(module: Module, group: readonly Kernel[]): Kernel {
  const total = (of: (kernel: Kernel) => number) => group.reduce((sum, kernel) => sum + of(kernel), 0)
  const { units, settled } = group[0]
  const widest = Math.max(...group.map(kernel => kernel.bytes))
  const height = Math.max(1, Math.min(units, Math.floor((stripBytes * units) / widest)))
  const code = module.function('', ['i32', 'i32', 'i32'], (f, begin, end, thread) => {
    const to = f.local('i32')
    f.get(begin).get(end).op('i32.lt_s')
    f.if(() =>
      f.loop(() => {
        f.get(begin).i32(height).op('i32.add').set(to)
        f.get(to).get(end).get(to).get(end).op('i32.lt_s').op('select').set(to)
        for (const kernel of group) call(f.get(begin).get(to).get(thread), kernel)
        f.get(to).set(begin).get(begin).get(end).op('i32.lt_s').brIf(0)
      }),
    )
  })
  return {
    name: group.map(kernel => kernel.name).join(' · '),
    code,
    units,
    flops: total(kernel => kernel.flops),
    bytes: total(kernel => kernel.bytes),
    settled,
  }
}
