import { constraints, initializers, losses, metrics, optimizers, regularizers, schedules } from 'nabla'
import { describe, expect, test } from 'vitest'
import {
  resolveConstraint,
  resolveInitializer,
  resolveLoss,
  resolveMetric,
  resolveOptimizer,
  resolveRegularizer,
} from '../../src/nn/resolve.ts'
import { resolveSchedule } from '../../src/nn/scheduleChoice.ts'

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
  [resolveMetric, 'f1', 'f1Score'],
  [resolveOptimizer, 'adm', 'adam'],
  [resolveInitializer, 'glorot', 'glorotNormal'],
] as const)('%# an unknown name is answered with what may have been meant', (resolve, name, meant) => {
  expect(() => (resolve as (choice: string) => unknown)(name)).toThrow(`hint: did you mean "${meant}"?`)
})

/** Settings without those that count something. */
const sound = (params: object) =>
  Object.fromEntries(Object.entries(params).filter(([key]) => !/steps|power|classId|numClasses|^k$/i.test(key)))
