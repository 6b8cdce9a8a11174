import type { Gemm } from '../../../program/index.ts'
import { sizeOf } from '../../../tensor/shape.ts'
import type { Buffer, View } from '../../../tensor/view.ts'
import type { Code, Local } from '../assembler.ts'
import { type Build, type Emit, formulaWriter } from '../build.ts'
import { nest } from '../nest.ts'
import { range } from './map.ts'
import { tile } from './tile.ts'
import {
  fromTile,
  gradientOfFilter,
  ofFilter,
  type Transform,
  toTile,
  toTileOfGradient,
  transform,
} from './transforms.ts'

/**
 * Winograd's minimal filtering F(4×4, 3×3): a tile of 4 × 4 outputs takes 36 products in place of 144, between sums that
 * cost little. Lavin & Gray 2016. Its error is a few times that of the direct sum: 1e-6 relative for normal data.
 */

/** Outputs a tile has along one axis, inputs it needs, and filters it serves. */
const out = 4
const side = 6
const planes = side * side
/** Tiles that go through the caches together. */
const together = 32
/** Steps of the shared axis between two visits to memory, in the gradient of the filter. */
const blockDepth = 128
/** Bytes between planes beyond their size: planes a power of two apart would fall on the same cache lines. */
const stagger = 64

/** A view that shows the 3 × 3 patches of an image: [batch·height·width, 3·3·channels]. */
interface Patches {
  readonly buffer: Buffer
  readonly batch: number
  /** Number of patches down and across, and of tiles that cover them. */
  readonly size: readonly [number, number]
  readonly tiles: readonly [number, number]
  readonly channels: number
  /** Coordinate of the first patch. */
  readonly from: readonly [number, number]
}

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
  const [batch, height, width] = sizes
  const tiles = [Math.ceil(height / out), Math.ceil(width / out)] as const
  if (height * width < (2 * out * out * tiles[0] * tiles[1]) / 3.2) return undefined
  return { buffer, batch, size: [height, width], tiles, channels, from: [base[1], base[2]] }
}

type Plan = { kind: 'filter' | 'gradient'; p: Patches; width: number }

/** Whether a product is a 3 × 3 convolution (or its gradient by the filter) for which tiles pay. */
function planOf({ a, b }: Gemm): Plan | undefined {
  const width = b.shape[1]
  if (width % 4 !== 0 || width < 16) return undefined
  const direct = patches(a)
  if (direct) return { kind: 'filter', p: direct, width }
  const turned = patches(a.T)
  if (!turned || b.buffer.shape.length !== 4 || b.buffer.kind !== 'temporary') return undefined
  return { kind: 'gradient', p: turned, width }
}

type Far = readonly [Buffer, { low: number[]; high: number[] }]

/** How far a product's operands are read beyond their edges when it is made of tiles. */
export function tileReach(instruction: Gemm): readonly Far[] {
  const plan = planOf(instruction)
  if (!plan) return []
  const { p } = plan
  const high = range(0, 2).map(i => p.from[i] + out * p.tiles[i] + 2 - 1)
  const own: Far = [p.buffer, { low: [0, ...p.from, 0], high: [p.batch - 1, ...high, p.channels - 1] }]
  if (plan.kind === 'filter') return [own]
  const { shape } = instruction.b.buffer
  const last = range(0, 2).map(i => out * p.tiles[i] - 1)
  return [own, [instruction.b.buffer, { low: [0, 0, 0, 0], high: [shape[0] - 1, ...last, shape[3] - 1] }]]
}

export const winograd: Emit<Gemm> = (build, instruction) => {
  const plan = planOf(instruction)
  if (!plan) return false
  return plan.kind === 'filter' ? convolve(build, instruction, plan) : gradient(build, instruction, plan)
}

/** Elements moved by a step of each axis, if every axis is one walk inside its buffer. */
function walkOf(build: Build, view: View): { start: number; strides: number[] } | undefined {
  const n = nest([view], build.locate, axis => axis)
  if (!n || n.operands[0].checks.length > 0) return undefined
  const strides = view.shape.map(() => 0)
  for (const l of range(0, n.sizes.length)) {
    if (strides[n.axes[l]] !== 0 || n.sizes[l] !== view.shape[n.axes[l]]) return undefined
    strides[n.axes[l]] = n.operands[0].strides[l]
  }
  return { start: n.operands[0].start, strides }
}

type Moves = readonly (readonly [Local, number])[]

/** A loop that moves pointers by so many bytes a step and brings them back. */
function each(f: Code, count: number, moves: Moves, body: () => void): void {
  f.times(count, () => {
    body()
    for (const [local, bytes] of moves) f.add(local, bytes)
  })
  for (const [local, bytes] of moves) f.add(local, -bytes * count)
}

/** Sets a pointer to `start` + index · `step` bytes. */
const point = (f: Code, local: Local, start: number, index: Local, step: number) =>
  f.i32(start).get(index).i32(step).op('i32.mul').op('i32.add').set(local)

/** The outermost loop of a kernel: units `begin` to `end`. */
function share(f: Code, begin: Local, end: Local, body: (unit: Local) => void): void {
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

/** Image tiles to planes: V[plane][tile][channel], for tiles of `images` images from the pointers on. */
function tilesToPlanes(
  f: Code,
  how: Transform,
  o: { images: number; tiles: readonly [number, number]; channels: number; plane: number; strides: readonly number[] },
  source: Local,
  target: Local,
  rough: Local,
): void {
  const [image, row, pixel] = o.strides.map(s => s * 4)
  const bytes = o.channels * 4
  const t = f.local('i32')
  f.get(target).set(t)
  each(f, o.images, [[source, image]], () =>
    each(f, o.tiles[0], [[source, out * row]], () =>
      each(f, o.tiles[1], [[source, out * pixel]], () => {
        // The channels move both pointers; the tiles that follow lie behind one another.
        f.times(o.channels / 4, () => {
          transform(f, how, rough, {
            load: (r, c) => f.get(source).mem('v128.load', r * row + c * pixel),
            store: (r, c, value) =>
              f
                .get(t)
                .get(value)
                .mem('v128.store', (r * side + c) * o.plane),
          })
          f.add(source, 16).add(t, 16)
        })
        f.add(source, -bytes)
      }),
    ),
  )
}

function convolve(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
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

function gradient(build: Build, instruction: Gemm, { p, width }: Plan): boolean {
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

function largestDivisor(n: number, limit: number): number {
  for (let d = Math.max(1, limit); d > 1; d--) if (n % d === 0) return d
  return 1
}
