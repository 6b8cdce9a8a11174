import type { Code } from './assembler.ts'

/** Numbers in which functions that become one may differ. */
export const mostGiven = 24

/** A function, and what it is given to be this one and not another that is like it. */
export interface Given {
  readonly code: Code
  readonly given?: readonly number[]
}

/** Calls a function for the arguments that are on the stack. */
export function call(f: Code, { code, given = [] }: Given): void {
  for (const n of given) f.i32(n)
  f.call(code)
}

/**
 * Functions that differ in whole numbers alone, such as where their arrays lie, become one that is given these numbers: a
 * recurrent layer has the same kernels for each of its steps, and machine code that is used once is the slowest there is.
 */
export function merged<T extends Given>(all: readonly T[]): T[] {
  const single = all.filter(({ given }) => !given)
  if (!single[0]?.code.mostGiven) return [...all]
  const alike = new Map<number, Code[][]>()
  for (const code of new Set(single.map(({ code }) => code))) {
    const key = hash(code)
    const groups = alike.get(key) ?? []
    alike.set(key, groups)
    const group = groups.find(([first]) => isLike(first, code))
    if (group) group.push(code)
    else groups.push([code])
  }
  const now = new Map<Code, Required<Given>>()
  for (const group of [...alike.values()].flat()) {
    const steps = group.length > 1 ? oneOf(group) : undefined
    if (!steps) continue
    group.forEach((code, i) => {
      now.set(code, { code: group[0], given: steps.map(step => step[i]) })
    })
  }
  return all.map(one => (one.given ? one : { ...one, ...now.get(one.code) }))
}

/** FNV-1a of all but numbers. */
function hash(code: Code): number {
  const view = code.bytes.view()
  let h = 0x811c9dc5
  code.parts((from, to) => {
    for (let i = from; i < to; i++) h = Math.imul(h ^ view[i], 0x01000193)
    h = Math.imul(h ^ (to - from), 0x01000193)
  })
  return h
}

/** Whether two functions are the same but for numbers. */
export function isLike(a: Code, b: Code): boolean {
  if (a.numbers.length !== b.numbers.length || a.locals.join() !== b.locals.join()) return false
  if (a.params.length !== b.params.length) return false
  const [parts, view, other]: [number[], Uint8Array, Uint8Array] = [[], a.bytes.view(), b.bytes.view()]
  a.parts((from, to) => parts.push(from, to))
  let at = 0
  let same = true
  b.parts((from, to) => {
    const [start, end] = [parts[at++], parts[at++]]
    same &&= end - start === to - from
    for (let i = 0; same && i < to - from; i++) same = view[start + i] === other[from + i]
  })
  return same
}

/**
 * Makes the first of functions that are alike the one for all, if it does not take too many numbers: what each of them is
 * given, a list for each number that differs.
 */
export function oneOf(group: readonly Code[]): number[][] | undefined {
  const [first, ...others] = group
  // Numbers that are always as far from the first function's as each other are given once.
  const columns = new Map<string, number>()
  const steps: number[][] = []
  const which = first.numbers.flatMap((n, i) => {
    if (i % 2 === 0) return []
    const step = group.map(({ numbers }) => (numbers[i] - n) | 0)
    if (step.every(by => by === 0)) return -1
    const key = step.join()
    if (!columns.has(key)) columns.set(key, steps.push(step) - 1)
    return columns.get(key)!
  })
  if (steps.length > first.mostGiven) return undefined
  first.take(which, steps.length)
  for (const other of others) other.cut(0)
  return steps
}
