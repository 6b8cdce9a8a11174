import type { Gemm } from '../../../../program/index.ts'
import type { Buffer, View } from '../../../../tensor/view.ts'
import { range } from '../../numbers.ts'
import { pointsOf } from './transforms.ts'

/** Outputs a tile has along one axis, and points it needs. */
export const out = 4
export const side = out + 2

export type Pair = readonly [number, number]

/** A view that shows the 3 × 3 patches of an image: [batch·height·width, 3·3·channels]. */
export interface Patches {
  readonly buffer: Buffer
  readonly batch: number
  /** Number of patches down and across. */
  readonly size: Pair
  readonly channels: number
  /** Coordinate of the first patch. */
  readonly from: Pair
}

/**
 * Products of one pair of points each, which the same tiles take part in. The last tile of an axis is as narrow as the
 * rest is, and needs fewer points: 14 outputs are 4 + 4 + 4 + 2, with 6 + 6 + 6 + 4 points, and 7 are 4 + 3.
 */
export interface Group {
  /** Whether the last, narrow tiles take part. */
  readonly narrow: readonly [boolean, boolean]
  /** Tiles of an image. */
  readonly tiles: number
  /** The pairs of points. */
  readonly planes: readonly Pair[]
  /** Place of the first plane among those of all groups. */
  readonly first: number
}

export function groupsOf(size: Pair): Group[] {
  const axes = size.map(n => {
    const [whole, rest] = [Math.floor(n / out), n % out]
    const all = range(0, side)
    const narrow = rest ? pointsOf(rest) : []
    return [
      { narrow: true, tiles: whole + Number(rest > 0), points: rest ? narrow : all },
      { narrow: false, tiles: whole, points: rest ? all.filter(i => !narrow.includes(i)) : [] },
    ].filter(part => part.tiles > 0 && part.points.length > 0)
  })
  let first = 0
  return axes[0].flatMap(down =>
    axes[1].map(across => {
      const planes = down.points.flatMap(i => across.points.map(j => [i, j] as const))
      first += planes.length
      return {
        narrow: [down.narrow, across.narrow] as const,
        tiles: down.tiles * across.tiles,
        planes,
        first: first - planes.length,
      }
    }),
  )
}

/** The group of a pair of points, and the pair's place in it; tiles of few outputs have no need of some. */
export function placeOf(groups: readonly Group[], [i, j]: Pair): { group: number; index: number } | undefined {
  const indexIn = (g: Group) => g.planes.findIndex(plane => plane[0] === i && plane[1] === j)
  const group = groups.findIndex(g => indexIn(g) >= 0)
  return group < 0 ? undefined : { group, index: indexIn(groups[group]) }
}

/** Planes in all, and products of channels an image takes. */
export const planesOf = (groups: readonly Group[]) => groups.reduce((n, g) => n + g.planes.length, 0)
export const productsOf = (groups: readonly Group[]) => groups.reduce((n, g) => n + g.planes.length * g.tiles, 0)

/** Products saved below which sums and moves of the tiles cost more. */
const worth = 2.5

/** Reads a product's operand as patches, if the tiles would pay. */
function patches(view: View): Patches | undefined {
  const { buffer, base, axes, fill } = view
  if (buffer.shape.length !== 4 || axes.length !== 2 || fill !== 0 || view.divisor.some(d => d !== 1)) return undefined
  const factors = axes.map(axis => axis.filter(f => f.size !== 1))
  const [rows, columns] = factors
  const isColumns =
    columns.length === 3 &&
    columns.every((f, i) => f.dim === i + 1 && f.step === 1 && f.size === (i < 2 ? 3 : buffer.shape[3]))
  const sizes = [1, 1, 1]
  for (const f of rows) {
    if (f.dim > 2 || f.step !== 1 || sizes[f.dim] !== 1) return undefined
    sizes[f.dim] = f.size
  }
  const inOrder = rows.every((f, i) => i === 0 || rows[i - 1].dim < f.dim)
  const channels = buffer.shape[3]
  if (!isColumns || !inOrder || base[0] !== 0 || base[3] !== 0 || channels % 4 !== 0 || channels < 16) return undefined
  const [batch, ...size] = sizes as [number, number, number]
  if (9 * size[0] * size[1] < worth * productsOf(groupsOf(size))) return undefined
  return { buffer, batch, size, channels, from: [base[1], base[2]] }
}

export type Plan = { kind: 'filter' | 'gradient'; p: Patches; width: number }

/** Whether a product is a 3 × 3 convolution (or its gradient by the filter) for which tiles pay. */
export function planOf({ a, b }: Gemm): Plan | undefined {
  const width = b.shape[1]
  if (width % 4 !== 0 || width < 16) return undefined
  const direct = patches(a)
  if (direct) return { kind: 'filter', p: direct, width }
  const turned = patches(a.T)
  return turned && b.buffer.shape.length === 4 ? { kind: 'gradient', p: turned, width } : undefined
}

export type Far = readonly [Buffer, { low: number[]; high: number[] }]

/** How far a product's operands are read beyond their edges when it is made of tiles. */
export function tileReach(instruction: Gemm): readonly Far[] {
  const plan = planOf(instruction)
  if (!plan) return []
  const { p } = plan
  const high = range(0, 2).map(i => p.from[i] + p.size[i] + 1)
  return [[p.buffer, { low: [0, ...p.from, 0], high: [p.batch - 1, ...high, p.channels - 1] }]]
}
