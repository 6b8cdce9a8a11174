import { BackendError } from '../../errors.ts'
import { compile, formulaOf, type Node, once } from '../../formula/index.ts'
import {
  buffersOf,
  drop,
  edges,
  type Gemm,
  type Instruction,
  inline,
  lift,
  type Placement,
  type Program,
  phases,
  place,
  placesOf,
  reads,
  reuse,
  type Scalars,
  stage,
  tile,
  unstack,
  writes,
} from '../../program/index.ts'
import { streamKey } from '../../tensor/counter.ts'
import { sameShape, sizeOf } from '../../tensor/shape.ts'
import { type Buffer, contiguous, isCounted, sameView, type View } from '../../tensor/view.ts'
import { type Code, Module } from './assembler.ts'
import type { Build, Kernel, Packed } from './build.ts'
import { gather, scatterAdd } from './kernels/gather.ts'
import { gemm } from './kernels/gemm.ts'
import { map } from './kernels/map.ts'
import { reduce } from './kernels/reduce.ts'
import { stack } from './kernels/stack.ts'
import { tileReach, tileRoom, winograd } from './kernels/winograd/index.ts'
import { merged, mostGiven } from './merge.ts'
import type { Location } from './nest.ts'
import { blockOf } from './numbers.ts'
import { type Staged, workOf, writeSteps } from './steps.ts'
import { straight } from './straight.ts'
import { inStrips } from './strips.ts'

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
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The same, ready to be instantiated. */
  module(): WebAssembly.Module
  readonly kernels: readonly Kernel[]
  /** How many threads share it: as many as its work is worth waking, if all of it is in kernels. */
  readonly sharers: number
  /** Whether some kernels run only when weights have changed: the module's \`settle\`. */
  readonly settles: boolean
  /** Whether a run changes weights. */
  readonly moves: boolean
  /** Instructions that no kernel covers; the module calls `fallback(i)` for them. */
  readonly fallbacks: readonly Instruction[]
  readonly placement: Placement
  /** Bytes that a run needs at most beside the model's lasting arrays. */
  readonly room: number
  readonly locate: (buffer: Buffer) => Location
  /** Bytes that must be zero before the first run after another program used the arena. */
  readonly zeros: readonly { start: number; bytes: number }[]
  /** How many steps can be prepared at once, and how many of them with inputs of their own. */
  readonly capacity: number
  readonly parts: number
  /** Where these inputs and outputs lie; undefined for one that no instruction touches. */
  staged(buffer: Buffer): Staged | undefined
  /** The scalars that it depends on. */
  readonly uses: readonly string[]
  /** Writes what changes from run to run: for a run by itself, or for one of several steps. */
  setScalars(view: DataView, scalars: Scalars, step?: number): void
}

/** float32 counts to here, and from here on by twos. */
const mostPlaces = 2 ** 24

function mustCount(instruction: Instruction): void {
  const count = placesOf(instruction)
  if (count <= mostPlaces) return
  const [{ name }] = writes(instruction)
  throw new BackendError('too-many-places', `${name} tells ${count} places apart, float32 just ${mostPlaces}`, {
    hint: "dtype: 'float64' tells all of them apart; it runs in plain loops",
  })
}

