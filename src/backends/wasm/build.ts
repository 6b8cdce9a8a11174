import { apply, type Formula, fold, type Node, name as nameNode } from '../../formula/index.ts'
import type { Instruction } from '../../program/index.ts'
import type { Buffer, View } from '../../tensor/view.ts'
import type { Code, Local, Module } from './assembler.ts'
import type { Given } from './merge.ts'
import type { Location, Operand } from './nest.ts'
import { type Known, type Lowered, lowered, writeAhead, writeLowered } from './simd.ts'
import type { Touch } from './strips.ts'

/** A function (begin, end, thread): its share of `units`, which may run in any order on any thread. */
export interface Kernel extends Given {
  readonly name: string
  readonly units: number
  /** Floating-point operations, and bytes that have to come or go at least. */
  readonly flops: number
  readonly bytes: number
  /** Depends on weights alone, in a program that leaves them as they are: run once, until weights change. */
  readonly settled?: boolean
  /** What each unit touches, where that is known. */
  readonly touches?: readonly Touch[]
}

/** Where a right operand lies in panels: the first element of these, and of the narrow one behind. */
export interface Packed {
  readonly start: number
  readonly tailStart: number
}

/** What the kernels of one program share while they are written. */
export interface Build {
  readonly module: Module
  /** How many threads may run a kernel at once; each has a number below this. */
  readonly threads: number
  /** Products and sums in one rounding: faster on many machines, but other bits on a machine without it. */
  readonly fma: boolean
  /** Where a buffer lies; `start` (an element) places a new one in scratch memory. */
  readonly locate: (buffer: Buffer, start?: number) => Location
  /** Address of the number that a scalar expression has in this run. */
  scalar(node: Node): number
  /** Address of the key of a random buffer in this run. */
  key(operand: Operand): number
  /** Whether a buffer's numbers change only when somebody writes the weights. */
  isSettled(buffer: Buffer): boolean
  /** What products leave each other that read the same in panels of so many columns; absent for what one reads alone. */
  shared(right: View, wide: number): { packed?: Packed } | undefined
  /** Bytes that live for one instruction, at a multiple of 64; settled ones stay. */
  scratch(elements: number, settled?: boolean): number
  add(kernel: Kernel): void
  /** A kernel whose function `body` writes; small ones that follow each other are written into one. */
  write(kernel: Omit<Kernel, 'code'>, body: Body): void
}

/** Writes a kernel's share from `begin` to `end` for a thread. */
export type Body = (f: Code, begin: Local, end: Local, thread: Local) => void

export type Emit<I extends Instruction> = (build: Build, instruction: I) => boolean

/** Whether a formula's name is an array of the instruction (or its product), not a scalar. */
type IsArray = (name: string) => boolean

/**
 * Writes the outputs of a formula into a function: scalar parts are computed before the run and only loaded, the rest
 * becomes SIMD over what `load` gives.
 */
export function formulaWriter(build: Build, f: Code, formula: Formula, isArray: IsArray) {
  const write = groupWriter(build, f, formula, isArray)
  return (load: (name: string) => Local): Local[] => write(name => [load(name)]).map(([value]) => value)
}

/** The same for several vectors in step, of which `load` gives either all or the one that is the same for all. */
export function groupWriter(build: Build, f: Code, formula: Formula, isArray: IsArray) {
  const { scalars, body } = prepared(formula, isArray)
  const known = new Map<string, readonly Local[]>()
  for (const [name, node] of scalars) {
    const local = f.local('v128')
    f.i32(build.scalar(node)).mem('v128.load32_splat').set(local)
    known.set(name, [local])
  }
  type Load = (name: string) => readonly Local[]
  let made: Known | undefined
  const write = (load: Load) => writeLowered(f, body, name => known.get(name) ?? load(name), made)
  /** Writes, before a loop, what `still` makes that is the same all along it: for all that is written from now on. */
  const ahead = (still: readonly string[], load: (name: string) => Local) => {
    if (still.length === 0) return
    made = writeAhead(
      f,
      body,
      name => known.has(name) || still.includes(name),
      name => known.get(name) ?? [load(name)],
    )
  }
  return Object.assign(write, { ahead })
}

interface Prepared {
  /** The scalar parts, by the names that stand for them. */
  readonly scalars: readonly (readonly [name: string, part: Node])[]
  readonly body: Lowered
}

// Of each formula by which of its names are arrays: a recurrent layer has the same few in each of its steps.
const known = new WeakMap<Formula, Map<string, Prepared>>()

function prepared(formula: Formula, isArray: IsArray): Prepared {
  let variants = known.get(formula)
  if (!variants) known.set(formula, (variants = new Map()))
  const key = formula.names.filter(isArray).join()
  let found = variants.get(key)
  if (!found) {
    const names = new Map<Node, string>()
    const body = lowered([...formula.outputs.values()].map(node => hoist(node, isArray, names)))
    variants.set(key, (found = { body, scalars: [...names].map(([node, name]) => [name, node] as const) }))
  }
  return found
}

/** Replaces every largest scalar part by a name whose value is loaded once, at the start of the function. */
function hoist(root: Node, isArray: IsArray, names: Map<Node, string>): Node {
  const lift = (node: Node): Node => {
    const name = names.get(node) ?? `scalar_${names.size}`
    names.set(node, name)
    return nameNode(name)
  }
  // Of each node what it becomes, or undefined where it is a scalar: the largest of these is what is lifted.
  const whole = (node: Node, rest: Node | undefined) => rest ?? (node.op === 'number' ? node : lift(node))
  const [rest] = fold<Node | undefined>([root], (node, args) => {
    if (node.op === 'name') return isArray(node.name) ? node : undefined
    if (node.op === 'number' || args.every(arg => arg === undefined)) return undefined
    return apply(node.op, ...args.map((arg, i) => whole(node.args[i], arg)))
  })
  return whole(root, rest)
}
