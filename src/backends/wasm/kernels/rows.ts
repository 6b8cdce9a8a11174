import type { Lanes } from '../assembler.ts'
import { type Body, type Build, groupWriter } from '../build.ts'
import { type Nest, traffic } from '../nest.ts'
import { range } from '../numbers.ts'
import { sections, walker } from '../walk.ts'
import { type Job, writeReduction } from './accumulator.ts'

/** From how many sums on, side by side, and from how many bytes. */
const wide = 32
const large = 2 ** 19

/**
 * Sums over rows that are longer than a few cache lines, of arrays that come from far: row after row, as they lie in
 * memory, into sums that stay in the first cache. To go down a few columns at a time would leave most of each line
 * unread until it is gone, and nothing to foresee what is needed next. Levels of `n` before `outer` are kept, and the
 * last of these is the vector. False if it is no such reduction.
 */
export function rows(build: Build, job: Job, n: Nest, outer: number): boolean {
  const inner = outer - 1
  const along = n.sizes.length - 1
  const reading = job.names.length
  const isSum = job.kinds.every(kind => kind === 'sum' || kind === 'mean')
  const isFar = traffic(n) >= large && n.operands.some(o => Math.abs(o.strides[along]) >= n.sizes[inner])
  if (!isSum || !isFar || job.careful || along < outer || n.sizes[inner] < wide) return false
  // Rows that are added before the sums in memory are touched.
  const beside = [4, 2, 1].find(count => n.sizes[along] % count === 0)!
  const group = { starts: [0], length: beside, count: n.sizes[along] / beside, lanes: 1 as const }

  const body: Body = (f, begin, end) => {
    const write = groupWriter(build, f, job.formula, name => job.names.includes(name))
    const w = walker(f, n, build.key)
    const zero = f.local('v128')
    f.f32x4(0).set(zero)
    const sums = (change: (o: number, lanes: Lanes) => void) =>
      w.sectioned(inner, sections(n.sizes[inner], true, 1), ({ lanes }) => {
        for (const o of job.kinds.keys()) change(o, lanes)
      })
    /** What rows have at one column is added in pairs, so that none waits for all before it. */
    const add = (column: number, lanes: Lanes) => {
      const places = range(0, beside).map(row => ({ [inner]: column, [along]: row }))
      const load = (name: string) => {
        const i = job.names.indexOf(name)
        return (w.varies(i, along) ? places : places.slice(0, 1)).map(at => w.load(i, inner, lanes, at))
      }
      write(load).forEach((values, o) => {
        const value = (row: number) => f.get(values[values.length === 1 ? 0 : row])
        const sum = w.load(reading + o, inner, lanes, places[0])
        f.get(sum)
        for (let row = 0; row < beside; row += 2) {
          value(row)
          if (row + 1 < beside) value(row + 1).op('f32x4.add')
          f.op('f32x4.add')
        }
        f.set(sum)
        w.store(reading + o, sum, lanes, places[0])
      })
    }
    w.share(begin, end, () => {
      w.loops(range(1, inner), () => {
        sums((o, lanes) => w.store(reading + o, zero, lanes))
        w.loops(range(outer, along), () => {
          w.sectioned(along, [group], () => {
            w.sectioned(inner, sections(n.sizes[inner], true, 2), ({ lanes, starts }) => {
              for (const column of starts) add(column, lanes)
            })
          })
        })
        if (job.scales.every(scale => scale === 1)) return
        sums((o, lanes) => {
          const sum = w.load(reading + o, inner, lanes)
          f.get(sum).f32x4(job.scales[o]).op('f32x4.mul').set(sum)
          w.store(reading + o, sum, lanes)
        })
      })
    })
  }
  writeReduction(build, job, n, body)
  return true
}
