import { expect, test } from 'vitest'
import { derivative, evaluate, formula, measuredDerivative } from '../../src/formula/index.ts'

test.each([
  ['x^2', 3],
  ['exp(-x) * sin(a * x)', 0.7],
  ['log(x) / sqrt(x)', 4],
  ['tanh(x) + sigmoid(a * x) - softplus(x)', -1.3],
  ['x > 0 ? a * x : erf(x)', -0.4],
  ['1e3 * cos(x / 100)', 250],
])('the slope of %s at %d is measured as it is derived', (text, x) => {
  const [node] = formula(text).outputs.values()
  const values = { x, a: 1.7 }
  const exact = evaluate(derivative(node, 'x'), values)
  expect(Math.abs(measuredDerivative(node, 'x', values) - exact)).toBeLessThan(1e-8 * Math.max(1, Math.abs(exact)))
})
