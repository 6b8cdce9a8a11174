import { ShapeError } from '../errors.ts'
import { printShape, type Shape, sameShape, sizeOf, stridesOf } from './shape.ts'

/**
 * A named array in a program. What kind it is says where its numbers come from and how long they live:
 * - `input`      written by the caller before a run
 * - `parameter`  trained; `gradient` belongs to one; `state` is kept between runs but not trained
 * - `temporary`  lives within one run
 * - `output`     read by the caller after a run
 * - `random`     never stored: a uniform number in [0, 1) computed from seed, step, `stream` and place
 * - `index`      never stored: 0, 1, 2, … by place
 */
export interface Buffer {
  readonly name: string
  readonly shape: Shape
  readonly kind: 'input' | 'parameter' | 'gradient' | 'state' | 'temporary' | 'output' | 'random' | 'index'
  readonly stream?: number
}

/** Whether a buffer's numbers are made from their places where they are read, and stored nowhere. */
export const isCounted = ({ kind }: Buffer): boolean => kind === 'random' || kind === 'index'

/** One loop of a view: `size` steps, each moving `step` along dimension `dim` of the buffer. */
export interface Factor {
  readonly size: number
  readonly dim: number
  readonly step: number
}

/**
 * A way to look at a buffer. An axis of a view is a list of factors, outermost first, so that transposing, slicing,
 * reshaping and the sliding windows of a convolution all cost nothing. The coordinate in dimension d of the buffer is
 * `(base[d] + Σ step·index) / divisor[d]`; where it is not a whole number inside the buffer, the view reads `fill`.
 */
export interface View {
  /** What formulas and error messages call it. */
  readonly name: string
  readonly buffer: Buffer
  readonly axes: readonly (readonly Factor[])[]
  readonly base: readonly number[]
  readonly divisor: readonly number[]
  readonly fill: number
  readonly shape: Shape
  /** The same view under another name. */
  as(name: string): View
  /** The same view of another buffer of the same shape. */
  over(buffer: Buffer): View
  /** The last two axes exchanged. */
  readonly T: View
  transpose(...order: number[]): View
  reshape(...shape: number[]): View
  slice(axis: number, start: number, size: number, stride?: number): View
  flip(axis: number): View
  /** A new axis of `size` at `axis`, along which every element is the same. */
  repeat(axis: number, size: number): View
  /** The last axis alone, of a view that is the same along all others. */
  last(): View
  /** What lies at step `i` of the first axis, which may join several dimensions. */
  at(i: number): View
  /** Numpy's broadcasting: axes of size 1 (or missing in front) are repeated to fill `shape`. */
  broadcast(shape: Shape): View
  windows(options: WindowOptions): View
  /** Two axes: the first `rows` axes as one, the others as one. */
  matrix(rows: number): View
}

export interface WindowOptions {
  /** Size of the window along each spatial axis (axes 1 to n of `[batch, …spatial, channels]`). */
  readonly size: Shape
  readonly strides?: Shape
  readonly dilation?: Shape
  /** Elements added `[before, after]` each spatial axis. */
  readonly padding?: readonly (readonly [number, number])[]
  /** What the padding reads: 0 for a convolution, -Infinity for a maximum. */
  readonly fill?: number
  /** Zeros put between the elements before sliding: the gradient of a strided convolution reads its operand so. */
  readonly spread?: Shape
  /** Number of windows along each spatial axis, where it does not follow from the rest. */
  readonly count?: Shape
}

/** The whole of a buffer, an axis a dimension. */
export function viewOf(buffer: Buffer): View {
  return make({
    name: buffer.name,
    buffer,
    axes: buffer.shape.map((size, dim) => [{ size, dim, step: 1 }]),
    base: buffer.shape.map(() => 0),
    divisor: buffer.shape.map(() => 1),
    fill: 0,
  })
}

/** What a view is, without what can be done with it. */
export type Geometry = Pick<View, 'name' | 'buffer' | 'axes' | 'base' | 'divisor' | 'fill'>

const geometryOf = ({ name, buffer, axes, base, divisor, fill }: View): Geometry => ({
  name,
  buffer,
  axes,
  base,
  divisor,
  fill,
})

