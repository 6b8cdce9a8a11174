import type { Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import type { Initializer } from './initializers.ts'

/** What a layer says of its arrays. Shapes have no batch axis; parameters and state have none at all. */
export interface Shapes<P extends string, S extends string, M extends string> {
  readonly y: Shape
  /** Trained arrays, each with its gradient. */
  readonly params?: Readonly<Record<P, Shape>>
  /** Kept from forward to backward, a row a sample, each with its gradient. */
  readonly saved?: Readonly<Record<S, Shape>>
  /** Kept from step to step, not trained: moving averages. */
  readonly state?: Readonly<Record<M, Shape>>
  /** Kept from forward to backward, without a batch axis: statistics of the batch. */
  readonly shared?: Readonly<Record<S, Shape>>
}

type Views<Names extends string> = Readonly<Record<Names, View>>

export type Forward<P extends string, S extends string, M extends string> = Views<'x' | 'y' | P | S | M>
export type Backward<P extends string, S extends string, M extends string> = Forward<P, S, M> &
  Views<'dx' | 'dy' | `d${P}` | `d${S}`>

/** The lesson: a layer is a pair, forward and backward, written with a few verbs. */
export interface Pair<P extends string = string, S extends string = string, M extends string = string> {
  /** From the shapes of its inputs; throws a ShapeError where they do not fit. */
  shapes(inputs: readonly Shape[]): Shapes<P, S, M>
  /** How parameters and state begin. */
  readonly initial?: Readonly<Partial<Record<P | M, Initializer | string>>>
  forward(k: Verbs, views: Forward<P, S, M>): void
  backward(k: Verbs, views: Backward<P, S, M>): void
  /** Forward outside training, where that differs: dropout passes, batch normalisation uses what it has learnt. */
  infer?(k: Verbs, views: Forward<P, S, M>): void
}

/** A layer that only looks at its input in another way: no work forward, none backward. */
export interface Rearrangement {
  shapes(inputs: readonly Shape[]): { readonly y: Shape }
  view(x: View): View
}
