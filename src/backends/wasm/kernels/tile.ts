import type { Code, Lanes, Local } from '../assembler.ts'
import { cut, type Nest } from '../nest.ts'
import { largestDivisor } from '../numbers.ts'

/** One loop along the shared axis: its length, and the bytes each step moves in the two operands. */
export interface Depth {
  readonly size: number
  readonly a: number
  readonly b: number
}

/** A block of the result that stays in registers while the shared axis goes by. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  /** Bytes between the rows of the left operand. */
  readonly rowStep: number
  /** Loops along the shared axis, outermost first. */
  readonly depth: readonly Depth[]
  /** Sums of each element side by side, so that a step need not wait for the one before; 1, 2 or 4. */
  readonly beside?: number
}

export const unroll = 4

const shape = (rows: number, vectors: number) => ({ rows, vectors })

/** Tiles that fit the 15 registers a compiler has: sums, a row of the right operand, and one element of the left. */
const shapes = [shape(3, 3), shape(2, 4), shape(4, 2), shape(5, 2)]
/** With fused multiply-add those alone that were measured to keep both units busy: 50 of 50 GFLOP/s, the others 35. */
const fusedShapes = [shape(4, 2), shape(5, 2)]

/** Bytes of the right operand's panel that leave room for the left one in a first cache of 32 KB. */
const panelBytes = 25_000
/** Instructions a processor begins while a sum waits for the one before it. */
const latency = 18
/** How much longer steps take than their instructions say: with operands that a compiler moves to memory and back … */
const spilt = 1.3
/** … and where it puts them in an order that lets sums wait. */
const stalled = 1.1
/** Instructions at the start and the end of a tile, and for each vector of sums. */
const around = 20
const each = 4

/** How the shared axis of a product goes by. */
export interface Passage {
  /** Steps of a tile, in so many loops. */
  readonly depth: number
  readonly loops: number
  /** How many times sums come from memory and go back. */
  readonly blocks: number
  readonly fma: boolean
  /** Whether the rows of the left operand were copied. */
  readonly packed: boolean
}

/**
 * The shape of tile that goes over so many rows and columns in the least time, rests included. Rows that were copied lie
 * four beside each other.
 */
export function tileFor(
  rows: number,
  columns: number,
  { depth, loops, blocks, fma, packed }: Passage,
): { rows: number; vectors: number } {
  const vectors = Math.ceil(columns / 4)
  const isPlain = loops <= 1 && blocks === 1
  // Loads of both operands, a product and a sum for each element, and a branch every two rows.
  const step = (r: number, v: number) => Math.max(latency, v + r + 2 * r * v + Math.ceil(r / 2) + 1)
  // Measured: operands of four vectors stay in registers in one loop over whole sums alone, where in turn four rows of
  // two vectors are slow.
  const detour = (r: number, v: number) => {
    if (fma) return 1
    if (v === 4) return isPlain ? 1 : spilt
    return r === 4 && v === 2 && isPlain ? stalled : 1
  }
  const cost = (r: number, v: number) =>
    r === 0 || v === 0 ? 0 : step(r, v) * detour(r, v) * depth + each * r * v + around
  const total = (shape: { rows: number; vectors: number }) => {
    const [down, below] = [Math.floor(rows / shape.rows), rows % shape.rows]
    const [across, beside] = [Math.floor(vectors / shape.vectors), vectors % shape.vectors]
    const row = (r: number) => across * cost(r, shape.vectors) + cost(r, beside)
    return down * row(shape.rows) + row(below)
  }
  const fitting = (fma ? fusedShapes : shapes).filter(
    shape => (!packed || shape.rows === 4) && (shape.vectors <= 2 || shape.vectors * 16 * depth <= panelBytes),
  )
  return fitting.reduce((best, shape) => (total(shape) < total(best) ? shape : best))
}

/**
 * The levels of the shared axis as [those that go through memory, those that stay in a tile's registers]: all of them if
 * they have at most `deepest` steps, or else cut so that a block has at most `blockDepth`.
 */
export function blockDepths(
  n: Nest,
  levels: () => number[],
  deepest: number,
  blockDepth: number,
): [number[], number[]] {
  let depth = levels()
  let steps = 1
  let from = depth.length
  while (from > 0 && steps * n.sizes[depth[from - 1]] <= deepest) steps *= n.sizes[depth[--from]]
  if (from > 0) {
    const l = depth[from - 1]
    const fit = largestDivisor(n.sizes[l], Math.floor(blockDepth / steps))
    if (fit > 1 || steps === 1) {
      cut(n, l, n.sizes[l] / fit)
      depth = levels()
    }
  }
  return [depth.slice(0, from), depth.slice(from)]
}

