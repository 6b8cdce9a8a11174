import type { View } from '../../../../tensor/view.ts'
import type { Code, Local } from '../../assembler.ts'
import type { Build } from '../../build.ts'
import { nest } from '../../nest.ts'
import { range } from '../../numbers.ts'
import { out, side } from './plan.ts'
import { type Transform, transform } from './transforms.ts'

/** Bytes between planes beyond their size: planes a power of two apart would fall on the same cache lines. */
export const stagger = 64

/** Elements moved by a step of each axis, if every axis is one walk inside its buffer. */
export function walkOf(build: Build, view: View): { start: number; strides: number[] } | undefined {
  const n = nest([view], build.locate, axis => axis)
  if (!n || n.operands[0].checks.length > 0) return undefined
  const strides = view.shape.map(() => 0)
  for (const l of range(0, n.sizes.length)) {
    if (strides[n.axes[l]] !== 0 || n.sizes[l] !== view.shape[n.axes[l]]) return undefined
    strides[n.axes[l]] = n.operands[0].strides[l]
  }
  return { start: n.operands[0].start, strides }
}

export type Moves = readonly (readonly [Local, number])[]

/** A loop that moves pointers by so many bytes a step and brings them back. */
export function each(f: Code, count: number, moves: Moves, body: () => void): void {
  f.times(count, () => {
    body()
    for (const [local, bytes] of moves) f.add(local, bytes)
  })
  for (const [local, bytes] of moves) f.add(local, -bytes * count)
}

/** Sets a pointer to `start` + index · `step` bytes. */
export const point = (f: Code, local: Local, start: number, index: Local, step: number) =>
  f.i32(start).get(index).i32(step).op('i32.mul').op('i32.add').set(local)

/** The outermost loop of a kernel: units `begin` to `end`. */
export function share(f: Code, begin: Local, end: Local, body: (unit: Local) => void): void {
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
export function tilesToPlanes(
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
