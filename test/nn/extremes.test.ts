import {
  constraints,
  initializers,
  losses,
  metrics,
  numpyRandom,
  optimizers,
  reference,
  regularizers,
  schedules,
  wasm,
} from 'nabla'
import { describe, expect, test } from 'vitest'
import { drawnFor } from '../../scripts/docs/initializers.ts'
import { direct } from '../../src/backends/reference/index.ts'
import { record } from '../../src/program/index.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'
import { layerCases, lossCase, modelOf, widthOf } from './cases.ts'

const far = [90, 200, 1e4].flatMap(x => [-x, x])
const finite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite)
const buffer = (name: string, shape: readonly number[], kind: Buffer['kind'] = 'input'): Buffer => ({
  name,
  shape,
  kind,
})

/** One far from zero everywhere, beside zeros, beside its opposite and zeros. */
const patterns = (n: number, x: number): number[][] => [
  Array(n).fill(x),
  Array(n).fill(0).with(0, x),
  Array.from({ length: n }, (_, i) => [x, -x, 0][i % 3]),
]

/** e^90 is more than a float32 can hold, e^1e4 more than a float64. */
const isInfinite = (name: string, p: number) => name === 'poissonNll' && Math.abs(p) >= 90

describe.each([reference, wasm])('on $name', backend => {
  test.each(Object.keys(losses))(
    '%s and its slope stay finite for predictions far off, and for 0 and 1',
    async name => {
      const { made, logits, p, t } = lossCase(name)
      for (const of of [made, ...(logits ? [logits] : [])]) {
        const [loss, dp] = [buffer('loss', [1], 'output'), buffer('dp', p, 'output')]
        const [bp, bt] = [buffer('p', p), buffer('t', t)]
        const program = record('loss', [], k => {
          of.forward(k, { p: viewOf(bp), t: viewOf(bt), loss: viewOf(loss) })
          of.backward(k, { p: viewOf(bp), t: viewOf(bt), dp: viewOf(dp) })
        })
        const engine = backend.engine({ threads: 1 })
        const compiled = engine.compile(program)
        for (const x of [0, 1, ...far])
          for (const values of [...patterns(sizeOf(p), x), Array(sizeOf(p)).fill(0.5).with(-1, x)])
            for (const aim of [0, 1]) {
              engine.write(bp, values)
              engine.write(bt, Array(sizeOf(t)).fill(aim))
              await compiled.run({})
              const found = [...engine.read(loss), ...engine.read(dp)]
              const isSound = isInfinite(name, x) ? !found.some(Number.isNaN) : finite(found)
              expect(isSound, `p ${x}, t ${aim}: ${found}`).toBe(true)
            }
        engine.close()
      }
    },
  )

  test.each(layerCases)('%s stays finite for inputs far from zero, forward and backward', async (_, of) => {
    const model = modelOf(of)
    model.compile({
      loss: 'meanAbsoluteError',
      optimizer: { name: 'sgd', params: { learningRate: 1e-9 } },
      backend,
      threads: 1,
    })
    const targets = new Array(2 * sizeOf(model.outputShape)).fill(0)
    for (const x of far) {
      const values = [0, 2].flatMap(which => patterns(widthOf(model), x)[which])
      expect(finite(await model.run('train', 2, values, targets)), `loss at ${x}`).toBe(true)
      for (const { name, data } of model.gradients()) expect(finite(data), `gradient of ${name} at ${x}`).toBe(true)
      expect(finite(await model.forward(2, values)), `outputs at ${x}`).toBe(true)
    }
    model.close()
  })

  test.each(Object.keys(optimizers))('%s keeps weights finite for gradients of any size', async name => {
    const made = optimizers[name as keyof typeof optimizers]()
    const shape = [3, 4]
    const [w, g] = [buffer('w', [12], 'parameter'), buffer('g', [12], 'gradient')]
    const slots = Object.fromEntries(made.state.map(key => [key, buffer(key, [12], 'state')]))
    const program = record('step', ['t', 'learningRate', 'seed'], k => {
      const views = Object.fromEntries(Object.entries({ ...slots, w, g }).map(([key, b]) => [key, viewOf(b)]))
      made.update(k, views, [(flat: View) => flat.reshape(...shape)])
    })
    // Rows and columns from here on move: all of them, or all but the first.
    for (const from of [0, 1])
      for (const size of [0, 1e-30, 1e-8, 90, 200, 1e4, 1e12]) {
        const engine = backend.engine({ threads: 1 })
        const compiled = engine.compile(program)
        engine.write(
          w,
          Array.from({ length: 12 }, (_, i) => i / 6 - 1),
        )
        for (let t = 1; t <= 6; t++) {
          engine.write(
            g,
            Array.from({ length: 12 }, (_, i) =>
              t % 3 === 0 || Math.min(i >> 2, i % 4) < from ? 0 : size * Math.sin(i * i + t),
            ),
          )
          await compiled.run({ t, learningRate: made.learningRate, seed: 0 })
          expect(finite(engine.read(w)), `gradients of ${size}, step ${t}`).toBe(true)
        }
        engine.close()
      }
  })
})