/** A program as one WebAssembly module for exactly its shapes: a function a kernel, and one that runs them all. */
export function plan(
  recorded: Program,
  arena: Arena,
  memory: { shared: boolean; pages: number; maximum: number },
  { threads, threadsFrom = 0, fma }: { threads: number; threadsFrom?: number; fma: boolean },
): Plan {
  for (const instruction of recorded.instructions) mustCount(instruction)
  const lifted = lift(drop(inline(tile(stage(phases(unstack(recorded)), reach)))))
  const module = new Module(lifted.instructions.length < many ? 0 : mostGiven)
  const fallback = module.import('fallback', ['i32'])
  const call = memory.shared ? module.import('together', []) : undefined
  const settled = settledBuffers(lifted)
  const program = reuse(lifted, buffer => !settled.has(buffer))
  let settledNow = false
  const placement = place(program, {
    alone: buffer => settled.has(buffer),
    reach,
  })
  const base = arena.transient(placement.size * 4) / 4
  const places = new Map<Buffer, Location>()
  const scalars = new Map<Node, number>()
  const keys = new Map<number, number>()
  const slots = arena.own(maxScalars * 4)
  let used = 0
  const slot = () => {
    if (used === maxScalars) throw new Error('too many scalars')
    return slots + 4 * used++
  }
  let group: Group | undefined
  const written: Kernel[] = []
  // The function that small kernels are written into, one behind the other.
  let open: Code | undefined
  const build: Build = {
    module,
    threads,
    fma,
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
      let address = scalars.get(node)
      if (address === undefined) scalars.set(node, (address = slot()))
      return address
    },
    key(operand) {
      const stream = operand.view.buffer.stream ?? 0
      let address = keys.get(stream)
      if (address === undefined) keys.set(stream, (address = slot()))
      return address
    },
    isSettled: buffer => settled.has(buffer),
    shared(view, wide) {
      if (!group || !isSame(group.first.b, view)) return undefined
      group.wide ??= wide // there is room for one way to pack it
      return group.wide === wide ? group : undefined
    },
    scratch(elements, stays = false) {
      if (stays) return kept(elements * 4)
      const start = scratchTop
      scratchTop += blockOf(elements * 4)
      scratchEnd = Math.max(scratchEnd, scratchTop)
      return start
    },
    add(kernel) {
      open = undefined
      written.push(settledNow ? { ...kernel, settled: true } : kernel)
    },
    write(kernel, body) {
      const last = written[written.length - 1]
      const isSmall = kernel.units === 1 && workOf(kernel) <= smallWork
      const isSettled = settledNow || kernel.settled
      if (isSmall && open && open.bytes.length < smallCode && last.settled === isSettled) {
        const [begin, end, thread] = open.params
        body(open, begin, end, thread)
        written[written.length - 1] = {
          ...last,
          name: `${last.name} · ${kernel.name}`,
          flops: last.flops + kernel.flops,
          bytes: last.bytes + kernel.bytes,
        }
        return
      }
      const code = module.function('', ['i32', 'i32', 'i32'], (f, begin, end, thread) => {
        body(isSmall ? straight(f) : f, begin, end, thread)
      })
      build.add({ ...kernel, code })
      open = isSmall ? code : undefined
    },
  }
  const fallbacks: Instruction[] = []
  // Lasting buffers first: after them the scratch memory, which every instruction has to itself, can grow.
  for (const buffer of buffersOf(program)) if (!isCounted(buffer)) build.locate(buffer)
  // What stays gets a part of its own, bounded by what each product can pack.
  const groups = readAgain(program)
  const bytes = program.instructions.reduce((sum, i) => {
    if (i.verb !== 'gemm' || i.b.shape.length > 2) return sum // what a stack packs serves one product
    const [depth, width] = i.b.shape
    const panels = (columns: number) => sum + 4 * depth * (columns + 16) + 512 // with their rests
    if (width === 1 && settled.has(i.a.buffer)) return panels(i.a.shape[0] + 4) // a column is made as a row, turned round
    if (settled.has(i.b.buffer)) return panels(width) + tileRoom(i)
    return groups.get(i)?.first === i ? panels(width) : sum
  }, 0)
  const keptStart = bytes > 0 ? arena.own(bytes) : 0
  const keptEnd = { at: keptStart, end: keptStart + bytes }
  function kept(bytes: number): number {
    const start = keptEnd.at
    keptEnd.at += blockOf(bytes)
    if (keptEnd.at > keptEnd.end) throw new BackendError('no-room', 'a plan keeps more than it has room for')
    return start
  }
  const scratchStart = arena.own(0)
  let scratchTop = scratchStart
  let scratchEnd = scratchStart
  for (const instruction of program.instructions) {
    scratchTop = scratchStart
    group = groups.get(instruction)
    settledNow = writes(instruction).every(view => settled.has(view.buffer))
    if (write(build, instruction)) continue
    const index = fallbacks.push(instruction) - 1
    const code = module.function('', ['i32', 'i32', 'i32'], f => f.i32(index).call(fallback))
    build.add({ name: `fallback ${instruction.verb}`, code, units: 1, flops: 0, bytes: 0 })
  }
  arena.own(scratchEnd - scratchStart)
  const kernels = merged(inStrips(module, merged(written)))
  kernels.forEach((kernel, i) => {
    kernel.code.name = `kernel ${i}`
  })

  // Several steps at once: each finds its inputs and scalars, and leaves its outputs, in a part of a longer block.
  const staged = (address: number, elements: number) => ({ address, bytes: Math.ceil(elements / 4) * 16 })
  const inOut = (kind: Buffer['kind']) =>
    [...buffersOf(recorded)]
      .filter(b => b.kind === kind)
      .map(b => [b, staged(arena.lasting(b), sizeOf(b.shape))] as const)
  const [inputs, outputs, numbers] = [inOut('input'), inOut('output'), staged(slots, Math.max(1, used))]
  const bytesOf = (blocks: typeof inputs) => blocks.reduce((sum, [, { bytes }]) => sum + bytes, 0)
  const fit = (bytes: number, most: number) => Math.max(1, Math.min(most, Math.floor(stageBytes / bytes)))
  const [inBytes, outBytes] = [bytesOf(inputs), bytesOf(outputs) + numbers.bytes]
  const [parts, capacity] = [fit(inBytes, maxParts), fit(outBytes, maxSteps)]
  const room = <T extends { bytes: number }>(block: T, count: number) => ({
    ...block,
    stage: arena.own(block.bytes * count),
  })
  const ins = inputs.map(([b, block]) => [b, room(block, parts)] as const)
  const outs = outputs.map(([b, block]) => [b, room(block, capacity)] as const)
  const table = room(numbers, capacity)
  const blocks = new Map([...ins, ...outs])
  const work = kernels.reduce((sum, kernel) => sum + (kernel.settled ? 0 : workOf(kernel)), 0)
  const canShare = memory.shared && fallbacks.length === 0
  const sharers = canShare ? Math.max(1, Math.min(threads, Math.floor((2 * work) / threadsFrom))) : 1
  writeSteps(module, arena, kernels, {
    together: sharers > 1 ? { sharers, call: call! } : undefined,
    table,
    inputs: ins.map(([, block]) => block),
    outputs: outs.map(([, block]) => block),
  })
  const tape = compile(formulaOf(Object.fromEntries([...scalars.keys()].map((node, i) => [`s${i}`, node]))))
  const addresses = [...scalars.values()]
  const [given, results] = [new Float64Array(tape.names.length), new Float64Array(addresses.length)]
  const code = module.bytes(memory)
  return {
    bytes: code,
    module: once(() => new WebAssembly.Module(code)),
    kernels,
    sharers,
    settles: kernels.some(kernel => kernel.settled),
    moves: program.instructions.flatMap(writes).some(view => isWeight(view.buffer)),
    fallbacks,
    placement,
    room: placement.size * 4 + (scratchEnd - scratchStart) + inBytes * parts + outBytes * capacity,
    locate: build.locate,
    zeros: [...placement.places.values()]
      .filter(p => p.bordered)
      .map(p => ({ start: (base + p.start) * 4, bytes: p.size * 4 })),
    capacity,
    parts,
    staged: buffer => blocks.get(buffer),
    uses: [...tape.names, ...(keys.size > 0 ? ['seed', 't'] : [])],
    setScalars(view, values, step) {
      const shift = step === undefined ? 0 : table.stage - table.address + step * table.bytes
      for (let i = 0; i < given.length; i++) given[i] = values[tape.names[i]]
      tape.run(given, results)
      for (let i = 0; i < results.length; i++) view.setFloat32(addresses[i] + shift, results[i], true)
      for (const [stream, address] of keys)
        view.setInt32(address + shift, streamKey(values.seed, values.t, stream), true)
    },
  }
}

