import { check, type Formula, formula } from '../formula/index.ts'
import { evaluateExactly } from './exact.ts'
import { type Json, type MakerOf, numbersOf, type Params, withDefaults } from './json.ts'

/** A learning rate that changes with the steps: the same numbers on every engine. */
export interface Schedule {
  readonly name: string
  readonly params: Params
  readonly formula: Formula
  /** The rate of a step, counted from 0. */
  at(step: number): number
  toJSON(): Json
}

export type ScheduleMaker<P = Params> = MakerOf<Schedule, P>

/**
 * Defines a schedule by a formula of the step (counted from 0) and its settings.
 * @throws FormulaError when the formula cannot be read or uses an unknown name
 * @example
 * const half = schedule('half', { initialLearningRate: 0.1, every: 100 }, 'initialLearningRate / 2^floor(step / every)')
 */
export function schedule<P extends Params>(
  name: string,
  defaults: P,
  text: string | ((params: P) => string),
): ScheduleMaker<P> {
  return (given: object = {}) => {
    const params = withDefaults(`schedule ${name}`, defaults, given)
    const source = typeof text === 'string' ? text : text(params)
    const numbers = numbersOf(params)
    const read = check(formula(source), ['step', ...Object.keys(numbers)], `schedule ${name}`)
    const [node] = read.outputs.values()
    return {
      name,
      params,
      formula: read,
      at: step => evaluateExactly(node, { ...numbers, step }),
      toJSON: () => ({ name, params, ...(typeof text === 'string' && { formula: text }) }),
    }
  }
}
