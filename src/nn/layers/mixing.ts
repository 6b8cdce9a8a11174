import type { Verbs } from '../../program/index.ts'
import type { View } from '../../tensor/view.ts'

/** y[…, i, …] = Σⱼ A[i, j]·x[…, j, …] along one axis. */
function mix(k: Verbs, y: View, A: View, x: View, axis: number): void {
  const beside = A.reshape(...A.shape, ...x.shape.slice(axis + 1).map(() => 1))
  k.reduce(y, 'sum', 'A * x', { A: beside, x: x.repeat(axis, A.shape[0]) }, [axis + 1])
}

/** y = x mixed along each spatial axis in turn: one matrix [to, from] an axis, from axis 1 on. */
export function mixAll(k: Verbs, y: View, matrices: readonly View[], x: View): void {
  let from = x
  matrices.forEach((A, i) => {
    const to = i === matrices.length - 1 ? y : k.scratch('mixed', from.shape.with(i + 1, A.shape[0]))
    mix(k, to, A, from, i + 1)
    from = to
  })
}

/** A matrix [rows, columns] of numbers that follow from row i and column j alone. */
export function table(k: Verbs, name: string, [rows, columns]: readonly [number, number], formula: string): View {
  const out = k.scratch(name, [rows, columns])
  k.map(out, formula, { i: k.index(rows).reshape(rows, 1), j: k.index(columns), rows, columns })
  return out
}
