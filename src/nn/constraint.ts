import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { type Json, type MakerOf, numbersOf, type Params, withDefaults } from './json.ts'

/** Puts weights back to where they may be, after each step. */
export interface Constraint {
  readonly name: string
  readonly params: Params
  /** w = the nearest allowed w. */
  apply(k: Verbs, w: View): void
  toJSON(): Json
}

export type ConstraintMaker<P = Params> = MakerOf<Constraint, P>

/**
 * Defines a constraint by a formula of w, its settings and r, the norm of the w that belong together: those along the axes
 * of the setting `axis`. By default that is 0, the inputs of a unit of a dense layer; a filter of conv2d has [0, 1, 2].
 * @example
 * const positive = constraint('positive', {}, 'max(w, 0)')
 */
export function constraint<P extends Params>(name: string, defaults: P, text: string): ConstraintMaker<P> {
  return (given: object = {}) => {
    const params = withDefaults(`constraint ${name}`, defaults, given)
    return {
      name,
      params,
      apply(k, w) {
        const axes = [params.axis ?? 0].flat() as number[]
        const square = k.scratch(
          'square',
          w.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
        )
        k.reduce(square, 'sum', 'w^2', { w }, axes)
        k.map(w, `let r = sqrt(square); ${text}`, { w, square, ...numbersOf(params) })
      },
      toJSON: () => ({ name, params }),
    }
  }
}
