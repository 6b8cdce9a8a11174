import { evaluate, type Node, print } from '../../formula/index.ts'
import {
  buffersOf,
  type Instruction,
  type Placement,
  type Program,
  place,
  type Scalars,
  stage,
} from '../../program/index.ts'
import { streamKey } from '../../tensor/counter.ts'
import { type Buffer, contiguous } from '../../tensor/view.ts'
import { Module } from './assembler.ts'
import type { Build, Kernel } from './build.ts'
import { gemm } from './kernels/gemm.ts'
import { map } from './kernels/map.ts'
import { reduce } from './kernels/reduce.ts'
import { scatter } from './kernels/scatter.ts'
import { tileReach, winograd } from './kernels/winograd.ts'
import type { Location } from './nest.ts'

/** Memory that compiled programs live in. */
export interface Arena {
  /** First byte of a lasting buffer, allocated at its first mention. */
  lasting(buffer: Buffer): number
  /** First byte of a block of `bytes` that this program shares with others that run at other times. */
  transient(bytes: number): number
  /** First byte of a block of `bytes` that is this program's own. */
  own(bytes: number): number
}

export interface Plan {
  readonly module: Uint8Array<ArrayBuffer>
  readonly kernels: readonly Kernel[]
  /** Instructions that no kernel covers; the module calls `fallback(i)` for them. */
  readonly fallbacks: readonly Instruction[]
  readonly placement: Placement
  readonly locate: (buffer: Buffer) => Location
  /** Bytes that must be zero before the first run after another program used the arena. */
  readonly zeros: readonly { start: number; bytes: number }[]
  /** Writes what changes from run to run. */
  setScalars(view: DataView, scalars: Scalars): void
}

/** A program as one WebAssembly module for exactly its shapes: a function a kernel, and one that runs them all. */
export function plan(
  recorded: Program,
  arena: Arena,
  memory: { shared: boolean; pages: number; maximum: number },
  threads: number,
): Plan {
  const program = stage(recorded)
  const module = new Module()
  const fallback = module.import('fallback', ['i32'])
  const placement = place(program, {
    reach: instruction => (instruction.verb === 'gemm' ? tileReach(instruction) : []),
  })
  const base = arena.transient(placement.size * 4) / 4
  const places = new Map<Buffer, Location>()
  const scalars = new Map<string, { node: Node; address: number }>()
  const keys = new Map<number, number>()
  const slots = arena.own(maxScalars * 4)
  let used = 0
  const slot = () => {
    if (used === maxScalars) throw new Error('too many scalars')
    return slots + 4 * used++
  }
  const kernels: Kernel[] = []
  const build: Build = {
    module,
    threads,
    locate(buffer, start) {
      let location = places.get(buffer)
      if (location) return location
      const none = buffer.shape.map(() => 0)
      const placed = placement.places.get(buffer)
      if (placed) location = { ...placed, origin: base + placed.origin }
      else {
        const origin = start ?? arena.lasting(buffer) / 4
        location = { origin, strides: contiguous(buffer.shape).strides, low: none, high: none }
      }
      places.set(buffer, location)
      return location
    },
    scalar(node) {
      const text = print(node)
      let entry = scalars.get(text)
      if (!entry) scalars.set(text, (entry = { node, address: slot() }))
      return entry.address
    },
    key(operand) {
      const stream = operand.view.buffer.stream ?? 0
      let address = keys.get(stream)
      if (address === undefined) keys.set(stream, (address = slot()))
      return address
    },
    scratch(elements) {
      const start = scratchTop
      scratchTop += Math.ceil((elements * 4 + 64) / 64) * 64
      scratchEnd = Math.max(scratchEnd, scratchTop)
      return start
    },
    add(kernel) {
      kernel.code.name = `kernel ${kernels.length}`
      kernels.push(kernel)
    },
  }
  const fallbacks: Instruction[] = []
  // Lasting buffers first: after them the scratch memory, which every instruction has to itself, can grow.
  for (const buffer of buffersOf(program)) if (stored(buffer)) build.locate(buffer)
  const scratchStart = arena.own(0)
  let scratchTop = scratchStart
  let scratchEnd = scratchStart
  for (const instruction of program.instructions) {
    scratchTop = scratchStart
    if (write(build, instruction)) continue
    const index = fallbacks.push(instruction) - 1
    const code = module.function('', ['i32', 'i32', 'i32'], f => f.i32(index).call(fallback))
    build.add({ name: `fallback ${instruction.verb}`, code, units: 1, work: 0 })
  }
  arena.own(scratchEnd - scratchStart)
  const meet = memory.shared ? barrier(module) : undefined
  module.function('step', ['i32', 'i32'], (f, id, count) => {
    for (const { units, code } of kernels) {
      f.get(id).i32(units).op('i32.mul').get(count).op('i32.div_u')
      f.get(id).i32(1).op('i32.add').i32(units).op('i32.mul').get(count).op('i32.div_u')
      f.get(id).call(code)
      if (meet) f.get(count).call(meet)
    }
  })
  return {
    module: module.bytes(memory),
    kernels,
    fallbacks,
    placement,
    locate: build.locate,
    zeros: [...placement.places.values()]
      .filter(p => p.bordered)
      .map(p => ({ start: (base + p.start) * 4, bytes: p.size * 4 })),
    setScalars(view, values) {
      for (const { node, address } of scalars.values()) view.setFloat32(address, evaluate(node, values), true)
      for (const [stream, address] of keys) view.setInt32(address, streamKey(values.seed, values.t, stream), true)
    },
  }
}

/** Bytes at the start of memory that barriers use: how many threads have come, and how often all have. */
export const barrierBytes = 8
const spins = 30_000

/**
 * Waits until `count` threads are here. The last to come opens the barrier; the others watch it for a while and then
 * sleep, so that a core that is taken away costs no more than its share.
 */
function barrier(module: Module) {
  return module.function('', ['i32'], (f, count) => {
    const round = f.local('i32')
    const left = f.local('i32')
    f.i32(0).mem('i32.atomic.load', 4).set(round)
    f.i32(0).i32(1).mem('i32.atomic.rmw.add').i32(1).op('i32.add').get(count).op('i32.eq')
    f.if(() => {
      f.i32(0).i32(0).mem('i32.atomic.store')
      f.i32(0).i32(1).mem('i32.atomic.rmw.add', 4).op('drop')
      f.i32(0).i32(-1).mem('memory.atomic.notify', 4).op('drop').op('return')
    })
    f.assign(left, spins)
    f.loop(() => {
      f.i32(0)
        .mem('i32.atomic.load', 4)
        .get(round)
        .op('i32.ne')
        .if(() => f.op('return'))
      f.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
    })
    f.loop(() => {
      f.i32(0).get(round).i64(-1).mem('memory.atomic.wait32', 4).op('drop')
      f.i32(0).mem('i32.atomic.load', 4).get(round).op('i32.eq').brIf(0)
    })
  })
}

const maxScalars = 256
const stored = (buffer: Buffer) => buffer.kind !== 'random' && buffer.kind !== 'index'

function write(build: Build, instruction: Instruction): boolean {
  switch (instruction.verb) {
    case 'gemm':
      return winograd(build, instruction) || gemm(build, instruction)
    case 'map':
      return map(build, instruction)
    case 'reduce':
      return reduce(build, instruction)
    case 'scatter':
      return scatter(build, instruction)
    case 'gather':
      return false
  }
}
