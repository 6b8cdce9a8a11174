import { reference } from './backends/reference/index.ts'
import { wasm } from './backends/wasm/index.ts'
import { type CheckOptions, checkGradients as check } from './model/checkGradients.ts'
import type { Model as Core } from './model/face.ts'
import { setDefaultBackends } from './model/model.ts'
import * as activations from './nn/activations.ts'
import * as constraints from './nn/constraints.ts'
import * as initializers from './nn/initializers.ts'
import type { Layer } from './nn/layer.ts'
import * as layers from './nn/layers/index.ts'
import * as losses from './nn/losses.ts'
import * as metrics from './nn/metrics.ts'
import * as optimizers from './nn/optimizers.ts'
import * as regularizers from './nn/regularizers.ts'
import * as schedules from './nn/schedules.ts'
import * as callbacks from './training/callbacks/index.ts'

setDefaultBackends({ float32: wasm, float64: reference })

/** `checkGradients` on the float64 reference. */
export const checkGradients = (what: Layer | Core, options: Partial<CheckOptions> = {}) =>
  check(what, { backend: reference, ...options })

export { reference } from './backends/reference/index.ts'
export { wasm } from './backends/wasm/index.ts'
export { type AugmentOptions, augment } from './data/augment.ts'
export { type Dataset, type DatasetSource, dataset } from './data/dataset.ts'
export { type MixUpOptions, mixUp } from './data/mixUp.ts'
export * as toys from './data/toys.ts'
export {
  BackendError,
  DataError,
  type ErrorDetails,
  FormulaError,
  NablaError,
  NumericsError,
  nearest,
  ShapeError,
  StateError,
} from './errors.ts'
export { type Formula, formula } from './formula/index.ts'
export type { GradientCheck, GradientReport } from './model/checkGradients.ts'
export type { CompileOptions, EngineOptions, ModelOptions, Weight } from './model/face.ts'
export { type LoadOptions, toBytes } from './model/save.ts'
export type { Activation } from './nn/activation.ts'
export type { Output, Source } from './nn/call.ts'
export { type Constraint, constraint } from './nn/constraint.ts'
export { activation, layer, loss, metric, optimizer, regularizer } from './nn/define.ts'
export { type Initializer, initializer } from './nn/initializer.ts'
export { type Layer, type LayerOptions, pair } from './nn/layer.ts'
export { composed } from './nn/layers/composed.ts'
export type { Loss } from './nn/loss.ts'
export type { Metric } from './nn/metric.ts'
export type { Optimizer } from './nn/optimizer.ts'
export { type Definitions, register } from './nn/register.ts'
export type { Regularizer } from './nn/regularizer.ts'
export { type Schedule, schedule } from './nn/schedule.ts'
export type { Backend } from './program/index.ts'
export {
  arange,
  concat,
  type Dtype,
  eye,
  full,
  linspace,
  NdArray,
  type Operand,
  ones,
  stack,
  tensor,
  zeros,
} from './tensor/array.ts'
export { numpyRandom } from './tensor/random.ts'
export { readSafetensors, type Tensor, writeSafetensors } from './tensor/safetensors.ts'
export type { Callback, Metrics, TrainEvent } from './training/event.ts'
export { evaluate, type Predictions, predict } from './training/measure.ts'
export { type FitOptions, fit, type History, type TrainOptions, train } from './training/train.ts'
export { fromBytes, loadModel, type Model, model, sequential } from './training/trainable.ts'
export {
  activations,
  callbacks,
  constraints,
  initializers,
  layers,
  losses,
  metrics,
  optimizers,
  regularizers,
  schedules,
}
