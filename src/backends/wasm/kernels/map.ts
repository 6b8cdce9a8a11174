import { count } from '../../../formula/index.ts'
import type { MapInstruction } from '../../../program/index.ts'
import { again } from '../again.ts'
import type { Code, Lanes, Local } from '../assembler.ts'
import { type Body, type Build, type Emit, groupWriter } from '../build.ts'
import { cut, iterations, type Nest, nest, part, traffic, wrap } from '../nest.ts'
import { largestDivisor, range } from '../numbers.ts'
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

/**
 * A level along which all those operands lie side by side that do not along the innermost one, as does what is read
 * transposed. The outermost level, which threads share, is cut for it.
 */
function turnedAlong(n: Nest, reading: number): number | undefined {
  const inner = n.sizes.length - 1
  const [size] = n.sizes
  const isEven = (l: number) => n.operands.every(o => o.checks.every(c => c.steps[l] === 0))
  const isSide = (l: number) =>
    n.sizes[l] >= 4 &&
    isEven(l) &&
    n.operands.every(o => o.strides[inner] === 0 || o.strides[inner] === 1 || o.strides[l] === 1)
  if (n.sizes[inner] < 4 || !isEven(inner) || n.operands.slice(reading).some(o => o.strides[inner] !== 1))
    return undefined
  const found = range(0, inner).findLast(isSide)
  if (found !== 0) return found
  const units = largestDivisor(size, Math.floor(size / 4))
  if (size / units > 64) return undefined
  cut(n, 0, units)
  return 1
}

function emit(build: Build, instruction: MapInstruction, n: Nest, inputNames: readonly string[]): void {
  const outputs = () => n.operands.slice(inputNames.length)
  // What is overwritten cannot be read again in a later round.
  const inPlace = outputs().some(out => n.operands.some(o => o !== out && o.view.buffer === out.view.buffer))
  const twice = inPlace ? 'alone' : 'always'
  const vector = n.sizes.length > 1 && vectorizable(n, n.sizes.length - 1, outputs())
  const turned = vector || inPlace ? undefined : turnedAlong(n, inputNames.length)
  const inner = n.sizes.length - 1
  const loops = (f: Code, begin: Local, end: Local) => {
    const write = groupWriter(build, f, instruction.formula, name => inputNames.includes(name))
    const w = walker(f, n, build.key)
    const isStill = (i: number) => !w.varies(i, inner) && (turned === undefined || !w.varies(i, turned))
    /** The outputs at several places in step. */
    const group = (lanes: Lanes, places: readonly Record<number, number>[], load = plain(lanes, places)) => {
      const loaded = new Map(inputNames.map((name, i) => [name, load(i)]))
      write(name => loaded.get(name)!).forEach((values, o) => {
        places.forEach((at, u) => {
          w.store(inputNames.length + o, values[values.length === 1 ? 0 : u], lanes, at)
        })
      })
    }
    const plain = (lanes: Lanes, places: readonly Record<number, number>[]) => (i: number) =>
      (isStill(i) ? places.slice(0, 1) : places).map(at => w.load(i, inner, lanes, at))
    /** Four vectors, of which what lies side by side along the other level is read so, and transposed. */
    const square = (other: number, down: number, across: number) => {
      const places = range(0, 4).map(j => ({ [other]: down + j, [inner]: across }))
      const columns = (i: number) => range(0, 4).map(j => w.load(i, other, 4, { [other]: down, [inner]: across + j }))
      const isAcross = (i: number) => [0, 1].includes(n.operands[i].strides[inner])
      group(4, places, i => (isAcross(i) ? plain(4, places)(i) : transposed(f, columns(i))))
    }
    const quarters = (l: number, body: (start: number) => void) =>
      w.sectioned(l, sections(n.sizes[l], true, 1, 'always'), ({ starts: [start] }) => body(start))
    w.share(begin, end, () => {
      if (inner === 0) return group(1, [{}])
      if (turned !== undefined) {
        const others = range(1, inner).filter(l => l !== turned)
        return w.loops(others, () => quarters(turned, down => quarters(inner, across => square(turned, down, across))))
      }
      w.loops(range(1, inner), () => {
        const still = n.sizes[inner] > 4 * width ? inputNames.filter((_, i) => isStill(i)) : []
        write.ahead(still, name => w.load(inputNames.indexOf(name), inner, 1))
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

/** The columns of four vectors. */
function transposed(f: Code, [a, b, c, d]: readonly Local[]): Local[] {
  const pick = (x: Local, y: Local, ...lanes: readonly [number, number, number, number]) => {
    const made = f.local('v128')
    f.get(x)
      .get(y)
      .shuffle(...lanes)
      .set(made)
    return made
  }
  const [left, right] = [
    [a, b],
    [c, d],
  ].map(([x, y]) => [pick(x, y, 0, 4, 1, 5), pick(x, y, 2, 6, 3, 7)])
  return [0, 1].flatMap(i => [pick(left[i], right[i], 0, 1, 4, 5), pick(left[i], right[i], 2, 3, 6, 7)])
}
