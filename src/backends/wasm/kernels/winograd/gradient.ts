import type { Gemm } from '../../../../program/index.ts'
import type { Code, Local } from '../../assembler.ts'
import type { Build } from '../../build.ts'
import { largestDivisor, range } from '../../numbers.ts'
import { tile } from '../tile.ts'
import { each, point, share, stagger, tilesToPlanes, walkOf } from './emit.ts'
import { type Plan, planes, side } from './plan.ts'
import { gradientOfFilter, type Transform, toTile, toTileOfGradient, transform } from './transforms.ts'

/** Steps of the shared axis between two visits to memory, in the gradient of the filter. */
const blockDepth = 128
/** The gradient by the filter: tiles of the image against tiles of the output's gradient, summed over all tiles. */
export function gradient(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
  const result = walkOf(build, Object.values(instruction.outputs)[0].reshape(3, 3, p.channels, width))
  const slope = instruction.b.buffer
  const plain = [...instruction.formula.outputs.values()].every(node => node.op === 'name')
  if (!plain || instruction.formula.outputs.size !== 1 || result?.strides[3] !== 1) return false
  const whole = walkOf(build, instruction.b.reshape(p.batch, ...p.size, width))
  const place = build.locate(slope)
  if (!whole || whole.start !== place.origin || whole.strides.some((s, i) => s !== place.strides[i])) return false

  const perImage = p.tiles[0] * p.tiles[1]
  const count = p.batch * perImage
  const planeV = count * p.channels * 4 + stagger
  const planeM = count * width * 4 + stagger
  const [V, M, dU] = [planes * planeV, planes * planeM, planes * p.channels * width * 4].map(n => build.scratch(n / 4))
  const rough = build.scratch(256 * build.threads)
  const roughOf = (f: Code, id: Local) => {
    const local = f.local('i32')
    f.i32(rough).get(id).i32(1024).op('i32.mul').op('i32.add').set(local)
    return local
  }
  const images = (
    name: string,
    how: Transform,
    from: { start: number; strides: readonly number[] },
    channels: number,
    to: number,
    plane: number,
  ) => {
    const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
      const [source, target] = [f.local('i32'), f.local('i32')]
      const r = roughOf(f, id)
      share(f, begin, end, unit => {
        point(f, source, from.start * 4, unit, from.strides[0] * 4)
        point(f, target, to, unit, perImage * channels * 4)
        tilesToPlanes(f, how, { images: 1, tiles: p.tiles, channels, plane, strides: from.strides }, source, target, r)
      })
    })
    build.add({
      name,
      code,
      units: p.batch,
      flops: 4 * planes * count * channels,
      bytes: 4 * (16 + planes) * count * channels,
    })
  }
  const { origin, strides } = build.locate(p.buffer)
  const label = Object.values(instruction.outputs)[0].name
  const start = origin + p.from[0] * strides[1] + p.from[1] * strides[2]
  images(`winograd tiles of ${p.buffer.name}`, toTile, { start, strides }, p.channels, V, planeV)
  images(
    `winograd tiles of ${slope.name}`,
    toTileOfGradient,
    { start: place.origin, strides: place.strides },
    width,
    M,
    planeM,
  )

  // dU[plane] = V[plane]ᵀ · M[plane], block by block along the tiles.
  const depth = largestDivisor(count, blockDepth)
  const products = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end) => {
    const [left, right, target, first] = range(0, 4).map(() => f.local('i32'))
    share(f, begin, end, unit => {
      point(f, left, V, unit, planeV)
      point(f, right, M, unit, planeM)
      point(f, target, dU, unit, p.channels * width * 4)
      f.assign(first, 1)
      each(
        f,
        count / depth,
        [
          [left, depth * p.channels * 4],
          [right, depth * width * 4],
        ],
        () => {
          const columns = (vectors: number) =>
            each(
              f,
              p.channels / 4,
              [
                [left, 16],
                [target, 4 * width * 4],
              ],
              () => {
                const steps = [{ size: depth, a: p.channels * 4, b: width * 4 }]
                const sums = tile(f, { rows: 4, vectors, rowStep: 4, depth: steps }, left, right, build.fma)
                const all = (body: (sum: Local, offset: number) => void) =>
                  sums.forEach((row, i) => {
                    row.forEach((sum, j) => {
                      body(sum, i * width * 4 + j * 16)
                    })
                  })
                f.get(first)
                  .op('i32.eqz')
                  .if(() =>
                    all((sum, offset) => f.get(sum).get(target).mem('v128.load', offset).op('f32x4.add').set(sum)),
                  )
                all((sum, offset) => f.get(target).get(sum).mem('v128.store', offset))
              },
            )
          const pairs = Math.floor(width / 8)
          each(
            f,
            pairs,
            [
              [right, 32],
              [target, 32],
            ],
            () => columns(2),
          )
          if (width % 8) {
            f.add(right, pairs * 32).add(target, pairs * 32)
            columns(1)
            f.add(right, -pairs * 32).add(target, -pairs * 32)
          }
          f.assign(first, 0)
        },
      )
    })
  })
  build.add({
    name: `winograd ${label}`,
    code: products,
    units: planes,
    flops: 2 * planes * count * p.channels * width,
    bytes: 4 * planes * (count * (p.channels + width) + p.channels * width),
  })

  const plane = p.channels * width * 4
  const [row, tap, channel] = result.strides.map(s => s * 4)
  const back = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [source, target] = [f.local('i32'), f.local('i32')]
    const r = roughOf(f, id)
    share(f, begin, end, unit => {
      point(f, source, dU, unit, width * 4)
      point(f, target, result.start * 4, unit, channel)
      each(
        f,
        width / 4,
        [
          [source, 16],
          [target, 16],
        ],
        () =>
          transform(f, gradientOfFilter, r, {
            load: (i, j) => f.get(source).mem('v128.load', (i * side + j) * plane),
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
    flops: 2 * planes * p.channels * width,
    bytes: 4 * (9 + planes) * p.channels * width,
  })
  return true
}
