import type { Gemm } from '../../../../program/index.ts'
import type { Shape } from '../../../../tensor/shape.ts'
import type { Buffer, View } from '../../../../tensor/view.ts'
import { largestDivisor, range } from '../../numbers.ts'
import { type Axis, mostPoints, pointsFor } from './transforms.ts'

export type Pair<T = number> = readonly [T, T]

/**
 * An axis of an image as tiles cover it: the last of them is as narrow as the rest is. What one tile has too few points for
 * is a sum of parts: with a stride of s each s-th tap of the kernel meets an image of each s-th element, and of a long
 * kernel the first taps meet the image, the next ones the image further on, and so on.
 */
export interface Tiled extends Axis {
  /** Outputs in all. */
  readonly size: number
  readonly kernel: number
  readonly stride: number
  readonly parts: number
  /** Elements from where a part begins to where the next one does. */
  readonly apart: number
}

/** A view that shows the patches of an image: [batch·height·width, kernel·kernel·channels]. A signal is an image of width 1. */
export interface Patches {
  readonly buffer: Buffer
  readonly batch: number
  /** Down and across. */
  readonly axes: Pair<Tiled>
  readonly channels: number
  /** Channels of all parts. */
  readonly depth: number
  /** Coordinate of the first patch. */
  readonly from: Pair
}

/** How many points an axis has, and how many tiles. */
export const pointsIn = (axis: Tiled) => pointsFor(axis, axis.out)
export const tilesIn = ({ size, out }: Tiled) => Math.ceil(size / out)

/**
 * Products of one pair of points each, which the same tiles take part in. A narrow tile does with the first points: with
 * three taps 14 outputs are 4 + 4 + 4 + 2, with 6 + 6 + 6 + 4 points, and 7 are 4 + 3.
 */
export interface Group {
  /** Whether the last, narrow tiles take part. */
  readonly narrow: Pair<boolean>
  /** Tiles of an image. */
  readonly tiles: number
  /** The first points down and across, and how many there are. */
  readonly from: Pair
  readonly count: Pair
}

export function groupsOf(axes: Pair<Tiled>): Group[] {
  const [down, across] = axes.map(axis => {
    const [whole, rest] = [Math.floor(axis.size / axis.out), axis.size % axis.out]
    const [all, few] = [pointsIn(axis), pointsFor(axis, rest)]
    if (rest === 0) return [{ narrow: true, tiles: whole, from: 0, count: all }]
    return [
      { narrow: true, tiles: whole + 1, from: 0, count: few },
      ...(whole > 0 ? [{ narrow: false, tiles: whole, from: few, count: all - few }] : []),
    ]
  })
  return down.flatMap(d =>
    across.map(a => ({
      narrow: [d.narrow, a.narrow] as const,
      tiles: d.tiles * a.tiles,
      from: [d.from, a.from] as const,
      count: [d.count, a.count] as const,
    })),
  )
}

/** The group of a pair of points, and the pair's place in it. */
export function placeOf(groups: readonly Group[], pair: Pair): { group: number; index: number } {
  const group = groups.findIndex(({ from, count }) => pair.every((i, a) => from[a] <= i && i < from[a] + count[a]))
  const { from, count } = groups[group]
  return { group, index: (pair[0] - from[0]) * count[1] + pair[1] - from[1] }
}

/** Pairs of points of a group and of all, and products of channels an image takes. */
export const planesIn = ({ count }: Group) => count[0] * count[1]
export const planesOf = (axes: Pair<Tiled>) => pointsIn(axes[0]) * pointsIn(axes[1])
export const productsOf = (axes: Pair<Tiled>) => groupsOf(axes).reduce((n, g) => n + planesIn(g) * g.tiles, 0)

/** The parts of a sum, down and across. */
export const partsOf = ([down, across]: Pair<Tiled>): Pair[] =>
  range(0, down.parts).flatMap(i => range(0, across.parts).map(j => [i, j] as const))

/** The place in the kernel of a part's tap, if the kernel has it: some parts have less than others, and meet 0 for it. */
export function tapOf(axes: Pair<Tiled>, part: Pair, tap: Pair): readonly number[] | undefined {
  const place = axes.map(({ apart, stride }, i) => part[i] * apart + tap[i] * stride)
  return place.every((at, i) => at < axes[i].kernel) ? place : undefined
}

/** What goes through the caches together: several images, or a band of one. */
export interface Chunks {
  readonly count: number
  readonly images: number
  /** Bands of an image, and the outputs down each but the last, which may have fewer. */
  readonly bands: number
  readonly height: number
  /** The axes of a band, and of the last one where they are others. */
  readonly kinds: readonly Pair<Tiled>[]
}

/** Tiles of small images that are a chunk, and of a band of a large one, about. */
const together = 32
const mostTiles = 64

