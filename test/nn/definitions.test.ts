import { constraints, initializers, losses, metrics, optimizers, regularizers, schedules } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import {
  resolveConstraint,
  resolveInitializer,
  resolveLoss,
  resolveMetric,
  resolveOptimizer,
  resolveRegularizer,
} from '../../src/nn/resolve.ts'
import { resolveSchedule } from '../../src/nn/scheduleChoice.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'
import { lossCase } from './cases.ts'

type Named = { readonly name: string; readonly params: object; toJSON(): unknown }
const kinds: [string, Record<string, (params?: never) => Named>, (choice: never) => Named][] = [
  ['loss', losses, resolveLoss],
  ['metric', metrics, resolveMetric],
  ['optimiser', optimizers, resolveOptimizer],
  ['initialiser', initializers, resolveInitializer],
  ['schedule', schedules, resolveSchedule],
  ['regulariser', regularizers, resolveRegularizer],
  ['constraint', constraints, resolveConstraint],
]

describe.each(kinds)('every %s', (_, known, resolve) => {
  test.each(Object.keys(known))('%s goes into a file and comes back', name => {
    const made = known[name]()
    expect(made.name).toBe(name)
    const changed = Object.fromEntries(
      Object.entries(made.params).map(([key, value]) => [key, typeof value === 'number' ? value + 0.25 : value]),
    )
    // Counts must stay whole numbers.
    const given = name === 'muon' || name === 'lbfgs' || name === 'adam' ? {} : changed
    const other = name.startsWith('l1l2') || Object.keys(given).length === 0 ? made : known[name](sound(given) as never)
    for (const each of [made, other]) {
      const again = resolve(JSON.parse(JSON.stringify(each)) as never)
      expect(JSON.stringify(again)).toBe(JSON.stringify(each))
    }
    expect(JSON.stringify(resolve(name as never))).toBe(JSON.stringify(made))
  })
})

test.each([
  [resolveLoss, 'mse', 'meanSquaredError'],
  [resolveLoss, 'bce', 'binaryCrossentropy'],
  [resolveLoss, 'meanSquareError', 'meanSquaredError'],
  [resolveMetric, 'acc', 'accuracy'],
  [resolveOptimizer, 'adm', 'adam'],
  [resolveInitializer, 'glorot', 'glorotNormal'],
] as const)('%# an unknown name is answered with what may have been meant', (resolve, name, meant) => {
  expect(() => (resolve as (choice: string) => unknown)(name)).toThrow(`hint: did you mean "${meant}"?`)
})

/** Settings without those that count something. */
const sound = (params: object) =>
  Object.fromEntries(Object.entries(params).filter(([key]) => !/steps|power|classId|numClasses|^k$/i.test(key)))

/** e^1e4 is more than a double can hold. */
const infinite = (name: string, p: number) => name === 'poissonNll' && p === 1e4

describe.each([0, 1, 90, -90, 200, -200, 1e4, -1e4])('predictions of %d', p => {
  test.each(Object.keys(losses).filter(name => !infinite(name, p)))('leave %s and its slope finite', name => {
    const { made, logits, p: shape, t: target } = lossCase(name)
    const k = direct()
    const buffer = (key: string, of: readonly number[]): Buffer => ({ name: key, shape: of, kind: 'input' })
    const [bp, bt, bl, bd] = [buffer('p', shape), buffer('t', target), buffer('l', [1]), buffer('d', shape)]
    const size = shape.reduce((a, b) => a * b)
    // All alike, one apart, and with the right or the wrong target.
    for (const values of [
      Array(size).fill(p),
      Array(size).fill(0).with(0, p),
      Array(size)
        .fill(0.5)
        .with(size - 1, p),
    ])
      for (const t of [0, 1]) {
        k.write(bp, values)
        k.write(bt, Array(target.reduce((a, b) => a * b, 1)).fill(t))
        const [vp, vt, loss, d] = [bp, bt, bl, bd].map(viewOf)
        made.forward(k, { p: vp, t: vt, loss })
        made.backward(k, { p: vp, t: vt, dp: d })
        expect([...k.read(bl), ...k.read(bd)].every(Number.isFinite)).toBe(true)
        logits?.forward(k, { p: vp, t: vt, loss })
        logits?.backward(k, { p: vp, t: vt, dp: d })
        expect([...k.read(bl), ...k.read(bd)].every(Number.isFinite)).toBe(true)
      }
  })
})
