import { type Shape, sizeOf, stridesOf } from '../../tensor/shape.ts'
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
  const strides = stridesOf(shape)
  const out = new Float64Array(sizeOf(shape))
  const to = axes.map(axis => shape[axis])
  const index = to.map(() => 0)
  for (let i = 0; i < out.length; i++) {
    let from = 0
    for (let k = 0; k < axes.length; k++) {
      const place = gates?.axis === axes[k] ? gates.order[index[k]] : index[k]
      from += place * strides[axes[k]]
    }
    out[i] = data[from]
    for (let k = to.length - 1; k >= 0 && ++index[k] === to[k]; k--) index[k] = 0
  }
  return out
}
