import { describe, expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import { pool } from '../../src/backends/wasm/pool.ts'
import { type Numbers, record, type Verbs } from '../../src/program/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'
import { type Case, cases, run } from './table.ts'

describe.each([
  ['as recorded', { fused: false }],
  ['fused', { fused: true }],
  ['fused, with fused multiply-add', { fused: true, fma: true }],
])('%s, wasm agrees with the reference on', (_, options) => {
  test.each(cases.map(c => [c.title, c] as const))('%s', async (_, c) => {
    const expected = await run(c, reference)
    const got = await run(c, wasm, options)
    for (const [name, values] of Object.entries(expected)) {
      const size = Math.max(1, ...Array.from(values, Math.abs))
      for (let i = 0; i < values.length; i++)
        if (!(Math.abs(got[name][i] - values[i]) <= 2e-5 * size))
          expect.fail(`${name}[${i}] is ${got[name][i]}, not ${values[i]} (largest ${size})`)
    }
  })
})

test('any number of threads gives the same bits', async () => {
  const large = cases.filter(c => Object.values(c.inputs).some(shape => shape.reduce((a, b) => a * b, 1) > 50_000))
  expect(large.length).toBeGreaterThan(4)
  for (const c of large) {
    const one = await run(c, wasm)
    for (const threads of [2, 3]) {
      // Until others have come to help a few times.
      const enough = pool(threads).helped() + 5
      const many = await run(c, wasm, { threads, isEnough: () => pool(threads).helped() >= enough })
      for (const name of Object.keys(one)) expect(many[name]).toEqual(one[name])
    }
  }
})

test.each([1, 2])('several steps in one call leave what single calls leave, on %i threads', async threads => {
  const size = 140
  const buffer = (name: string, kind: Buffer['kind']): Buffer => ({ name, kind, shape: [size, size] })
  const [x, w, y] = [buffer('x', 'input'), buffer('w', 'state'), buffer('y', 'output')]
  const program = record('walk', ['t', 'seed'], k => {
    const u = k.random('u', [size, size])
    const z = k.scratch('z', [size, size])
    k.gemm(z, viewOf(x), viewOf(w))
    k.map({ w: viewOf(w), y: viewOf(y) }, 'w = 0.9 * w + t * u * x; y = 2 * w + z / 140', {
      w: viewOf(w),
      x: viewOf(x),
      z,
      u,
    })
  })
  const inputs = [1, 2, 3].map(i => numpyRandom(i).normal(0, 1, size * size))
  const [single, many] = [wasm.engine({ threads, threadsFrom: 0 }), wasm.engine({ threads, threadsFrom: 0 })]
  const one = single.compile(program)
  const { series } = many.compile(program)
  const expected: Numbers[] = []
  for (const [i, values] of inputs.entries()) {
    single.write(x, values)
    await one.run({ t: i, seed: 5 })
    expected.push(single.read(y))
  }
  const most = Math.min(series!.capacity, series!.parts)
  expect(most).toBeGreaterThanOrEqual(1)
  for (let i = 0; i < 3; i += most) {
    const part = inputs.slice(i, i + most)
    part.forEach((values, j) => {
      series!.input(x, j).set(values)
    })
    await series!.run(part.length, { t: j => i + j, seed: 5 }, 0, part.length)
    const { numbers, width } = series!.output(y)
    part.forEach((_, j) => {
      expect(numbers.subarray(j * width, j * width + expected[i + j].length)).toEqual(expected[i + j])
    })
  }
  expect(many.read(w)).toEqual(single.read(w))
})

test('what is made of weights is made again when the weights change', async () => {
  const [x, w, y]: Buffer[] = [
    { name: 'x', kind: 'input', shape: [40, 8] },
    { name: 'w', kind: 'parameter', shape: [8, 12] },
    { name: 'y', kind: 'output', shape: [40, 12] },
  ]
  const use = record('use', [], k => k.gemm(viewOf(y), viewOf(x), viewOf(w)))
  const move = record('move', [], k => k.map(viewOf(w), '2 * w', { w: viewOf(w) }))
  const results = await Promise.all(
    [reference, wasm].map(async backend => {
      const engine = backend.engine({ threads: 1 })
      const [used, moved] = [engine.compile(use), engine.compile(move)]
      const seen: number[] = []
      engine.write(x, numpyRandom(1).normal(0, 1, 320))
      const look = async () => {
        await used.run({})
        seen.push(engine.read(y)[100])
      }
      engine.write(w, numpyRandom(2).normal(0, 1, 96))
      await look()
      await look()
      await moved.run({})
      await look()
      engine.write(w, numpyRandom(3).normal(0, 1, 96))
      await look()
      return seen
    }),
  )
  results[0].forEach((value, i) => {
    expect(results[1][i]).toBeCloseTo(value, 5)
  })
})

test.each<[string, Record<string, [Buffer['kind'], ...number[]]>, Case['write']]>([
  [
    'a product of weights turned round with a column',
    { W: ['parameter', 5, 7], x: ['input', 5, 1], y: ['output', 7, 1] },
    (k, { W, x, y }) => k.gemm(y, W.T, x),
  ],
  [
    'a convolution by tiles of few taps, which take many points, with weights that stay',
    { x: ['input', 4, 16, 16, 32], W: ['parameter', 2, 2, 32, 32], y: ['output', 4, 15, 15, 32] },
    (k, { x, W, y }) => k.gemm(y.matrix(3), x.windows({ size: [2, 2] }).matrix(3), W.matrix(3)),
  ],
  [
    'a convolution by tiles of an image that is a weight, and of what is made of it',
    {
      P: ['parameter', 2, 9, 8, 16],
      W: ['input', 3, 3, 16, 16],
      y: ['output', 2, 9, 8, 16],
      q: ['output', 2, 9, 8, 16],
    },
    (k, { P, W, y, q }) => {
      const seen = (v: View) => v.windows({ size: [3, 3], padding: [1, 1].map(() => [1, 1] as const) }).matrix(3)
      const made = k.scratch('made', P.shape)
      k.map(made, 'tanh(P)', { P })
      k.gemm(y.matrix(3), seen(P), W.matrix(3))
      k.gemm(q.matrix(3), seen(made), W.matrix(3))
    },
  ],
  [
    'a convolution by tiles of an output, before and after it changes',
    { x: ['input', 2, 9, 8, 16], W: ['input', 3, 3, 16, 16], p: ['output', 2, 9, 8, 16], q: ['output', 2, 9, 8, 16] },
    (k, { x, W, p, q }) => {
      const seen = (v: View) => v.windows({ size: [3, 3], padding: [1, 1].map(() => [1, 1] as const) }).matrix(3)
      k.map(p, '2 * x', { x })
      k.gemm(q.matrix(3), seen(p), W.matrix(3))
      k.map(p, 'p + q', { p, q })
      k.gemm(q.matrix(3), seen(p), W.matrix(3))
    },
  ],
])('%s', async (_, arrays, write) => {
  const buffers = Object.entries(arrays).map(([name, [kind, ...shape]]): Buffer => ({ name, kind, shape }))
  const program = record('p', [], k => write(k, Object.fromEntries(buffers.map(b => [b.name, viewOf(b)]))))
  const [right, fast] = await Promise.all(
    [reference, wasm].map(async backend => {
      const engine = backend.engine({ threads: 1 })
      for (const [i, b] of buffers.entries()) engine.write(b, Float32Array.from(numpyRandom(i).randn(...b.shape)))
      const compiled = engine.compile(program)
      for (let i = 0; i < 2; i++) await compiled.run({})
      return buffers.flatMap(b => (b.kind === 'output' ? [...engine.read(b)] : []))
    }),
  )
  const largest = Math.max(...right.map(Math.abs))
  expect(Math.max(...right.map((v, i) => Math.abs(v - fast[i]))) / largest).toBeLessThan(1e-5)
})

test('an input that nothing reads can be given all the same', async () => {
  const [x, y]: Buffer[] = [
    { name: 'x', kind: 'input', shape: [3] },
    { name: 'y', kind: 'output', shape: [2] },
  ]
  const { series } = wasm.engine({}).compile(record('constant', [], k => k.map(viewOf(y), '7', {})))
  series!.input(x, 0).set([1, 2, 3])
  await series!.run(1, {}, 0, 1)
  expect(series!.output(y).numbers.slice(0, 2)).toEqual(Float32Array.of(7, 7))
})

test('weights that many products use are packed for each of them', async () => {
  const [x, w, y]: Buffer[] = [
    { name: 'x', kind: 'input', shape: [32, 8] },
    { name: 'w', kind: 'parameter', shape: [8, 8] },
    { name: 'y', kind: 'output', shape: [32, 8] },
  ]
  const chain = record('chain', [], k => {
    let from = viewOf(x)
    for (let i = 0; i < 60; i++) {
      const to = i === 59 ? viewOf(y) : k.scratch(`h${i}`, [32, 8])
      k.gemm(to, from, viewOf(w))
      from = to
    }
  })
  const engine = wasm.engine({})
  engine.write(x, new Float32Array(256).fill(1))
  engine.write(w, new Float32Array(64).fill(1 / 8))
  await engine.compile(chain).run({})
  expect(engine.read(y)).toEqual(new Float32Array(256).fill(1))
})

test.each([wasm, reference])('$name keeps parts of a buffer that are written one by one', ({ engine }) => {
  const w: Buffer = { name: 'w', kind: 'parameter', shape: [2, 3] }
  const made = engine({})
  made.write(w, [5, 6], 3)
  made.write(w, Float32Array.of(1, 2))
  expect([...made.read(w)]).toEqual([1, 2, 0, 5, 6, 0])
  expect([...made.read(w, 1, 4)]).toEqual([2, 0, 5])
  expect(() => made.write(w, [7, 8], 5)).toThrow(RangeError)
  made.read(w).fill(9)
  expect([...made.read(w, 5)]).toEqual([0])
})

describe('places that float32 has no numbers for', () => {
  const most = 2 ** 24
  const buffer = (name: string, shape: readonly number[], kind: Buffer['kind'] = 'input') =>
    viewOf({ name, shape, kind })
  const y = buffer('y', [1], 'output')
  const [at, one] = [buffer('at', [1]), buffer('one', [1])]
  const writers: [string, (k: Verbs, x: View) => void][] = [
    ['argmax', (k, x) => k.reduce(y, 'argmax', 'x', { x }, [0])],
    ['gather', (k, x) => k.gather(y, x, at, 0)],
    ['scatter', (k, x) => k.scatter(x, one.reshape(), at.reshape(), 0)],
  ]
  test.each(writers)('are refused before %s runs', (what, write) => {
    const compile = (n: number) => wasm.engine({}).compile(record(what, [], k => write(k, buffer('x', [n], 'state'))))
    expect(() => compile(most + 1)).toThrow('tells 16777217 places apart, float32 just 16777216')
    expect(() => compile(most)).not.toThrow()
  })
  test('are one more than an argmax may find', () => {
    const x = buffer('x', [most])
    const engine = wasm.engine({})
    engine.write(x.buffer, [1], most - 1)
    engine.compile(record('last', [], k => k.reduce(y, 'argmax', 'x', { x }, [0]))).run({})
    expect(engine.read(y.buffer)[0]).toBe(most - 1)
  })
})
