import type { Output, Source } from '../nn/call.ts'
import type { Layer } from '../nn/layer.ts'
import type { OptimizerChoice } from '../nn/resolve.ts'
import type { Backend, Frozen, Numbers, Rows } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { GoalOptions } from './goals.ts'
import type { Network } from './network.ts'
import type { Mode, Training } from './programs.ts'
import type { SummaryOptions } from './summary.ts'

export interface EngineOptions {
  /** What runs the programs; by default the fastest that works here. */
  backend?: Backend
  threads?: number
  /** What numbers are kept and computed in; float64 is exact to sixteen digits, and slow. */
  dtype?: 'float32' | 'float64'
}

export interface CompileOptions extends EngineOptions, GoalOptions {
  optimizer?: OptimizerChoice
}

/** One array of a model. */
export interface Weight {
  readonly name: string
  readonly shape: Shape
  readonly data: Numbers
}

/** Fill x and y of some batches, run steps that take them in turn, read what each left. */
export interface Feed {
  /** How many steps can run at once. */
  readonly capacity: number
  /** How many batches fit. */
  readonly parts: number
  /** What to wait for before anything is filled, where steps are running. */
  idle(): Promise<void> | undefined
  /** Whether the model was compiled again or has moved to another engine: then another is to be asked for. */
  isOver(): boolean
  /** Where the samples of a batch go, and its targets if it has any. */
  x(part: number): Numbers
  y(part: number): Numbers | undefined
  /** Where the weights of a batch's samples go, if it was made for them. */
  weights(part: number): Numbers
  /** Runs steps that take batches in turn: first, first + 1, … cycle − 1, 0, 1, … */
  run(count: number, options?: { first?: number; cycle?: number; seed?: number }): void | Promise<void>
  /** The loss and the metrics of each step, or its predictions. */
  results(): Rows
}

/** A compiled program and where its samples go in and its outputs come out: first bytes. */
export interface FrozenModel extends Omit<Frozen, 'start'> {
  readonly x: number
  readonly out: number
}

/**
 * A network with its numbers: what can be trained a step at a time, asked, saved and looked at. Called on what layers
 * give, or listed among layers, it is a layer itself, whose numbers are those of the model: training one trains the other.
 */
export interface Model extends Layer {
  /** What it gives, or a list where it has several outputs. */
  (...inputs: readonly (Source | readonly Source[])[]): Output & Iterable<Output>
  readonly type: 'sequential' | 'functional'
  readonly name: string
  readonly seed: number
  /** Layers, and models among them. */
  readonly layers: readonly Layer[]
  /** The layer of this name, a model's within it as `encoder/dense`. Throws a StateError when there is none. */
  getLayer(name: string): Layer
  readonly network: Network
  readonly inputShape: Shape
  readonly outputShape: Shape
  /** All numbers of the model, moving statistics included, as `summary` counts them. */
  readonly parameterCount: number
  /** The same number, as Keras asks for it. */
  countParams(): number
  /** What it was told to compute in. */
  readonly dtype?: 'float32' | 'float64'
  /** What compile was told, or undefined before. */
  readonly training?: Training
  /** Steps taken so far. */
  step: number
  learningRate: number
  /** Says how the model is trained; the optimiser starts afresh. Within a fit, loss and metrics stay as they are. */
  compile(options: CompileOptions): void
  /** Moves the model to another engine, numbers and all. */
  use(options: EngineOptions): void
  /** Batches of one size, several at a time; `weighted` says that each sample has a weight. */
  feed(mode: Mode, batch: number, weighted?: boolean): Feed
  /** Runs one batch and gives the loss and the metrics; `train` also moves the weights. */
  run(
    mode: 'train' | 'evaluate',
    batch: number,
    x: ArrayLike<number>,
    y: ArrayLike<number>,
    seed?: number,
  ): Promise<number[]>
  /** The outputs of one batch. */
  forward(batch: number, x: ArrayLike<number>): Promise<Numbers>
  /** The same at once. */
  forwardSync(batch: number, x: ArrayLike<number>): Numbers
  /** All arrays of the model, layer by layer: parameters, then moving statistics. */
  weights(): Weight[]
  /** The same under Keras's name. */
  getWeights(): Weight[]
  /** Sets arrays by name; all others stay. */
  setWeights(weights: readonly { name: string; shape?: Shape; data: ArrayLike<number> }[]): void
  /** The gradients of the last training step. */
  gradients(): Weight[]
  /** What the optimiser keeps, parameter by parameter: `m/dense/W`. */
  optimizerState(): Weight[]
  setOptimizerState(state: readonly Weight[]): void
  /**
   * What predicts batches of this size, as WebAssembly that runs without the library.
   * @throws BackendError where the engine compiles nothing, as in float64
   */
  freeze(batchSize: number): FrozenModel
  /** The table of layers; with a batch size also the memory that a training step of it takes. */
  summary(options?: SummaryOptions & { batchSize?: number }): string
  /** A mode's program in textbook notation. */
  explain(mode?: Mode, batchSize?: number): string
  /** A mode's kernels with their operations, bytes and times, beside what one core of this machine can do. */
  kernels(mode?: Mode, batchSize?: number): string
  /** Frees what the engine holds; the numbers are gone with it. */
  close(): void
}

export interface ModelOptions extends Pick<EngineOptions, 'dtype'> {
  name?: string
  /** Decides initial weights, shuffling and dropout. */
  seed?: number
}
