import type { Code, Import, Local, Module } from './assembler.ts'
import type { Kernel } from './build.ts'
import type { Arena } from './compile.ts'
import { call, merged } from './merge.ts'
import { maySleep } from './pool.ts'

/** Bytes that go from cache to cache together: what different threads count lies as far apart. */
const line = 64
/** Pieces that a thread's share of a kernel is cut into at most, and the work of the least piece. */
const pieces = 4
const worthSharing = 3e5
/** Looks at a kernel's count before a thread goes to sleep: some tens of microseconds. */
const spins = 30_000
/** Nanoseconds of sleep, how little work any machine does in that time, and the sleeps that are always allowed for. */
const sleep = 2e9
const leastWork = 2e8
const sleeps = 30
/** What a wait gives that nobody ended. */
const timedOut = 2
/** A count that no kernel's units reach, however many are added. */
const beyond = 2 ** 30

/** Operations, with four for each byte. */
export const workOf = ({ flops, bytes }: Pick<Kernel, 'flops' | 'bytes'>) => flops + 4 * bytes

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
 * The functions that are called from outside: `settle()` computes what depends on weights alone; `step(thread)` runs every
 * other kernel once, `steps(n, first, cycle, various)` does so n times, so that small networks do not pay for n calls.
 * Inputs are taken in turn from the first on, and again from 0 after a cycle; each step has scalars of its own where these
 * are `various`. Where threads work together, `clear()` comes before a step, to which any number of them may come at any
 * time: who does that is called for each of several. A thread that fails in a step calls `leave()`, and the others leave it.
 */
export function writeSteps(
  module: Module,
  arena: Arena,
  kernels: readonly Kernel[],
  options: { together?: Together; table: Staged; inputs: readonly Staged[]; outputs: readonly Staged[] },
): void {
  module.function('settle', [], f => {
    for (const kernel of kernels) if (kernel.settled) whole(f, kernel)
  })
  const moving = kernels.filter(kernel => !kernel.settled)
  const { together, table, inputs, outputs } = options
  const step = together ? shared(module, arena, moving, together.sharers) : alone(module, moving)
  module.function('steps', ['i32', 'i32', 'i32', 'i32'], (f, n, part, cycle, various) => {
    const [i, row] = [f.local('i32'), f.local('i32')]
    const take = ({ address, stage, bytes }: Staged, from: Local) => copy(f, from, bytes, address, 0, stage, bytes)
    f.loop(() => {
      f.get(i).get(various).op('i32.mul').set(row)
      take(table, row)
      // The only batch of a cycle stays where it is.
      f.get(i)
        .op('i32.eqz')
        .get(cycle)
        .i32(1)
        .op('i32.ne')
        .op('i32.or')
        .if(() => {
          for (const block of inputs) take(block, part)
        })
      if (together) f.call(together.call)
      else f.i32(0).call(step)
      for (const { address, stage, bytes } of outputs) copy(f, i, bytes, stage, bytes, address, 0)
      f.add(part, 1)
      f.i32(0).get(part).get(part).get(cycle).op('i32.eq').op('select').set(part)
      f.add(i, 1).get(i).get(n).op('i32.lt_s').brIf(0)
    })
  })
}

interface Together {
  /** How many shares large kernels are cut into. */
  readonly sharers: number
  /** What calls the threads to a step. */
  readonly call: Import
}

const whole = (f: Code, kernel: Kernel, thread?: Local) => {
  f.i32(0).i32(kernel.units)
  call(thread ? f.get(thread) : f.i32(0), kernel)
}

const alone = (module: Module, kernels: readonly Kernel[]) =>
  module.function('step', ['i32'], (f, id) => {
    for (const kernel of kernels) whole(f, kernel, id)
  })

const isShared = (kernel: Kernel) => kernel.units > 1 && workOf(kernel) >= worthSharing

/** A kernel that threads share, or those one after another that one does while the others wait. */
function stretches(kernels: readonly Kernel[]): Kernel[][] {
  const all: Kernel[][] = []
  kernels.forEach((kernel, i) => {
    if (i === 0 || isShared(kernel) || isShared(kernels[i - 1])) all.push([kernel])
    else all[all.length - 1].push(kernel)
  })
  return all
}

/**
 * A step for whoever comes. A kernel's units are counted as they are done, and the next kernel begins when all are: a
 * thread that is not here yet, or is held up by another process, holds up nobody but with the piece it has in hand.
 * Units may run anywhere in any order, so the bits stay the same. When a thread fails, all counts go beyond their ends.
 */
