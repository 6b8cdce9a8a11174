import { formula } from '../../../formula/index.ts'
import type { Gather, Scatter } from '../../../program/index.ts'
import { sizeOf } from '../../../tensor/shape.ts'
import { inside, make, once, type View, viewOf } from '../../../tensor/view.ts'
import type { Code, Lanes, Local } from '../assembler.ts'
import type { Body, Build, Emit } from '../build.ts'
import { iterations, type Nest, nest, traffic, wrap } from '../nest.ts'
import { range } from '../numbers.ts'
import { sections, walker } from '../walk.ts'
import { map } from './map.ts'

/** out[…] = source[…, index[…], …]: the index moves the pointer of the source. An index beyond the end reads the end. */
export const gather: Emit<Gather> = (build, { out, source, index, axis }) => {
  const held = hold(build, source, axis, out.shape[axis])
  const n = held && nest([index, held.view, out], build.locate)
  if (!held || !n || n.operands.slice(1).some(o => o.checks.length > 0)) return false
  emit(build, `gather ${out.name}`, n, held, 0, (w, inner, lanes, moved) => {
    w.store(2, w.load(1, inner, lanes, {}, moved), lanes)
  })
  return true
}

/**
 * out = 0, then out[…, index[…], …] += values[…], in the order of the values: one thread does it, since several values
 * may meet in one place and sums have one order.
 */
export const scatterAdd: Emit<Scatter> = (build, { out, index, values, axis }) => {
  const shape = values.shape
  const across = (view: View) => view.repeat(axis, 1)
  const held = hold(build, out, axis, 1)
  if (!held || !inside(out)) return false
  // What the view shows more than once is cleared once: the whole of its buffer where it covers that.
  const [each, whole] = [once(out), viewOf(out.buffer)]
  const cleared = sizeOf(each.shape) >= sizeOf(whole.shape) ? whole : each
  const n = nest([across(index), across(values), held.view], build.locate)
  if (!n || n.operands[2].checks.length > 0 || sizeOf(shape) === 0) return false
  map(build, { verb: 'map', formula: formula('0'), inputs: {}, outputs: { y: cleared } })
  emit(build, `scatter ${out.name}`, wrap(n), held, 0, (w, inner, lanes, moved, f) => {
    const sum = f.local('v128')
    const there = w.load(2, inner, lanes, {}, moved)
    f.get(there)
      .get(w.load(1, inner, lanes))
      .op('f32x4.add')
      .set(sum)
    w.store(2, sum, lanes, {}, moved)
  })
  return true
}

interface Held {
  /** The view standing still along the axis. */
  readonly view: View
  /** Bytes between neighbours along it, and how many there are. */
  readonly step: number
  readonly count: number
}

/** A view as an index walks it: still along `axis`, which then has `size` equal steps. */
function hold(build: Build, view: View, axis: number, size: number): Held | undefined {
  const factors = view.axes[axis].filter(f => f.size !== 1)
  const { strides } = build.locate(view.buffer)
  const steps = factors.map(f => f.step * strides[f.dim])
  // Several dimensions, such as the rows of an image and their places, count as one where they lie as one.
  const isEven = factors.every(({ dim }, i) => {
    const next = factors[i + 1]
    return view.divisor[dim] === 1 && (!next || steps[i] === steps[i + 1] * next.size)
  })
  if (factors.length === 0 || !isEven) return undefined
  const still = make({ ...view, axes: view.axes.filter((_, i) => i !== axis) })
  const count = sizeOf(factors.map(f => f.size))
  return { view: still.repeat(axis, size), step: steps[steps.length - 1] * 4, count }
}

type Walker = ReturnType<typeof walker>
type Each = (w: Walker, inner: number, lanes: Lanes, moved: Local, f: Code) => void

function emit(build: Build, name: string, nested: Nest, { step, count }: Held, index: number, each: Each): void {
  const n = nested.sizes.length > 1 ? nested : wrap(nested)
  const inner = n.sizes.length - 1
  // Four at once where they have one index and lie side by side.
  const [by, ...others] = n.operands
  const vector =
    by.strides[inner] === 0 && others.every(o => o.strides[inner] === 1) && by.checks.every(c => c.steps[inner] === 0)
  const body: Body = (f, begin, end) => {
    const w = walker(f, n, build.key)
    const moved = f.local('i32')
    w.share(begin, end, () => {
      w.loops(range(1, inner), () => {
        w.sectioned(inner, sections(n.sizes[inner], vector, 1), ({ lanes }) => {
          const place = w.load(index, inner, 1)
          f.get(place)
            .f32x4(0)
            .op('f32x4.pmax')
            .f32x4(count - 1)
            .op('f32x4.pmin')
          f.op('i32x4.trunc_sat_f32x4_s').extractInt(0).i32(step).op('i32.mul').set(moved)
          each(w, inner, lanes, moved, f)
        })
      })
    })
  }
  build.write({ name, units: n.sizes[0], flops: iterations(n), bytes: traffic(n) }, body)
}
