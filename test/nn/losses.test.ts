import { checkGradients, type Layer, layers, losses, sequential } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

const { activation, dense, flatten, input } = layers
type Name = keyof typeof losses

/** Predictions, targets, loss: closed forms and the examples of Keras's pages. */
const rows: [Name, number[][], number[] | number[][], number][] = [
  ['meanSquaredError', [[0], [0], [0], [0]], [[1], [0], [0], [1]], 0.5],
  ['meanSquaredError', [[1, 2]], [[4, 6]], 12.5],
  [
    'binaryCrossentropy',
    [
      [0.6, 0.4],
      [0.4, 0.6],
    ],
    [
      [0, 1],
      [0, 0],
    ],
    -(Math.log(0.4) * 3 + Math.log(0.6)) / 4,
  ],
  ['binaryCrossentropy', [[1]], [[0]], -Math.log(1 - (1 - 1e-7))],
  [
    'categoricalCrossentropy',
    [
      [0.05, 0.95, 0],
      [0.1, 0.8, 0.1],
    ],
    [
      [0, 1, 0],
      [0, 0, 1],
    ],
    -(Math.log(0.95) + Math.log(0.1)) / 2,
  ],
  ['categoricalCrossentropy', [[2, 6]], [[0, 1]], -Math.log(0.75)],
  ['categoricalCrossentropy', [[1, 0]], [[0, 1]], -Math.log(1e-7)],
  [
    'sparseCategoricalCrossentropy',
    [
      [0.05, 0.95, 0],
      [0.1, 0.8, 0.1],
    ],
    [1, 2],
    -(Math.log(0.95) + Math.log(0.1)) / 2,
  ],
]

test.each(rows)('%s of %j for %j is %d', (name, p, t, expected) => {
  const k = direct()
  const shapes = {
    p: [p.length, p[0].length],
    t: t.flat().length === t.length && name.startsWith('sparse') ? [t.length] : [t.length, p[0].length],
  }
  const buffers = Object.entries({ ...shapes, loss: [1] }).map(
    ([key, shape]): Buffer => ({ name: key, shape, kind: 'input' }),
  )
  const [vp, vt, loss] = buffers.map(viewOf)
  k.write(buffers[0], p.flat())
  k.write(buffers[1], t.flat())
  losses[name]().forward(k, { p: vp, t: vt, loss })
  expect(k.read(buffers[2])[0]).toBeCloseTo(expected, 8)
})

/** Networks that end so that a loss works on probabilities, or on z as one pair. */
const endings: [string, Layer[], boolean][] = [
  ['a softmax it can see', [dense(4, { activation: 'softmax' })], true],
  ['a softmax of its own layer', [dense(4), activation('softmax')], true],
  ['a softmax behind another layer', [dense(4, { activation: 'softmax' }), flatten()], false],
  ['a sigmoid it can see', [dense(1, { activation: 'sigmoid' })], true],
  ['a sigmoid behind another layer', [dense(1, { activation: 'sigmoid' }), flatten()], false],
]
const fusedWith = (name: string) => losses[name as Name]().fused?.activation
const pairs = ['meanSquaredError', ...Object.keys(losses).filter(fusedWith)].flatMap(name =>
  endings
    .filter(([about]) => about.includes(fusedWith(name) ?? 'sigmoid'))
    .map(([about, ending, seen]) => [name as Name, about, ending, seen] as const),
)

describe('the gradient of a loss', () => {
  test.each(pairs)('%s after %s is what differences measure', async (loss, _, ending, seen) => {
    const model = sequential([input([3]), ...ending], { seed: 4 })
    model.compile({ loss, metrics: ['accuracy'] })
    expect(model.summary().includes('work as one pair on z')).toBe(seen && loss !== 'meanSquaredError')
    const report = await checkGradients(model)
    expect(report).toMatchObject({ passed: true })
    expect(report.arrays[0].checked).toBe(9)
  })

  test('stays exact where probabilities are 0 and 1 in float32', async () => {
    const model = sequential([input([2]), activation('softmax')])
    model.compile({ loss: 'sparseCategoricalCrossentropy' })
    const [right] = await model.run('train', 1, [1000, 0], [0])
    const [wrong] = await model.run('train', 1, [1000, 0], [1])
    expect([right, wrong]).toEqual([0, 1000])
  })
})
