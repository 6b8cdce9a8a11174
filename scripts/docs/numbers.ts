import { direct } from '../../src/backends/reference/index.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { type View, viewOf } from '../../src/tensor/view.ts'

/** Verbs that happen at once, with the arrays they work on. */
export function paper(scalars: Readonly<Record<string, number>> = {}) {
  const k = direct(scalars)
  return {
    k,
    /** An array with these values, or zeros. */
    array(name: string, shape: readonly number[], values: ArrayLike<number> = []): View {
      const view = viewOf({ name, shape, kind: 'temporary' })
      if (values.length > 0) k.write(view.buffer, values)
      return view
    },
    write: (view: View, values: ArrayLike<number>) => k.write(view.buffer, values),
    read: (view: View) => Array.from(k.read(view.buffer)),
  }
}

/** Numbers from low to high. */
export const grid = (low: number, high: number, count = 121): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1))

/** The same values every time: a few of each size, none of them 0. */
export const steady = (shape: readonly number[]): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => Math.round(100 * Math.sin(1.7 * i + 1)) / 100)
