import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import {
  buffersOf,
  explain,
  inline,
  type Program,
  phases,
  record,
  reuse,
  share,
  tile,
  type Verbs,
} from '../../src/program/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'

type Arrays = Readonly<Record<'x' | 's' | 'y', View>>
const shape = [2, 4, 4, 8]
const buffers: Readonly<Record<'x' | 's' | 'y', Buffer>> = {
  x: { name: 'x', shape, kind: 'input' },
  s: { name: 's', shape: [64], kind: 'state' },
  y: { name: 'y', shape, kind: 'output' },
}
const recorded = (write: (k: Verbs, arrays: Arrays) => void): Program =>
  record('passes', [], k => write(k, { x: viewOf(buffers.x), s: viewOf(buffers.s), y: viewOf(buffers.y) }))

/** What a program leaves in y and s. */
async function left(program: Program, backend = reference): Promise<number[][]> {
  const engine = backend.engine({ threads: 1 })
  engine.write(
    buffers.x,
    Float64Array.from({ length: 256 }, (_, i) => ((i * 37) % 101) / 10 - 5),
  )
  engine.write(
    buffers.s,
    Float64Array.from({ length: 64 }, (_, i) => i),
  )
  await engine.compile(program).run({})
  return [buffers.y, buffers.s].map(buffer => Array.from(engine.read(buffer)))
}

/** Pooling behind a cheap formula, and the way back to the elements that were largest. */
const pooling = recorded((k, { x, y }) => {
  const h = k.scratch('h', shape)
  k.map(h, 'x > 0 ? x : 0.5 * x', { x })
  const [largest, place] = [k.scratch('largest', [2, 2, 2, 8]), k.scratch('place', [2, 2, 2, 8])]
  const windows = (v: View) => v.windows({ size: [2, 2], strides: [2, 2] })
  k.reduce({ largest, place }, { largest: 'max', place: 'argmax' }, 'largest = v; place = v', { v: windows(h) }, [3, 4])
  k.scatter(windows(y).reshape(2, 2, 2, 4, 8), largest, place, 3)
})

test('a formula that is cheap to compute again is put where it is read, and a scatter that tiles is a map', async () => {
  const program = inline(tile(pooling))
  expect(explain(program)).not.toMatch(/^h = |\+=/m)
  expect(program.instructions.map(({ verb }) => verb)).toEqual(['reduce', 'map'])
  expect(await left(program)).toEqual(await left(pooling))
})

test('the same on the engine that runs these passes by itself', async () => {
  const [found, wanted] = [await left(pooling, wasm), await left(pooling)]
  found[0].forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[0][i], 5)
  })
})

test.each<[string, (k: Verbs, arrays: Arrays) => void]>([
  [
    'what it is made of has changed by then',
    (k, { s, y }) => {
      const h = k.scratch('h', [64])
      k.map(h, '2 * s', { s })
      k.map(s, 's + 1', { s })
      k.map(y, 'h', { h: h.repeat(0, 4).reshape(...shape) })
    },
  ],
  [
    'who reads it writes what it is made of, in another order',
    (k, { s, x, y }) => {
      const h = k.scratch('h', [64])
      k.map(h, '2 * s', { s })
      k.map(s, 'h', { h: h.flip(0) })
      k.map(y, 'x', { x })
    },
  ],
])('a formula stays where it is when %s', async (_, write) => {
  const program = recorded(write)
  expect(await left(inline(program))).toEqual(await left(program))
})

test('what a map turns into an array of its shape is made in the place of that array', async () => {
  const made = (write: (k: Verbs, h: View, arrays: Arrays) => void) => {
    const program = recorded((k, arrays) => {
      const h = k.scratch('h', shape)
      k.map(h, 'exp(x)', { x: arrays.x })
      write(k, h, arrays)
    })
    const reused = reuse(program, () => true)
    return { program, reused, isGone: ![...buffersOf(reused)].some(({ name }) => name === 'h') }
  }
  const last = made((k, h, { y }) => k.map(y, 'h / 2', { h }))
  const turned = made((k, h, { y }) => k.map(y, 'h / 2', { h: h.flip(3) }))
  const readLater = made((k, h, { s, y }) => {
    k.map(y, 'h / 2', { h })
    k.reduce(s, 'sum', 'h', { h: h.reshape(4, 64) }, [0])
  })
  const isTaken = made((k, h, { x, y }) => {
    k.map(y, 'x', { x })
    k.map(y, 'y + h', { y, h })
  })
  expect([last, turned, readLater, isTaken].map(({ isGone }) => isGone)).toEqual([true, false, false, false])
  for (const { program, reused } of [last, turned, readLater, isTaken])
    expect(await left(reused)).toEqual(await left(program))
})

