import { BackendError, nothingElse } from '../../errors.ts'
import type { Backend, Engine, Program, Scalars, Series } from '../../program/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { Buffer } from '../../tensor/view.ts'
import { execute } from '../reference/execute.ts'
import { Module } from './assembler.ts'
import { type Arena, plan } from './compile.ts'
import { freeze } from './freeze.ts'
import { limits } from './limits.ts'
import { blockOf } from './numbers.ts'
import { canShare, cores, type Member, type Pool, pool, type Shared } from './pool.ts'
import { remembered } from './remember.ts'

const page = 65536
/** Pages that memory may grow to where there is room for as many, and the fewest that it is worth having. */
const maximum = 65536
const least = 1024
/** Milliseconds of steps that one thread does alone: others take longer to start than most short programs. */
const worthThreads = 20
/** Milliseconds for which the calling thread may be kept from other things. */
const patience = 4

/** Memory is asked for all that it may grow to: where that is too much, as on telephones, it is asked for less. */
function memoryOf(shared: boolean, most = maximum): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: most, shared })
  } catch (error) {
    if (most > least) return memoryOf(shared, most / 2)
    throw new BackendError('out-of-memory', 'there is no memory for another engine', {
      evidence: [['reason', String(error)]],
      hint: 'close() models that are no longer needed',
    })
  }
}

/** What threads hold of an engine: its memory, which they never let go by themselves. */
interface Hold {
  pool?: Pool
  bytes: number
}
function letGo(hold: Hold): void {
  hold.pool?.left(hold.bytes)
  hold.pool = undefined
}
/** Engines that nobody closes. */
const forgotten = new FinalizationRegistry<Hold>(letGo)

/** Kernels made at run time for exactly the shapes of a program, in 128-bit SIMD. */
export const wasm: Backend = {
  name: 'wasm',
  engine({ threads = cores(), threadsFrom = 4e6, fma = false, ...others } = {}): Engine {
    nothingElse('wasm.engine', others, { threads, threadsFrom, fma })
    if (fma) requireFma()
    const shared = threads > 1 && canShare()
    const memory = memoryOf(shared)
    const starts = new Map<Buffer, number>()
    let top = 64
    let common = { start: 0, bytes: 0 }
    let owner: unknown
    // Counts changes of weights: what programs have made of them is made again.
    let version = 0
    // The memory's buffer until it grows: asking for it costs more than the step of a small network.
    let heap = memory.buffer
    const hold: Hold = { bytes: heap.byteLength }
    // Steps that another thread leads at the moment.
    let away: Promise<void> | undefined

    function mustBeIdle(): void {
      if (!away) return
      throw new BackendError('busy', 'the engine was asked for something while it runs steps', {
        hint: 'await fit first, or do it in a callback, between two steps',
      })
    }
    function own(bytes: number): number {
      const start = top
      const next = top + blockOf(bytes)
      const missing = Math.ceil((next - memory.buffer.byteLength) / page)
      if (missing > 0) {
        try {
          memory.grow(missing)
          heap = memory.buffer
          hold.bytes = heap.byteLength
        } catch {
          throw new BackendError(
            'out-of-memory',
            `the plan needs ${Math.ceil(next / 2 ** 20)} MB, more than memory holds`,
            {
              hint: 'use a smaller batchSize',
            },
          )
        }
      }
      top = next
      return start
    }
    /** What needs memory, which it leaves as it was where there is not enough. */
    function fitting<T>(make: () => T): T {
      const before = { top, common, starts: [...starts.keys()] }
      try {
        return make()
      } catch (error) {
        ;({ top, common } = before)
        const kept = new Set(before.starts)
        for (const buffer of starts.keys()) if (!kept.has(buffer)) starts.delete(buffer)
        throw error
      }
    }
    const arena: Arena = {
      own,
      lasting(buffer) {
        let start = starts.get(buffer)
        if (start === undefined) starts.set(buffer, (start = own(sizeOf(buffer.shape) * 4)))
        return start
      },
      transient(bytes) {
        if (bytes > common.bytes) common = { start: own(bytes), bytes }
        return common.start
      },
    }
    const numbers = (buffer: Buffer) => {
      const start = arena.lasting(buffer) // may grow the memory, which detaches its old buffer
      return new Float32Array(memory.buffer, start, sizeOf(buffer.shape))
    }

    const engine: Engine = {
      name: 'wasm',
      dtype: 'float32',
      idle: () => away,
      write(buffer, values, at) {
        mustBeIdle()
        numbers(buffer).set(values, at)
        if (buffer.kind === 'parameter' || buffer.kind === 'state') version++
      },
      read: (buffer, from, to) => numbers(buffer).slice(from, to),
      compile(program: Program) {
        const state = (buffers: readonly Buffer[]) => [
          shared,
          threads,
          threadsFrom,
          fma,
          top,
          common.start,
          common.bytes,
          ...buffers.map(b => starts.get(b)),
        ]
        const compiled = fitting(() =>
          remembered(program, arena, state, to =>
            plan(program, to, { shared, pages: 1, maximum }, { threads, threadsFrom, fma }),
          ),
        )
        const module = compiled.module()
        let settledAt = -1
        const own = () => {
          mustBeIdle()
          if (compiled.moves) version++
          if (compiled.settles && settledAt !== version) {
            settledAt = version
            settleAll()
          }
          if (owner === compiled) return
          owner = compiled
          for (const { start, bytes } of compiled.zeros) new Uint8Array(memory.buffer, start, bytes).fill(0)
        }
        const prepare = (scalars: Scalars) => {
          own()
          compiled.setScalars(new DataView(memory.buffer), scalars)
        }
        // Views of the steps' inputs and outputs are made once: small networks ask for thousands of them.
        const views = new Map<Buffer, Float32Array[]>()
        let viewed = heap
        const cells = (buffer: Buffer, step: number) => {
          if (viewed !== heap) views.clear()
          viewed = heap
          let list = views.get(buffer)
          if (!list) views.set(buffer, (list = []))
          return (list[step] ??= viewOf(buffer, step))
        }
        const viewOf = (buffer: Buffer, part: number) => {
          const size = sizeOf(buffer.shape)
          const block = compiled.staged(buffer)
          return block ? new Float32Array(heap, block.stage + part * block.bytes, size) : new Float32Array(size)
        }
        const { capacity, parts, uses } = compiled
        const series: Series = {
          capacity,
          parts,
          input: cells,
          output(buffer) {
            const { stage, bytes } = compiled.staged(buffer) ?? {}
            if (!stage || !bytes) return { numbers: new Float32Array(sizeOf(buffer.shape)), width: 0 }
            return { numbers: new Float32Array(heap, stage, (capacity * bytes) / 4), width: bytes / 4 }
          },
          run(count, scalars, first, cycle) {
            own()
            const view = new DataView(heap)
            const various = uses.filter(name => typeof scalars[name] === 'function')
            const now = { ...scalars } as Record<string, number>
            for (let i = 0; i < (various.length > 0 ? count : 1); i++) {
              for (const name of various) now[name] = (scalars[name] as (step: number) => number)(i)
              compiled.setScalars(view, now, i)
            }
            const series = [count, first, cycle, various.length > 0 ? 1 : 0]
            const start = performance.now()
            const note = () => void (usual = (performance.now() - start) / count)
            if (usual * count > patience)
              away = team
                ?.away(series)
                ?.then(note)
                .finally(() => void (away = undefined))
            if (away) return away
            many(...series)
            note()
          },
        }
        const instance = (fallback: (i: number) => void, together = () => {}) =>
          new WebAssembly.Instance(module, { env: { memory, fallback, together } }).exports as Record<string, Exported>
        const profile = (scalars: Scalars) => {
          const exports = instance(fallbackOf(() => scalars))
          prepare(scalars)
          return compiled.kernels.map(({ name, code, given = [], units, flops, bytes }) => {
            const start = performance.now()
            explained(exports[code.name])(0, units, 0, ...given)
            return { name, flops, bytes, milliseconds: performance.now() - start }
          })
        }
        const storage = { numbers: () => new Float32Array(memory.buffer), layout: compiled.locate }
        const fallbackOf = (scalars: () => Scalars) => (i: number) => execute(compiled.fallbacks[i], storage, scalars())
        let scalarsNow: Scalars = {}
        // What a step of a series took when it was last done.
        let usual = 0
        const { step, steps, settle, clear, leave } = instance(
          fallbackOf(() => scalarsNow),
          () => lead(),
        )
        const team =
          compiled.sharers > 1
            ? teamOf(compiled.sharers, { module, memory, step, clear, leave }, () => (hold.pool = pool(threads)))
            : undefined
        const lead = team ? team.one : () => step(0)
        const [one, many, settleAll] = [lead, steps, settle].map(explained)
        return {
          profile,
          bytes: compiled.room,
          // A fallback sees the scalars of one step only.
          series: compiled.fallbacks.length > 0 ? undefined : series,
          run(values) {
            scalarsNow = values
            prepare(values)
            one()
          },
        }
      },
      freeze: program => freeze(program, buffer => numbers(buffer).slice(), fma),
      limits,
      close: () => letGo(hold),
    }
    forgotten.register(engine, hold)
    return engine
  },
}

