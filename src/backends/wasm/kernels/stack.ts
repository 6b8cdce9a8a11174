import { type Gemm, levels, replace } from '../../../program/index.ts'
import type { Code, Local } from '../assembler.ts'
import type { Build, Emit, Kernel } from '../build.ts'
import { isLike, mostGiven, oneOf } from '../merge.ts'
import { blockOf, range } from '../numbers.ts'
import { share } from './winograd/emit.ts'

/**
 * A stack of products as one kernel, whose unit of work is one of them. The first is written as any product is, and so are
 * its neighbours along each loop of the stack, and itself with the room of another thread: the numbers in which they differ
 * say where arrays lie, and go on evenly.
 */
export const stack =
  (product: Emit<Gemm>): Emit<Gemm> =>
  (build, instruction) => {
    if (instruction.a.shape.length === 2) return product(build, instruction)
    const sizes = levels(instruction)!
    const [count] = instruction.a.shape
    const neighbours = range(0, sizes.length).map(l => sizes.slice(l + 1).reduce((product, size) => product * size, 1))
    const start = build.scratch(0)
    const one = alone(build, product, instruction)
    const first = one(0, start)
    const bytes = first.end - start
    build.scratch((bytes * build.threads) / 4)
    const all = [first, ...neighbours.map(i => one(i, start)), one(0, first.end)]
    const { kernels } = first
    const steps = kernels.map((_, k) => evenly(all.map(other => other.kernels[k]?.code)))
    if (kernels.length === 0 || !steps.every(Boolean)) return false

    const total = (of: (kernel: Kernel) => number) => count * kernels.reduce((sum, kernel) => sum + of(kernel), 0)
    build.write(
      {
        name: kernels.map(({ name }) => name).join(' · '),
        units: count,
        flops: total(kernel => kernel.flops),
        bytes: total(kernel => kernel.bytes),
      },
      (f, begin, end, thread) => {
        const places = [...neighbours.map(() => f.local('i32')), thread]
        share(f, begin, end, unit => {
          neighbours.forEach((by, l) => {
            f.get(unit).i32(by).op('i32.div_u').i32(sizes[l]).op('i32.rem_u').set(places[l])
          })
          kernels.forEach(({ code, units }, k) => {
            f.i32(0).i32(units).i32(0)
            for (const step of steps[k]!) along(f, places, step)
            f.call(code)
          })
        })
      },
    )
    return true
  }

/** Writes the product at a place of the stack by itself, with scratch memory of its own from an address on. */
const alone = (build: Build, product: Emit<Gemm>, instruction: Gemm) => (i: number, from: number) => {
  const kernels: Kernel[] = []
  let end = from
  const own: Build = {
    ...build,
    threads: 1,
    // What is packed serves one product, on one thread.
    isSettled: () => false,
    shared: () => undefined,
    scratch(elements) {
      const at = end
      end += blockOf(elements * 4)
      return at
    },
    add: kernel => kernels.push(kernel),
    write(kernel, body) {
      kernels.push({ ...kernel, code: build.module.function('', ['i32', 'i32', 'i32'], body, mostGiven) })
    },
  }
  product(
    own,
    replace(instruction, view => view.at(i)),
  )
  return { kernels, end }
}

/** Makes functions that differ in numbers one, the first: by how much each number grows from it to each of the others. */
function evenly(codes: readonly (Code | undefined)[]): number[][] | undefined {
  const [first, ...others] = codes
  const isOne = others.every(other => first && other && isLike(first, other))
  return isOne ? oneOf(codes as Code[])?.map(([, ...steps]) => steps) : undefined
}

/** Leaves the sum of places, each times its step, on the stack. */
function along(f: Code, places: readonly Local[], steps: readonly number[]): void {
  const [first, ...others] = range(0, places.length).filter(l => steps[l] !== 0)
  for (const l of [first, ...others]) {
    f.get(places[l])
    if (steps[l] !== 1) f.i32(steps[l]).op('i32.mul')
    if (l !== first) f.op('i32.add')
  }
}
