import { check, type Formula, formula } from '../formula/index.ts'
import type { Json, Params } from './json.ts'

/** How a weight w moves, given its gradient g: one formula over all weights at once. */
export interface Optimizer {
  readonly name: string
  readonly params: Params
  readonly learningRate: number
  /** Numbers kept for each weight from step to step, zero at first. */
  readonly state: readonly string[]
  readonly step: Formula
  toJSON(): Json
}

export interface OptimizerDefinition {
  /** `learningRate` and the other numbers, with their defaults. */
  params: Params & { readonly learningRate: number }
  state?: readonly string[]
  /** New w and state, of w, g, the state, the parameters and the step t = 1, 2, … */
  step: string
}

export type OptimizerMaker = (params?: Params) => Optimizer

/**
 * Defines an optimiser; where its settings decide what it keeps, by a function of them.
 * @throws FormulaError when the step cannot be read or uses an unknown name
 * @example
 * const sign = optimizer('sign', { params: { learningRate: 1e-3 }, step: 'w = w - learningRate * sign(g)' })
 */
export function optimizer(
  name: string,
  { params: defaults, ...fixed }: OptimizerDefinition,
  variant: (params: Params) => Partial<Pick<OptimizerDefinition, 'state' | 'step'>> = () => ({}),
): OptimizerMaker {
  const make: OptimizerMaker = (given = {}) => {
    const params = { ...defaults, ...given }
    const { state = [], step: text } = { ...fixed, ...variant(params) }
    const step = check(formula(text), ['w', 'g', 't', ...state, ...Object.keys(params)], `optimizer ${name}`)
    const built = Object.keys(variant(params)).length > 0
    const { learningRate } = params
    return {
      name,
      params,
      learningRate,
      state,
      step,
      toJSON: () => ({ name, params, ...(built ? {} : { state, step: text }) }),
    }
  }
  make()
  return make
}
