import { evaluate } from './evaluate.ts'
import { apply, fold, is, type Node, number } from './node.ts'

const ZERO = number(0)
const ONE = number(1)

const plus = (a: Node, b: Node) => apply('+', a, b)
const minus = (a: Node, b: Node) => (is(a, 0) ? negate(b) : apply('-', a, b))
const negate = (a: Node) => (is(a, 0) ? ZERO : apply('neg', a))
const over = (a: Node, b: Node) => (is(a, 0) ? ZERO : apply('/', a, b))
const square = (a: Node) => apply('^', a, number(2))

// What does not change has no slope, whatever it is multiplied with: here 0 · x is 0.
function times(a: Node, b: Node): Node {
  if (is(a, 0) || is(b, 0)) return ZERO
  if (is(a, -1)) return negate(b)
  if (is(b, -1)) return negate(a)
  return apply('*', a, b)
}

/**
 * The derivative ∂node/∂name as an expression. Comparisons, sign, floor, ceil and round count as constant; at a kink the
 * slope is the one of the second argument of `min` and `max`, of the branch taken by `?:`, and 0 for `abs`.
 *
 * @example
 * print(derivative(formula('x^2').outputs.get('y')!, 'x'))   // '2 * x'
 */
export function derivative(node: Node, name: string): Node {
  return fold<Node>([node], (part, [da, db, dc]) => {
    if (part.op === 'number') return ZERO
    if (part.op === 'name') return part.name === name ? ONE : ZERO
    const [a, b] = part.args
    switch (part.op) {
      case 'neg':
        return negate(da)
      case '+':
        return plus(da, db)
      case '-':
        return minus(da, db)
      case '*':
        return plus(times(da, b), times(a, db))
      case '/':
        return over(minus(da, times(part, db)), b)
      case '^':
        return plus(
          times(times(b, apply('^', a, apply('-', b, ONE))), da),
          is(db, 0) ? ZERO : times(times(part, apply('log', a)), db),
        )
      case 'select':
        return apply('select', a, db, dc)
      case 'min':
        return apply('select', apply('<', a, b), da, db)
      case 'max':
        return apply('select', apply('>', a, b), da, db)
      case 'exp':
        return times(part, da)
      case 'expm1':
        return times(apply('exp', a), da)
      case 'log':
        return over(da, a)
      case 'log1p':
        return over(da, apply('+', ONE, a))
      case 'sqrt':
        return over(da, apply('*', number(2), part))
      case 'abs':
        return times(apply('sign', a), da)
      case 'sin':
        return times(apply('cos', a), da)
      case 'cos':
        return negate(times(apply('sin', a), da))
      case 'tan':
        return times(apply('+', ONE, square(part)), da)
      case 'atan':
        return over(da, apply('+', ONE, square(a)))
      case 'sinh':
        return times(apply('cosh', a), da)
      case 'cosh':
        return times(apply('sinh', a), da)
      case 'tanh':
        return times(apply('-', ONE, square(part)), da)
      case 'erf':
        return times(apply('*', number(2 / Math.sqrt(Math.PI)), apply('exp', apply('neg', square(a)))), da)
      case 'sigmoid':
        return times(apply('*', part, apply('-', ONE, part)), da)
      case 'softplus':
        return times(apply('sigmoid', a), da)
      default:
        return ZERO
    }
  })[0]
}

/**
 * The slope of a formula at one point, measured: (f(x + h) − f(x − h)) / 2h, with an error of about 1e-10 of the values
 * where f is smooth. What the written-out derivatives are checked by.
 * @example
 * measuredDerivative([...formula('x^2').outputs.values()][0], 'x', { x: 3 })   // 6, nearly
 */
export function measuredDerivative(node: Node, by: string, values: Readonly<Record<string, number>>): number {
  const x = values[by]
  // The cube root of the rounding error balances it against the third derivative.
  const h = 6e-6 * Math.max(1, Math.abs(x))
  const at = (moved: number) => evaluate(node, { ...values, [by]: moved })
  const [above, below] = [x + h, x - h]
  return (at(above) - at(below)) / (above - below)
}
