import { formula } from '../../../formula/index.ts'
import type { Gemm } from '../../../program/index.ts'
import { type Buffer, type View, viewOf } from '../../../tensor/view.ts'
import type { Code, Local } from '../assembler.ts'
import { type Build, type Emit, formulaWriter, type Kernel } from '../build.ts'
import { cut, iterations, type Nest, nest, type Operand, traffic } from '../nest.ts'
import { map, range } from './map.ts'
import { type Depth, type Tile, tile, tileFor } from './tile.ts'

/** Most steps of the shared axis that one tile goes through before its sums are put into memory … */
const deepest = 640
/** … and how many where they are cut, so that a panel stays in the first cache. */
const blockDepth = 512
/** The same for a left operand that is packed: its rows and the panel share the cache. */
const packedDepth = 256
/** Elements between the steps of the shared axis from which the left operand is packed. */
const farApart = 64
/** Rows that one unit of work has at least, where the rows can be cut. */
const unitRows = 32

/**
 * out = formula(a·b). The left operand is read where it lies, windows and all; the right one is packed into panels as
 * wide as a tile, unless it is long and read once. Sums over a long shared axis are made block by block.
 */
export const gemm: Emit<Gemm> = (build, instruction) => {
  const plan = layOut(build, instruction)
  if (!plan) return false
  const { n, a, b, outputs, inputs } = plan
  if (a.checks.length > 0) return gemm(build, { ...instruction, a: copied(build, instruction.a) })
  if ([...outputs, ...inputs].some(o => o.checks.length > 0)) return false

  const levels = (axis: number) => range(0, n.sizes.length).filter(l => n.axes[l] === axis)
  shareRows(n, levels(0))
  const columns = levels(1)
  if (columns.length > 1) return false
  const width = n.sizes[columns[0]] ?? 1
  const column = (o: Operand) => o.strides[columns[0]] ?? 1
  if (width > 1 && (outputs.some(o => column(o) !== 1) || inputs.some(o => column(o) > 1))) return false
  const rowLevels = levels(0)
  const rowLevel = rowLevels[rowLevels.length - 1]
  const rowCount = n.sizes[rowLevel] ?? 1
  const last = levels(2).pop()
  const turned = last !== undefined && a.strides[rowLevel] === 1 && a.strides[last] >= farApart
  const packLeft = turned && rowCount % 4 === 0 && rowCount <= 2 * unitRows && rowLevels.length <= 2
  const [outer, inner] = blockDepths(n, levels, packLeft ? packedDepth : deepest, packLeft ? packedDepth : blockDepth)
  const size = tileFor(rowCount, width, build.fma)

  // Threads share the rows, or the panels where there are few rows and many sums: the gradient of a filter.
  const rowUnits = rowLevels.length > 1 ? n.sizes[rowLevels[0]] : 1
  const panels = Math.floor(width / (size.vectors * 4))
  const byColumns = rowUnits < 8 && panels >= Math.max(4, rowUnits)
  const units = byColumns ? panels : rowUnits

  const right = rightOperand(build, instruction, n, b, levels(2), width, column(b), size.vectors * 4)
  const code = build.module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) =>
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
      size,
      packed: packLeft && !byColumns ? build.scratch(build.threads * rowCount * packedDepth) : undefined,
    }),
  )
  build.add({
    name: `gemm ${Object.values(instruction.outputs)
      .map(v => v.name)
      .join(' ')}`,
    code,
    units,
    flops: 2 * iterations(n),
    bytes: traffic(n),
  })
  return true
}

/** Makes the outermost level of the rows worth sharing between threads. */
function shareRows(n: Nest, levels: readonly number[]): void {
  const last = levels[levels.length - 1]
  const few = levels.length === 2 && n.sizes[levels[0]] < 8
  if (levels.length !== 1 && !few) return
  const units = largestDivisor(n.sizes[last], Math.min(64, Math.floor(n.sizes[last] / unitRows)))
  if (units > 1) cut(n, last, units)
}

