import { buffersOf, type Instruction, type Program, reads, writes } from '../../program/index.ts'
import type { Buffer, View } from '../../tensor/view.ts'
import type { Arena, Plan } from './compile.ts'

/** How many plans are remembered. */
const most = 16

interface Entry {
  readonly plan: Plan
  /** Its buffers in the order of the program, which keeps its formulas alive: a formula that is read again is the same. */
  readonly buffers: readonly Buffer[]
  readonly program: Program
  /** What was asked of the arena. */
  readonly calls: readonly ((arena: Arena, now: (buffer: Buffer) => Buffer) => void)[]
}

const entries = new Map<string, Entry>()
const descriptions = new WeakMap<Program, string>()

/**
 * The plan of a program, or of one before that differs in nothing but whose arrays it works on and found memory in the
 * same state: networks of one kind are planned and compiled once.
 */
export function remembered(
  program: Program,
  memory: Arena,
  state: (buffers: readonly Buffer[]) => readonly unknown[],
  make: (arena: Arena) => Plan,
): Plan {
  const buffers = [...buffersOf(program)]
  const key = `${state(buffers)} ${described(program, buffers)}`
  const found = entries.get(key)
  if (found) {
    entries.delete(key)
    entries.set(key, found)
    const at = new Map(buffers.map((buffer, i) => [buffer, found.buffers[i]]))
    const now = new Map(buffers.map((buffer, i) => [found.buffers[i], buffer]))
    for (const call of found.calls) call(memory, buffer => now.get(buffer) ?? buffer)
    return { ...found.plan, staged: buffer => found.plan.staged(at.get(buffer) ?? buffer) }
  }
  const calls: Entry['calls'][number][] = []
  let arena = memory
  const plan = make({
    lasting(buffer) {
      calls.push((to, now) => to.lasting(now(buffer)))
      return arena.lasting(buffer)
    },
    transient(bytes) {
      calls.push(to => to.transient(bytes))
      return arena.transient(bytes)
    },
    own(bytes) {
      calls.push(to => to.own(bytes))
      return arena.own(bytes)
    },
  })
  // The plan outlives the model that it was made for, whose memory it must not hold.
  arena = gone
  entries.set(key, { plan, buffers, program, calls })
  if (entries.size > most) entries.delete(entries.keys().next().value!)
  return plan
}

/** Where a plan that is made asks for no more. */
const none = (): never => {
  throw new Error('a plan asked for memory after it was made')
}
const gone: Arena = { lasting: none, transient: none, own: none }

/** All there is to say about a program, its buffers by their numbers. */
function described(program: Program, buffers: readonly Buffer[]): string {
  const known = descriptions.get(program) ?? description(program, buffers)
  descriptions.set(program, known)
  return known
}

function description({ name, instructions, scalars }: Program, buffers: readonly Buffer[]): string {
  const number = new Map(buffers.map((buffer, i) => [buffer, i]))
  const view = ({ name, buffer, axes, base, divisor, fill }: View) => [
    name,
    number.get(buffer),
    axes.map(axis => axis.flatMap(({ size, dim, step }) => [size, dim, step])),
    base,
    divisor,
    String(fill),
  ]
  const instruction = (i: Instruction) => [
    i.verb,
    'axis' in i ? i.axis : 'axes' in i && [i.axes, i.kinds],
    'formula' in i && [
      [...i.formula.outputs].map(([key, node]) => [key, node.id]),
      Object.keys(i.inputs),
      Object.keys(i.outputs),
    ],
    [...reads(i), ...writes(i)].map(view),
  ]
  const buffer = ({ name, shape, kind, stream }: Buffer) => [name, shape, kind, stream]
  return JSON.stringify([name, scalars, buffers.map(buffer), instructions.map(instruction)])
}
