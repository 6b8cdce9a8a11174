import type { Gemm } from '../../../program/index.ts'
import type { Code, Lanes, Local } from '../assembler.ts'
import { type Build, formulaWriter } from '../build.ts'
import type { Nest, Operand } from '../nest.ts'
import { type Depth, type Tile, tile } from './tile.ts'

/** Most steps of the shared axis where the left operand is packed: its rows and the panel share the cache. */
export const packedDepth = 512

/** Where the right operand lies: packed in panels as wide as a tile, or in place. */
export interface Right {
  /** Element of the first panel. */
  readonly start: number
  /** Elements from panel to panel, and for each level of the shared axis. */
  readonly panel: number
  readonly strides: (tail: boolean) => Readonly<Record<number, number>>
  readonly tailStart: number
}

export interface Job {
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
  readonly units: number
  /** Whether the product was written as its transpose. */
  readonly isTurned: boolean
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

/** The loops of a product over units, panels and tiles, and what happens to a tile's sums. */
export function write(f: Code, begin: Local, end: Local, id: Local, job: Job): void {
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
  // A left operand whose steps lie far apart is copied unit by unit: [four rows][step][row], one behind the other.
  const blockSteps = inner.reduce((product, l) => product * n.sizes[l], 1)
  const near: Pointer | undefined =
    job.packed === undefined ? undefined : { local: f.local('i32'), strides: { [rowLevel]: blockSteps * 4 }, panel: 0 }
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
  const isTurned = job.isTurned || (rowLevel !== undefined && inner.every(l => a.strides[l] > a.strides[rowLevel]))
  const blocks = outer.reduce((product, l) => product * n.sizes[l], 1)
  const block = f.local('i32')
  const plain = instruction.formula.outputs.size === 1 && [...instruction.formula.outputs.values()][0].op === 'name'
  const middle = rowLevels.slice(1, -1)

  const tiles = (panel: Pointer, lanes: number) => {
    const depth: Depth[] = inner.map((l, i) => ({
      size: n.sizes[l],
      a: near ? inner.slice(i + 1).reduce((bytes, m) => bytes * n.sizes[m], 16) : a.strides[l] * 4,
      b: right.strides(panel === packedTail)[l] * 4,
    }))
    const one = (height: number) => {
      const rowStep = (p: Pointer) => (rowLevel === undefined ? 0 : (p.strides[rowLevel] ?? 0))
      const apart = near ? 4 : rowStep(left)
      // A gradient of few weights sums over many rows, and each step would wait for the one before.
      const vectors = height * Math.ceil(lanes / 4)
      const beside = !isTurned || vectors > 4 ? 1 : vectors === 1 ? 4 : 2
      const shape: Tile = { rows: height, columns: lanes, rowStep: apart, depth, beside }
      const sums = tile(f, shape, source.local, panel.local, build.fma)
      const each = (body: (sum: Local, i: number, j: number, lanes: Lanes) => void) =>
        sums.forEach((row, i) => {
          row.forEach((sum, j) => {
            body(sum, i, j, Math.min(4, lanes - j * 4) as Lanes)
          })
        })
      const address = (p: Pointer, i: number, j: number) => i * rowStep(p) + j * 16
      const put = (p: Pointer, value: Local, i: number, j: number, count: Lanes) => {
        const to = () => {
          f.get(p.local)
          return address(p, i, j)
        }
        f.store(to, value, count)
      }
      const finish = () => {
        // What is the same in every row is loaded once a column.
        const loaded = new Map<string, Local>()
        const operand = (name: string, i: number, j: number, count: Lanes) => {
          const at = names.indexOf(name)
          const [step, spread] = [rowStep(operands[at]), column(inputs[at]) === 1]
          const key = `${name} ${step === 0 ? 0 : i} ${spread ? j : 0}`
          let value = loaded.get(key)
          if (!value) {
            loaded.set(key, (value = f.local('v128')))
            f.get(operands[at].local)
              .load(spread ? count : 1, i * step + (spread ? j * 16 : 0))
              .set(value)
          }
          return value
        }
        each((sum, i, j, count) => {
          const values = epilogue(name => (name === 'product' ? sum : operand(name, i, j, count)))
          values.forEach((value, o) => {
            put(results[o], value, i, j, count)
          })
        })
      }
      if (blocks === 1) return finish()
      f.get(block).if(() =>
        each((sum, i, j, count) => {
          f.get(sum)
            .get(results[0].local)
            .load(count, address(results[0], i, j))
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
  const pack = (levels: readonly number[], from: Local, at: Local): void => {
    const [l, ...rest] = levels
    if (l === undefined) {
      f.times(rowCount / 4, () => {
        const value = f.local('v128')
        f.get(from).load(4).set(value)
        f.store(
          () => {
            f.get(at)
            return 0
          },
          value,
          4,
        )
        f.add(at, blockSteps * 16).add(from, 16)
      })
      f.add(from, -rowCount * 4).add(at, 16 - rowCount * blockSteps * 4)
      return
    }
    f.times(n.sizes[l], () => {
      pack(rest, from, at)
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
      pack(inner, from, at)
    }
    body()
  }

  const run = () => {
    if (blocks > 1) f.assign(block, 0)
    loops(outer, () => {
      units(unit(() => panels((panel, lanes) => loops(middle, () => tiles(panel, lanes)))))
      if (blocks > 1) f.add(block, 1)
    })
  }
  if (job.units === 1) run()
  else f.get(begin).get(end).op('i32.lt_s').if(run)
}
