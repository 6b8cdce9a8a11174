import { count } from '../../../formula/index.ts'
import type { MapInstruction } from '../../../program/index.ts'
import { again } from '../again.ts'
import type { Code, Lanes, Local } from '../assembler.ts'
import { type Body, type Build, type Emit, groupWriter } from '../build.ts'
import { cut, iterations, type Nest, nest, part, traffic, wrap } from '../nest.ts'
import { range } from '../numbers.ts'
import { touches } from '../strips.ts'
import { sections, vectorizable, walker } from '../walk.ts'

/** Elements of a flat array that one unit of work takes. */
const block = 1024
/** Vectors that a loop computes in step. */
const width = 4

/** out = formula(inputs), four elements at a time. */
export const map: Emit<MapInstruction> = (build, instruction) => {
  const inputs = Object.entries(instruction.inputs)
  const outputs = Object.entries(instruction.outputs)
  const whole = nest(
    [...inputs, ...outputs].map(([, view]) => view),
    build.locate,
  )
  if (!whole) return false
  for (const n of shares(whole))
    emit(
      build,
      instruction,
      n,
      inputs.map(([name]) => name),
    )
  return true
}

/** Nests whose outermost level is what threads share: a flat array becomes blocks and a rest. */
function shares(n: Nest): Nest[] {
  if (n.sizes.length === 0) return [wrap(n)]
  if (n.sizes.length > 1) return [n]
  const [size] = n.sizes
  if (size < 2 * block) return [wrap(n)]
  const blocks = Math.floor(size / block)
  const main = part(n, 0, blocks * block)
  const rest = size % block ? [wrap(part(n, blocks * block, size % block))] : []
  cut(main, 0, blocks)
  return [main, ...rest]
}

function emit(build: Build, instruction: MapInstruction, n: Nest, inputNames: readonly string[]): void {
  const inner = n.sizes.length - 1
  const outputs = n.operands.slice(inputNames.length)
  const vector = inner > 0 && vectorizable(n, inner, outputs)
  // What is overwritten cannot be read again in a later round.
  const inPlace = outputs.some(out => n.operands.some(o => o !== out && o.view.buffer === out.view.buffer))
  const twice = inPlace ? 'alone' : 'always'
  const loops = (f: Code, begin: Local, end: Local) => {
    const write = groupWriter(build, f, instruction.formula, name => inputNames.includes(name))
    const w = walker(f, n, build.key)
    const isStill = (name: string) => !w.varies(inputNames.indexOf(name), inner)
    const group = (lanes: Lanes, places: readonly Record<number, number>[]) => {
      const load = (name: string) => {
        const i = inputNames.indexOf(name)
        return (w.varies(i, inner) ? places : places.slice(0, 1)).map(at => w.load(i, inner, lanes, at))
      }
      const loaded = new Map(inputNames.map(name => [name, load(name)]))
      write(name => loaded.get(name)!).forEach((values, o) => {
        places.forEach((at, u) => {
          w.store(inputNames.length + o, values[values.length === 1 ? 0 : u], lanes, at)
        })
      })
    }
    w.share(begin, end, () => {
      if (inner === 0) return group(1, [{}])
      w.loops(range(1, inner), () => {
        const isLong = n.sizes[inner] > 4 * width
        if (isLong) write.ahead(isStill, name => [w.load(inputNames.indexOf(name), inner, 1)])
        w.sectioned(inner, sections(n.sizes[inner], vector, width, twice), ({ lanes, starts }) =>
          group(
            lanes,
            starts.map(start => ({ [inner]: start })),
          ),
        )
      })
    })
    return w.starts
  }
  // A function of one unit may be written behind another.
  const body: Body =
    n.sizes[0] > 1
      ? again(build, instruction.formula, n, `${twice} ${inputNames}`, loops)
      : (f, begin, end) => void loops(f, begin, end)
  build.write(
    {
      name: `map ${Object.values(instruction.outputs)
        .map(v => v.name)
        .join(' ')}`,
      units: n.sizes[0],
      flops: iterations(n) * count(...instruction.formula.outputs.values()),
      bytes: traffic(n),
      touches: touches(n, inputNames.length),
    },
    body,
  )
}
