import fc from 'fast-check'
import { apply, type Node, name, number, type Operation } from '../../src/formula/index.ts'

const UNARY: Operation[] = [
  'neg',
  '!',
  'exp',
  'log',
  'sqrt',
  'abs',
  'sign',
  'floor',
  'round',
  'sin',
  'tanh',
  'erf',
  'sigmoid',
]
const BINARY: Operation[] = ['+', '-', '*', '/', '^', '<', '<=', '>', '>=', '==', '!=', '&&', '||', 'min', 'max']

/** Any expression over a, b, x and some numbers. */
export const expressions = (numbers: fc.Arbitrary<number>) =>
  fc.letrec<{ node: Node }>(tie => ({
    node: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.constantFrom('a', 'b', 'x').map(name),
      fc.oneof(fc.integer({ min: -3, max: 9 }), numbers).map(number),
      fc.tuple(fc.constantFrom(...UNARY), tie('node')).map(([op, a]) => apply(op, a)),
      fc.tuple(fc.constantFrom(...BINARY), tie('node'), tie('node')).map(([op, a, b]) => apply(op, a, b)),
      fc.tuple(tie('node'), tie('node'), tie('node')).map(([c, a, b]) => apply('select', c, a, b)),
    ),
  })).node

/** Expressions without kinks or poles for x in [0.5, 1.5], so that differences approach the derivative. */
export const smooth = fc.letrec<{ node: Node }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(name('x')),
    fc.integer({ min: 1, max: 3 }).map(number),
    fc
      .tuple(fc.constantFrom<Operation>('sin', 'cos', 'tanh', 'atan', 'erf', 'sigmoid', 'softplus', 'neg'), tie('node'))
      .map(([op, a]) => apply(op, a)),
    fc.tuple(fc.constantFrom<Operation>('+', '-', '*'), tie('node'), tie('node')).map(([op, a, b]) => apply(op, a, b)),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => apply('/', a, apply('+', number(2), apply('sigmoid', b)))),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => apply('^', apply('softplus', a), apply('sin', b))),
  ),
})).node
