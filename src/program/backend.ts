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

/** Scalars of many steps: the same in all, or one for each, counted from 0. */
export type ScalarsOfSteps = Readonly<Record<string, number | ((step: number) => number)>>

/** Numbers of many steps: those of step i begin at i · width. */
export interface Rows {
  readonly numbers: Numbers
  readonly width: number
}

/** Steps that are prepared together and then run one after the other. */
export interface Series {
  /** How many steps fit. */
  readonly capacity: number
  /** How many of them can have inputs of their own. */
  readonly parts: number
  /** Where the numbers of an input go; valid until something is compiled. */
  input(buffer: Buffer, part: number): Numbers
  /** Runs steps that take parts in turn: first, first + 1, … cycle − 1, 0, 1, … */
  run(count: number, scalars: ScalarsOfSteps, first: number, cycle: number): void | Promise<void>
  /** The numbers of an output that the steps left; valid until the next run. */
  output(buffer: Buffer): Rows
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
 * `env.fallback` (never called), with `settle()` to be called once and `step(0)` for each run.
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
  /** Writes values into a buffer (allocated and zeroed at its first mention), the first of them at the place `at`. */
  write(buffer: Buffer, values: ArrayLike<number>, at?: number): void
  /** A copy of a buffer's numbers, or of those at the places from … to - 1. */
  read(buffer: Buffer, from?: number, to?: number): Numbers
  compile(program: Program): Compiled
  /** Steps that run in other threads at the moment, until when nothing else can be asked. */
  idle?(): Promise<void> | undefined
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
  /** Operations of a step, with four for each byte, from which two threads are used, and more for more: below, waking them costs too much. */
  threadsFrom?: number
  /** Fused multiply-add: faster on many machines, but not the same bits on all. */
  fma?: boolean
}

/** An engine for one model: `reference` (float64, plain loops) or `wasm` (float32, compiled). */
export interface Backend {
  readonly name: string
  engine(options: EngineOptions): Engine
}