test.each(Object.keys(regularizers))('%s of weights far from zero is finite, and its slope', name => {
  const made = regularizers[name as keyof typeof regularizers]()
  for (const x of [0, ...far])
    for (const values of patterns(6, x)) {
      const k = direct()
      const [w, g, dw] = ['w', 'g', 'dw'].map(key => buffer(key, [2, 3]))
      const penalty = buffer('penalty', [1])
      k.write(w, values)
      made.forward(k, { w: viewOf(w), penalty: viewOf(penalty) })
      made.backward(k, { w: viewOf(w), g: viewOf(g), dw: viewOf(dw) })
      expect(finite(k.read(penalty)) && finite(k.read(dw))).toBe(true)
    }
})

test.each(Object.keys(constraints))('%s puts weights far from zero somewhere finite, and stays there', name => {
  const made = constraints[name as keyof typeof constraints]()
  for (const x of [0, ...far])
    for (const values of patterns(6, x)) {
      const k = direct()
      const w = buffer('w', [2, 3], 'parameter')
      k.write(w, values)
      made.apply(k, viewOf(w))
      const once = Array.from(k.read(w))
      expect(finite(once)).toBe(true)
      made.apply(k, viewOf(w))
      k.read(w).forEach((value, i) => {
        expect(Math.abs(value - once[i])).toBeLessThan(1e-6)
      })
    }
})

test.each(Object.keys(metrics))('%s of predictions far from zero is a number', name => {
  const made = metrics[name as keyof typeof metrics]()
  for (const x of far.concat(0, 1))
    for (const values of patterns(12, x))
      for (const aim of [0, 1]) {
        const isClass = /^sparse/.test(name)
        const k = direct()
        const [p, t] = [buffer('p', [4, 3]), buffer('t', isClass ? [4] : [4, 3])]
        const out = buffer('out', [made.size([3], isClass ? [] : [3])])
        k.write(p, values)
        k.write(t, Array(sizeOf(t.shape)).fill(aim))
        made.measure(k, { p: viewOf(p), t: viewOf(t), out: viewOf(out) })
        expect(Number.isFinite(made.value(k.read(out), 4)), `${x}, targets ${aim}`).toBe(true)
      }
})

test.each(Object.keys(schedules))('%s gives a finite rate, never below zero, for any step', name => {
  const made = schedules[name as keyof typeof schedules]()
  for (const step of [0, 1, 2, 5, 999, 1000, 1001, 12_345, 1e6, 1e9]) {
    expect(Number.isFinite(made.at(step)), `step ${step}`).toBe(true)
    expect(made.at(step), `step ${step}`).toBeGreaterThanOrEqual(0)
  }
})

test.each(Object.keys(initializers))('%s draws finite numbers for small and large shapes', name => {
  const [, shape] = drawnFor(name)
  // The smallest of the kind: a window has one middle, a wave one length.
  const least = shape.length === 2 ? [1, 1] : shape
  for (const each of [least, shape])
    expect(finite(initializers[name as keyof typeof initializers]().draw(each, numpyRandom(2)))).toBe(true)
})
