import { formula } from '../../../formula/index.ts'
import type { Gemm } from '../../../program/index.ts'
import { type Buffer, type View, viewOf } from '../../../tensor/view.ts'
import type { Body, Build, Emit, Packed } from '../build.ts'
import { cut, iterations, type Nest, nest, type Operand, traffic } from '../nest.ts'
import { largestDivisor, range } from '../numbers.ts'
import { packedDepth, type Right, write } from './gemmCode.ts'
import { map } from './map.ts'
import { tallProduct } from './tall.ts'
import { blockDepths, tileFor, unroll } from './tile.ts'

/** Most steps of the shared axis that one tile goes through before its sums are put into memory … */
const deepest = 640
/** … and how many where they are cut, so that a panel stays in the first cache. */
const blockDepth = 512
/** Elements between the steps of the shared axis from which the left operand is packed. */
const farApart = 64
/** Rows that one unit of work has at least, where the rows can be cut … */
const unitRows = 32
/** … and at most where the right operand is so many bytes that it comes from afar for each unit: then a few units. */
const mostRows = 128
const afar = 1 << 19
const fewUnits = 8
/** Elements of a unit's rows that stay in a second cache. */
const unitElements = 1 << 15

/**
 * out = formula(a·b). Where the columns of the result do not lie side by side, as in an image with a border, the product
 * is made in a plain array first; so are operands that no tile can go through.
 */
export const gemm: Emit<Gemm> = (build, instruction) => {
  if (tallProduct(build, instruction)) return true
  if (isColumn(instruction) && direct(build, turned(instruction), true)) return true
  if (direct(build, instruction)) return true
  const { a, b, outputs, inputs } = instruction
  const product = room(build, 'product', [a.shape[0], b.shape[1]])
  const apart: Gemm = { ...instruction, formula: formula('product'), inputs: {}, outputs: { y: product } }
  return (
    (direct(build, apart) || direct(build, { ...apart, a: copied(build, a), b: copied(build, b) })) &&
    map(build, { verb: 'map', formula: instruction.formula, inputs: { ...inputs, product }, outputs })
  )
}

/**
 * The left operand is read where it lies, windows and all; the right one is packed into panels as wide as a tile, unless
 * it is long and read once. Sums over a long shared axis are made block by block.
 */
function direct(build: Build, instruction: Gemm, isTurned = false): boolean {
  const plan = layOut(build, instruction)
  if (!plan) return false
  const { n, a, b, outputs, inputs } = plan
  // A tile finds its rows at offsets from a pointer, and an offset is no negative number.
  const backwards = (o: Operand) => n.axes.some((axis, l) => axis === 0 && o.strides[l] < 0)
  if (a.checks.length > 0 || backwards(a)) return direct(build, { ...instruction, a: copied(build, instruction.a) })
  if ([...outputs, ...inputs].some(o => o.checks.length > 0 || backwards(o))) return false

  const levels = (axis: number) => range(0, n.sizes.length).filter(l => n.axes[l] === axis)
  const last = levels(2).pop()
  const isFar = last !== undefined && a.strides[levels(0).pop() ?? -1] === 1 && a.strides[last] >= farApart
  shareRows(n, levels(0), isFar ? unitRows : unitRowsOf(instruction))
  const columns = levels(1)
  if (columns.length > 1) return false
  const width = n.sizes[columns[0]] ?? 1
  const column = (o: Operand) => o.strides[columns[0]] ?? 1
  if (width > 1 && (outputs.some(o => column(o) !== 1) || inputs.some(o => ![0, 1].includes(column(o))))) return false
  const rowLevels = levels(0)
  const rowLevel = rowLevels[rowLevels.length - 1]
  const rowCount = n.sizes[rowLevel] ?? 1
  const packLeft = isFar && rowCount % 4 === 0 && rowCount <= 2 * unitRows && rowLevels.length <= 2
  const [outer, inner] = blockDepths(
    n,
    () => levels(2),
    packLeft ? packedDepth : deepest,
    packLeft ? packedDepth : blockDepth,
  )
  const depth = inner.reduce((steps, l) => steps * n.sizes[l], 1)
  const loops = inner.length - Number((n.sizes[inner[inner.length - 1]] ?? 1) < unroll)
  const blocks = outer.reduce((count, l) => count * n.sizes[l], 1)
  const size = tileFor(rowCount, width, { depth, loops, blocks, fma: build.fma, packed: packLeft })

  // Threads share the rows, or the panels where there are few rows and many sums: the gradient of a filter.
  const rowUnits = rowLevels.length > 1 ? n.sizes[rowLevels[0]] : 1
  const panels = Math.floor(width / (size.vectors * 4))
  const byColumns = rowUnits < 8 && panels >= Math.max(4, rowUnits)
  const units = byColumns ? panels : rowUnits
  // Rows that lie far apart step by step are read again for each panel.
  if (byColumns && isFar && !isTurned) return direct(build, { ...instruction, a: copied(build, instruction.a) })

  const right = rightOperand(build, instruction, n, b, levels(2), width, column(b), size.vectors * 4)
  const body: Body = (f, begin, end, id) =>
    write(f, begin, end, id, {
      build,
      instruction,
      n,
      a,
      right,
      outputs,
      inputs,
      rowLevels,
      outer,
      inner,
      width,
      column,
      byColumns,
      units,
      isTurned,
      size,
      packed: packLeft && !byColumns ? build.scratch(build.threads * rowCount * packedDepth) : undefined,
    })
  build.write(
    {
      name: `gemm ${Object.values(instruction.outputs)
        .map(v => v.name)
        .join(' ')}`,
      units,
      flops: 2 * iterations(n),
      bytes: traffic(n),
    },
    body,
  )
  return true
}

