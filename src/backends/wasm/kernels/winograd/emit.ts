import type { View } from '../../../../tensor/view.ts'
import type { Code, Local } from '../../assembler.ts'
import type { Build } from '../../build.ts'
import { nest } from '../../nest.ts'
import { range } from '../../numbers.ts'
import {
  type Chunks,
  type Group,
  groupsOf,
  type Pair,
  type Patches,
  placeOf,
  planesIn,
  pointsIn,
  type Tiled,
} from './plan.ts'
import { type Axis, type Matrix, mostPoints, transform } from './transforms.ts'

/** Bytes between planes beyond their size: planes a power of two apart would fall on the same cache lines. */
export const stagger = 64

/** Elements moved by a step of each axis, if every axis is one walk inside its buffer. */
export function walkOf(build: Build, view: View): { start: number; strides: number[] } | undefined {
  const n = nest([view], build.locate, axis => axis)
  if (!n || n.operands[0].checks.length > 0) return undefined
  const strides = view.shape.map(() => 0)
  for (const l of range(0, n.sizes.length)) {
    if (strides[n.axes[l]] !== 0 || n.sizes[l] !== view.shape[n.axes[l]]) return undefined
    strides[n.axes[l]] = n.operands[0].strides[l]
  }
  return { start: n.operands[0].start, strides }
}

/**
 * The same of the image under a product's patches, from the first patch on, by its outputs; and how many parts there are
 * along each axis, so many elements apart. The border is part of it.
 */
export function imageOf(build: Build, { buffer, from, axes }: Patches) {
  const { origin, strides: own } = build.locate(buffer)
  const all = own.length === 3 ? own.toSpliced(2, 0, 0) : own
  const parts = axes.map(({ parts, apart }, i) => [parts, apart * all[i + 1]] as const)
  const strides = all.map((step, i) => step * (axes[i - 1]?.stride ?? 1))
  return { start: origin + from[0] * all[1] + from[1] * all[2], strides, parts }
}

export type Moves = readonly (readonly [Local, number])[]

/** A loop that moves pointers by so many bytes a step and brings them back. */
export function each(f: Code, count: number, moves: Moves, body: () => void): void {
  f.times(count, () => {
    body()
    for (const [local, bytes] of moves) f.add(local, bytes)
  })
  for (const [local, bytes] of moves) f.add(local, -bytes * count)
}

/** Rows and columns of a product that stay in registers. */
export const block = { rows: 5, columns: 8 }

/** Cuts rows into blocks of `most` or one less, rather than leave one of a few rows at the end. */
export function byHeights(f: Code, rows: number, most: number, body: (height: number) => void): void {
  const blocks = Math.ceil(rows / most)
  const heights = range(0, blocks).map(i => Math.floor((rows + i) / blocks))
  for (const height of new Set(heights)) f.times(heights.filter(h => h === height).length, () => body(height))
}

/** Goes over a product block by block, and moves pointers by so many bytes a row and a column. */
export function overBlocks(
  f: Code,
  [rows, columns]: Pair,
  byRow: Moves,
  byColumn: Moves,
  body: (height: number, vectors: number) => void,
): void {
  const move = (moves: Moves, steps: number) => {
    for (const [local, bytes] of moves) f.add(local, bytes * steps)
  }
  const panel = (width: number) => {
    byHeights(f, rows, block.rows, height => {
      body(height, width / 4)
      move(byRow, height)
    })
    move(byRow, -rows)
    move(byColumn, width)
  }
  f.times(Math.floor(columns / block.columns), () => panel(block.columns))
  if (columns % block.columns) panel(columns % block.columns)
  move(byColumn, -columns)
}

/** Sets a pointer to `start` + index · `step` bytes. */
export const point = (f: Code, local: Local, start: number, index: Local, step: number) =>
  f.i32(start).get(index).i32(step).op('i32.mul').op('i32.add').set(local)

/** Moves a pointer on by index · `step` bytes. */
export const further = (f: Code, local: Local, index: Local, step: number) =>
  f.get(local).get(index).i32(step).op('i32.mul').op('i32.add').set(local)

