import type { Gemm } from '../../../../program/index.ts'
import type { Buffer, View } from '../../../../tensor/view.ts'
import { range } from '../../numbers.ts'

/** Outputs a tile has along one axis, inputs it needs, and filters it serves. */
export const out = 4
export const side = 6
export const planes = side * side
/** A view that shows the 3 × 3 patches of an image: [batch·height·width, 3·3·channels]. */
export interface Patches {
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

export type Plan = { kind: 'filter' | 'gradient'; p: Patches; width: number }

/** Whether a product is a 3 × 3 convolution (or its gradient by the filter) for which tiles pay. */
export function planOf({ a, b }: Gemm): Plan | undefined {
  const width = b.shape[1]
  if (width % 4 !== 0 || width < 16) return undefined
  const direct = patches(a)
  if (direct) return { kind: 'filter', p: direct, width }
  const turned = patches(a.T)
  if (!turned || b.buffer.shape.length !== 4 || (b.buffer.kind !== 'temporary' && b.buffer.kind !== 'input'))
    return undefined
  return { kind: 'gradient', p: turned, width }
}

export type Far = readonly [Buffer, { low: number[]; high: number[] }]

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
