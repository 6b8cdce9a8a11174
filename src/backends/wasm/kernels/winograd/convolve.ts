import type { Gemm } from '../../../../program/index.ts'
import { sizeOf } from '../../../../tensor/shape.ts'
import type { Code, Local } from '../../assembler.ts'
import { type Build, formulaWriter } from '../../build.ts'
import { largestDivisor, range } from '../../numbers.ts'
import { tile } from '../tile.ts'
import {
  block,
  each,
  further,
  imageOf,
  type Moves,
  meeting,
  type OfChunk,
  overBlocks,
  overTiles,
  planesOfTile,
  point,
  share,
  stagger,
  threadRoom,
  tilesToPlanes,
  walkOf,
  withChunk,
} from './emit.ts'
import {
  chunksOf,
  type Pair,
  type Patches,
  type Plan,
  partsOf,
  planesOf,
  pointsIn,
  productsOf,
  type Tiled,
  tapOf,
} from './plan.ts'
import { fromTile, ofFilter, toTile, transform } from './transforms.ts'

/** Bytes of one plane of the filter, and of all. */
const planeBytes = ({ p, width }: Plan) => p.depth * width * 4 + stagger
export const filterBytes = (plan: Plan): number => planesOf(plan.p.axes) * planeBytes(plan)

/** The convolution itself, and its gradient by the image, which is one with the filter turned round. */
export function convolve(build: Build, instruction: Gemm, plan: Plan): boolean {
  const { p, width } = plan
  const names = Object.keys(instruction.inputs)
  const [down, across] = p.axes
  const image = [p.batch, down.size, across.size, width]
  const results = Object.values(instruction.outputs).map(v => walkOf(build, v.reshape(...image)))
  const operands = Object.values(instruction.inputs).map(v => walkOf(build, v.reshape(...image)))
  const filter = walkOf(build, instruction.b.reshape(down.kernel, across.kernel, p.channels, width))
  if (!filter || results.some(o => o?.strides[3] !== 1)) return false
  if (operands.some(o => !o || o.strides.slice(0, 3).some(s => s !== 0) || o.strides[3] > 1)) return false

  const chunks = chunksOf(p)
  const { images } = chunks
  // Threads share a few chunks by their filters, each making the tiles for itself.
  const parts = largestDivisor(width / block.columns, Math.ceil(build.threads / chunks.count))
  const columns = width / parts
  const settled = build.isSettled(instruction.b.buffer)
  const planeU = planeBytes(plan)
  const panels = build.scratch(filterBytes(plan) / 4, settled)
  if (!filterToPanels(build, filter, p, panels, width, settled)) return false

  const seen = imageOf(build, p)
  const met = meeting(build, p, chunks, columns)

  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const epilogue = formulaWriter(build, f, instruction.formula, name => name === 'product' || names.includes(name))
    const [x, V, M, U, rough, chunk, part] = range(0, 7).map(() => f.local('i32'))
    const targets = results.map(() => f.local('i32'))
    const beside = operands.map(() => f.local('i32'))
    // Planes to images, the formula applied on the way out.
    const write = (axes: Pair<Tiled>, { groups, M, pointers }: ReturnType<typeof met.of>) => {
      const along = (axis: number, steps: number): Moves =>
        results.map((o, i) => [targets[i], o!.strides[axis] * steps * 4] as const)
      const channelMoves: Moves = [...along(3, 4), ...operands.map((o, i) => [beside[i], o!.strides[3] * 16] as const)]
      overTiles(f, images, axes, along, outputs => {
        const tile = planesOfTile(axes, groups, M, pointers, outputs)
        const [down, across] = outputs.map((count, i) => fromTile(axes[i], count))
        each(f, columns / 4, channelMoves, () => {
          // What is the same for all outputs is loaded once.
          const loaded = operands.map((o, i) => {
            const value = f.local('v128')
            f.get(beside[i])
              .mem(o!.strides[3] === 1 ? 'v128.load' : 'v128.load32_splat')
              .set(value)
            return value
          })
          transform(f, [down, across], rough, {
            load(r, c) {
              const [pointer, offset] = tile.at(r, c)
              f.get(pointer).mem('v128.load', offset)
            },
            store(r, c, product) {
              const load = (name: string) => (name === 'product' ? product : loaded[names.indexOf(name)])
              epilogue(load).forEach((value, i) => {
                const [, row, pixel] = results[i]!.strides
                f.get(targets[i])
                  .get(value)
                  .mem('v128.store', (r * row + c * pixel) * 4)
              })
            },
          })
          tile.next(f)
        })
      })
    }
    const one: OfChunk = (axes, at) => {
      const made = met.of(f, id, axes)
      at(x, seen.start, seen.strides)
      made.stand(made.V)
      tilesToPlanes(f, toTile, { images, axes, channels: p.channels, ...seen }, made, made.V, x, rough)
      // A small product for each plane: M[plane] = V[plane] · U[plane]
      const filters = { start: panels, plane: planeU, index: part, step: columns * p.depth * 4 }
      made.products([V, M, U], filters, rows => smallProduct(f, { rows, depth: p.depth, columns }, V, U, M, build.fma))
      made.stand(made.M)
      results.forEach((o, i) => {
        at(targets[i], o!.start, o!.strides)
        further(f, targets[i], part, columns * 4)
      })
      operands.forEach((o, i) => {
        point(f, beside[i], o!.start * 4, part, columns * o!.strides[3] * 4)
      })
      write(axes, made)
    }
    met.rough(f, id, rough)
    share(f, begin, end, unit => {
      f.get(unit).i32(parts).op('i32.div_u').set(chunk)
      f.get(unit).i32(parts).op('i32.rem_u').set(part)
      withChunk(f, chunks, chunk, one)
    })
  })
  const label = Object.values(instruction.outputs)
    .map(v => v.name)
    .join(' ')
  build.add({
    name: `winograd ${label}`,
    code,
    units: chunks.count * parts,
    flops: 2 * productsOf(p.axes) * p.batch * p.depth * width,
    bytes: 4 * (sizeOf(p.buffer.shape) + results.length * sizeOf(image)),
  })
  return true
}