/** The view of a geometry. */
export const make = (geometry: Geometry): View => new Made(geometry)

// A class, though all of it is settled at once: a program has hundreds of views, and a dozen closures each would be most
// of what recording makes.
class Made implements View {
  readonly name: string
  readonly buffer: Buffer
  readonly axes: View['axes']
  readonly base: readonly number[]
  readonly divisor: readonly number[]
  readonly fill: number
  readonly shape: Shape
  constructor({ name, buffer, axes, base, divisor, fill }: Geometry) {
    this.name = name
    this.buffer = buffer
    this.axes = axes
    this.base = base
    this.divisor = divisor
    this.fill = fill
    this.shape = axes.map(sizeOfAxis)
  }
  as(name: string) {
    return make({ ...geometryOf(this), name })
  }
  over(buffer: Buffer) {
    return make({ ...geometryOf(this), buffer })
  }
  get T(): View {
    const { name } = this
    const axes = [...this.axes]
    axes.splice(-2, 2, axes[axes.length - 1], axes[axes.length - 2])
    return make({ ...geometryOf(this), axes, name: name.endsWith('ᵀ') ? name.slice(0, -1) : `${name}ᵀ` })
  }
  transpose(...order: number[]) {
    return along(
      this,
      order.map(i => this.axes[i]),
    )
  }
  reshape(...to: number[]) {
    const axes = regroup(this, this.shape, to)
    if (axes) return along(this, axes)
    throw new ShapeError('reshape', `cannot reshape ${printShape(this.shape)} to ${printShape(to)}`, {
      evidence: [['array', this.name]],
      hint: 'the number of elements must stay, and every axis must split evenly',
    })
  }
  matrix(rows: number) {
    return along(this, [this.axes.slice(0, rows).flat(), this.axes.slice(rows).flat()])
  }
  slice(axis: number, start: number, size: number, stride = 1) {
    const { axes, base, shape } = this
    if (shape[axis] === 1 && start === 0 && size === 1) return along(this, axes) // such an axis may have no factor
    const f = only(this, axis, 'slice')
    return make({
      ...geometryOf(this),
      base: base.map((b, d) => (d === f.dim ? b + start * f.step : b)),
      axes: axes.with(axis, [{ ...f, size, step: f.step * stride }]),
    })
  }
  flip(axis: number) {
    const { name, axes, base, shape } = this
    if (shape[axis] === 1) return along(this, axes)
    const f = only(this, axis, 'flip')
    return make({
      ...geometryOf(this),
      name: name.startsWith('flip(') ? name : `flip(${name})`,
      base: base.map((b, d) => (d === f.dim ? b + (f.size - 1) * f.step : b)),
      axes: axes.with(axis, [{ ...f, step: -f.step }]),
    })
  }
  last() {
    return along(this, this.axes.slice(-1))
  }
  at(i: number) {
    const [first, ...axes] = this.axes
    const base = [...this.base]
    let rest = i
    for (const { size, dim, step } of [...first].reverse()) {
      base[dim] += (rest % size) * step
      rest = Math.floor(rest / size)
    }
    return make({ ...geometryOf(this), axes, base })
  }
  repeat(axis: number, size: number) {
    return along(this, this.axes.toSpliced(axis, 0, [{ size, dim: 0, step: 0 }]))
  }
  broadcast(to: Shape) {
    const { axes, shape } = this
    if (sameShape(shape, to)) return this
    const missing = to.length - shape.length
    return along(
      this,
      to.map((size, i) => {
        const n = i < missing ? 1 : shape[i - missing]
        if (n === size) return i < missing ? [] : axes[i - missing]
        if (n === 1) return [{ size, dim: 0, step: 0 }]
        throw new ShapeError('broadcast', `cannot broadcast ${printShape(shape)} to ${printShape(to)}`, {
          evidence: [['array', this.name]],
          hint: 'axes must be equal or 1, counted from the last',
        })
      }),
    )
  }
  windows(options: WindowOptions) {
    return slide(this, this.shape, options)
  }
}

const sizeOfAxis = (axis: readonly Factor[]) => axis.reduce((size, f) => size * f.size, 1)
const along = (view: View, axes: View['axes']) => make({ ...geometryOf(view), axes })

