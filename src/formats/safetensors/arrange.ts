import { type Shape, sizeOf } from '../../tensor/shape.ts'
import { turned } from '../../tensor/turned.ts'
import type { Piece } from './layouts.ts'

/** Our array as PyTorch lays it; two arrays where PyTorch has two. */
export function arranged(piece: Piece, data: ArrayLike<number>): Float64Array[] {
  const { names, sum } = piece
  const parts = names.length > 1 && !sum ? halved(data) : [Float64Array.from(data)]
  const out = parts.map(part => permuted(part, piece.seen, piece.axes, piece.gates))
  return sum ? [out[0], new Float64Array(out[0].length)] : out
}

/** PyTorch's array, or arrays, as we lay them. */
export function backFrom(piece: Piece, parts: readonly Float64Array[]): Float64Array {
  const { seen, axes, gates, sum } = piece
  const shape = axes.map(axis => seen[axis])
  const inverse = axes.map((_, axis) => axes.indexOf(axis))
  const back = (data: Float64Array) =>
    permuted(data, shape, inverse, gates && { ...gates, axis: axes.indexOf(gates.axis) })
  // A zero is not added: −0 stays what it is.
  if (sum) return back(parts[0].map((value, i) => (parts[1][i] === 0 ? value : value + parts[1][i])))
  const done = parts.map(back)
  const out = new Float64Array(done.length * done[0].length)
  for (const [i, part] of done.entries()) out.set(part, i * part.length)
  return out
}

function halved(data: ArrayLike<number>): Float64Array[] {
  const all = Float64Array.from(data)
  return [all.slice(0, all.length / 2), all.slice(all.length / 2)]
}

/** Axes in another order, and along one of them the places too. */
function permuted(
  data: Float64Array,
  shape: Shape,
  axes: readonly number[],
  gates?: { readonly axis: number; readonly order: readonly number[] },
): Float64Array {
  const placed = gates ? picked(data, shape, gates.axis, gates.order) : data
  return turned(placed, shape, axes, new Float64Array(data.length))
}

/** The places along an axis in another order. */
function picked(data: Float64Array, shape: Shape, axis: number, order: readonly number[]): Float64Array {
  const out = new Float64Array(data.length)
  const inner = sizeOf(shape.slice(axis + 1))
  for (let at = 0; at < out.length; at += shape[axis] * inner)
    for (let i = 0; i < order.length; i++) {
      const from = at + order[i] * inner
      out.set(data.subarray(from, from + inner), at + i * inner)
    }
  return out
}