/** The shared axis as [levels that go through memory, levels that stay in a tile's registers]. */
function blockDepths(
  n: Nest,
  levels: (axis: number) => number[],
  deepest: number,
  blockDepth: number,
): [number[], number[]] {
  let depth = levels(2)
  let steps = 1
  let from = depth.length
  while (from > 0 && steps * n.sizes[depth[from - 1]] <= deepest) steps *= n.sizes[depth[--from]]
  if (from > 0) {
    const l = depth[from - 1]
    const fit = largestDivisor(n.sizes[l], Math.floor(blockDepth / steps))
    if (fit > 1 || steps === 1) {
      cut(n, l, n.sizes[l] / fit)
      depth = levels(2)
    }
  }
  return [depth.slice(0, from), depth.slice(from)]
}

interface Right {
  /** Element of the first panel. */
  readonly start: number
  /** Elements from panel to panel, and for each level of the shared axis. */
  readonly panel: number
  readonly strides: (tail: boolean) => Readonly<Record<number, number>>
  readonly tailStart: number
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
function room(build: Build, name: string, shape: readonly number[], settled = false): View {
  const buffer: Buffer = { name, shape, kind: 'temporary' }
  const start =
    build.scratch(
      shape.reduce((x, y) => x * y, 1),
      settled,
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
  const inPlace = o.checks.length === 0 && (column === 1 || width === 1) && (k > m || m <= 8)
  if (inPlace) {
    const strides = Object.fromEntries(depth.map(l => [l, o.strides[l]]))
    const panels = Math.floor(width / wide)
    return { start: o.start, panel: wide, strides: () => strides, tailStart: o.start + panels * wide }
  }
  const panels = Math.floor(width / wide)
  const rest = width - panels * wide
  const settled = build.isSettled(b.buffer)
  const keep = settled ? { ...build, add: (kernel: Kernel) => build.add({ ...kernel, settled }) } : build
  const copy = (from: View, to: View) =>
    map(keep, { verb: 'map', formula: formula('x'), inputs: { x: from }, outputs: { y: to } })
  let start = 0
  let tailStart = 0
  if (panels > 0) {
    const packed = room(build, 'panels', [panels, k, wide], settled)
    start = build.locate(packed.buffer).origin
    copy(
      b
        .slice(1, 0, panels * wide)
        .reshape(k, panels, wide)
        .transpose(1, 0, 2),
      packed,
    )
  }
  const tailWide = Math.ceil(rest / 4) * 4
  if (rest > 0) {
    const packed = room(build, 'panel', [k, tailWide], settled)
    tailStart = build.locate(packed.buffer).origin
    copy(b.slice(1, panels * wide, rest), packed.slice(1, 0, rest))
  }
  const packedStrides = (tail: boolean) => {
    const strides: Record<number, number> = {}
    let step = tail ? tailWide : wide
    for (const l of [...depth].reverse()) {
      strides[l] = step
      step *= n.sizes[l]
    }
    return strides
  }
  return { start, panel: k * wide, strides: packedStrides, tailStart }
}

interface Job {
  readonly build: Build
  readonly instruction: Gemm
  readonly n: Nest
  readonly a: Operand
  readonly right: Right
  readonly outputs: readonly Operand[]
  readonly inputs: readonly Operand[]
  readonly rowLevels: readonly number[]
  readonly outer: readonly number[]
  readonly inner: readonly number[]
  readonly width: number
  readonly column: (o: Operand) => number
  readonly byColumns: boolean
  readonly size: { readonly rows: number; readonly vectors: number }
  /** First byte of the room for the packed left operand, a part for each thread. */
  readonly packed?: number
}

/** A pointer and how far each kind of loop moves it, in bytes. */
interface Pointer {
  readonly local: Local
  readonly strides: Readonly<Record<number, number>>
  readonly panel: number
}

function write(f: Code, begin: Local, end: Local, id: Local, job: Job): void {
  const { build, instruction, n, a, right, outputs, inputs, rowLevels, outer, inner, width, column, byColumns, size } =
    job
  const names = Object.keys(instruction.inputs)
  const epilogue = formulaWriter(build, f, instruction.formula, name => name === 'product' || names.includes(name))
  const bytes = (strides: Readonly<Record<number, number>>, levels: readonly number[]) =>
    Object.fromEntries(levels.map(l => [l, strides[l] * 4]))
  const pointer = (
    start: number,
    strides: Readonly<Record<number, number>>,
    levels: readonly number[],
    panel: number,
  ): Pointer => {
    const local = f.local('i32')
    f.assign(local, start * 4)
    return { local, strides: bytes(strides, levels), panel: panel * 4 }
  }
  const wide = size.vectors * 4
  const rowLevel = rowLevels[rowLevels.length - 1]
  const rowCount = rowLevel === undefined ? 1 : n.sizes[rowLevel]
  const left = pointer(a.start, a.strides, [...rowLevels, ...outer], 0)
  const packed = pointer(right.start, right.strides(false), outer, right.panel)
  const packedTail = pointer(right.tailStart, right.strides(true), outer, 0)
  const results = outputs.map(o => pointer(o.start, o.strides, rowLevels, wide))
  const operands = inputs.map(o => pointer(o.start, o.strides, rowLevels, column(o) * wide))
  // A left operand whose steps lie far apart is copied unit by unit: [step][row], one behind the other.
  const near: Pointer | undefined =
    job.packed === undefined ? undefined : { local: f.local('i32'), strides: { [rowLevel]: 4 }, panel: 0 }
  const source = near ?? left
  const all = [left, packed, packedTail, ...(near ? [near] : []), ...results, ...operands]
  const advance = (l: number, count: number) => {
    for (const p of all) f.add(p.local, (p.strides[l] ?? 0) * count)
  }
  const loops = (levels: readonly number[], body: () => void): void => {
    const [l, ...rest] = levels
    if (l === undefined) return body()
    f.times(n.sizes[l], () => {
      loops(rest, body)
      advance(l, 1)
    })
    advance(l, -n.sizes[l])
  }
  /** Runs the body from `begin` to `end`, each step moving the pointers by `step`; they come back. */
  const share = (step: (p: Pointer) => number, body: () => void) => {
    const saved = all.map(p => {
      const local = f.local('i32')
      f.get(p.local).set(local)
      if (step(p)) f.get(p.local).get(begin).i32(step(p)).op('i32.mul').op('i32.add').set(p.local)
      return local
    })
    const left = f.local('i32')
    f.get(end).get(begin).op('i32.sub').set(left)
    f.loop(() => {
      body()
      for (const p of all) f.add(p.local, step(p))
      f.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
    })
    all.forEach((p, i) => {
      f.get(saved[i]).set(p.local)
    })
  }
  const panelCount = Math.floor(width / wide)
  const panels = (body: (right: Pointer, lanes: number) => void) => {
    const moved = () => {
      for (const p of all) f.add(p.local, p.panel)
    }
    const rest = () => {
      for (const p of all) f.add(p.local, p.panel * panelCount)
      body(packedTail, width % wide)
      for (const p of all) f.add(p.local, -p.panel * panelCount)
    }
    if (byColumns) {
      share(
        p => p.panel,
        () => body(packed, wide),
      )
      if (width % wide) f.get(end).i32(panelCount).op('i32.eq').if(rest)
      return
    }
    if (panelCount > 0) {
      f.times(panelCount, () => {
        body(packed, wide)
        moved()
      })
      for (const p of all) f.add(p.local, -p.panel * panelCount)
    }
    if (width % wide) rest()
  }
  const units = (body: () => void) => {
    if (rowLevels.length < 2) return body()
    const [first] = rowLevels
    if (byColumns) return loops([first], body)
    share(p => p.strides[first] ?? 0, body)
  }
  const blocks = outer.reduce((product, l) => product * n.sizes[l], 1)
  const block = f.local('i32')
  const plain = instruction.formula.outputs.size === 1 && [...instruction.formula.outputs.values()][0].op === 'name'
  const middle = rowLevels.slice(1, -1)

  const tiles = (panel: Pointer, lanes: number) => {
    const depth: Depth[] = inner.map((l, i) => ({
      size: n.sizes[l],
      a: near ? inner.slice(i + 1).reduce((bytes, m) => bytes * n.sizes[m], rowCount * 4) : a.strides[l] * 4,
      b: right.strides(panel === packedTail)[l] * 4,
    }))
    const one = (height: number) => {
      const rowStep = (p: Pointer) => (rowLevel === undefined ? 0 : (p.strides[rowLevel] ?? 0))
      const shape: Tile = { rows: height, vectors: Math.ceil(lanes / 4), rowStep: rowStep(source), depth }
      const sums = tile(f, shape, source.local, panel.local, build.fma)
      const each = (body: (sum: Local, i: number, j: number, lanes: number) => void) =>
        sums.forEach((row, i) => {
          row.forEach((sum, j) => {
            body(sum, i, j, Math.min(4, lanes - j * 4))
          })
        })
      const address = (p: Pointer, i: number, j: number) => i * rowStep(p) + j * 16
      const put = (p: Pointer, value: Local, i: number, j: number, count: number) => {
        if (count === 4)
          f.get(p.local)
            .get(value)
            .mem('v128.store', address(p, i, j))
        else
          for (const lane of range(0, count))
            f.get(p.local)
              .get(value)
              .storeLane(lane, address(p, i, j) + lane * 4)
      }
      const finish = () => {
        // What is the same in every row is loaded once a column.
        const loaded = new Map<string, Local>()
        const operand = (name: string, i: number, j: number) => {
          const at = names.indexOf(name)
          const [step, spread] = [rowStep(operands[at]), column(inputs[at]) === 1]
          const key = `${name} ${step === 0 ? 0 : i} ${spread ? j : 0}`
          let value = loaded.get(key)
          if (!value) {
            loaded.set(key, (value = f.local('v128')))
            f.get(operands[at].local)
              .mem(spread ? 'v128.load' : 'v128.load32_splat', i * step + (spread ? j * 16 : 0))
              .set(value)
          }
          return value
        }
        each((sum, i, j, count) => {
          const values = epilogue(name => (name === 'product' ? sum : operand(name, i, j)))
          values.forEach((value, o) => {
            put(results[o], value, i, j, count)
          })
        })
      }
      if (blocks === 1) return finish()
      f.get(block).if(() =>
        each((sum, i, j) => {
          f.get(sum)
            .get(results[0].local)
            .mem('v128.load', address(results[0], i, j))
            .op('f32x4.add')
            .set(sum)
        }),
      )
      const keep = () => each((sum, i, j, count) => put(results[0], sum, i, j, count))
      if (plain) return keep()
      f.get(block)
        .i32(blocks - 1)
        .op('i32.eq')
        .if(finish, keep)
    }
    const full = Math.floor(rowCount / size.rows)
    const step = (height: number) => {
      if (rowLevel !== undefined) advance(rowLevel, height)
    }
    if (full > 0) {
      f.times(full, () => {
        one(size.rows)
        step(size.rows)
      })
    }
    if (rowCount % size.rows) one(rowCount % size.rows)
    step(-full * size.rows)
  }

  /** Copies the unit's rows of the left operand for this block of the shared axis. */
  const pack = (to: Pointer, levels: readonly number[], from: Local, at: Local): void => {
    const [l, ...rest] = levels
    if (l === undefined) {
      f.times(rowCount / 4, () => {
        f.get(at).get(from).mem('v128.load').mem('v128.store').add(at, 16).add(from, 16)
      })
      f.add(from, -rowCount * 4)
      return
    }
    f.times(n.sizes[l], () => {
      pack(to, rest, from, at)
      f.add(from, a.strides[l] * 4)
    })
    f.add(from, -a.strides[l] * 4 * n.sizes[l])
  }
  const unit = (body: () => void) => () => {
    if (near) {
      const [from, at] = [f.local('i32'), f.local('i32')]
      f.i32(job.packed!)
        .get(id)
        .i32(rowCount * packedDepth * 4)
        .op('i32.mul')
        .op('i32.add')
        .tee(near.local)
        .set(at)
      f.get(left.local).set(from)
      pack(near, inner, from, at)
    }
    body()
  }

  f.get(begin)
    .get(end)
    .op('i32.lt_s')
    .if(() => {
      f.assign(block, 0)
      loops(outer, () => {
        units(unit(() => panels((panel, lanes) => loops(middle, () => tiles(panel, lanes)))))
        f.add(block, 1)
      })
    })
}

function largestDivisor(n: number, limit: number): number {
  for (let d = Math.max(1, limit); d > 1; d--) if (n % d === 0) return d
  return 1
}