function only(g: Geometry, axis: number, what: string): Factor {
  const factors = joined(g.axes[axis].filter(f => f.size !== 1))
  if (factors.length === 1) return factors[0]
  if (factors.length === 0 && g.axes[axis].length > 0) return g.axes[axis][0]
  throw new ShapeError('composite-axis', `cannot ${what} axis ${axis} of ${g.name}: it joins several dimensions`, {
    hint: `${what} before reshaping`,
  })
}

/** Factors that walk on where the one inside them ends are one. */
function joined(factors: readonly Factor[]): Factor[] {
  const done: Factor[] = []
  for (const f of factors) {
    const outer = done[done.length - 1]
    if (outer && f.dim === outer.dim && outer.step === f.step * f.size)
      done[done.length - 1] = { ...f, size: outer.size * f.size }
    else done.push(f)
  }
  return done
}

/** Whether the view is the same all along an axis. */
export const isStill = ({ axes }: View, axis: number): boolean => axes[axis].every(f => f.step === 0 || f.size === 1)

/** The view at the first place of those of `axes` (all, unless told) along which it is the same. */
export const once = (view: View, axes: readonly number[] = view.axes.map((_, axis) => axis)): View =>
  axes.filter(axis => isStill(view, axis)).reduce((seen, axis) => seen.slice(axis, 0, 1), view)

/** The view in another shape, where its axes split so. */
export function regrouped(view: View, to: Shape): View | undefined {
  const axes = regroup(view, view.shape, to)
  return axes && along(view, axes)
}

/** How many axes of one step stand in front. */
function ones(sizes: Shape): number {
  const first = sizes.findIndex(size => size !== 1)
  return first < 0 ? sizes.length : first
}

/** The factors of each new axis, or nothing where an axis would have to be cut unevenly. */
function regroup(g: Geometry, from: Shape, to: Shape): Factor[][] | undefined {
  if (sizeOf(from) !== sizeOf(to)) return undefined
  const rest = g.axes.flat()
  const axes: Factor[][] = []
  for (const [at, size] of to.entries()) {
    // An axis of one step keeps the dimension that it walks, where the old shape has it at this place. Of more than the
    // new shape has here the first ones go: a step of a sequence of images is an image, not the next step.
    while (size === 1 && ones(rest.map(f => f.size)) > ones(to.slice(at))) rest.shift()
    const axis: Factor[] = size === 1 && rest[0]?.size === 1 ? [rest.shift()!] : []
    axes.push(axis)
    for (let need = size; need > 1; ) {
      const f = rest.shift()!
      if (f.size === 1) continue
      if (need % f.size === 0) {
        axis.push(f)
        need /= f.size
      } else if (f.size % need === 0) {
        const inner = f.size / need
        axis.push({ size: need, dim: f.dim, step: f.step * inner })
        rest.unshift({ ...f, size: inner })
        need = 1
      } else return undefined
    }
  }
  return axes
}

/** What `view` shows, seen through `other`: a view of an array of the same shape, an axis a dimension of that array. */
export function viewThrough(view: View, other: View): View | undefined {
  const along = view.axes.map(axis => joined(axis.filter(f => f.size !== 1)))
  if (along.some(axis => axis.length > 1) || !inside(view)) return undefined
  const base = [...view.base]
  along.forEach(([f], d) => {
    if (f) base[f.dim] += other.base[d] * f.step
  })
  const axes = other.axes.map(axis =>
    axis.map(({ size, dim, step }): Factor => {
      const [f] = along[dim]
      return f ? { size, dim: f.dim, step: step * f.step } : { size, dim: 0, step: 0 }
    }),
  )
  return make({ ...geometryOf(view), base, axes })
}

