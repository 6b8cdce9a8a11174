import { readFileSync } from 'node:fs'
import { activations, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { type Backend, record } from '../../src/program/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

type Cell = number | string
type Point = [x: number, y: Cell, slope: Cell, exactY?: Cell, exactSlope?: Cell]
interface Fixture {
  elementwise: { name: keyof typeof activations; params: Record<string, number | boolean>; points: Point[] }[]
  rowwise: {
    name: keyof typeof activations
    params: Record<string, number>
    shape: number[]
    x: number[]
    dy: number[]
    y: number[]
    dx: number[]
  }[]
}
const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../fixtures/torch/activations.json', import.meta.url), 'utf8'),
)

/** y and dx on a backend. */
async function run(
  backend: Backend,
  name: keyof typeof activations,
  params: object,
  shape: number[],
  x: number[],
  dy: number[],
) {
  const f = activations[name](params as never)
  const after = [shape[0], ...f.outputShape(shape.slice(1))]
  const buffer = (name: string, shape: number[], kind: Buffer['kind']): Buffer => ({ name, shape, kind })
  const buffers = {
    x: buffer('x', shape, 'input'),
    dy: buffer('dy', after, 'input'),
    y: buffer('y', after, 'output'),
    dx: buffer('dx', shape, 'output'),
  }
  const views = Object.fromEntries(Object.entries(buffers).map(([key, b]) => [key, viewOf(b)])) as never
  const engine = backend.engine({ threads: 1 })
  engine.write(buffers.x, x)
  engine.write(buffers.dy, dy)
  const program = record('activation', [], k => {
    f.forward(k, views)
    f.backward(k, views)
  })
  await engine.compile(program).run({})
  const [y, dx] = [buffers.y, buffers.dx].map(b => Array.from(engine.read(b)))
  engine.close()
  return { y, dx }
}

const ulp = (value: number) =>
  Math.abs(value) < 2 ** -1022 ? 2 ** -1074 : 2 ** (Math.floor(Math.log2(Math.abs(value))) - 52)
const ulps = (got: number, wanted: number, size = 0) =>
  Object.is(got, wanted) || got === wanted ? 0 : Math.abs(got - wanted) / Math.max(ulp(wanted), ulp(size))

/** Where terms of a size cancel, units in the last place are those of the terms, of y and of the slope. */
const terms: Partial<Record<keyof typeof activations, (x: number) => [number, number]>> = {
  tanhShrink: x => [Math.abs(x), 0],
  tanh: () => [0, 0.25],
  silu: () => [0, 0.25],
  mish: () => [0, 0.25],
  gelu: x => [Math.abs(x) / 2, 0.25],
}

describe.each(fixture.elementwise)('$name $params', ({ name, params, points }) => {
  const x = points.map(([x]) => x)
  const ones = x.map(() => 1)

  test('is within 4 ulp of PyTorch, or of the exact value where PyTorch is not', async () => {
    const { y, dx } = await run(reference, name, params, [1, x.length], x, ones)
    const off = points.flatMap(([x, ty, ts, ey = ty, es = ts], i) => {
      const [sizeY, sizeSlope] = terms[name]?.(x) ?? [0, 0]
      const a = Math.min(ulps(y[i], Number(ty), sizeY), ulps(y[i], Number(ey), sizeY))
      const b = Math.min(ulps(dx[i], Number(ts), sizeSlope), ulps(dx[i], Number(es), sizeSlope))
      return a <= 4 && b <= 4 ? [] : [[x, a, b]]
    })
    expect(off).toEqual([])
  })

  test('is close to it in float32 on the fast backend', async () => {
    const { y, dx } = await run(wasm, name, params, [1, x.length], x, ones)
    const off = points.flatMap(([x, ty, ts], i) =>
      near(y[i], Number(ty)) && near(dx[i], Number(ts)) ? [] : [[x, y[i], ty, dx[i], ts]],
    )
    expect(off).toEqual([])
  })
})

const near = (got: number, wanted: number, tolerance = 2e-4) => {
  const single = Math.fround(wanted)
  return got === single || Math.abs(got - single) <= tolerance * Math.max(1, Math.abs(single))
}

describe.each(fixture.rowwise)('$name $params of $shape', ({ name, params, shape, x, dy, y, dx }) => {
  test.each([
    ['reference', reference, 1e-12],
    ['wasm', wasm, 2e-4],
  ] as const)('agrees with PyTorch on %s', async (_, backend, tolerance) => {
    const got = await run(backend, name, params, shape, x, dy)
    const size = Math.max(1, ...x.map(Math.abs)) // a float32 of 1000 is known to 6e-5
    for (const [found, wanted] of [
      [got.y, y],
      [got.dx, dx],
    ])
      expect(found.flatMap((v, i) => (Math.abs(v - wanted[i]) <= tolerance * size ? [] : [[i, v, wanted[i]]]))).toEqual(
        [],
      )
  })
})