/** The outermost loop of a kernel: units `begin` to `end`. */
export function share(f: Code, begin: Local, end: Local, body: (unit: Local) => void): void {
  const unit = f.local('i32')
  f.get(begin).set(unit)
  f.block(() =>
    f.loop(() => {
      f.get(unit).get(end).op('i32.ge_s').brIf(1)
      body(unit)
      f.add(unit, 1).br(0)
    }),
  )
}

/** Goes over the tiles of images row by row, with the number of outputs each has; the last of an axis may be narrow. */
export function overTiles(
  f: Code,
  images: number,
  axes: Pair<Tiled>,
  moves: (axis: number, steps: number) => Moves,
  body: (tile: Pair) => void,
): void {
  const along = (axis: number, part: (outputs: number) => void) => {
    const { size, out } = axes[axis]
    const [whole, rest] = [Math.floor(size / out), size % out]
    if (whole > 0) each(f, whole, moves(axis + 1, out), () => part(out))
    if (rest === 0) return
    for (const [local, bytes] of moves(axis + 1, out)) f.add(local, bytes * whole)
    part(rest)
    for (const [local, bytes] of moves(axis + 1, out)) f.add(local, -bytes * whole)
  }
  each(f, images, moves(0, 1), () => along(0, height => along(1, width => body([height, width]))))
}

/** Bytes in which the rows of one tile wait. */
const roughBytes = 16 * mostPoints ** 2

/** Memory of each thread's own: a place for a tile's rows, and `bytes` behind it. */
export function threadRoom(build: Build, bytes: number) {
  const room = roughBytes + bytes
  const scratch = build.scratch((room * build.threads) / 4)
  return {
    rough: (f: Code, id: Local, local: Local) => point(f, local, scratch, id, room),
    place: (f: Code, id: Local, local: Local, offset: number) =>
      point(f, local, scratch + roughBytes + offset, id, room),
  }
}

/** Writes what is done with a chunk; `at` sets a pointer to where the chunk begins in an array of such strides. */
export type OfChunk = (axes: Pair<Tiled>, at: (local: Local, start: number, strides: readonly number[]) => void) => void

/** Writes it for each kind of chunk. */
export function withChunk(
  f: Code,
  { images, bands, height, kinds: [usual, last] }: Chunks,
  chunk: Local,
  body: OfChunk,
): void {
  const [image, band] = [f.local('i32'), f.local('i32')]
  f.get(chunk).i32(bands).op('i32.div_u').set(image)
  f.get(chunk).i32(bands).op('i32.rem_u').set(band)
  const at = (local: Local, start: number, [perImage, perRow]: readonly number[]) => {
    point(f, local, start * 4, image, images * perImage * 4)
    if (bands > 1) further(f, local, band, height * perRow * 4)
  }
  if (!last) return body(usual, at)
  f.get(band)
    .i32(bands - 1)
    .op('i32.eq')
  f.if(
    () => body(last, at),
    () => body(usual, at),
  )
}

/** Where the planes of groups lie, each with the tiles of `images` images: plane[tile][channel]. */
export interface Planes {
  /** Of each group its first byte, and the bytes of a plane. */
  readonly starts: readonly number[]
  readonly steps: readonly number[]
  /** The first byte behind them. */
  readonly end: number
}

function planesFor(groups: readonly Group[], images: number, channels: number, first = 0): Planes {
  const steps = groups.map(g => g.tiles * images * channels * 4 + stagger)
  const starts: number[] = []
  let end = first
  groups.forEach((g, i) => {
    starts.push(end)
    end += planesIn(g) * steps[i]
  })
  return { starts, steps, end }
}

/**
 * The planes that meet in the products of a chunk: V of the image and M of `width` results or slopes, in a thread's own
 * memory, and U, which has one for each pair of all points, the same for every chunk.
 */
