import { formula, optimizers, reference, schedules, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { evaluateExactly } from '../../src/nn/exact.ts'
import { drop, fuse, record } from '../../src/program/index.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'
import fixture from '../fixtures/torch/optimizers.json' with { type: 'json' }

const { begin, gradients, shapes } = fixture
const runs = fixture.runs as unknown as { name: string; params: Record<string, number>; weights: number[][] }[]
const paces = fixture.schedules as unknown as [keyof typeof schedules, Record<string, number>, number[]][]

/** The weights after each step of the fixture's gradients. */
async function walk(backend: typeof reference, name: string, params: Record<string, number>) {
  const made = optimizers[name as keyof typeof optimizers](params)
  const buffer = (key: string, kind: Buffer['kind']): Buffer => ({ name: key, shape: [begin.length], kind })
  const [w, g] = [buffer('w', 'parameter'), buffer('g', 'gradient')]
  const slots = Object.fromEntries(made.state.map(key => [key, buffer(key, 'state')]))
  let at = 0
  const pieces = shapes.map(shape => {
    const offset = at
    at += sizeOf(shape)
    return (flat: View) => flat.slice(0, offset, sizeOf(shape)).reshape(...shape)
  })
  const program = record('step', ['t', 'learningRate', 'seed'], k => {
    const views = Object.fromEntries(Object.entries({ ...slots, w, g }).map(([key, b]) => [key, viewOf(b)]))
    made.update(k, views, pieces)
  })
  const engine = backend.engine({ threads: 1 })
  const compiled = engine.compile(drop(fuse(drop(program))))
  engine.write(w, begin)
  const weights: number[][] = []
  for (const [i, gradient] of gradients.entries()) {
    engine.write(g, gradient)
    await compiled.run({ t: i + 1, learningRate: made.learningRate, seed: 0 })
    weights.push(Array.from(engine.read(w)))
  }
  engine.close()
  return weights
}

describe.each([
  ['reference', reference, 1e-9, 1e-9],
  ['wasm', wasm, 2e-4, 5e-2],
] as const)('on %s', (_, backend, tolerance, floor) => {
  test.each(runs.map(each => [`${each.name} ${JSON.stringify(each.params)}`, each] as const))(
    '%s goes the same way, step by step',
    async (_, { name, params, weights }) => {
      const found = await walk(backend, name, params)
      const off = found.map((row, i) =>
        Math.max(...row.map((w, j) => Math.abs(w - weights[i][j]) / Math.max(Math.abs(weights[i][j]), floor))),
      )
      expect(off.findIndex(error => !(error < tolerance))).toBe(-1)
    },
  )
})

test('every optimiser has a run', () => {
  expect(Object.keys(optimizers).filter(name => !runs.some(run => run.name === name))).toEqual([])
})

test('exact functions agree with the engine to a few units in the last place', () => {
  const of = (text: string, x: number) => evaluateExactly([...formula(text).outputs.values()][0], { x })
  for (let i = 0; i < 500; i++) {
    const x = (i - 250) * 0.0731
    expect(Math.abs(of('exp(x)', x) / Math.exp(x) - 1)).toBeLessThan(1e-15)
    expect(Math.abs(of('cos(x)', x) - Math.cos(x))).toBeLessThan(4e-15)
    expect(Math.abs(of('1.7^x', x) / 1.7 ** x - 1)).toBeLessThan(4e-16)
  }
  expect([of('exp(x)', 800), of('exp(x)', -800), of('exp(x)', 0), of('cos(x)', 0)]).toEqual([Infinity, 0, 1, 1])
})

describe('schedules', () => {
  test.each(paces.map(each => [`${each[0]} ${JSON.stringify(each[1])}`, each] as const))(
    '%s gives the same rates',
    (_, [name, params, rates]) => {
      const made = schedules[name](params)
      rates.forEach((rate, step) => {
        expect(Math.abs(made.at(step) - rate)).toBeLessThan(1e-9 * rate + 1e-17)
      })
    },
  )

  test('every schedule has a row', () => {
    expect(Object.keys(schedules).filter(name => !paces.some(row => row[0] === name))).toEqual([])
  })
})
