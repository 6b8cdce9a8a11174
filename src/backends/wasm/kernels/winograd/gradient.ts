import type { Gemm } from '../../../../program/index.ts'
import type { Code, Local } from '../../assembler.ts'
import type { Build } from '../../build.ts'
import { largestDivisor, range } from '../../numbers.ts'
import { addTo, tile } from '../tile.ts'
import {
  each,
  imageOf,
  imagesTogether,
  type Moves,
  overBlocks,
  type Planes,
  planesFor,
  point,
  share,
  stagger,
  threadRoom,
  tilesToPlanes,
  walkOf,
} from './emit.ts'
import { groupsOf, type Plan, placeOf, planesOf, productsOf } from './plan.ts'
import {
  type Axis,
  gradientOfFilter,
  type Matrix,
  pointsOf,
  toTile,
  toTileOfGradient,
  transform,
} from './transforms.ts'

/** Sums that are kept apart until the end, whatever the number of threads, so that threads need not meet. */
const lanes = 4

/** The gradient by the filter: tiles of the image against tiles of the output's gradient, summed over all tiles. */
export function gradient(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
  const [down, across] = p.axes
  const result = walkOf(build, Object.values(instruction.outputs)[0].reshape(down.taps, across.taps, p.channels, width))
  const plain = [...instruction.formula.outputs.values()].every(node => node.op === 'name')
  if (!plain || instruction.formula.outputs.size !== 1 || result?.strides[3] !== 1) return false
  const slope = walkOf(build, instruction.b.reshape(p.batch, down.size, across.size, width))
  if (slope?.strides[3] !== 1) return false

  const groups = groupsOf(p.axes)
  const images = imagesTogether(groups, p.batch)
  const chunks = p.batch / images
  const sums = largestDivisor(chunks, lanes)
  const planesV = planesFor(groups, images, p.channels)
  const planesM = planesFor(groups, images, width)
  const planeU = p.channels * width * 4 + stagger
  const laneU = planesOf(groups) * planeU
  const dU = build.scratch((sums * laneU) / 4)
  const thread = threadRoom(build, planesV.bytes + planesM.bytes)
  const from = imageOf(build, p)

  const products = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [x, dy, V, M, target, rough, fresh] = range(0, 7).map(() => f.local('i32'))
    const pointers = groups.map(() => f.local('i32'))
    thread.rough(f, id, rough)
    const tiles = (
      how: (axis: Axis, outputs: number) => Matrix,
      source: Local,
      channels: number,
      strides: readonly number[],
      planes: Planes,
      offset: number,
    ) => {
      planes.starts.forEach((start, g) => {
        thread.place(f, id, pointers[g], offset + start)
      })
      tilesToPlanes(f, how, { images, axes: p.axes, channels, strides }, groups, planes, source, pointers, rough)
    }
    share(f, begin, end, unit => {
      const inLane = (chunks / sums) * images
      point(f, x, from.start * 4, unit, inLane * from.strides[0] * 4)
      point(f, dy, slope.start * 4, unit, inLane * slope.strides[0] * 4)
      f.assign(fresh, 1)
      const moves: Moves = [
        [x, images * from.strides[0] * 4],
        [dy, images * slope.strides[0] * 4],
      ]
      each(f, chunks / sums, moves, () => {
        tiles(toTile, x, p.channels, from.strides, planesV, 0)
        tiles(toTileOfGradient, dy, width, slope.strides, planesM, planesV.bytes)
        // dU[plane] += V[plane]ᵀ · M[plane]
        groups.forEach((group, g) => {
          thread.place(f, id, V, planesV.starts[g])
          thread.place(f, id, M, planesV.bytes + planesM.starts[g])
          point(f, target, dU + group.first * planeU, unit, laneU)
          const moves: Moves = [
            [V, planesV.steps[g]],
            [M, planesM.steps[g]],
            [target, planeU],
          ]
          each(f, group.planes.length, moves, () =>
            sumOfProducts(f, [p.channels, width, group.tiles * images], V, M, target, fresh, build.fma),
          )
        })
        f.assign(fresh, 0)
      })
    })
  })
  const label = Object.values(instruction.outputs)[0].name
  build.add({
    name: `winograd ${label}`,
    code: products,
    units: sums,
    flops: 2 * productsOf(groups) * p.batch * p.channels * width,
    bytes:
      4 * (down.size * across.size * p.batch * (p.channels + width) + sums * planesOf(groups) * p.channels * width),
  })

  const points = p.axes.map(axis => pointsOf(axis, axis.out))
  const [row, tap, channel] = result.strides.map(s => s * 4)
  const back = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [source, target, rough] = range(0, 3).map(() => f.local('i32'))
    thread.rough(f, id, rough)
    share(f, begin, end, unit => {
      point(f, source, dU, unit, width * 4)
      point(f, target, result.start * 4, unit, channel)
      const moves: Moves = [
        [source, 16],
        [target, 16],
      ]
      each(f, width / 4, moves, () =>
        transform(f, [gradientOfFilter(down), gradientOfFilter(across)], rough, {
          load(i, j) {
            const { group, index } = placeOf(groups, [points[0][i], points[1][j]])
            range(0, sums).forEach(lane => {
              f.get(source).mem('v128.load', lane * laneU + (groups[group].first + index) * planeU)
              if (lane > 0) f.op('f32x4.add')
            })
          },
          store: (i, j, value) =>
            f
              .get(target)
              .get(value)
              .mem('v128.store', i * row + j * tap),
        }),
      )
    })
  })
  build.add({
    name: `winograd ${label} from tiles`,
    code: back,
    units: p.channels,
    flops: 2 * planesOf(groups) * p.channels * width,
    bytes: 4 * (down.taps * across.taps + sums * planesOf(groups)) * p.channels * width,
  })
  return true
}

/** target += Vᵀ · M, where rows of both lie close; anew where `fresh` is set. */
function sumOfProducts(
  f: Code,
  [rows, columns, depth]: readonly [number, number, number],
  V: Local,
  M: Local,
  target: Local,
  fresh: Local,
  fma: boolean,
): void {
  const byRow: Moves = [
    [V, 4],
    [target, columns * 4],
  ]
  const byColumn: Moves = [
    [M, 4],
    [target, 4],
  ]
  overBlocks(f, [rows, columns], byRow, byColumn, (height, vectors) => {
    const steps = [{ size: depth, a: rows * 4, b: columns * 4 }]
    const sums = tile(f, { rows: height, columns: vectors * 4, rowStep: 4, depth: steps }, V, M, fma)
    addTo(f, target, columns * 4, fresh, sums)
  })
}
