import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { type Json, numbersOf, type Params } from './json.ts'

/** Puts weights back to where they may be, after each step. */
export interface Constraint {
  readonly name: string
  readonly params: Params
  /** w = the nearest allowed w. */
  apply(k: Verbs, w: View): void
  toJSON(): Json
}

export type ConstraintMaker = (params?: Params) => Constraint

/**
 * Defines a constraint by a formula of w, its settings and r, the norm of the w that belong together: those of one unit,
 * which lie along `axis` (0 for the W of a dense layer; for an array of more axes all but the last).
 * @example
 * const positive = constraint('positive', {}, 'max(w, 0)')
 */
export function constraint<P extends Params>(name: string, defaults: P, text: string): ConstraintMaker {
  return (given = {}) => {
    const params = { ...defaults, ...given } as P
    return {
      name,
      params,
      apply(k, w) {
        const { axis = 0, ...numbers } = numbersOf(params)
        // A filter of a convolution is one thing: its window and channels together.
        const axes = w.shape.length > 2 && axis === 0 ? w.shape.slice(0, -1).map((_, i) => i) : [axis]
        const square = k.scratch(
          'square',
          w.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
        )
        k.reduce(square, 'sum', 'w^2', { w }, axes)
        k.map(w, `let r = sqrt(square); ${text}`, { w, square, ...numbers })
      },
      toJSON: () => ({ name, params }),
    }
  }
}