/** M = V · U for rows that lie close, with U in panels of a block's columns. */
function smallProduct(
  f: Code,
  { rows, depth, columns }: { rows: number; depth: number; columns: number },
  V: Local,
  U: Local,
  M: Local,
  fma: boolean,
): void {
  const byRow: Moves = [
    [V, depth * 4],
    [M, columns * 4],
  ]
  const byColumn: Moves = [
    [U, depth * 4],
    [M, 4],
  ]
  overBlocks(f, [rows, columns], byRow, byColumn, (height, vectors) => {
    const steps = [{ size: depth, a: 4, b: vectors * 16 }]
    const sums = tile(f, { rows: height, columns: vectors * 4, rowStep: depth * 4, depth: steps }, V, U, fma)
    sums.forEach((row, i) => {
      row.forEach((sum, j) => {
        f.get(M)
          .get(sum)
          .mem('v128.store', i * columns * 4 + j * 16)
      })
    })
  })
}

/** U = G·w·Gᵀ for every pair of channels, in panels of a block's columns: U[plane][panel][channel][column]. */
function filterToPanels(
  build: Build,
  filter: { start: number; strides: readonly number[] },
  { axes, channels, depth }: Patches,
  panels: number,
  width: number,
  settled: boolean,
): boolean {
  const [row, tap, channel, column] = filter.strides
  const across = column === 1
  if (!across && channel !== 1) return false
  const plane = depth * width * 4 + stagger
  const ofFilters = [ofFilter(axes[0]), ofFilter(axes[1])] as const
  const thread = threadRoom(build, 0)
  const [whole, rest] = [Math.floor(width / block.columns), width % block.columns]
  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [source, target, rough] = range(0, 3).map(() => f.local('i32'))
    thread.rough(f, id, rough)
    const four = (part: Pair, put: (value: Local, offset: number) => void) =>
      transform(f, ofFilters, rough, {
        load(r, s) {
          const place = tapOf(axes, part, [r, s])
          if (!place) return f.f32x4(0)
          const offset = (place[0] * row + place[1] * tap) * 4
          f.get(source)
          if (offset < 0) f.i32(offset).op('i32.add')
          f.mem('v128.load', Math.max(0, offset))
        },
        store(r, s, value) {
          put(value, (r * pointsIn(axes[1]) + s) * plane)
        },
      })
    const acrossPanel = (columns: number, part: Pair) =>
      f.times(channels, () => {
        for (let at = 0; at < columns * 4; at += 16) {
          four(part, (value, offset) =>
            f
              .get(target)
              .get(value)
              .mem('v128.store', offset + at),
          )
          f.add(source, 16)
        }
        f.add(source, (channel - columns) * 4).add(target, columns * 4)
      })
    // Where four channels lie together and not four columns, they go to as many rows.
    const downPanel = (columns: number, part: Pair) =>
      f.times(channels / 4, () => {
        f.times(columns, () => {
          four(part, (value, offset) => {
            for (const lane of range(0, 4))
              f.get(target)
                .get(value)
                .storeLane(lane, offset + lane * columns * 4)
          })
          f.add(source, column * 4).add(target, 4)
        })
        f.add(source, 16 - columns * column * 4).add(target, columns * 12)
      })
    // A panel at a time, so that each plane is written from end to end.
    const panel = (columns: number) => {
      for (const part of partsOf(axes)) {
        ;(across ? acrossPanel : downPanel)(columns, part)
        f.add(source, -channels * channel * 4)
      }
    }
    share(f, begin, end, unit => {
      point(f, source, filter.start * 4, unit, block.columns * column * 4)
      point(f, target, panels, unit, block.columns * depth * 4)
      if (rest === 0) return panel(block.columns)
      f.get(unit).i32(whole).op('i32.lt_s')
      f.if(
        () => panel(block.columns),
        () => panel(rest),
      )
    })
  })
  build.add({
    name: 'winograd filter',
    code,
    units: whole + Math.sign(rest),
    flops: 2 * planesOf(axes) * depth * width,
    bytes: 4 * (axes[0].kernel * axes[1].kernel * channels + planesOf(axes) * depth) * width,
    settled,
  })
  return true
}
