import type { Code, Local, Module } from './assembler.ts'
import type { Kernel } from './build.ts'

/** At the start of memory: how many threads have come to the barrier, how often all have, and a count for each thread. */
export const barrierBytes = (threads: number) => counts + threads * line
const counts = 64
const line = 64
/** Parts that a thread cuts its share of a kernel into, and the least work for which it does. */
const pieces = 4
const worthSharing = 1e6
/** Looks at the barrier before a thread goes to sleep: some tens of microseconds. */
const spins = 30_000

/** A block of memory that each of several steps finds its part of in a longer one. */
export interface Staged {
  /** First byte of what the kernels use. */
  readonly address: number
  /** First byte of the parts, one for each step. */
  readonly stage: number
  /** Bytes of a part, a multiple of 16. */
  readonly bytes: number
}

/**
 * The functions that are called from outside: `settle()` computes what depends on weights alone; `step(thread, threads)`
 * runs every kernel once, `steps(thread, threads, n, first, cycle, various)` does so n times, so that small networks do
 * not pay for n calls. Inputs are taken in turn from the first on, and again from 0 after a cycle; each step has scalars
 * of its own where these are `various`.
 */
export function writeSteps(
  module: Module,
  kernels: readonly Kernel[],
  options: { together: boolean; table: Staged; inputs: readonly Staged[]; outputs: readonly Staged[] },
): void {
  const meet = options.together ? barrier(module) : undefined
  module.function('settle', [], f => {
    for (const { units, code, settled } of kernels) if (settled) f.i32(0).i32(units).i32(0).call(code)
  })
  const step = module.function('step', ['i32', 'i32'], (f, id, threads) => {
    const next = f.local('i32')
    f.get(id).i32(1).op('i32.add').set(next)
    for (const kernel of kernels) {
      if (kernel.settled) continue
      if (meet && kernel.units > 1 && kernel.flops + 4 * kernel.bytes >= worthSharing) deal(f, kernel, id, threads)
      else {
        shareStart(f, id, kernel.units, threads)
        shareStart(f, next, kernel.units, threads)
        f.get(id).call(kernel.code)
      }
      if (meet) f.get(threads).call(meet)
    }
  })
  module.function('steps', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], (f, id, threads, n, part, cycle, various) => {
    const [i, row] = [f.local('i32'), f.local('i32')]
    const take = ({ address, stage, bytes }: Staged, from: Local) => copy(f, from, bytes, address, 0, stage, bytes)
    f.loop(() => {
      f.get(id)
        .op('i32.eqz')
        .if(() => {
          f.get(i).get(various).op('i32.mul').set(row)
          take(options.table, row)
          for (const block of options.inputs) take(block, part)
        })
      if (meet) f.get(threads).call(meet)
      f.get(id).get(threads).call(step)
      f.get(id)
        .op('i32.eqz')
        .if(() => {
          for (const { address, stage, bytes } of options.outputs) copy(f, i, bytes, stage, bytes, address, 0)
        })
      f.add(part, 1)
      f.i32(0).get(part).get(part).get(cycle).op('i32.eq').op('select').set(part)
      f.add(i, 1).get(i).get(n).op('i32.lt_s').brIf(0)
    })
  })
}

/** Leaves on the stack where the share of a thread begins. */
const shareStart = (f: Code, thread: Local, units: number, threads: Local) =>
  f.get(thread).i32(units).op('i32.mul').get(threads).op('i32.div_u')

/**
 * A thread does its own share in pieces and then helps the others with theirs: a core that is held up by another
 * process holds up the rest by one piece only. Units may run anywhere in any order, so the bits stay the same.
 */
function deal(f: Code, { units, code }: Kernel, id: Local, threads: Local): void {
  const [left, owner, begin, end, piece] = Array.from({ length: 5 }, () => f.local('i32'))
  f.get(threads).set(left).get(id).set(owner)
  f.loop(() => {
    shareStart(f, owner, units, threads).set(begin)
    f.get(owner).i32(1).op('i32.add').i32(units).op('i32.mul').get(threads).op('i32.div_u').set(end)
    f.get(end)
      .get(begin)
      .op('i32.sub')
      .i32(pieces - 1)
      .op('i32.add')
      .i32(pieces)
      .op('i32.div_u')
      .set(piece)
    const from = f.local('i32')
    f.block(() =>
      f.loop(() => {
        f.get(owner).i32(line).op('i32.mul').i32(1).mem('i32.atomic.rmw.add', counts)
        f.get(piece).op('i32.mul').get(begin).op('i32.add').tee(from).get(end).op('i32.ge_s').brIf(1)
        const to = f.local('i32')
        f.get(from).get(piece).op('i32.add').set(to)
        f.get(from)
        f.get(to).get(end).get(to).get(end).op('i32.lt_s').op('select')
        f.get(id).call(code).br(0)
      }),
    )
    f.add(owner, 1)
    f.i32(0).get(owner).get(owner).get(threads).op('i32.eq').op('select').set(owner)
    f.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
  })
}

/** Copies `bytes`, from and to addresses that move by so many bytes with each i. */
function copy(f: Code, i: Local, bytes: number, to: number, toStep: number, from: number, fromStep: number): void {
  const at = (base: number, step: number) => {
    f.i32(base)
    if (step) f.get(i).i32(step).op('i32.mul').op('i32.add')
  }
  if (bytes > 256) {
    at(to, toStep)
    at(from, fromStep)
    f.i32(bytes).copy()
    return
  }
  for (let offset = 0; offset < bytes; offset += 16) {
    at(to, toStep)
    at(from, fromStep)
    f.mem('v128.load', offset).mem('v128.store', offset)
  }
}

/**
 * Waits until all threads are here. The last to come opens the barrier; the others watch it for a while and then
 * sleep, so that a core that is taken away costs no more than its share.
 */
function barrier(module: Module) {
  return module.function('', ['i32'], (f, threads) => {
    const round = f.local('i32')
    const left = f.local('i32')
    const opened = () => f.i32(0).mem('i32.atomic.load', 4).get(round).op('i32.ne')
    f.i32(0).mem('i32.atomic.load', 4).set(round)
    f.i32(0).i32(1).mem('i32.atomic.rmw.add').i32(1).op('i32.add').get(threads).op('i32.eq')
    f.if(() => {
      const i = f.local('i32')
      f.assign(i, 0).loop(() => {
        f.get(i).i32(line).op('i32.mul').i32(0).mem('i32.atomic.store', counts)
        f.add(i, 1).get(i).get(threads).op('i32.lt_s').brIf(0)
      })
      f.i32(0).i32(0).mem('i32.atomic.store')
      f.i32(0).i32(1).mem('i32.atomic.rmw.add', 4).op('drop')
      f.i32(0).i32(-1).mem('memory.atomic.notify', 4).op('drop').op('return')
    })
    f.assign(left, spins)
    f.loop(() => {
      opened().if(() => f.op('return'))
      f.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
    })
    f.loop(() => {
      f.i32(0).get(round).i64(-1).mem('memory.atomic.wait32', 4).op('drop')
      opened().op('i32.eqz').brIf(0)
    })
  })
}