/** How far the kernels read over what the views of an instruction say. */
const reach = (instruction: Instruction) => (instruction.verb === 'gemm' ? tileReach(instruction) : [])

const isWeight = ({ kind }: Buffer) => kind === 'parameter' || kind === 'state'

/** Products that read the same on their right, while nobody writes it. */
interface Group {
  readonly first: Gemm
  wide?: number
  packed?: Packed
}

/** Whether two views are one matrix; the same numbers may also be a row and a column. */
const isSame = (a: View, b: View): boolean => sameShape(a.shape, b.shape) && sameView(a, b)

/** The groups of products, where there are two of one: a recurrent layer has the same weights in each of its steps. */
function readAgain(program: Program): Map<Instruction, Group> {
  const [open, all] = [new Map<Buffer, Gemm[]>(), new Map<Instruction, Group>()]
  for (const instruction of program.instructions) {
    if (instruction.verb === 'gemm' && instruction.b.shape.length === 2) {
      const { b } = instruction
      const firsts = open.get(b.buffer) ?? []
      open.set(b.buffer, firsts)
      const first = firsts.find(other => isSame(other.b, b))
      if (!first) firsts.push(instruction)
      else {
        const group = all.get(first) ?? { first }
        all.set(first, group).set(instruction, group)
      }
    }
    for (const { buffer } of writes(instruction)) open.delete(buffer)
  }
  return all
}

