import { apply, formulaOf, type Node, name as nameNode, substitute } from '../../../formula/index.ts'
import type { Gemm } from '../../../program/index.ts'
import { type Buffer, viewOf } from '../../../tensor/view.ts'
import type { Code, Local } from '../assembler.ts'
import type { Build } from '../build.ts'
import { cut, iterations, nest, traffic } from '../nest.ts'
import { largestDivisor, range } from '../numbers.ts'
import { map } from './map.ts'
import { addTo, blockDepths, tile } from './tile.ts'
import { byHeights, each, point, share } from './winograd/emit.ts'

/** Sums that are kept apart until the end, whatever the number of threads, so that threads need not meet. */
const lanes = 8
/** Steps of the shared axis from which on sums of their own are no work worth mentioning. */
const tall = 500
/** Elements of the result that leave its sums in a second cache, and least steps that a block has. */
const most = 80_000
const shallow = 32
/** Vectors that a loop copies at once. */
const together = 8
/** Elements of a block of both operands, and its steps: a tile has each row of both on cache lines of its own. */
const blockElements = 48_000
const deepest = 128
const blockDepth = 96
/** Elements that one row after another of a block stay in a first cache. */
const nearElements = 4096

/**
 * A product with few results of many steps each, such as the gradient of a filter: out = formula(aᵀ·b) where the rows of
 * both operands lie side by side in memory. The steps are cut into lanes. Each copies a block of steps of both operands
 * close together, so that tiles find every row in the first cache, and adds its products to sums of its own.
 */
export function tallProduct(build: Build, instruction: Gemm): boolean {
  const { a, b, inputs, outputs } = instruction
  const [[rows, steps], columns] = [a.shape, b.shape[1]]
  if (steps < tall || rows < 8 || columns < 8 || rows * columns > most) return false
  const n = nest([a.repeat(1, columns), b.T.repeat(0, rows)], build.locate, axis => axis)
  if (!n || n.operands.some(o => o.checks.length > 0)) return false
  const levels = (axis: number) => range(0, n.sizes.length).filter(l => n.axes[l] === axis)
  const outermost = levels(2)[0]
  const units = largestDivisor(n.sizes[outermost], lanes)
  if (units < 4) return false
  cut(n, outermost, units)
  const isClose = [0, 1].every(axis => n.operands[axis].strides[levels(axis).pop() ?? 0] === 1)
  if (!isClose || levels(1).length > 1) return false
  const limit = Math.floor(blockElements / (rows + columns))
  const depths = [deepest, blockDepth].map(steps => Math.min(steps, limit)) as [number, number]
  const [outer, inner] = blockDepths(n, () => levels(2).slice(1), ...depths)
  const depth = inner.reduce((steps, l) => steps * n.sizes[l], 1)
  if (depth < shallow) return false

  // Rows of the left operand that lie close already, such as windows that overlap, stay where they are.
  const stride = n.operands[0].strides[inner[0]]
  const isNear = inner.length === 1 && levels(0).length === 1 && stride >= 0 && stride * depth <= nearElements
  const widths = [isNear ? stride : apart(rows), apart(columns)]
  const wide = Math.ceil(columns / 4) * 4
  const blockBytes = 4 * (depth * (widths[0] + widths[1]) + 16)
  const room = build.scratch((build.threads * blockBytes) / 4)
  const laneBytes = rows * wide * 4
  const sums: Buffer = { name: 'sums', shape: [units, rows, wide], kind: 'temporary' }
  const { origin } = build.locate(sums, build.scratch(units * rows * wide) / 4)

  build.write(
    {
      name: `gemm ${Object.values(outputs)
        .map(v => v.name)
        .join(' ')}`,
      units,
      flops: 2 * iterations(n),
      bytes: traffic(n),
    },
    (f, begin, end, id) => {
      const [left, right, packedLeft, packedRight, target, fresh] = range(0, 6).map(() => f.local('i32'))
      const from = [left, right]
      const packed = [packedLeft, packedRight]
      point(f, packedLeft, room, id, blockBytes)
      f.get(packedLeft)
        .i32(depth * widths[0] * 4)
        .op('i32.add')
        .set(packedRight)
      const blocks = (levels: readonly number[], body: () => void): void => {
        const [l, ...rest] = levels
        if (l === undefined) return body()
        const moves = n.operands.map((o, i) => [from[i], o.strides[l] * 4] as const)
        each(f, n.sizes[l], moves, () => blocks(rest, body))
      }
      share(f, begin, end, unit => {
        n.operands.forEach((o, i) => {
          point(f, from[i], o.start * 4, unit, o.strides[outermost] * 4)
        })
        point(f, target, origin * 4, unit, laneBytes)
        f.assign(fresh, 1)
        blocks(outer, () => {
          n.operands.forEach((o, i) => {
            const walk = [...inner, ...levels(i)].map(l => ({ size: n.sizes[l], bytes: o.strides[l] * 4 }))
            if (i === 0 && isNear) f.get(left).set(packedLeft)
            else copyRows(f, walk, inner.length, from[i], packed[i], widths[i] * 4)
          })
          overTiles(f, [rows, wide], packedLeft, packedRight, target, (height, vectors) => {
            const steps = [{ size: depth, a: widths[0] * 4, b: widths[1] * 4 }]
            const shape = { rows: height, columns: vectors * 4, rowStep: 4, depth: steps }
            addTo(f, target, wide * 4, fresh, tile(f, shape, packedLeft, packedRight, build.fma))
          })
          f.assign(fresh, 0)
        })
      })
    },
  )
  const parts = range(0, units).map((i): Node => nameNode(`product_${i}`))
  const total = parts.reduce((sum, part) => apply('+', sum, part))
  const summed = [...instruction.formula.outputs].map(([key, y]) => [key, substitute(y, { product: total })] as const)
  const whole = viewOf(sums).slice(2, 0, columns)
  const lane = (i: number) => [`product_${i}`, whole.slice(0, i, 1).reshape(rows, columns)] as const
  const all = Object.fromEntries(range(0, units).map(lane))
  return map(build, { verb: 'map', formula: formulaOf(new Map(summed)), inputs: { ...inputs, ...all }, outputs })
}