test('a product that reads zeros between elements is one for each phase of the stride, without the zeros', async () => {
  const count = (most: number, least = 1) => fc.integer({ min: least, max: most })
  const axis = fc.record({
    image: count(9),
    size: count(5),
    stride: count(4, 2),
    dilation: count(3),
    before: count(4, 0),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(axis, { minLength: 1, maxLength: 2 }), fc.boolean(), async (axes, plain) => {
      const [batch, channels, filters] = [2, 3, 4]
      const of = (key: keyof (typeof axes)[0]) => axes.map(axis => axis[key])
      const spread = of('image').map((n, i) => (n - 1) * axes[i].stride + axes[i].before + 1)
      const z: Buffer = { name: 'z', kind: 'input', shape: [batch, ...of('image'), channels] }
      const w: Buffer = { name: 'w', kind: 'input', shape: [...of('size'), channels, filters] }
      const b: Buffer = { name: 'b', kind: 'input', shape: [filters] }
      const x: Buffer = { name: 'x', kind: 'output', shape: [batch, ...spread, filters] }
      const padding = axes.map(({ size, dilation, before }): [number, number] => [dilation * (size - 1) - before, 0])
      const seen = { size: of('size'), dilation: of('dilation'), spread: of('stride'), padding, count: spread }
      const rows = axes.length + 1
      const program = record('back', [], k => {
        const to = plain ? viewOf(x) : k.scratch('y', x.shape)
        const patches = viewOf(z).windows(seen).matrix(rows)
        k.gemm(to.matrix(rows), patches, viewOf(w).flip(0).matrix(rows), { bias: viewOf(b) })
        if (!plain) k.map(viewOf(x), '2 * y', { y: to })
      })
      const parted = phases(program)
      const steps = ({ instructions }: Program) =>
        instructions.reduce((sum, i) => sum + (i.verb === 'gemm' ? i.a.shape[0] * i.a.shape[1] : 0), 0)
      for (const i of parted.instructions) if (i.verb === 'gemm') expect(i.a.divisor.every(d => d === 1)).toBe(true)
      expect(steps(parted)).toBeLessThanOrEqual(steps(program))
      const results = [program, parted].map(async made => {
        const engine = reference.engine({})
        for (const [i, buffer] of [z, w, b].entries()) engine.write(buffer, numpyRandom(i).randn(...buffer.shape))
        await engine.compile(made).run({})
        return engine.read(x)
      })
      const [wanted, found] = await Promise.all(results)
      wanted.forEach((value, i) => {
        expect(found[i]).toBeCloseTo(value, 10)
      })
    }),
    { numRuns: 60 },
  )
})

test('a loss behind a softmax reads the exponentials and sums that the softmax has made', () => {
  const wide = [64, 300]
  const [z, p] = (['input', 'output'] as const).map(kind => viewOf({ name: kind, kind, shape: wide }))
  const loss = viewOf({ name: 'loss', kind: 'output', shape: [1] })
  const recorded = record('both', [], k => {
    const [m, s, n, t] = ['m', 's', 'm', 's'].map(name => k.scratch(name, [64, 1]))
    const e = k.scratch('e', wide)
    k.reduce(m, 'max', 'z', { z }, [1])
    k.map(e, 'exp(z - m)', { z, m })
    k.sum(s, e, [1])
    k.map(p, 'e / s', { e, s })
    k.reduce(n, 'max', 'z', { z }, [1])
    k.reduce(t, 'sum', 'exp(z - m)', { z, m: n }, [1])
    k.reduce(loss, 'sum', 'log(s) + m - z', { z, m: n, s: t }, [0, 1])
  })
  expect(explain(share(recorded)).split('\n')).toEqual([
    'm = max(input)',
    'e = exp(input - m)',
    's = Σ e',
    'output = e / s',
    'loss = Σ (log(s) + m - input)',
  ])
})