/** Weights that a program leaves alone, and the temporaries made of nothing else, but those that have a border. */
function settledBuffers(program: Program): Set<Buffer> {
  const settled = new Set<Buffer>()
  const written = program.instructions.flatMap(writes)
  if (written.some(view => isWeight(view.buffer))) return settled
  const bordered = new Set(program.instructions.flatMap(i => edges(i, reach).map(([buffer]) => buffer)))
  // What several instructions write is settled when each of them has nothing but settled numbers to write.
  const missing = new Map<Buffer, number>()
  for (const { buffer } of written) missing.set(buffer, (missing.get(buffer) ?? 0) + 1)
  for (const instruction of program.instructions) {
    const from = reads(instruction).map(view => view.buffer)
    for (const buffer of from) if (isWeight(buffer)) settled.add(buffer)
    const free =
      'formula' in instruction ? instruction.formula.names.some(name => program.scalars.includes(name)) : false
    if (free || from.length === 0 || !from.every(buffer => settled.has(buffer))) continue
    for (const { buffer } of writes(instruction)) {
      missing.set(buffer, missing.get(buffer)! - 1)
      if (missing.get(buffer) === 0 && buffer.kind === 'temporary' && !bordered.has(buffer)) settled.add(buffer)
    }
  }
  return settled
}

const maxScalars = 256
/** Instructions from which on many kernels will be alike. */
const many = 150
/** Operations, with four for each byte, of what is written into one function, and bytes of code from which on it is full. */
const smallWork = 2000
const smallCode = 4096
/** Steps that are run at once have at most this many bytes of inputs, and of outputs, and are at most so many. */
const stageBytes = 1 << 19
const maxParts = 256
const maxSteps = 1024

const product = stack((build, instruction) => winograd(build, instruction) || gemm(build, instruction))

function write(build: Build, instruction: Instruction): boolean {
  switch (instruction.verb) {
    case 'gemm':
      return product(build, instruction)
    case 'map':
      return map(build, instruction)
    case 'reduce':
      return reduce(build, instruction)
    case 'scatter':
      return scatterAdd(build, instruction)
    case 'gather':
      return gather(build, instruction)
  }
}
