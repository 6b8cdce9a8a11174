import type { Worker } from 'node:worker_threads'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Code, type Local, Module } from '../../src/backends/wasm/assembler.ts'
import type { Kernel } from '../../src/backends/wasm/build.ts'
import { pool, type Shared } from '../../src/backends/wasm/pool.ts'
import { writeSteps } from '../../src/backends/wasm/steps.ts'
import { layers, type Model, sequential } from '../../src/index.ts'

type Exports = Record<'clear' | 'step', (...numbers: number[]) => void> & Pick<Shared, 'leave'>
type Body = (f: Code, id: Local) => void

/** What the kernels of a network become on the way to their module. */
const change = vi.hoisted(() => ({ kernels: (_: Module, kernels: readonly Kernel[]): readonly Kernel[] => kernels }))
vi.mock('../../src/backends/wasm/strips.ts', async original => ({
  inStrips: (module: Module, kernels: readonly Kernel[]) => change.kernels(module, kernels),
  touches: (await original<typeof import('../../src/backends/wasm/strips.ts')>()).touches,
}))

const workers: Worker[] = []
const threads = process.getBuiltinModule('node:worker_threads')
class Noted extends threads.Worker {
  constructor(...settings: ConstructorParameters<typeof Worker>) {
    super(...settings)
    workers.push(this)
  }
}
threads.Worker = Noted

const none = { address: 64, stage: 64, bytes: 16 }
const came = 128

/** A program of one kernel, of whose two threads each comes and waits for the other before it does what is told. */
function programOf(body: Body): { program: Shared; step: () => void } {
  const module = new Module()
  const call = module.import('together', [])
  let top = 256
  const own = (bytes: number) => (top += 64 * Math.ceil(bytes / 64)) - 64 * Math.ceil(bytes / 64)
  const code = module.function('', ['i32', 'i32', 'i32'], (f, _begin, _end, id) => {
    const at = () => f.i32(4).op('i32.mul')
    f.get(id)
    at().i32(1).mem('i32.atomic.store', came)
    f.loop(() => {
      f.i32(1).get(id).op('i32.sub')
      at().mem('i32.atomic.load', came).op('i32.eqz').brIf(0)
    })
    body(f, id)
  })
  const kernel: Kernel = { name: 'test', code, units: 64, flops: 1e9, bytes: 0 }
  writeSteps(module, { own, lasting: () => 0, transient: own }, [kernel, kernel], {
    together: { sharers: 2, call },
    table: none,
    inputs: [],
    outputs: [],
  })
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const compiled = new WebAssembly.Module(module.bytes({ shared: true, pages: 1, maximum: 1 }))
  const { clear, step, leave } = new WebAssembly.Instance(compiled, { env: { memory, together() {} } })
    .exports as Exports
  return {
    program: { module: compiled, memory, leave },
    step() {
      clear()
      step(0)
    },
  }
}

const trapOn =
  (thread: number): Body =>
  (f, id) =>
    f
      .get(id)
      .i32(thread)
      .op('i32.eq')
      .if(() => f.op('unreachable'))
const stayOn =
  (thread: number): Body =>
  (f, id) =>
    f
      .get(id)
      .i32(thread)
      .op('i32.eq')
      .if(() => f.loop(() => f.br(0)))

/** A member that this thread leads, or a worker; both give a promise. */
function leading(body: Body, away: boolean) {
  const { program, step } = programOf(body)
  const member = pool(2).add(program, 1)
  return { member, run: async () => (away ? member.away([1, 0, 1, 0]) : member.lead(step)) }
}

describe.each([
  ['this thread', false],
  ['a worker', true],
])('where %s leads', (_, away) => {
  test.each([
    ['the leader', 0],
    ['a helper', 1],
  ])('a trap of %s reaches who waits, and others have new threads', async (_, thread) => {
    const before = pool(2)
    const { member, run } = leading(trapOn(thread), away)
    await expect(run()).rejects.toThrow(
      'a thread of the engine failed: RuntimeError: unreachable\n' +
        '  hint: load saved weights, for some may be half changed, and try threads: 1',
    )
    expect(member.isOver()).toBe(true)
    expect(pool(2)).not.toBe(before)
    await leading(() => {}, away).run()
  })
})