export function meeting(build: Build, { axes: whole, depth }: Patches, { images, kinds }: Chunks, width: number) {
  const side = pointsIn(whole[1])
  const both = (axes: Pair<Tiled>) => {
    const groups = groupsOf(axes)
    const V = planesFor(groups, images, depth)
    return { groups, V, M: planesFor(groups, images, width, V.end) }
  }
  const thread = threadRoom(build, Math.max(...kinds.map(axes => both(axes).M.end)))
  return {
    rough: thread.rough,
    /** For a chunk of these axes. */
    of(f: Code, id: Local, axes: Pair<Tiled>) {
      const { groups, V, M } = both(axes)
      const pointers = groups.map(() => f.local('i32'))
      return {
        V,
        M,
        groups,
        pointers,
        /** Sets the pointers to where planes begin. */
        stand(planes: Planes): void {
          planes.starts.forEach((start, g) => {
            thread.place(f, id, pointers[g], start)
          })
        },
        /** Goes over all planes, those of U from `start` on for an index, and moves three pointers with them. */
        products(
          [v, m, u]: readonly Local[],
          o: { start: number; plane: number; index: Local; step: number },
          body: (rows: number) => void,
        ): void {
          groups.forEach(({ from, count: [down, across], tiles }, g) => {
            thread.place(f, id, v, V.starts[g])
            thread.place(f, id, m, M.starts[g])
            point(f, u, o.start + (from[0] * side + from[1]) * o.plane, o.index, o.step)
            const along: Moves = [
              [v, V.steps[g]],
              [m, M.steps[g]],
            ]
            const rows: Moves = along.map(([local, step]) => [local, across * step])
            each(f, down, [...rows, [u, side * o.plane]], () =>
              each(f, across, [...along, [u, o.plane]], () => body(tiles * images)),
            )
          })
        },
      }
    },
  }
}

/**
 * Four channels of a tile's planes, of a tile with so many outputs: a pointer for each group, which stands at the tile
 * and goes on by one where the group has it.
 */
export function planesOfTile(
  axes: Pair<Tiled>,
  groups: readonly Group[],
  planes: Planes,
  pointers: readonly Local[],
  tile: Pair,
) {
  const takesPart = groups.map(g => g.narrow.every((narrow, i) => narrow || tile[i] === axes[i].out))
  return {
    /** The pointer and offset of the plane of this tile's points (r, c). */
    at(r: number, c: number): readonly [Local, number] {
      const { group, index } = placeOf(groups, [r, c])
      return [pointers[group], index * planes.steps[group]]
    },
    next(f: Code): void {
      pointers.forEach((pointer, g) => {
        if (takesPart[g]) f.add(pointer, 16)
      })
    },
  }
}

/** Image tiles to planes: for tiles of `images` images from the source on; the pointers go on. */
export function tilesToPlanes(
  f: Code,
  how: (axis: Axis, outputs: number) => Matrix,
  o: { images: number; axes: Pair<Tiled>; channels: number; strides: readonly number[]; parts?: readonly Pair[] },
  { groups, pointers }: { groups: readonly Group[]; pointers: readonly Local[] },
  planes: Planes,
  source: Local,
  rough: Local,
): void {
  const bytes = o.strides.map(s => s * 4)
  const moves = (axis: number, steps: number): Moves => [[source, steps * bytes[axis]]]
  overTiles(f, o.images, o.axes, moves, outputs => {
    const tile = planesOfTile(o.axes, groups, planes, pointers, outputs)
    const [down, across] = outputs.map((count, i) => how(o.axes[i], count))
    const channels = () =>
      each(f, o.channels / 4, [[source, 16]], () => {
        transform(f, [down, across], rough, {
          load: (r, c) => f.get(source).mem('v128.load', r * bytes[1] + c * bytes[2]),
          store(r, c, value) {
            const [pointer, offset] = tile.at(r, c)
            f.get(pointer).get(value).mem('v128.store', offset)
          },
        })
        tile.next(f)
      })
    const [[rows, row], [columns, pixel]] = o.parts ?? [[1, 0], [1, 0]] // biome-ignore format: one thing
    each(f, rows, [[source, row * 4]], () => each(f, columns, [[source, pixel * 4]], channels))
  })
}