export function chunksOf({ batch, axes: [down, across] }: Patches): Chunks {
  const [rows, columns] = [tilesIn(down), tilesIn(across)]
  const cuts = rows * columns > mostTiles ? Math.ceil(rows / Math.max(1, Math.floor(mostTiles / columns))) : 1
  const height = Math.ceil(rows / cuts) * down.out
  const bands = Math.ceil(down.size / height)
  const images = bands > 1 ? 1 : largestDivisor(batch, Math.max(1, Math.floor(together / (rows * columns))))
  const rest = down.size - (bands - 1) * height
  const kinds = [...new Set([Math.min(height, down.size), rest])].map(
    (size): Pair<Tiled> => [{ ...down, size }, across],
  )
  return { count: (batch / images) * bands, images, bands, height, kinds }
}

/** Points of a whole tile: eight lose a little more to rounding than six, and have to save something. */
const usual = 6
const saving = 0.85
/** Parts of a long kernel, and of a stride, for each of which something is written. */
const mostParts = 4

/** Products that a row of outputs takes for each channel, on an equal footing. */
function costOf(axis: Tiled): number {
  const points = axis.parts * (axis.size + tilesIn(axis) * (axis.taps - 1))
  return pointsIn(axis) > usual ? points / saving : points
}

/** Cuts an axis into tiles, the best way there is. */
function tiled(size: number, kernel: number, stride: number): Tiled | undefined {
  const ways = (stride > 1 ? [stride] : range(1, mostParts + 1)).flatMap(parts => {
    const taps = Math.ceil(kernel / parts)
    const apart = stride > 1 ? 1 : taps
    // As many tiles as the widest possible would be, and of one width where that goes.
    const out = (widest: number) => (taps === 1 ? 1 : Math.ceil(size / Math.ceil(size / widest)))
    const widest = [usual, mostPoints].map(points => points - taps + 1).filter(most => most > 0)
    return widest.map(most => ({ size, kernel, stride, parts, apart, taps, out: out(most) }))
  })
  return stride > mostParts ? undefined : ways.sort((a, b) => costOf(a) - costOf(b))[0]
}

/** What it costs to bring a number to its tile's plane or back, and one of the filter, which goes further, in products. */
const costOfMove = 2
const costOfFilter = 7

/** How many elements an axis of a view shows along each dimension, one after another, and how far apart they are. */
function walks(shape: Shape, axis: View['axes'][0]): { sizes: number[]; steps: number[] } | undefined {
  const [sizes, steps] = [shape.map(() => 1), shape.map(() => 1)]
  const factors = axis.filter(f => f.size !== 1)
  for (const { dim, size, step } of factors) [sizes[dim], steps[dim]] = [size, step]
  return factors.every((f, i) => f.step > 0 && (i === 0 || factors[i - 1].dim < f.dim)) ? { sizes, steps } : undefined
}

/** Reads a product's operand as patches. */
function patches(view: View): Patches | undefined {
  const { buffer, base, axes, fill } = view
  const channelsAt = buffer.shape.length - 1
  if (channelsAt < 2 || channelsAt > 3 || axes.length !== 2 || fill !== 0) return undefined
  if (view.divisor.some(d => d !== 1)) return undefined
  const [rows, columns] = axes.map(axis => walks(buffer.shape, axis))
  const channels = buffer.shape[channelsAt]
  if (rows?.steps[0] !== 1 || rows.sizes[channelsAt] !== 1 || base[0] !== 0) return undefined
  if (!columns || columns.steps.some(step => step !== 1) || columns.sizes[0] !== 1) return undefined
  if (columns.sizes[channelsAt] !== channels || base[channelsAt] !== 0 || channels % 4 !== 0) return undefined
  // Most products have no taps: no more is asked about them.
  if (range(1, channelsAt).every(dim => columns.sizes[dim] === 1)) return undefined
  const image = range(1, channelsAt).map(dim => tiled(rows.sizes[dim], columns.sizes[dim], rows.steps[dim]))
  const [down, across] = [...image, tiled(1, 1, 1)]
  if (!down || !across) return undefined
  const from = [base[1], channelsAt === 3 ? base[2] : 0] as const
  const depth = channels * down.parts * across.parts
  return { buffer, batch: rows.sizes[0], axes: [down, across], channels, depth, from }
}

/** Bytes that the planes of a filter and of some tiles may have. */
export const mostBytes = 2 ** 28

/** Whether tiles take less than direct sums, and not too much memory. */
function pays({ batch, axes, channels, depth }: Patches, width: number): boolean {
  if (4 * planesOf(axes) * (depth * width + mostTiles * (depth + width)) > mostBytes) return false
  const products = batch * productsOf(axes)
  const direct = axes.reduce((n, { size, kernel }) => n * size * kernel, batch * channels * width)
  const moved = costOfMove * products * (depth + width) + costOfFilter * planesOf(axes) * depth * width
  return products * depth * width + moved < direct
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
  const image = axes.map(({ size, taps, stride, parts, apart }, i) => [
    from[i],
    from[i] + (size + taps - 2) * stride + (parts - 1) * apart,
  ])
  const ends = [[0, batch - 1], ...image.slice(0, buffer.shape.length - 2), [0, channels - 1]]
  return [[buffer, { low: ends.map(([low]) => low), high: ends.map(([, high]) => high) }]]
}
