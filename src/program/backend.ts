import type { Buffer } from '../tensor/view.ts'
import type { Program } from './instruction.ts'

/** Numbers that change from run to run: what a program's `scalars` are this time. */
export type Scalars = Readonly<Record<string, number>>

export type Numbers = Float32Array | Float64Array

export interface Compiled {
  run(scalars: Scalars): void | Promise<void>
  /** Many steps in one call, for networks so small that the call is the work; absent where there is no such way. */
  readonly series?: Series
  /** Bytes that a run needs at most beside the model's lasting arrays; absent where memory is not planned. */
  readonly bytes?: number
  /** Runs once on one thread and says how long each part took. */
  profile?(scalars: Scalars): Timing[]
}

/** Steps that are prepared together and then run one after the other. */
export interface Series {
  /** How many steps fit. */
  readonly capacity: number
  /** Where the numbers of an input of a step go; valid until something is compiled. */
  input(buffer: Buffer, step: number): Numbers
  run(steps: readonly Scalars[]): void | Promise<void>
  /** The numbers of an output that a step left. */
  output(buffer: Buffer, step: number): Numbers
}

export interface Timing {
  readonly name: string
  readonly milliseconds: number
  /** Floating-point operations, and bytes that have to come or go at least. */
  readonly flops: number
  readonly bytes: number
}

/**
 * A program that runs without this library, on one thread: a WebAssembly module that imports `env.memory` and
 * `env.fallback` (never called), with `settle()` to be called once and `step(0, 1)` for each run.
 */
export interface Frozen {
  readonly module: Uint8Array
  /** How many pages of 64 KiB the memory has. */
  readonly pages: number
  /** What lies in it before the first run; all else is zero. */
  readonly contents: readonly { readonly start: number; readonly bytes: Uint8Array }[]
  /** First byte of a buffer. */
  start(buffer: Buffer): number
}

/** Floating-point operations a second and bytes a second. */
export interface Limits {
  readonly flops: number
  readonly bytes: number
}

/** Where a model's lasting arrays live, and what can run programs over them. */
export interface Engine {
  readonly name: string
  readonly dtype: 'float32' | 'float64'
  /** Writes values into a buffer (allocated and zeroed at its first mention). */
  write(buffer: Buffer, values: ArrayLike<number>): void
  /** A copy of a buffer's numbers. */
  read(buffer: Buffer): Numbers
  compile(program: Program): Compiled
  /** The program by itself, with the numbers that its lasting arrays have now; absent where nothing is compiled. */
  freeze?(program: Program): Frozen
  /** What one core of this machine can do at most; absent where nothing is compiled. */
  limits?(): Limits
  /** Frees threads; memory goes with the garbage. */
  close(): void
}

export interface EngineOptions {
  /** How many threads a large step may use; by default all there are. */
  threads?: number
  /** Operations of a step, with four for each byte, from which threads are used: below, waking them costs too much. */
  threadsFrom?: number
  /** Fused multiply-add: faster on many machines, but not the same bits on all. */
  fma?: boolean
}

/** An engine for one model: `reference` (float64, plain loops) or `wasm` (float32, compiled). */
export interface Backend {
  readonly name: string
  engine(options: EngineOptions): Engine
}
