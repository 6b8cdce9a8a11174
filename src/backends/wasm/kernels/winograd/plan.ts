import type { Gemm } from '../../../../program/index.ts'
import type { Buffer, View } from '../../../../tensor/view.ts'
import { range } from '../../numbers.ts'
import { type Axis, mostPoints, pointsOf } from './transforms.ts'

export type Pair<T = number> = readonly [T, T]

/** An axis of an image as tiles cover it: the last of them is as narrow as the rest is. */
export interface Tiled extends Axis {
  /** Outputs in all. */
  readonly size: number
}

/** A view that shows the patches of an image: [batch·height·width, taps·taps·channels]. A signal is an image of height 1. */
export interface Patches {
  readonly buffer: Buffer
  readonly batch: number
  /** Down and across. */
  readonly axes: Pair<Tiled>
  readonly channels: number
  /** Coordinate of the first patch. */
  readonly from: Pair
}

/**
 * Products of one pair of points each, which the same tiles take part in. A narrow tile needs fewer points: with three
 * taps 14 outputs are 6 + 6 + 2, with 8 + 8 + 4 points, and 7 are 4 + 3, with 6 + 5.
 */
export interface Group {
  /** Whether the last, narrow tiles take part. */
  readonly narrow: Pair<boolean>
  /** Tiles of an image. */
  readonly tiles: number
  /** The pairs of points. */
  readonly planes: readonly Pair[]
  /** Place of the first plane among those of all groups. */
  readonly first: number
}

export function groupsOf(axes: Pair<Tiled>): Group[] {
  const parts = axes.map(axis => {
    const [whole, rest] = [Math.floor(axis.size / axis.out), axis.size % axis.out]
    const all = pointsOf(axis, axis.out)
    if (rest === 0) return [{ narrow: true, tiles: whole, points: all }]
    const narrow = pointsOf(axis, rest)
    return [
      { narrow: true, tiles: whole + 1, points: narrow },
      { narrow: false, tiles: whole, points: all.filter(i => !narrow.includes(i)) },
    ]
  })
  let first = 0
  return parts[0].flatMap(down =>
    parts[1].map(across => {
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

/** The group of a pair of points, and the pair's place in it. */
export function placeOf(groups: readonly Group[], [i, j]: Pair): { group: number; index: number } {
  const indexIn = (g: Group) => g.planes.findIndex(plane => plane[0] === i && plane[1] === j)
  const group = groups.findIndex(g => indexIn(g) >= 0)
  return { group, index: indexIn(groups[group]) }
}

/** Planes in all, and products of channels an image takes. */
export const planesOf = (groups: readonly Group[]) => groups.reduce((n, g) => n + g.planes.length, 0)
export const productsOf = (groups: readonly Group[]) => groups.reduce((n, g) => n + g.planes.length * g.tiles, 0)

/** Points that a row of so many outputs takes. */
const pointsAlong = ({ size, taps, out }: Tiled) => size + Math.ceil(size / out) * (taps - 1)

/** Points of a whole tile: eight lose a little more to rounding than six, and have to save something. */
const usual = 6
const saving = 0.85

/** Cuts an axis into tiles. */
function tiled(size: number, taps: number): Tiled {
  const cut = (points: number) => ({ size, taps, out: taps === 1 ? 1 : Math.max(1, Math.min(size, points - taps + 1)) })
  const [few, many] = [cut(usual), cut(mostPoints)]
  return pointsAlong(many) < saving * pointsAlong(few) ? many : few
}

/** What it costs to bring a number to its tile's plane or back, and one of a filter, in products and sums. */
const costOfMove = 7

/** Reads a product's operand as patches. */
function patches(view: View): Patches | undefined {
  const { buffer, base, axes, fill } = view
  const channelsAt = buffer.shape.length - 1
  if (channelsAt < 2 || channelsAt > 3 || axes.length !== 2 || fill !== 0) return undefined
  if (view.divisor.some(d => d !== 1)) return undefined
  const [sizes, taps] = axes.map(axis => {
    const along = buffer.shape.map(() => 1)
    const factors = axis.filter(f => f.size !== 1)
    const inOrder = factors.every((f, i) => f.step === 1 && (i === 0 || factors[i - 1].dim < f.dim))
    for (const f of factors) along[f.dim] = f.size
    return inOrder ? along : []
  })
  const channels = buffer.shape[channelsAt]
  if (!sizes?.length || sizes[channelsAt] !== 1 || !taps?.length || taps[0] !== 1 || taps[channelsAt] !== channels)
    return undefined
  if (base[0] !== 0 || base[channelsAt] !== 0 || channels % 4 !== 0) return undefined
  const image = range(1, channelsAt)
  if (image.some(dim => taps[dim] > mostPoints - 1)) return undefined
  const cuts = image.map(dim => tiled(sizes[dim], taps[dim]))
  const [down, across] = channelsAt === 3 ? cuts : [tiled(1, 1), ...cuts]
  const from = channelsAt === 3 ? ([base[1], base[2]] as const) : ([0, base[1]] as const)
  return { buffer, batch: sizes[0], axes: [down, across], channels, from }
}

/** Whether tiles take less than direct sums. */
function pays({ batch, axes, channels }: Patches, width: number): boolean {
  const groups = groupsOf(axes)
  const [products, both] = [productsOf(groups), channels * width]
  const direct = axes.reduce((n, { size, taps }) => n * size * taps, batch * both)
  const moved = batch * products * (channels + width) + planesOf(groups) * both
  return batch * products * both + costOfMove * moved < direct
}

export type Plan = { kind: 'filter' | 'gradient'; p: Patches; width: number }

/** Whether a product is a convolution (or its gradient by the filter) for which tiles pay. */
export function planOf({ a, b }: Gemm): Plan | undefined {
  const width = b.shape[1]
  if (width % 4 !== 0) return undefined
  const direct = patches(a)
  if (direct) return pays(direct, width) ? { kind: 'filter', p: direct, width } : undefined
  const turned = b.buffer.shape.length === a.buffer.shape.length ? patches(a.T) : undefined
  return turned && pays(turned, width) ? { kind: 'gradient', p: turned, width } : undefined
}

export type Far = readonly [Buffer, { low: number[]; high: number[] }]

/** How far a product's operands are read beyond their edges when it is made of tiles. */
export function tileReach(instruction: Gemm): readonly Far[] {
  const plan = planOf(instruction)
  if (!plan) return []
  const { buffer, batch, axes, channels, from } = plan.p
  const image = axes.map(({ size, taps }, i) => [from[i], from[i] + size + taps - 2])
  const ends = [[0, batch - 1], ...image.slice(4 - buffer.shape.length), [0, channels - 1]]
  return [[buffer, { low: ends.map(([low]) => low), high: ends.map(([, high]) => high) }]]
}
