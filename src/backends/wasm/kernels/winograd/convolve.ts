import type { Gemm } from '../../../../program/index.ts'
import { sizeOf } from '../../../../tensor/shape.ts'
import type { Local } from '../../assembler.ts'
import { type Build, formulaWriter } from '../../build.ts'
import { largestDivisor, range } from '../../numbers.ts'
import { tile } from '../tile.ts'
import { each, type Moves, point, share, stagger, tilesToPlanes, walkOf } from './emit.ts'
import { out, type Plan, planes, side } from './plan.ts'
import { fromTile, ofFilter, toTile, transform } from './transforms.ts'

/** Tiles that go through the caches together. */
const together = 32
/** The convolution itself, and its gradient by the image, which is one with the filter turned round. */
export function convolve(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
  const names = Object.keys(instruction.inputs)
  const image = [p.batch, ...p.size, width]
  const results = Object.values(instruction.outputs).map(v => walkOf(build, v.reshape(...image)))
  const operands = Object.values(instruction.inputs).map(v => walkOf(build, v.reshape(...image)))
  const filter = walkOf(build, instruction.b.reshape(3, 3, p.channels, width))
  if (!filter || results.some(o => o?.strides[3] !== 1)) return false
  if (operands.some(o => !o || o.strides.slice(0, 3).some(s => s !== 0) || o.strides[3] > 1)) return false

  const settled = build.isSettled(instruction.b.buffer)
  const panels = build.scratch(planes * p.channels * width, settled)
  if (!filterToPanels(build, filter, panels, p.channels, width, settled)) return false

  const perImage = p.tiles[0] * p.tiles[1]
  const images = largestDivisor(p.batch, Math.max(1, Math.floor(together / perImage)))
  const count = images * perImage
  const { origin, strides } = build.locate(p.buffer)
  const planeV = count * p.channels * 4 + stagger
  const planeM = count * width * 4 + stagger
  const room = planes * (planeV + planeM) + 1024
  const scratch = build.scratch((room * build.threads) / 4)
  const start = (origin + p.from[0] * strides[1] + p.from[1] * strides[2]) * 4

  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const epilogue = formulaWriter(build, f, instruction.formula, name => name === 'product' || names.includes(name))
    const [x, V, M, U, left, right] = range(0, 6).map(() => f.local('i32'))
    const rough = f.local('i32')
    const targets = results.map(() => f.local('i32'))
    const beside = operands.map(() => f.local('i32'))
    const place = (local: Local, offset: number) =>
      f
        .i32(scratch + offset)
        .get(id)
        .i32(room)
        .op('i32.mul')
        .op('i32.add')
        .set(local)
    place(rough, 0)
    share(f, begin, end, unit => {
      point(f, x, start, unit, images * strides[0] * 4)
      place(V, 1024)
      tilesToPlanes(f, toTile, { images, tiles: p.tiles, channels: p.channels, plane: planeV, strides }, x, V, rough)
      // 36 small products: M[plane] = V[plane] · U[plane]
      place(M, 1024 + planes * planeV)
      f.assign(U, panels)
      each(
        f,
        planes,
        [
          [V, planeV],
          [M, planeM],
          [U, p.channels * width * 4],
        ],
        () => {
          f.get(U).set(right)
          const columns = (vectors: number) => {
            const rows = (height: number) => {
              const depth = [{ size: p.channels, a: 4, b: vectors * 16 }]
              tile(f, { rows: height, vectors, rowStep: p.channels * 4, depth }, left, right, build.fma).forEach(
                (row, i) => {
                  row.forEach((sum, j) => {
                    f.get(M)
                      .get(sum)
                      .mem('v128.store', i * width * 4 + j * 16)
                  })
                },
              )
            }
            const full = Math.floor(count / 4)
            f.get(V).set(left)
            each(f, full, [[M, 4 * width * 4]], () => {
              rows(4)
              f.add(left, 4 * p.channels * 4)
            })
            if (count % 4) {
              f.add(M, full * 4 * width * 4)
              rows(count % 4)
              f.add(M, -full * 4 * width * 4)
            }
          }
          const pairs = Math.floor(width / 8)
          each(f, pairs, [[M, 32]], () => {
            columns(2)
            f.add(right, p.channels * 32)
          })
          if (width % 8) {
            f.add(M, pairs * 32)
            columns(1)
            f.add(M, -pairs * 32)
          }
        },
      )
      // Planes to images, the formula applied on the way out.
      place(M, 1024 + planes * planeV)
      results.forEach((o, i) => {
        point(f, targets[i], o!.start * 4, unit, images * o!.strides[0] * 4)
      })
      operands.forEach((o, i) => {
        f.assign(beside[i], o!.start * 4)
      })
      const along = (axis: number, steps: number): Moves =>
        results.map((o, i) => [targets[i], o!.strides[axis] * steps * 4] as const)
      const sectioned = (axis: number, body: (used: number) => void) => {
        const whole = Math.floor(p.size[axis] / out)
        const rest = p.size[axis] % out
        if (whole > 0) each(f, whole, along(axis + 1, out), () => body(out))
        if (rest === 0) return
        for (const [local, bytes] of along(axis + 1, out)) f.add(local, bytes * whole)
        body(rest)
        for (const [local, bytes] of along(axis + 1, out)) f.add(local, -bytes * whole)
      }
      each(f, images, along(0, 1), () =>
        sectioned(0, height =>
          sectioned(1, across => {
            const channelMoves: Moves = [
              ...along(3, 4),
              ...operands.map((o, i) => [beside[i], o!.strides[3] * 16] as const),
            ]
            each(f, width / 4, channelMoves, () => {
              // What is the same for all 16 outputs is loaded once.
              const loaded = operands.map((o, i) => {
                const value = f.local('v128')
                f.get(beside[i])
                  .mem(o!.strides[3] === 1 ? 'v128.load' : 'v128.load32_splat')
                  .set(value)
                return value
              })
              transform(f, fromTile, rough, {
                load: (r, c) => f.get(M).mem('v128.load', (r * side + c) * planeM),
                store(r, c, product) {
                  if (r >= height || c >= across) return
                  const load = (name: string) => (name === 'product' ? product : loaded[names.indexOf(name)])
                  epilogue(load).forEach((value, i) => {
                    const [, row, pixel] = results[i]!.strides
                    f.get(targets[i])
                      .get(value)
                      .mem('v128.store', (r * row + c * pixel) * 4)
                  })
                },
              })
              f.add(M, 16)
            })
          }),
        ),
      )
    })
  })
  const label = Object.values(instruction.outputs)
    .map(v => v.name)
    .join(' ')
  build.add({
    name: `winograd ${label}`,
    code,
    units: p.batch / images,
    flops: 2 * planes * p.batch * perImage * p.channels * width,
    bytes: 4 * (sizeOf(p.buffer.shape) + results.length * sizeOf(image)),
  })
  return true
}