/** Steps with the help of threads, which are asked for when those before took long enough to wait for them. */
function teamOf(sharers: number, program: Shared & Record<'step' | 'clear', Exported>, threads: () => Pool) {
  const { step, clear } = program
  let team: Member | undefined
  const join = () => (team = threads().add(program, sharers - 1))
  const present = () => (team?.isOver() ? join() : team)
  let alone = 0
  const own = () => step(0)
  return {
    one() {
      clear()
      const now = present()
      if (now) return now.lead(own)
      const start = performance.now()
      own()
      alone += performance.now() - start
      if (alone > worthThreads) join()
    },
    /** The numbers are those of `steps`; undefined before there are threads. */
    away: (numbers: readonly number[]) => present()?.away(numbers),
  }
}

/** The same, whose traps are errors of the engine. */
const explained =
  (work: Exported): Exported =>
  (...numbers) => {
    try {
      work(...numbers)
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error
      throw new BackendError('trap', `a kernel of the engine failed: ${error.message}`, {
        hint: 'load saved weights, for some may be half changed, and try the reference backend',
      })
    }
  }

/** Turns relaxed SIMD on where it is behind a flag (Node 20), or says that it is not to be had. */
function requireFma(): void {
  const module = new Module()
  module.function('', ['v128'], (f, x) => f.get(x).get(x).get(x).op('f32x4.relaxed_madd').set(x))
  const bytes = module.bytes({ shared: false, pages: 1, maximum: 1 })
  if (WebAssembly.validate(bytes)) return
  globalThis.process?.getBuiltinModule?.('node:v8')?.setFlagsFromString('--experimental-wasm-relaxed-simd')
  if (WebAssembly.validate(bytes)) return
  throw new BackendError('no-fma', 'fused multiply-add is not available in this engine', {
    hint: 'leave fma out; results are then the same bits everywhere',
  })
}

type Exported = (...numbers: number[]) => void
