import { readFileSync } from 'node:fs'
import { layers, numpyRandom, reference, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/nn/json.ts'
import type { Layer, LayerMaker, Pair } from '../../src/nn/layer.ts'
import { asPair } from '../../src/nn/layers/wrapper.ts'
import { type Backend, drop, fuse, lift, record } from '../../src/program/index.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'

interface Case {
  type: string
  config: Record<string, Json>
  input: number[]
  output: number[]
  params: Record<string, number[]>
  /** x are whole numbers below this. */
  whole?: number
  y: number[]
  dx: number[]
  gradients: Record<string, number[]>
}
const read = (from: string): Case[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/${from}/layers.json`, import.meta.url), 'utf8')).cases
/** Each with the seed of its numbers, which is its place in its file. */
const cases = ['torch', 'keras'].flatMap(from => read(from).map((each, seed) => ({ ...each, from, seed })))
const makers = layers as unknown as Record<string, LayerMaker<unknown[]>>
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/** Forward and backward of one layer on two samples: y, dx and the gradient of each parameter. */
async function run(backend: Backend, seed: number, { type, config, input, output, params, whole }: Case) {
  const layer: Layer = makers[type].fromConfig(config)
  const pair = asPair(layer.pair)
  const { y, saved, state, shared, ...shapes } = pair.shapes(input)
  expect(y).toEqual(output)
  expect(Object.fromEntries(Object.entries(shapes.params ?? {}).filter(([, shape]) => shape))).toEqual(params)
  const random = numpyRandom(seed)
  const engine = backend.engine({ threads: 1 })
  const views: Record<string, View> = {}
  const add = (name: string, shape: readonly number[], kind: Buffer['kind'], values?: ArrayLike<number>) => {
    views[name] = viewOf({ name, shape, kind })
    if (values) engine.write(views[name].buffer, values)
  }
  const rows = (shape: readonly number[]) => [2, ...shape]
  const drawn = whole ? random.randint(0, whole, size(rows(input))) : random.randn(size(rows(input)))
  add('x', rows(input), 'input', Float64Array.from(drawn))
  for (const [key, shape] of Object.entries(params)) {
    add(
      key,
      shape,
      'parameter',
      Float64Array.from(random.randn(size(shape)), w => 0.5 * w),
    )
    add(`d${key}`, shape, 'output')
  }
  add('dy', rows(y), 'input', random.randn(size(y) * 2))
  for (const [key, shape] of Object.entries({ y, dx: input })) {
    add(key, rows(shape), 'temporary')
    add(`${key} read`, rows(shape), 'output')
  }
  for (const [key, shape] of Object.entries(saved ?? {}))
    for (const name of [key, `d${key}`]) add(name, rows(shape), 'temporary')
  // Directions begin at zero, which the fixtures know.
  for (const [key, shape] of Object.entries(state ?? {}))
    add(key, shape, 'state', key === 'direction' ? undefined : pair.initial?.[key]?.draw(shape, random))
  for (const [key, shape] of Object.entries(shared ?? {})) add(key, shape, 'temporary')
  const program = record('layer', [], k => {
    pair.forward(k, views as Parameters<Pair['forward']>[1], [views.x])
    pair.backward(k, views as Parameters<typeof pair.backward>[1], [views.x], [views.dx])
    for (const key of ['y', 'dx']) k.copy(views[`${key} read`], views[key])
  })
  await engine.compile(lift(drop(fuse(drop(program))))).run({})
  const read = (name: string) => Array.from(engine.read(views[name].buffer))
  const gradients = Object.fromEntries(Object.keys(params).map(key => [key, read(`d${key}`)]))
  engine.close()
  return { y: read('y read'), dx: read('dx read'), ...gradients }
}

/** How far each backend may be from PyTorch or Keras in float64, relative to an element or to its array's mean square. */
const backends: [Backend, number][] = [
  [reference, 1e-9],
  [wasm, 2e-4],
]

describe.each(backends)('$name', (backend, tolerance) => {
  test.each(cases.map((c, i) => [c.type, c.config, c.input, c.from, i] as const))(
    '%s %j on %j gives what %s gives',
    async (_type, _config, _input, _from, index) => {
      const found: Record<string, number[]> = await run(backend, cases[index].seed, cases[index])
      const { y, dx, gradients } = cases[index]
      for (const [name, wanted] of Object.entries({ y, dx, ...gradients })) {
        const scale = Math.sqrt(wanted.reduce((sum, v) => sum + v * v, 0) / wanted.length)
        const off = wanted.map((v, i) => Math.abs(found[name][i] - v) / Math.max(Math.abs(v), scale, 1e-300))
        expect(Math.max(...off), name).toBeLessThan(tolerance)
      }
    },
  )
})