function slide(g: Geometry, shape: Shape, options: WindowOptions): View {
  const { size, fill = 0 } = options
  const ones = size.map(() => 1)
  const { strides = ones, dilation = ones, spread = ones, padding = size.map(() => [0, 0] as const) } = options
  const spatial = size.map((_, i) => only(g, i + 1, 'slide over'))
  const counts =
    options.count ??
    size.map((n, i) => {
      const extent = (shape[i + 1] - 1) * spread[i] + 1 + padding[i][0] + padding[i][1]
      return Math.floor((extent - ((n - 1) * dilation[i] + 1)) / strides[i]) + 1
    })
  const base = [...g.base]
  const divisor = [...g.divisor]
  spatial.forEach((f, i) => {
    base[f.dim] = base[f.dim] * spread[i] - padding[i][0] * f.step
    divisor[f.dim] *= spread[i]
  })
  return make({
    name: `windows(${g.name})`,
    buffer: g.buffer,
    base,
    divisor,
    fill,
    axes: [
      g.axes[0],
      ...spatial.map((f, i) => [{ size: counts[i], dim: f.dim, step: strides[i] * f.step }]),
      ...spatial.map((f, i) => [{ size: size[i], dim: f.dim, step: dilation[i] * f.step }]),
      ...g.axes.slice(1 + size.length),
    ],
  })
}

/** Where each element of a buffer lies: `origin + Σ coordinate·stride`, in elements. Borders make strides larger than the shape. */
export interface Layout {
  readonly origin: number
  readonly strides: readonly number[]
}

export const contiguous = (shape: Shape): Layout => ({ origin: 0, strides: stridesOf(shape) })

/** The smallest and largest coordinate a view reaches in each dimension of its buffer, before division. */
export function reach(view: View): { low: number[]; high: number[] } {
  const low = [...view.base]
  const high = [...view.base]
  for (const axis of view.axes)
    for (const { size, dim, step } of axis)
      if (step > 0) high[dim] += (size - 1) * step
      else if (step < 0) low[dim] += (size - 1) * step
  return { low, high }
}

/** Whether every element of the view lies inside its buffer, so that `fill` is never read. */
export function inside(view: View): boolean {
  const { low, high } = reach(view)
  return view.buffer.shape.every((n, d) => low[d] >= 0 && high[d] < n && view.divisor[d] === 1)
}

/** Whether the view is its whole buffer in row-major order, whatever its axes are called. */
export function isWhole(view: View): boolean {
  if (!inside(view) || sizeOf(view.shape) !== sizeOf(view.buffer.shape)) return false
  let expected = 1
  const strides = stridesOf(view.buffer.shape)
  for (const f of view.axes
    .flat()
    .filter(f => f.size !== 1)
    .reverse()) {
    if (f.step * strides[f.dim] !== expected) return false
    expected *= f.size
  }
  return true
}

/** The place of every element of a view in row-major order, -1 where the view reads `fill`. */
export function offsets(view: View, layout: Layout = contiguous(view.buffer.shape)): Int32Array {
  const factors = view.axes.flat()
  const dims = view.buffer.shape.length
  const size = sizeOf(view.shape)
  const out = new Int32Array(size)
  const index = new Int32Array(factors.length)
  const at = Int32Array.from(view.base)
  for (let i = 0; i < size; i++) {
    let place = layout.origin
    for (let d = 0; d < dims; d++) {
      const coordinate = at[d] / view.divisor[d]
      if (coordinate < 0 || coordinate >= view.buffer.shape[d] || coordinate % 1 !== 0) {
        place = -1
        break
      }
      place += coordinate * layout.strides[d]
    }
    out[i] = place
    for (let k = factors.length - 1; k >= 0; k--) {
      const { size: n, dim, step } = factors[k]
      at[dim] += step
      if (++index[k] < n) break
      at[dim] -= step * n
      index[k] = 0
    }
  }
  return out
}

/** Whether two views read the same elements in the same order, however their axes are grouped. */
export function sameView(a: View, b: View): boolean {
  if (a.buffer !== b.buffer || a.fill !== b.fill) return false
  if (!sameShape(a.base, b.base) || !sameShape(a.divisor, b.divisor)) return false
  const [ours, theirs] = [a, b].map(({ axes }) => joined(axes.flat().filter(f => f.size !== 1)))
  return (
    ours.length === theirs.length &&
    ours.every(({ size, dim, step }, i) => {
      const other = theirs[i]
      return size === other.size && dim === other.dim && step === other.step
    })
  )
}
