import { apply, check, derivative, type Formula, formula, formulaOf, name as nameNode, once } from '../formula/index.ts'
import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { type Json, type MakerOf, type NoSettings, numbersOf, type Params, withDefaults } from './json.ts'

/** A penalty on weights that is added to the loss, and its gradient to theirs. */
export interface Regularizer {
  readonly name: string
  readonly params: Params
  /** penalty = one number; `penalty` has one element. */
  forward(k: Verbs, views: { w: View; penalty: View }): void
  /** dw = g + ∂penalty/∂w */
  backward(k: Verbs, views: { w: View; g: View; dw: View }): void
  toJSON(): Json
}

export interface RegularizerDefinition<P extends Params = Params> {
  params?: P
  /** The penalty of one weight w; all are added up. */
  penalty: string
  /** Its derivative by w; derived when left out. */
  backward?: string
}

export interface WholeRegularizerDefinition<P extends Params = Params> {
  params?: P
  forward(k: Verbs, views: { w: View; penalty: View }, params: Params): void
  backward(k: Verbs, views: { w: View; g: View; dw: View }, params: Params): void
}

export type RegularizerMaker<P = Params> = MakerOf<Regularizer, P>

/** A penalty whose formulas are read when it is first made. */
export function regularizer<P extends Params = NoSettings>(
  name: string,
  definition: RegularizerDefinition<P> | WholeRegularizerDefinition<P>,
): RegularizerMaker<P> {
  if (!('penalty' in definition)) {
    const { params: defaults = {}, forward, backward } = definition
    return (given: object = {}) => {
      const params = withDefaults(`regularizer ${name}`, defaults, given)
      const toJSON = () => ({ name, params })
      return {
        ...{ name, params, toJSON },
        forward: (k, views) => forward(k, views, params),
        backward: (k, views) => backward(k, views, params),
      }
    }
  }
  const { params: defaults = {}, penalty: text, backward: written } = definition
  const names = ['w', ...Object.keys(defaults)]
  const formulas = once(() => {
    const penalty = check(formula(text), names, `regularizer ${name}`)
    const slope = written === undefined ? derived(penalty) : check(formula(written), names, `regularizer ${name}`)
    return { penalty, whole: formulaOf({ dw: apply('+', nameNode('g'), [...slope.outputs.values()][0]) }) }
  })
  return (given: object = {}) => {
    const { penalty, whole } = formulas()
    const params = withDefaults(`regularizer ${name}`, defaults, given)
    const numbers = numbersOf(params)
    return {
      name,
      params,
      forward: (k, { w, penalty: out }) =>
        k.reduce(
          out,
          'sum',
          penalty,
          { w, ...numbers },
          w.shape.map((_, i) => i),
        ),
      backward: (k, { w, g, dw }) => k.map(dw, whole, { w, g, ...numbers }),
      toJSON: () => ({ name, params, penalty: text, ...(written !== undefined && { backward: written }) }),
    }
  }
}

const derived = (of: Formula): Formula => formulaOf({ d: derivative([...of.outputs.values()][0], 'w') })
