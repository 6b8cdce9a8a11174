import { apply, check, type Formula, formula, formulaOf, name as nameNode } from '../formula/index.ts'
import type { Verbs } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import type { Json, Params } from './json.ts'

/** One number for a batch, and its gradient. p is the prediction, t the target, both with the batch axis first. */
export interface Loss {
  readonly name: string
  /** What a target is: as the prediction, or the number of its class. */
  readonly target: 'same' | 'class'
  /** loss = mean over the batch; `loss` has one element. */
  forward(k: Verbs, views: { p: View; t: View; loss: View }): void
  /** dp = ∂loss/∂p */
  backward(k: Verbs, views: { p: View; t: View; dp: View }): void
  /** The same loss with an activation in front as one pair on its input z: exact where the two apart would overflow. */
  readonly fused?: FusedLoss
  toJSON(): Json
}

export interface FusedLoss {
  readonly activation: string
  forward(k: Verbs, views: { z: View; t: View; loss: View }): void
  backward(k: Verbs, views: { p: View; t: View; dz: View }): void
}

export type LossMaker = (params?: Params) => Loss

export interface LossDefinition extends Omit<Loss, 'name' | 'toJSON' | 'target'> {
  target?: Loss['target']
}

/** The settings of a loss that is the mean of a formula over all elements. */
export interface ElementwiseLossDefinition {
  params?: Params
  /** The loss of one element, of p and t. */
  forward: string
  /** Its derivative by p. */
  backward: string
  fused?: { activation: string; forward: string; backward: string }
}

/**
 * Defines a loss by formulas of p and t (the mean over all elements is taken), or by verbs.
 * @throws FormulaError when a formula cannot be read or uses an unknown name
 * @example
 * const meanAbsoluteError = loss('meanAbsoluteError', { forward: 'abs(p - t)', backward: 'sign(p - t)' })
 */
export function loss(name: string, definition: LossDefinition | ElementwiseLossDefinition): LossMaker {
  if (typeof definition.forward === 'function') {
    const rows = definition as LossDefinition
    return () => ({ target: 'same', ...rows, name, toJSON: () => name })
  }
  const { params: defaults = {}, forward: text, backward: written, fused } = definition as ElementwiseLossDefinition
  const names = Object.keys(defaults)
  const read = (source: string, more: readonly string[]) => check(formula(source), [...more, ...names], `loss ${name}`)
  const forward = read(text, ['p', 't'])
  const backward = share(read(written, ['p', 't']))
  const z = fused && { forward: read(fused.forward, ['z', 't']), backward: share(read(fused.backward, ['p', 't'])) }
  return (given = {}) => {
    const params = { ...defaults, ...given }
    const numbers = params as Record<string, number>
    return {
      name,
      target: 'same',
      forward: (k, { p, t, loss }) => k.reduce(loss, 'mean', forward, { p, t, ...numbers }, all(p)),
      backward: (k, { p, t, dp }) => k.map(dp, backward, { p, t, n: sizeOf(p.shape), ...numbers }),
      fused: fused &&
        z && {
          activation: fused.activation,
          forward: (k, { z: x, t, loss }) => k.reduce(loss, 'mean', z.forward, { z: x, t, ...numbers }, all(x)),
          backward: (k, { p, t, dz }) => k.map(dz, z.backward, { p, t, n: sizeOf(p.shape), ...numbers }),
        },
      toJSON: () => ({ name, params, forward: text, backward: written, ...(fused ? { fused } : {}) }),
    }
  }
}

/** Every axis of a view. */
export const all = (x: View): number[] => x.shape.map((_, i) => i)

/** The formula divided by n: each element's share of a mean. */
function share(slope: Formula): Formula {
  const [d] = slope.outputs.values()
  return formulaOf({ d: apply('/', d, nameNode('n')) })
}