function shared(module: Module, arena: Arena, kernels: readonly Kernel[], sharers: number): Code {
  const parts = stretches(kernels)
  // Of each stretch the units done, and the pieces taken of each thread's share; before all, who sleeps.
  const perStretch = line * (1 + sharers)
  const bytes = line + parts.length * perStretch
  const sleepers = arena.own(bytes)
  module.function('clear', [], f => f.i32(sleepers).i32(0).i32(bytes).fill())
  module.function('leave', [], f => {
    const count = f.local('i32')
    f.assign(count, sleepers + line).times(parts.length, () => {
      f.get(count).i32(beyond).mem('i32.atomic.store')
      f.get(count).i32(-1).mem('memory.atomic.notify').op('drop')
      f.add(count, perStretch)
    })
  })
  const finish = module.function('', ['i32', 'i32', 'i32'], (f, count, units, total) => {
    f.get(count).get(units).mem('i32.atomic.rmw.add').get(units).op('i32.add').get(total).op('i32.eq')
    f.i32(sleepers).mem('i32.atomic.load').i32(0).op('i32.ne').op('i32.and')
    f.if(() => f.get(count).i32(-1).mem('memory.atomic.notify').op('drop'))
  })
  const meet = meeting(module, sleepers)
  const bodies = parts.map((part, i) => (f: Code, id: Local) => {
    const count = sleepers + line + i * perStretch
    const [kernel] = part
    const total = isShared(kernel) ? kernel.units : 1
    f.i32(count).mem('i32.atomic.load').i32(total).op('i32.lt_s')
    f.if(() => {
      if (isShared(kernel)) deal(f, kernel, { id, sharers, count, finish })
      else {
        f.i32(count + line)
          .i32(1)
          .mem('i32.atomic.rmw.add')
          .op('i32.eqz')
        f.if(() => {
          for (const kernel of part) whole(f, kernel, id)
          f.i32(count).i32(1).i32(1).call(finish)
        })
      }
      const work = part.reduce((sum, kernel) => sum + workOf(kernel), 0)
      f.i32(count)
        .i32(total)
        .get(id)
        .i32(sleeps + work / leastWork)
        .call(meet)
    })
  })
  const apart = module.mostGiven > 0 && merged(bodies.map(body => ({ code: module.function('', ['i32'], body) })))
  return module.function('step', ['i32'], (f, id) => {
    if (apart) for (const part of apart) call(f.get(id), part)
    else for (const body of bodies) body(f, id)
  })
}

interface Deal {
  readonly id: Local
  readonly sharers: number
  /** Where the units done are counted, and behind it the pieces taken of each share. */
  readonly count: number
  readonly finish: Code
}

/** A thread does its own share piece by piece, the same images in each layer, and then helps the others with theirs. */
function deal(f: Code, kernel: Kernel, { id, sharers, count, finish }: Deal): void {
  const { units } = kernel
  const [left, owner, begin, end, piece, from, to] = Array.from({ length: 7 }, () => f.local('i32'))
  const most = Math.max(1, Math.min(pieces, Math.floor(workOf(kernel) / sharers / worthSharing)))
  const shareStart = () => f.i32(units).op('i32.mul').i32(sharers).op('i32.div_u')
  f.assign(left, sharers).get(id).i32(sharers).op('i32.rem_u').set(owner)
  f.loop(() => {
    f.get(owner)
    shareStart().set(begin)
    f.get(owner).i32(1).op('i32.add')
    shareStart().set(end)
    f.get(end).get(begin).op('i32.sub')
    f.i32(most - 1)
      .op('i32.add')
      .i32(most)
      .op('i32.div_u')
      .set(piece)
    f.block(() =>
      f.loop(() => {
        f.get(owner)
          .i32(line)
          .op('i32.mul')
          .i32(count + line)
          .op('i32.add')
          .i32(1)
          .mem('i32.atomic.rmw.add')
        f.get(piece).op('i32.mul').get(begin).op('i32.add').tee(from).get(end).op('i32.ge_s').brIf(1)
        f.get(from).get(piece).op('i32.add').set(to)
        f.get(to).get(end).get(to).get(end).op('i32.lt_s').op('select').set(to)
        call(f.get(from).get(to).get(id), kernel)
        f.i32(count).get(to).get(from).op('i32.sub').i32(units).call(finish).br(0)
      }),
    )
    f.add(owner, 1)
    f.i32(0).get(owner).get(owner).i32(sharers).op('i32.eq').op('select').set(owner)
    f.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
  })
}

/**
 * Waits until so many units are done: watches their count for a while and then sleeps. A thread that has died with a piece
 * in hand never counts it: after so many sleeps this fails too.
 */
function meeting(module: Module, sleepers: number): Code {
  return module.function('', ['i32', 'i32', 'i32', 'i32'], (f, count, total, id, sleepsLeft) => {
    const [left, now] = [f.local('i32'), f.local('i32')]
    const isDone = () => f.get(count).mem('i32.atomic.load').tee(now).get(total).op('i32.ge_s')
    f.assign(left, spins)
    f.loop(() => {
      isDone().if(() => f.op('return'))
      f.get(left).i32(1).op('i32.sub').tee(left)
      if (!maySleep()) f.get(id).op('i32.eqz').op('i32.or')
      f.brIf(0)
    })
    f.i32(sleepers).i32(1).mem('i32.atomic.rmw.add').op('drop')
    f.block(() =>
      f.loop(() => {
        isDone().brIf(1)
        // Nothing may lie under it on the stack: baseline code of Node 20 loses that.
        f.get(count).get(now).i64(sleep).mem('memory.atomic.wait32').i32(timedOut).op('i32.eq')
        f.if(() =>
          f
            .add(sleepsLeft, -1)
            .get(sleepsLeft)
            .op('i32.eqz')
            .if(() => f.op('unreachable')),
        ).br(0)
      }),
    )
    f.i32(sleepers).i32(-1).mem('i32.atomic.rmw.add').op('drop')
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