/** Whether a product is one column of sums over the rows of what lies row by row: a gradient of weights to one unit. */
function isColumn({ a, b }: Gemm): boolean {
  const [factor, ...others] = a.axes[0]
  return b.shape[1] === 1 && others.length === 0 && factor?.step === 1 && factor.dim === a.buffer.shape.length - 1
}

/** The same with the column as a row: outᵀ = bᵀ·aᵀ. */
function turned({ a, b, inputs, outputs, ...rest }: Gemm): Gemm {
  const all = (views: Gemm['inputs']) => Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view.T]))
  return { ...rest, a: b.T, b: a.T, inputs: all(inputs), outputs: all(outputs) }
}

/** Rows of a unit of work, at least. */
function unitRowsOf({ a, b }: Gemm): number {
  const [[rows, depth], width] = [a.shape, b.shape[1]]
  if (4 * depth * width < afar) return unitRows
  return Math.max(unitRows, Math.min(mostRows, rows / fewUnits, unitElements / Math.min(depth, blockDepth)))
}

/** Makes the outermost level of the rows worth sharing between threads. */
function shareRows(n: Nest, levels: readonly number[], rows: number): void {
  const last = levels[levels.length - 1]
  const few = levels.length === 2 && n.sizes[levels[0]] < 8
  if (levels.length !== 1 && !few) return
  const units = largestDivisor(n.sizes[last], Math.min(64, Math.floor(n.sizes[last] / rows)))
  if (units > 1) cut(n, last, units)
}

function layOut(build: Build, { a, b, inputs, outputs }: Gemm) {
  const [m, k] = a.shape
  const columns = b.shape[1]
  const tall = (v: View) => v.repeat(2, k)
  const views = [
    a.repeat(1, columns),
    b.T.repeat(0, m),
    ...Object.values(outputs).map(tall),
    ...Object.values(inputs).map(tall),
  ]
  const n = nest(views, build.locate, axis => axis)
  if (!n) return undefined
  const count = Object.keys(outputs).length
  return {
    n,
    a: n.operands[0],
    b: n.operands[1],
    outputs: n.operands.slice(2, 2 + count),
    inputs: n.operands.slice(2 + count),
  }
}

/** A plain copy of a view that cannot be read where it lies: patches with holes or over an edge. */
function copied(build: Build, view: View): View {
  const plain = room(build, view.name, view.shape)
  map(build, { verb: 'map', formula: formula('x'), inputs: { x: view }, outputs: { y: plain } })
  return plain
}

/** A buffer in scratch memory. */
function room(build: Build, name: string, shape: readonly number[], stays = false): View {
  const buffer: Buffer = { name, shape, kind: 'temporary' }
  const start =
    build.scratch(
      shape.reduce((x, y) => x * y, 1),
      stays,
    ) / 4
  build.locate(buffer, start)
  return viewOf(buffer)
}

function rightOperand(
  build: Build,
  { b }: Gemm,
  n: Nest,
  o: Operand,
  depth: readonly number[],
  width: number,
  column: number,
  wide: number,
): Right {
  const [k, m] = [b.shape[0], n.operands[0].view.shape[0]]
  const settled = build.isSettled(b.buffer)
  const forwards = depth.every(l => o.strides[l] >= 0)
  const readOnce = !settled && (k > 64 * m || m <= 8)
  const inPlace = forwards && o.checks.length === 0 && (column === 1 || width === 1) && readOnce
  if (inPlace) {
    const strides = Object.fromEntries(depth.map(l => [l, o.strides[l]]))
    const panels = Math.floor(width / wide)
    return { start: o.start, panel: wide, strides: () => strides, tailStart: o.start + panels * wide }
  }
  const shared = build.shared(b, wide)
  const { start, tailStart } = shared?.packed ?? packed(build, b, wide, settled || shared !== undefined)
  if (shared) shared.packed = { start, tailStart }
  const packedStrides = (tail: boolean) => {
    const strides: Record<number, number> = {}
    let step = tail ? Math.ceil((width % wide) / 4) * 4 : wide
    for (const l of [...depth].reverse()) {
      strides[l] = step
      step *= n.sizes[l]
    }
    return strides
  }
  return { start, panel: k * wide, strides: packedStrides, tailStart }
}

/** Copies a right operand into panels of `wide` columns, and the columns that are left into a narrower one. */
function packed(build: Build, b: View, wide: number, stays: boolean): Packed {
  const [k, width] = b.shape
  const panels = Math.floor(width / wide)
  const rest = width - panels * wide
  const settled = build.isSettled(b.buffer)
  const keep: Build = settled ? { ...build, write: (kernel, body) => build.write({ ...kernel, settled }, body) } : build
  const copy = (from: View, to: View) =>
    map(keep, { verb: 'map', formula: formula('x'), inputs: { x: from }, outputs: { y: to } })
  // Columns of several axes, such as the heads of an attention, need not part where a panel ends.
  const plain = b.axes[1].filter(({ size }) => size !== 1).length > 1 ? copied(keep, b) : b
  let start = 0
  let tailStart = 0
  if (panels > 0) {
    const to = room(build, 'panels', [panels, k, wide], stays)
    start = build.locate(to.buffer).origin
    copy(
      plain
        .slice(1, 0, panels * wide)
        .reshape(k, panels, wide)
        .transpose(1, 0, 2),
      to,
    )
  }
  if (rest > 0) {
    const to = room(build, 'panel', [k, Math.ceil(rest / 4) * 4], stays)
    tailStart = build.locate(to.buffer).origin
    copy(plain.slice(1, panels * wide, rest), to.slice(1, 0, rest))
  }
  return { start, tailStart }
}