/**
 * The innermost work of every product: each element of the left operand is spread over a vector and multiplied with
 * vectors of the right one. `left` and `right` are not moved. Returns the sums, a row of vectors for each row.
 *
 * Older compilers move all loads of an unrolled body to its front and run out of registers; a branch that is never
 * taken, every two rows, keeps the order as written at no measurable cost.
 */
export function tile(
  f: Code,
  { rows, columns, rowStep, depth, beside = 1 }: Tile,
  left: Local,
  right: Local,
  fma: boolean,
): Local[][] {
  const vectors = Math.ceil(columns / 4)
  const b = Array.from({ length: vectors }, () => f.local('v128'))
  const a = f.local('v128')
  const pa = f.local('i32')
  const pb = f.local('i32')
  const count = f.local('i32')
  const inner = depth[depth.length - 1] ?? { size: 1, a: 0, b: 0 }
  // A sum of few products begins with the first one, and few operations need no branch to stay in order.
  const isShort = depth.length <= 1 && inner.size < unroll
  const block = () => Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.local('v128')))
  const sets = Array.from({ length: isShort ? 1 : beside }, block)
  const isOrdered = !isShort || inner.size * rows * vectors > 8
  if (!isShort) for (const sum of sets.flat(2)) f.f32x4(0).set(sum)
  f.get(left).set(pa).get(right).set(pb)
  let tag = 1
  const never = (depthOfBlock: number) => f.get(count).i32(-tag++).op('i32.eq').brIf(depthOfBlock)

  const steps = (n: number, exit: number) => {
    for (let u = 0; u < n; u++) {
      const sums = sets[u % sets.length]
      for (let j = 0; j < vectors; j++)
        f.get(pb)
          .load(Math.min(4, columns - j * 4) as Lanes, u * inner.b + j * 16)
          .set(b[j])
      for (let i = 0; i < rows; i++) {
        f.get(pa)
          .load(1, i * rowStep)
          .set(a)
        for (let j = 0; j < vectors; j++) {
          if (isShort && u === 0) f.get(a).get(b[j]).op('f32x4.mul').set(sums[i][j])
          else if (fma) f.get(a).get(b[j]).get(sums[i][j]).op('f32x4.relaxed_madd').set(sums[i][j])
          else f.get(sums[i][j]).get(a).get(b[j]).op('f32x4.mul').op('f32x4.add').set(sums[i][j])
        }
        const last = i === rows - 1
        if (!isOrdered) continue
        if ((!last && i % 2 === 1) || (last && u < n - 1)) never(exit)
      }
      f.add(pa, inner.a)
    }
  }
  const innermost = () => {
    const full = Math.floor(inner.size / unroll)
    const rest = inner.size % unroll
    if (full > 0) {
      f.assign(count, full).block(() =>
        f.loop(() => {
          steps(unroll, 1)
          f.add(pb, unroll * inner.b)
          f.get(count).i32(1).op('i32.sub').tee(count).brIf(0)
        }),
      )
    }
    if (!isOrdered) steps(rest, 0)
    else if (rest > 0) {
      f.get(left)
        .set(count)
        .block(() => steps(rest, 0))
      f.add(pb, rest * inner.b)
    }
  }
  const loops = (l: number): void => {
    if (l >= depth.length - 1) return innermost()
    const next = depth[l + 1]
    f.times(depth[l].size, () => {
      loops(l + 1)
      f.add(pa, depth[l].a - next.size * next.a)
      f.add(pb, depth[l].b - next.size * next.b)
    })
  }
  loops(0)
  for (let half = sets.length >> 1; half > 0; half >>= 1)
    for (let s = 0; s < half; s++)
      sets[s].flat().forEach((sum, i) => {
        f.get(sum)
          .get(sets[s + half].flat()[i])
          .op('f32x4.add')
          .set(sum)
      })
  return sets[0]
}

/** Adds a tile's sums to those in memory, or puts them there where `fresh` is set. */
export function addTo(
  f: Code,
  target: Local,
  rowBytes: number,
  fresh: Local,
  sums: readonly (readonly Local[])[],
): void {
  const all = (body: (sum: Local, offset: number) => void) =>
    sums.forEach((row, i) => {
      row.forEach((sum, j) => {
        body(sum, i * rowBytes + j * 16)
      })
    })
  f.get(fresh)
    .op('i32.eqz')
    .if(() => all((sum, at) => f.get(sum).get(target).mem('v128.load', at).op('f32x4.add').set(sum)))
  all((sum, at) => f.get(target).get(sum).mem('v128.store', at))
}
