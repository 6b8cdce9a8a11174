import { type Activation, activation, type ElementwiseDefinition, formulaActivation } from './activation.ts'
import * as activations from './activations.ts'
import type { Constraint } from './constraint.ts'
import * as constraints from './constraints.ts'
import type { Initializer } from './initializer.ts'
import * as initializers from './initializers.ts'
import { type FormulaLossDefinition, type Loss, loss } from './loss.ts'
import * as losses from './losses.ts'
import type { Metric } from './metric.ts'
import * as metrics from './metrics.ts'
import { type Optimizer, type OptimizerDefinition, optimizer } from './optimizer.ts'
import * as optimizers from './optimizers.ts'
import { type Regularizer, type RegularizerDefinition, regularizer } from './regularizer.ts'
import * as regularizers from './regularizers.ts'
import { type Choice, resolver } from './resolver.ts'

export type { Choice } from './resolver.ts'

const namedActivation = resolver<Activation>('activation', 'outputShape', activations, {
  texts: ['forward'],
  define: (name, definition: ElementwiseDefinition) => activation(name, definition),
})
/** An activation by its name, or by a formula of x: 'x * tanh(x)'. */
export const resolveActivation = (choice: Parameters<typeof namedActivation>[0]): Activation =>
  (typeof choice === 'string' && !Object.hasOwn(activations, choice) && formulaActivation(choice)) ||
  namedActivation(choice)
export const resolveLoss = resolver<Loss>('loss', 'target', losses, {
  texts: ['forward'],
  define: (name, definition: FormulaLossDefinition) => loss(name, definition),
})
export const resolveOptimizer = resolver<Optimizer>('optimizer', 'update', optimizers, {
  texts: ['step'],
  define: (name, definition: OptimizerDefinition) => optimizer(name, definition),
})
export const resolveInitializer = resolver<Initializer>('initializer', 'draw', initializers)
export const resolveMetric = resolver<Metric>('metric', 'measure', metrics)
export const resolveRegularizer = resolver<Regularizer>('regularizer', 'forward', regularizers, {
  texts: ['penalty'],
  define: (name, definition: RegularizerDefinition) => regularizer(name, definition),
})
export const resolveConstraint = resolver<Constraint>('constraint', 'apply', constraints)

export type ActivationChoice = Choice<Activation, keyof typeof activations> | Formula
/** Text that is no known name but reads as a formula of x. */
type Formula = string & {}
export type InitializerChoice = Choice<Initializer, keyof typeof initializers>
export type LossChoice = Choice<Loss, keyof typeof losses>
export type OptimizerChoice = Choice<Optimizer, keyof typeof optimizers>
export type MetricChoice = Choice<Metric, keyof typeof metrics>
export type RegularizerChoice = Choice<Regularizer, keyof typeof regularizers>
export type ConstraintChoice = Choice<Constraint, keyof typeof constraints>

/** What a layer with weights may be told of them; saved with its settings. */
export interface WeightOptions {
  /** A penalty on W that joins the loss. */
  kernelRegularizer?: RegularizerChoice
  /** A penalty on b that joins the loss. */
  biasRegularizer?: RegularizerChoice
  /** Where W is put back to after each step. */
  kernelConstraint?: ConstraintChoice
  /** Where b is put back to after each step. */
  biasConstraint?: ConstraintChoice
}
