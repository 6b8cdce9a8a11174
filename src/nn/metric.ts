import type { Verbs } from '../program/index.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { formed, identity } from './form.ts'
import { type Json, type MakerOf, type NoSettings, numbersOf, type Params, withDefaults } from './json.ts'
import type { LossMaker } from './loss.ts'

/**
 * A number that tells how good predictions are. A batch leaves sums, which are added up over all batches; the number is
 * made of the totals, so that it is the one of all samples together, however they were divided into batches.
 */
export interface Metric {
  readonly name: string
  readonly params: Params
  /** How many sums it keeps, for outputs and targets of these shapes (without batch axis). */
  size(p: Shape, t: Shape): number
  /** out = sums over the batch; `out` has `size` elements. */
  measure(k: Verbs, views: Measured): void
  /** The number, of the sums over so many samples; where masks leave steps out, of what is left of them. */
  value(sums: ArrayLike<number>, samples: number): number
  toJSON(): Json
}

/** What a metric is measured on. */
export interface Measured {
  readonly p: View
  readonly t: View
  readonly out: View
  /** 1 where a row counts and 0 where it does not, spread over p; left out, all count. */
  readonly weight?: View
}

export type MetricMaker<P = Params> = MakerOf<Metric, P>

export interface MetricDefinition<P extends Params> {
  params?: P
  /** How many sums; 1 by default. */
  size?(p: Shape, t: Shape, params: P): number
  measure(k: Verbs, views: Measured, params: P): void
  /** By default the first sum divided by the number of samples. */
  value?(sums: ArrayLike<number>, samples: number, params: P): number
}

/** A metric of its sums and what is made of them. */
export function metric<P extends Params = NoSettings>(name: string, definition: MetricDefinition<P>): MetricMaker<P> {
  const { size = () => 1, value = (sums, samples) => sums[0] / samples } = definition
  return (given: object = {}) => {
    const params = withDefaults(`metric ${name}`, definition.params ?? ({} as P), given)
    const made: Metric = {
      name,
      params,
      size: (p, t) => size(p, t, params),
      measure: (k, views) => definition.measure(k, views, params),
      value: (sums, samples) => value(sums, samples, params),
      toJSON: () => (Object.keys(params).length === 0 ? name : { name, params }) as Json,
    }
    return formed(made, name, identity(definition), params)
  }
}

/** A metric that is the mean of a loss. */
export const mean = <P extends Params>(name: string, of: LossMaker<P>): MetricMaker<P> =>
  metric<P>(name, {
    get params() {
      return of().params as P
    },
    measure(k, { p, t, out, weight }, params) {
      const loss = k.scratch(name, [1])
      of(params as never).forward(k, { p, t, loss, weight })
      k.map(out, 'loss * n', { loss, n: p.shape[0] })
    },
  })

/** A metric that is the mean of a formula of p and t over all elements. */
export const elementwise = <P extends Params>(name: string, params: P, text: string): MetricMaker<P> =>
  metric(name, {
    params,
    measure(k, { p, t, out, weight = 1 }, given) {
      const share = p.shape[0] / sizeOf(p.shape)
      const aim = t.reshape(...p.shape)
      const views = { p, t: aim, share, weight, ...numbersOf(given) }
      k.reduce(out, 'sum', `(${text}) * share * weight`, views, allOf(p))
    },
  })

/** Every axis of a view. */
export const allOf = (x: View): number[] => x.shape.map((_, i) => i)

/** The whole as one axis. */
export const flat = (x: View): View => x.reshape(sizeOf(x.shape))

/** What each element counts, as one axis. */
export const eachOf = ({ p, weight }: Measured): View | number => (weight ? flat(weight.broadcast(p.shape)) : 1)

/** What each row counts, as one axis. */
export const rowOf = ({ p, weight }: Measured): View | number =>
  weight ? flat(weight.broadcast(p.shape.with(-1, 1))) : 1

/** The same beside rows that lie in a matrix. */
export function rowsBeside(views: Measured, { shape }: View): View | number {
  const weight = rowOf(views)
  return typeof weight === 'number' ? weight : weight.reshape(shape[0], 1)
}

/** a / b, and 0 where b is. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b)

/** The place of the largest number of each row. */
export function best(k: Verbs, name: string, x: View): View {
  const rows = x.shape.slice(0, -1)
  const out = k.scratch(name, [sizeOf(rows)])
  k.reduce(out, 'argmax', 'x', { x }, [x.shape.length - 1])
  return out
}

/** The class of each row of t, which is a number already or a row of zeros with a one as long as p's. */
export const classOf = (k: Verbs, t: View, p: View): View =>
  t.shape.length === p.shape.length && t.shape[t.shape.length - 1] === p.shape[p.shape.length - 1]
    ? best(k, 'truth', t)
    : flat(t)
