import { type Call, choice, must, showDims } from './call.ts'
import { type Dims, sizeOf, spend } from './tensors.ts'

/** How a window slides over the axes behind batch and channels. */
export interface Sliding {
  readonly kernel: Dims
  readonly strides: Dims
  readonly dilations: Dims
  /** Before each axis, then behind each axis. */
  readonly pads: readonly number[]
}

/** Where each window looks: for place k of the kernel and place p of the output, `at[k * count + p]`. */
export interface Windows {
  readonly out: Dims
  readonly count: number
  readonly cells: number
  /** A place of the input, or `border` in the padding, or `beyond` it. */
  readonly at: Int32Array
}
export const border = -1
export const beyond = -2

/** The settings of a node that slides over `input`, padding worked out. */
export function slidingOf(c: Call, input: Dims, kernel: Dims): Sliding {
  const rank = input.length
  const repeat = (name: string) => c.ints(name) ?? new Array<number>(rank).fill(1)
  const [strides, dilations] = [repeat('strides'), repeat('dilations')]
  const auto = choice('auto_pad', c.text('auto_pad', 'NOTSET'), ['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'])
  const given = c.ints('pads') ?? new Array<number>(2 * rank).fill(0)
  const fits = [kernel, strides, dilations].every(
    list => list.length === rank && list.every(n => n >= 1 && n < 2 ** 31),
  )
  must(fits && given.length === 2 * rank, `a window of ${showDims(kernel)} cannot slide over ${showDims(input)}`)
  must(
    given.every(n => Math.abs(n) < 2 ** 31),
    'padding is too wide',
  )
  if (auto === 'NOTSET') return { kernel, strides, dilations, pads: given }
  const needed = input.map((n, i) =>
    Math.max(0, (Math.ceil(n / strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - n),
  )
  const small = needed.map(n => Math.floor(n / 2))
  const big = needed.map((n, i) => n - small[i])
  const pads =
    auto === 'VALID' ? needed.flatMap(() => [0, 0]) : auto === 'SAME_UPPER' ? [...small, ...big] : [...big, ...small]
  return { kernel, strides, dilations, pads }
}

/** How many places the window has along each axis. */
export function placesOf(input: Dims, { kernel, strides, dilations, pads }: Sliding, ceil = false): number[] {
  return input.map((n, i) => {
    const padded = n + pads[i] + pads[i + input.length]
    const steps = (padded - (kernel[i] - 1) * dilations[i] - 1) / strides[i]
    const places = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1
    // A window that would start behind the input is left out.
    return Math.max(0, ceil && (places - 1) * strides[i] >= n + pads[i] ? places - 1 : places)
  })
}

export function windows(
  input: Dims,
  sliding: Sliding,
  ceil = false,
  out: Dims = placesOf(input, sliding, ceil),
): Windows {
  const { kernel, strides, dilations, pads } = sliding
  const rank = input.length
  const [count, cells] = [sizeOf(out), sizeOf(kernel)]
  must(Number.isInteger(count), `a window of ${showDims(kernel)} over ${showDims(input)} is too large`)
  spend(4 * count * cells * rank, count * cells)
  const at = new Int32Array(count * cells)
  if (at.length === 0) return { out, count, cells, at }
  // The places of each axis first, then their combinations.
  let [done, rows, columns] = [Int32Array.of(0), 1, 1]
  for (let axis = 0; axis < rank; axis++) {
    const [n, m, k] = [input[axis], out[axis], kernel[axis]]
    const next = new Int32Array(rows * k * columns * m)
    for (let row = 0; row < rows; row++)
      for (let cell = 0; cell < k; cell++)
        for (let column = 0; column < columns; column++)
          for (let p = 0; p < m; p++) {
            const before = done[row * columns + column]
            const x = p * strides[axis] + cell * dilations[axis] - pads[axis]
            const inside = x >= 0 && x < n
            const padded = x >= -pads[axis] && x < n + pads[axis + rank]
            next[((row * k + cell) * columns + column) * m + p] =
              before === beyond || !padded ? beyond : before === border || !inside ? border : before * n + x
          }
    ;[done, rows, columns] = [next, rows * k, columns * m]
  }
  at.set(done)
  return { out, count, cells, at }
}
