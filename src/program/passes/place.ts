import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { type Buffer, contiguous, type Layout, reach as reachOf } from '../../tensor/view.ts'
import { buffersOf, type Instruction, type Program, reads, writes } from '../instruction.ts'

export interface Place extends Layout {
  /** First element of the buffer's block, counted from the start of the arena, in elements. */
  readonly start: number
  /** Elements of the block, borders included. */
  readonly size: number
  /** A border holds zeros that must stay: such a block is never shared. */
  readonly bordered: boolean
  /** Zeros before and after the elements of each dimension. */
  readonly low: readonly number[]
  readonly high: readonly number[]
}

export interface Placement {
  readonly places: ReadonlyMap<Buffer, Place>
  /** Elements of the whole arena. */
  readonly size: number
}

type Reach = ReturnType<typeof reachOf>

export interface PlaceOptions {
  /** Elements that every block starts at a multiple of, and elements that may be read behind it. */
  align?: number
  slack?: number
  /** A buffer that keeps its numbers from run to run, and so shares its block with no other. */
  alone?(buffer: Buffer): boolean
  /** How far an instruction will read beyond what its views say, by an algorithm of the backend's own. */
  reach?(instruction: Instruction): readonly (readonly [Buffer, Reach])[]
}

/**
 * Gives every temporary a place in one arena. Blocks whose lifetimes do not meet share memory; a buffer that is read
 * through windows reaching over its edge gets a border of zeros, so that no kernel has to ask where it is.
 */
export function place(program: Program, { align = 16, slack = 16, alone, reach }: PlaceOptions = {}): Placement {
  const borders = bordersOf(program, reach)
  const lives = lifetimes(program)
  const places = new Map<Buffer, Place>()
  const taken: { start: number; end: number; from: number; to: number }[] = []
  let total = 0
  const wanted = [...buffersOf(program)]
    .filter(b => b.kind === 'temporary' && !alone?.(b))
    .map(buffer => ({ buffer, ...padded(buffer.shape, borders.get(buffer)), bordered: borders.has(buffer) }))
    .sort((a, b) => b.size - a.size)
  for (const { buffer, layout, size, bordered } of wanted) {
    const life = bordered ? { from: 0, to: Number.POSITIVE_INFINITY } : lives.get(buffer)!
    const room = Math.ceil((size + slack) / align) * align
    const rivals = taken.filter(t => t.from <= life.to && life.from <= t.to).sort((a, b) => a.start - b.start)
    let start = 0
    for (const rival of rivals) {
      if (rival.start - start >= room) break
      start = Math.max(start, rival.end)
    }
    taken.push({ start, end: start + room, ...life })
    total = Math.max(total, start + room)
    const none = buffer.shape.map(() => 0)
    const { low, high } = borders.get(buffer) ?? { low: none, high: none }
    places.set(buffer, { start, size, bordered, origin: start + layout.origin, strides: layout.strides, low, high })
  }
  return { places, size: total }
}

type Border = { low: number[]; high: number[] }

/** How far windows with zero fill reach over the edges of each temporary. */
function bordersOf(program: Program, more: PlaceOptions['reach']): Map<Buffer, Border> {
  const borders = new Map<Buffer, Border>()
  const widen = (buffer: Buffer, { low, high }: Reach) => {
    if (buffer.kind !== 'temporary') return
    const border = borders.get(buffer) ?? { low: buffer.shape.map(() => 0), high: buffer.shape.map(() => 0) }
    buffer.shape.forEach((n, d) => {
      border.low[d] = Math.max(border.low[d], -low[d])
      border.high[d] = Math.max(border.high[d], high[d] - (n - 1))
    })
    borders.set(buffer, border)
  }
  for (const instruction of program.instructions)
    for (const [buffer, reach] of edges(instruction, more)) widen(buffer, reach)
  return borders
}

/** How far an instruction reads over the edges of its operands where zeros are to be: by its views, or by `more`. */
export function edges(instruction: Instruction, more?: PlaceOptions['reach']): (readonly [Buffer, Reach])[] {
  const seen = instruction.verb === 'gemm' ? [instruction.a, instruction.b] : []
  const plain = seen.filter(view => view.fill === 0 && view.divisor.every(d => d === 1))
  const all = [...plain.map(view => [view.buffer, reachOf(view)] as const), ...(more?.(instruction) ?? [])]
  return all.filter(([buffer, { low, high }]) => buffer.shape.some((n, d) => low[d] < 0 || high[d] >= n))
}

function padded(shape: Shape, border?: Border): { layout: Layout; size: number } {
  if (!border) return { layout: contiguous(shape), size: sizeOf(shape) }
  const outer = shape.map((n, d) => border.low[d] + n + border.high[d])
  const { strides } = contiguous(outer)
  return { layout: { strides, origin: border.low.reduce((sum, n, d) => sum + n * strides[d], 0) }, size: sizeOf(outer) }
}

function lifetimes(program: Program): Map<Buffer, { from: number; to: number }> {
  const lives = new Map<Buffer, { from: number; to: number }>()
  program.instructions.forEach((instruction, at) => {
    for (const { buffer } of [...reads(instruction), ...writes(instruction)]) {
      const life = lives.get(buffer)
      lives.set(buffer, { from: life?.from ?? at, to: at })
    }
  })
  return lives
}