/** An odd number of cache lines that holds so many elements: rows so far apart fall on different places of a cache. */
const apart = (elements: number) => (Math.ceil(elements / 16) | 1) * 16

interface Walk {
  readonly size: number
  readonly bytes: number
}

/**
 * Copies rows to places `step` bytes apart. The first `outer` loops walk over rows, the others within one; the last of
 * them goes over elements side by side, and up to three more.
 */
function copyRows(f: Code, loops: readonly Walk[], outer: number, from: Local, to: Local, step: number): void {
  const at = f.local('i32')
  const source = f.local('i32')
  f.get(from).set(source).get(to).set(at)
  const within = (loops: readonly Walk[], offset: number): number => {
    const [{ size, bytes }, ...rest] = loops
    if (rest.length > 0)
      return range(0, size).reduce((offset, i) => {
        const next = within(rest, offset)
        f.add(source, i + 1 < size ? bytes : bytes * (1 - size))
        return next
      }, offset)
    const vectors = Math.ceil(size / 4)
    const rounds = vectors > 2 * together ? Math.floor(vectors / together) : 0
    const move = (count: number) => {
      for (const local of [at, source]) f.add(local, count * together * 16)
    }
    const copy = (count: number) => {
      for (const i of range(0, count))
        f.get(at)
          .get(source)
          .mem('v128.load', i * 16)
          .mem('v128.store', offset + i * 16)
    }
    f.times(rounds, () => {
      copy(together)
      move(1)
    })
    copy(vectors - rounds * together)
    move(-rounds)
    return offset + size * 4
  }
  const over = (level: number): void => {
    if (level === outer) {
      within(loops.slice(level), 0)
      f.add(at, step)
      return
    }
    const { size, bytes } = loops[level]
    f.times(size, () => {
      over(level + 1)
      f.add(source, bytes)
    })
    f.add(source, -bytes * size)
  }
  over(0)
}

/** Goes over a product in blocks of 5 or 4 rows of 8 columns, or of 3 rows of 12 where 4 columns would be left. */
function overTiles(
  f: Code,
  [rows, columns]: readonly [number, number],
  left: Local,
  right: Local,
  target: Local,
  body: (height: number, vectors: number) => void,
): void {
  const vectors = columns / 4
  const move = (down: number, across: number) => {
    f.add(left, down * 4)
      .add(right, across * 4)
      .add(target, (down * columns + across) * 4)
  }
  const panels = (count: number, width: number, most: number) => {
    f.times(count, () => {
      byHeights(f, rows, most, height => {
        body(height, width)
        move(height, 0)
      })
      move(-rows, width * 4)
    })
  }
  panels(Math.floor((vectors - 3 * (vectors % 2)) / 2), 2, 5)
  if (vectors % 2) panels(1, 3, 3)
  move(0, -columns)
}
