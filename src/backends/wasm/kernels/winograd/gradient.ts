import type { Gemm } from '../../../../program/index.ts'
import type { Code, Local } from '../../assembler.ts'
import type { Build } from '../../build.ts'
import { range } from '../../numbers.ts'
import { addTo, tile } from '../tile.ts'
import {
  each,
  imageOf,
  type Moves,
  meeting,
  type OfChunk,
  overBlocks,
  point,
  share,
  stagger,
  tilesToPlanes,
  walkOf,
  withChunk,
} from './emit.ts'
import { chunksOf, mostBytes, type Plan, partsOf, planesOf, pointsIn, productsOf, tapOf } from './plan.ts'
import { gradientOfFilter, toTile, toTileOfGradient, transform } from './transforms.ts'

/** Sums that are kept apart until the end, whatever the number of threads, so that threads need not meet; large ones less. */
const lanesOf = (bytes: number) => (4 * bytes > mostBytes ? 2 : 4)

/** The gradient by the filter: tiles of the image against tiles of the output's gradient, summed over all tiles. */
export function gradient(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
  const [down, across] = p.axes
  const result = walkOf(
    build,
    Object.values(instruction.outputs)[0].reshape(down.kernel, across.kernel, p.channels, width),
  )
  const plain = [...instruction.formula.outputs.values()].every(node => node.op === 'name')
  if (!plain || instruction.formula.outputs.size !== 1 || result?.strides[3] !== 1) return false
  const slope = walkOf(build, instruction.b.reshape(p.batch, down.size, across.size, width))
  if (slope?.strides[3] !== 1) return false

  const chunks = chunksOf(p)
  const { images } = chunks
  const planeU = p.depth * width * 4 + stagger
  const laneU = planesOf(p.axes) * planeU
  const sums = Math.min(lanesOf(laneU), chunks.count)
  const dU = build.scratch((sums * laneU) / 4)
  const met = meeting(build, p, chunks, width)
  const from = imageOf(build, p)
  // A last band of narrow tiles alone has not all points, and may be the first that a lane adds.
  const isPartial = chunks.kinds.some(([{ size }]) => size < down.out)

  const products = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [x, dy, V, M, target, rough, fresh, lane, chunk, stop] = range(0, 10).map(() => f.local('i32'))
    const one: OfChunk = (axes, at) => {
      const made = met.of(f, id, axes)
      at(x, from.start, from.strides)
      at(dy, slope.start, slope.strides)
      made.stand(made.V)
      tilesToPlanes(f, toTile, { images, axes, channels: p.channels, ...from }, made, made.V, x, rough)
      made.stand(made.M)
      tilesToPlanes(f, toTileOfGradient, { images, axes, channels: width, ...slope }, made, made.M, dy, rough)
      // dU[plane] += V[plane]ᵀ · M[plane]
      made.products([V, M, target], { start: dU, plane: planeU, index: lane, step: laneU }, rows =>
        sumOfProducts(f, [p.depth, width, rows], V, M, target, fresh, build.fma),
      )
    }
    met.rough(f, id, rough)
    share(f, begin, end, unit => {
      const cut = () => f.i32(chunks.count).op('i32.mul').i32(sums).op('i32.div_u')
      f.get(unit).set(lane)
      f.get(unit)
      cut().set(chunk)
      f.get(unit).i32(1).op('i32.add')
      cut().set(stop)
      f.assign(fresh, isPartial ? 0 : 1)
      if (isPartial) {
        point(f, target, dU, lane, laneU)
        f.get(target).i32(0).i32(laneU).fill()
      }
      f.loop(() => {
        withChunk(f, chunks, chunk, one)
        f.assign(fresh, 0).add(chunk, 1)
        f.get(chunk).get(stop).op('i32.lt_u').brIf(0)
      })
    })
  })
  const label = Object.values(instruction.outputs)[0].name
  build.add({
    name: `winograd ${label}`,
    code: products,
    units: sums,
    flops: 2 * productsOf(p.axes) * p.batch * p.depth * width,
    bytes: 4 * (down.size * across.size * p.batch * (p.depth + width) + sums * planesOf(p.axes) * p.depth * width),
  })

  const [row, tap, channel] = result.strides.map(s => s * 4)
  const back = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [source, target, rough] = range(0, 3).map(() => f.local('i32'))
    met.rough(f, id, rough)
    share(f, begin, end, unit => {
      partsOf(p.axes).forEach((part, n) => {
        point(f, source, dU + n * p.channels * width * 4, unit, width * 4)
        point(f, target, result.start * 4, unit, channel)
        const moves: Moves = [
          [source, 16],
          [target, 16],
        ]
        each(f, width / 4, moves, () =>
          transform(f, [gradientOfFilter(down), gradientOfFilter(across)], rough, {
            load(r, s) {
              range(0, sums).forEach(lane => {
                f.get(source).mem('v128.load', lane * laneU + (r * pointsIn(across) + s) * planeU)
                if (lane > 0) f.op('f32x4.add')
              })
            },
            store(r, s, value) {
              const place = tapOf(p.axes, part, [r, s])
              if (place)
                f.get(target)
                  .get(value)
                  .mem('v128.store', place[0] * row + place[1] * tap)
            },
          }),
        )
      })
    })
  })
  build.add({
    name: `winograd ${label} from tiles`,
    code: back,
    units: p.channels,
    flops: 2 * planesOf(p.axes) * p.depth * width,
    bytes: 4 * (down.kernel * across.kernel * p.channels + sums * planesOf(p.axes) * p.depth) * width,
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
