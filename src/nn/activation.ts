import { apply, check, derivative, type Formula, formula, formulaOf, name as nameNode } from '../formula/index.ts'
import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import type { Json, Params } from './json.ts'

/** y = f(x) and dx = dy·f′(x), ready to be put into a layer. */
export interface Activation {
  readonly name: string
  readonly params: Params
  /** The values it can take. */
  readonly range: readonly [low: number, high: number]
  /** Set when it works element by element. */
  readonly formulas?: { readonly forward: Formula; readonly backward: Formula }
  forward(k: Verbs, views: { x: View; y: View }): void
  backward(k: Verbs, views: { x: View; y: View; dy: View; dx: View }): void
  toJSON(): Json
}

export interface ElementwiseDefinition {
  /** Numbers the formulas use, with their defaults. */
  params?: Params
  /** y of x and the parameters. */
  forward: string
  /** dx of x, y, dy and the parameters; what it mentions is what is kept in memory. Derived when left out. */
  backward?: string
  range?: readonly [low: number, high: number]
}

export interface RowwiseDefinition extends Pick<Activation, 'forward' | 'backward'> {
  range?: readonly [low: number, high: number]
}

export type ActivationMaker = (params?: Params) => Activation

/**
 * Defines an activation by formulas, or by verbs where an output depends on a whole row.
 * @throws FormulaError when a formula cannot be read or uses an unknown name
 * @example
 * const mine = activation('mine', { forward: 'x * tanh(a * x)', params: { a: 2 } })
 * dense(8, { activation: mine({ a: 3 }) })
 */
export function activation(name: string, definition: ElementwiseDefinition | RowwiseDefinition): ActivationMaker {
  const { range = [-Infinity, Infinity] } = definition
  if (typeof definition.forward === 'function') {
    const { forward, backward } = definition as RowwiseDefinition
    return () => ({ name, params: {}, range, forward, backward, toJSON: () => name })
  }
  const { params: defaults = {}, forward: text, backward: written } = definition as ElementwiseDefinition
  const known = Object.keys(defaults)
  const forward = check(formula(text), ['x', ...known], `activation ${name}`)
  const backward = written === undefined ? slope(forward) : formula(written)
  check(backward, ['x', 'y', 'dy', ...known], `the backward pass of ${name}`)
  return (given = {}) => {
    const params = { ...defaults, ...given }
    const numbers = params as Record<string, number>
    return {
      name,
      params,
      range,
      formulas: { forward, backward },
      forward: (k, { x, y }) => k.map(y, forward, { x, ...numbers }),
      backward: (k, { x, y, dy, dx }) => k.map(dx, backward, { x, y, dy, ...numbers }),
      toJSON: () => ({ name, params, forward: text, ...(written === undefined ? {} : { backward: written }) }),
    }
  }
}

/** dy · ∂y/∂x */
function slope(forward: Formula): Formula {
  const [y] = forward.outputs.values()
  return formulaOf({ dx: apply('*', nameNode('dy'), derivative(y, 'x')) })
}