test.each([0, 1])('who waits hears of the death of thread %i', async thread => {
  pool(2) // so that the last two workers are its own
  const { run } = leading(stayOn(thread), true)
  const running = expect(run()).rejects.toMatchObject({ code: 'thread', message: /ended with code 1/ })
  await new Promise(resolve => setTimeout(resolve, 200))
  workers.at(thread - 2)!.terminate()
  await running
  await leading(() => {}, true).run()
})

test('of the death of an idle thread the next to come hears, once', async () => {
  const { member, run } = leading(() => {}, false)
  const other = leading(() => {}, false).member
  await run()
  await workers.at(-1)!.terminate()
  expect(() => member.isOver()).toThrow('a thread of the engine failed: it ended with code 1')
  expect([member.isOver(), other.isOver()]).toEqual([true, true])
  await leading(() => {}, false).run()
})

test('threads that hold much memory of nobody end when none is away, and others come', async () => {
  const before = pool(2)
  const { member, run } = leading(() => {}, true)
  const ends = workers.slice(-2).map(worker => new Promise(resolve => worker.on('exit', resolve)))
  const running = run()
  before.left(2 ** 28 - 1)
  expect([member.isOver(), pool(2) === before]).toEqual([false, true])
  before.left(1)
  expect([member.isOver(), pool(2) === before]).toEqual([true, false])
  await running
  await Promise.all(ends)
  expect(member.isOver()).toBe(true)
  await leading(() => {}, true).run()
})

describe('a network', () => {
  const { conv2d, dense, flatten, input } = layers
  const shape = [28, 28, 4]
  const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * i))
  const [samples, size] = [128, 28 * 28 * 4]
  const data = { x: numbers(samples * size), y: numbers(samples * 3), inputShape: shape, targetShape: [3] }
  const options = { batchSize: 64, epochs: 4 }
  function network(threads: number, filters: number): Model {
    const model = sequential([input(shape), conv2d(filters, 3), conv2d(32, 3), flatten(), dense(3)], { seed: 4 })
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', threads })
    return model
  }
  /** The last kernel of the first that are written traps on one thread. */
  function trap(thread: number) {
    change.kernels = (module, kernels) => {
      const last = kernels.findLastIndex(kernel => kernel.units > 1 && kernel.flops > 1e6)
      const code = module.function('', ['i32', 'i32', 'i32'], (f, begin, end, id) => {
        trapOn(thread)(f, id)
        f.get(begin).get(end).get(id).call(kernels[last].code)
      })
      return kernels.with(last, { ...kernels[last], code })
    }
  }
  beforeEach(() => {
    change.kernels = (_, kernels) => kernels
  })

  test('whose kernel traps on a helping thread says so, and others go on with the same bits', async () => {
    const [alone, before, after] = [network(1, 32), network(2, 32), network(2, 32)]
    await alone.fit(data, options)
    await before.fit(data, { ...options, epochs: 2 })
    trap(1)
    const broken = network(2, 16)
    await expect(broken.fit(data, { ...options, epochs: 100 })).rejects.toMatchObject({ code: 'thread' })
    change.kernels = (_, kernels) => kernels
    await after.fit(data, options)
    expect(after.weights()).toEqual(alone.weights())
    await before.fit(data, { ...options, initialEpoch: 2 })
    expect(before.weights()).toEqual(alone.weights())
  })

  test('that is closed lets its threads go, and others go on with the same bits', async () => {
    const [alone, closed, other] = [network(1, 32), network(2, 32), network(2, 32)]
    await alone.fit(data, options)
    await closed.fit(data, options)
    await other.fit(data, { ...options, epochs: 2 })
    const before = pool(2)
    before.left(2 ** 28 - 2 ** 20)
    closed.close()
    expect(pool(2)).not.toBe(before)
    await other.fit(data, { ...options, initialEpoch: 2 })
    expect(other.weights()).toEqual(alone.weights())
  })

  test('whose kernel traps in predict says so', async () => {
    trap(1)
    const broken = network(2, 24)
    const ask = async () => {
      for (;;) {
        await broken.forward(64, data.x.subarray(0, 64 * size))
        await new Promise(setImmediate)
      }
    }
    await expect(ask()).rejects.toMatchObject({ code: 'thread' })
  })

  test.each([1, 2])('whose kernel traps in the calling thread says so, with threads: %i', async threads => {
    trap(0)
    await expect(network(threads, 8).fit(data, options)).rejects.toThrow(
      'a kernel of the engine failed: unreachable\n' +
        '  hint: load saved weights, for some may be half changed, and try the reference backend',
    )
  })
})