/** U = G·w·Gᵀ for every pair of channels, in panels of 8 columns: U[plane][panel][channel][8]. */
function filterToPanels(
  build: Build,
  filter: { start: number; strides: readonly number[] },
  panels: number,
  channels: number,
  width: number,
  settled: boolean,
): boolean {
  const [row, tap, channel, column] = filter.strides
  const across = column === 1
  if (!across && channel !== 1) return false
  const plane = channels * width * 4
  const scratch = build.scratch(256 * build.threads)
  const [outer, inner] = across ? [channels, width] : [width, channels]
  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
    const [source, target, rough, at, index] = range(0, 5).map(() => f.local('i32'))
    f.i32(scratch).get(id).i32(1024).op('i32.mul').op('i32.add').set(rough)
    share(f, begin, end, unit => {
      point(f, source, filter.start * 4, unit, (across ? channel : column) * 4)
      // Where the panel of a column starts, and how far its rows are apart, depend on the column.
      f.assign(index, 0)
      f.times(inner / 4, () => {
        const [c, j] = across ? [unit, index] : [index, unit]
        const whole = Math.floor(width / 8) * 8
        f.get(j)
          .i32(3)
          .op('i32.shr_u')
          .i32(channels * 32)
          .op('i32.mul')
          .i32(panels)
          .op('i32.add')
          .set(at)
        f.get(c)
        if (width % 8) f.i32(32).i32(16).get(j).i32(whole).op('i32.lt_s').op('select')
        else f.i32(32)
        const rowBytes = f.local('i32')
        f.tee(rowBytes)
          .op('i32.mul')
          .get(j)
          .i32(7)
          .op('i32.and')
          .i32(4)
          .op('i32.mul')
          .op('i32.add')
          .get(at)
          .op('i32.add')
          .set(target)
        transform(f, ofFilter, rough, {
          load(r, s) {
            const offset = (r * row + s * tap) * 4
            f.get(source)
            if (offset < 0) f.i32(offset).op('i32.add')
            f.mem('v128.load', Math.max(0, offset))
          },
          store(r, s, value) {
            const offset = (r * side + s) * plane
            if (across) {
              f.get(target).get(value).mem('v128.store', offset)
              return
            }
            const to = f.local('i32')
            f.get(target).set(to)
            for (const lane of range(0, 4)) {
              f.get(to).get(value).storeLane(lane, offset)
              f.get(to).get(rowBytes).op('i32.add').set(to)
            }
          },
        })
        f.add(source, 16).add(index, 4)
      })
      f.add(source, -inner * 4)
    })
  })
  build.add({
    name: 'winograd filter',
    code,
    units: outer,
    flops: 2 * planes * channels * width,
    bytes: 4 * (9 + planes) * channels * width,
    settled,
  })
  return true
}
