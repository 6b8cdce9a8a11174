import type { Gemm } from '../../../../program/index.ts'
import type { Code, Local } from '../../assembler.ts'
import type { Build } from '../../build.ts'
import { commonDivisor, largestDivisor, range } from '../../numbers.ts'
import { tile } from '../tile.ts'
import { each, type Moves, type Planes, planesFor, point, share, stagger, tilesToPlanes, walkOf } from './emit.ts'
import { groupsOf, type Plan, placeOf, planesOf, productsOf } from './plan.ts'
import { gradientOfFilter, type Matrix, toTile, toTileOfGradient, transform } from './transforms.ts'

/** Steps of the shared axis between two visits to memory, in the gradient of the filter. */
const blockDepth = 128
/** The gradient by the filter: tiles of the image against tiles of the output's gradient, summed over all tiles. */
export function gradient(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
  const result = walkOf(build, Object.values(instruction.outputs)[0].reshape(3, 3, p.channels, width))
  const plain = [...instruction.formula.outputs.values()].every(node => node.op === 'name')
  if (!plain || instruction.formula.outputs.size !== 1 || result?.strides[3] !== 1) return false
  const slope = walkOf(build, instruction.b.reshape(p.batch, ...p.size, width))
  if (slope?.strides[3] !== 1) return false

  const groups = groupsOf(p.size)
  const planesV = planesFor(groups, p.batch, p.channels)
  const planesM = planesFor(groups, p.batch, width)
  const planeU = p.channels * width * 4 + stagger
  const [V, M, dU] = [planesV.bytes, planesM.bytes, planesOf(groups) * planeU].map(n => build.scratch(n / 4))
  const rough = build.scratch(256 * build.threads)
  const roughOf = (f: Code, id: Local) => {
    const local = f.local('i32')
    f.i32(rough).get(id).i32(1024).op('i32.mul').op('i32.add').set(local)
    return local
  }
  const images = (
    name: string,
    how: (outputs: number) => Matrix,
    from: { start: number; strides: readonly number[] },
    channels: number,
    to: number,
    planes: Planes,
  ) => {
    const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
      const source = f.local('i32')
      const pointers = groups.map(() => f.local('i32'))
      const r = roughOf(f, id)
      share(f, begin, end, unit => {
        point(f, source, from.start * 4, unit, from.strides[0] * 4)
        pointers.forEach((pointer, g) => {
          point(f, pointer, to + planes.starts[g], unit, groups[g].tiles * channels * 4)
        })
        const tiles = { images: 1, size: p.size, channels, strides: from.strides }
        tilesToPlanes(f, how, tiles, groups, planes, source, pointers, r)
      })
    })
    build.add({
      name,
      code,
      units: p.batch,
      flops: 4 * productsOf(groups) * p.batch * channels,
      bytes: 4 * (p.size[0] * p.size[1] + productsOf(groups)) * p.batch * channels,
    })
  }
  const { origin, strides } = build.locate(p.buffer)
  const label = Object.values(instruction.outputs)[0].name
  const start = origin + p.from[0] * strides[1] + p.from[1] * strides[2]
  images(`winograd tiles of ${p.buffer.name}`, toTile, { start, strides }, p.channels, V, planesV)
  images(`winograd tiles of ${instruction.b.buffer.name}`, toTileOfGradient, slope, width, M, planesM)

  // dU[plane] = V[plane]ᵀ · M[plane], block by block along the tiles.
  const counts = groups.map(g => g.tiles * p.batch)
  const depth = largestDivisor(counts.reduce(commonDivisor), blockDepth)
  const products = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end) => {
    const [left, right, target, blocks, fresh] = range(0, 5).map(() => f.local('i32'))
    share(f, begin, end, unit => {
      point(f, target, dU, unit, planeU)
      groups.forEach(({ first }, g) => {
        const of = (local: Local, start: number, planes: Planes) =>
          point(f, local, start + planes.starts[g] - first * planes.steps[g], unit, planes.steps[g])
        f.get(unit)
          .i32(first)
          .op('i32.ge_s')
          .if(() => {
            of(left, V, planesV)
            of(right, M, planesM)
            f.assign(blocks, counts[g] / depth)
          })
      })
      f.assign(fresh, 1)
      f.loop(() => {
        const columns = (vectors: number) => {
          const moves: Moves = [
            [left, 16],
            [target, 4 * width * 4],
          ]
          each(f, p.channels / 4, moves, () => {
            const steps = [{ size: depth, a: p.channels * 4, b: width * 4 }]
            const sums = tile(f, { rows: 4, vectors, rowStep: 4, depth: steps }, left, right, build.fma)
            const all = (body: (sum: Local, offset: number) => void) =>
              sums.forEach((row, i) => {
                row.forEach((sum, j) => {
                  body(sum, i * width * 4 + j * 16)
                })
              })
            f.get(fresh)
              .op('i32.eqz')
              .if(() => all((sum, offset) => f.get(sum).get(target).mem('v128.load', offset).op('f32x4.add').set(sum)))
            all((sum, offset) => f.get(target).get(sum).mem('v128.store', offset))
          })
        }
        const pairs = Math.floor(width / 8)
        const moves: Moves = [
          [right, 32],
          [target, 32],
        ]
        each(f, pairs, moves, () => columns(2))
        if (width % 8) {
          f.add(right, pairs * 32).add(target, pairs * 32)
          columns(1)
          f.add(right, -pairs * 32).add(target, -pairs * 32)
        }
        f.add(left, depth * p.channels * 4).add(right, depth * width * 4)
        f.assign(fresh, 0)
        f.get(blocks).i32(1).op('i32.sub').tee(blocks).brIf(0)
      })
    })
  })
  build.add({
    name: `winograd ${label}`,
    code: products,
    units: planesOf(groups),
    flops: 2 * productsOf(groups) * p.batch * p.channels * width,
    bytes: 4 * (productsOf(groups) * p.batch * (p.channels + width) + planesOf(groups) * p.channels * width),
  })

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
          transform(f, [gradientOfFilter, gradientOfFilter], r, {
            load(i, j) {
              const place = placeOf(groups, [i, j])
              if (place) f.get(source).mem('v128.load', (groups[place.group].first + place.index) * planeU)
              else f.f32x4(0)
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
    bytes: 4 * (9 + planesOf(groups)) * p.channels * width,
  })
  return true
}
