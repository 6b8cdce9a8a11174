import { check, type Formula, formula } from '../formula/index.ts'
import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { formed, identity } from './form.ts'
import { type Json, type MakerOf, numbersOf, type Params, withDefaults } from './json.ts'
import { resolveSchedule, type ScheduleChoice } from './scheduleChoice.ts'
import { clipped, collected, due } from './updates.ts'

/** How a weight w moves, given its gradient g. */
export interface Optimizer {
  readonly name: string
  readonly params: Params
  /** The rate of the first step, and of all where there is no schedule. */
  readonly learningRate: number
  /** The rate of a step t = 1, 2, …, where a schedule decides. */
  rate?(t: number): number
  /** Numbers kept for each weight from step to step, zero at first. */
  readonly state: readonly string[]
  /**
   * Moves weights: w, g and each state are flat; `pieces` look at one parameter within any of them, `runs` at several that
   * lie one after another, all together unless told. Gradients are clipped and collected, weights decayed and averaged
   * here, around the optimiser's own step.
   */
  update(k: Verbs, arrays: Readonly<Record<string, View>>, pieces: readonly Piece[], runs?: readonly Piece[]): void
  toJSON(): Json
}

/** One parameter of a flat array in its own shape, or several in a row. */
export type Piece = (flat: View) => View

/**
 * What every optimiser can be told beside its own settings, as in Keras; 0 is off.
 *
 * One of `clipnorm` (of each parameter), `globalClipnorm` (of all together; PyTorch's clip_grad_norm_ adds 1e-6 to the
 * norm) and `clipvalue` limits gradients. `weightDecay` takes learningRate · weightDecay · w from w before the step, as
 * AdamW does; PyTorch's other optimisers add weight_decay · w to the gradient. `useEma` keeps averages of the weights, which
 * replace them every `emaOverwriteFrequency` steps and at the end of fit. `gradientAccumulationSteps` n moves the weights every n-th step, by the
 * mean of n gradients.
 */
export const common = {
  weightDecay: 0,
  clipnorm: 0,
  clipvalue: 0,
  globalClipnorm: 0,
  useEma: false,
  emaMomentum: 0.99,
  emaOverwriteFrequency: 0,
  gradientAccumulationSteps: 1,
}

type Rated = Params & { readonly learningRate: number }

export interface OptimizerDefinition<P extends Rated = Rated> {
  /** `learningRate` and the other numbers, with their defaults. */
  params: P
  state?: readonly string[]
  /** New w and state, of w, g, the state, the parameters and the step t = 1, 2, … */
  step: string
}

/** An optimiser that looks at a parameter as a whole: its step in verbs, for one parameter, or for all `together`. */
export interface WholeOptimizerDefinition<P extends Rated = Rated> extends Omit<OptimizerDefinition<P>, 'step'> {
  together?: boolean
  /** Set where the step sees to weightDecay itself. */
  decays?: boolean
  step(k: Verbs, arrays: Readonly<Record<string, View>>, params: Readonly<Record<string, number>>): void
}

/** Settings as they are given: the rate may be a schedule, or a formula of the step. */
export type OptimizerParams<P = Params> = { readonly learningRate: number | ScheduleChoice } & Omit<
  typeof common & P,
  'learningRate'
>
export type OptimizerMaker<P = Params> = MakerOf<Optimizer, OptimizerParams<P>>

type Variant = (params: Readonly<Record<string, number>>) => Partial<Pick<OptimizerDefinition, 'state' | 'step'>>

/** An optimiser whose step is read when it is made; `variant` is what its settings decide. */
export function optimizer<P extends Rated>(
  name: string,
  definition: OptimizerDefinition<P> | WholeOptimizerDefinition<P>,
  variant: Variant = () => ({}),
): OptimizerMaker<P> {
  const { params: defaults, ...fixed } = definition
  return (given: object = {}) => {
    // Its own settings come first, also where it has defaults of its own for common ones.
    const all: OptimizerParams = withDefaults(
      `optimizer ${name}`,
      { ...defaults, ...common, ...defaults },
      given,
      'learningRate',
    )
    const { learningRate: rate, ...rest } = all
    const schedule = typeof rate === 'number' ? undefined : resolveSchedule(rate as ScheduleChoice)
    const learningRate = schedule ? schedule.at(0) : (rate as number)
    const params = { learningRate, ...rest } as Params
    const { learningRate: _, ...numbers } = numbersOf(params)
    const special = variant(numbersOf(params))
    const { state: own = [], step } = { ...fixed, ...special }
    const read = typeof step === 'string' ? readStep(name, step, own, Object.keys(params)) : undefined
    const { weightDecay, useEma, emaMomentum, emaOverwriteFrequency, gradientAccumulationSteps: every } = numbers
    const state = [...own, ...(every > 1 ? ['gathered'] : []), ...(useEma ? ['average'] : [])]
    const made: Optimizer = {
      name,
      params,
      learningRate,
      ...(schedule && { rate: (t: number) => schedule.at(Math.floor((t - 1) / every)) }),
      state,
      update(verbs, { w, g: gradients, ...kept }, pieces, runs = [flat => flat]) {
        const k = every > 1 ? due(verbs, every) : verbs
        const gathered = every > 1 ? collected(verbs, gradients, kept.gathered, every) : gradients
        const g = clipped(k, gathered, pieces, numbers)
        const slots = Object.fromEntries(own.map(key => [key, kept[key]]))
        const views = (see: Piece) =>
          Object.fromEntries(Object.entries({ ...slots, w, g }).map(([key, flat]) => [key, see(flat)]))
        const decay = 'decays' in fixed && fixed.decays ? 0 : weightDecay
        for (const run of runs) {
          const { g, ...moved } = views(run)
          if (decay) k.map(moved.w, 'w - learningRate * decay * w', { w: moved.w, decay })
          if (read) k.map(moved, read, { ...numbers, ...moved, g })
        }
        if (!read)
          for (const piece of 'together' in fixed && fixed.together ? runs : pieces)
            (step as WholeOptimizerDefinition['step'])(k, views(piece), numbers)
        if (!useEma) return
        const n = emaOverwriteFrequency
        for (const run of runs) {
          const [average, now] = [run(kept.average), run(w)]
          // At every step, as in Keras: while gradients are collected, weights that stay are averaged again.
          const done = `let done = floor((t - 1) / ${every});`
          const mean = `${done} done == 0 ? w : emaMomentum * average + (1 - emaMomentum) * w`
          verbs.map(average, mean, { average, w: now, emaMomentum })
          const due = `${done} floor((done + 1) / n) * n == done + 1 ? average : w`
          if (n > 0) verbs.map(now, due, { average, w: now, n })
        }
      },
      toJSON() {
        const told = Object.entries(params).filter(
          ([key, value]) => key in defaults || (common as Params)[key] !== value,
        )
        const formulas = typeof fixed.step === 'string' && Object.keys(special).length === 0
        return {
          name,
          params: { ...Object.fromEntries(told), ...(schedule && { learningRate: schedule.toJSON() }) },
          ...(formulas && { state: own, step: fixed.step as string }),
        }
      },
    }
    // The rate is told to each step: whatever it is, the program is the same.
    return formed(made, name, identity(definition), special, numbers)
  }
}

const readStep = (name: string, text: string, state: readonly string[], params: readonly string[]): Formula =>
  check(formula(text), ['w', 'g', 't', ...state, ...params], `optimizer ${name}`)
