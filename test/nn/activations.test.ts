import { activation, activations, checkGradients, fromBytes, layers, sequential, toBytes } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import { derivative, evaluate } from '../../src/formula/index.ts'
import type { ActivationMaker } from '../../src/nn/activation.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

const { dense, input } = layers
type Name = keyof typeof activations

const e = Math.exp(1)

/** [x, y, dy/dx], from the closed forms. */
const points: Partial<Record<Name, [number, number, number][]>> = {
  linear: [
    [-2, -2, 1],
    [0, 0, 1],
    [3, 3, 1],
  ],
  relu: [
    [-2, 0, 0],
    [0, 0, 0],
    [3, 3, 1],
  ],
  leakyRelu: [
    [-2, -0.4, 0.2],
    [0, 0, 0.2],
    [3, 3, 1],
  ],
  sigmoid: [
    [0, 0.5, 0.25],
    [1, 1 / (1 + 1 / e), 1 / e / (1 + 1 / e) ** 2],
    [Math.log(3), 0.75, 0.1875],
  ],
  tanh: [
    [0, 0, 1],
    [Math.log(2), 0.6, 0.64],
    [-Math.log(3), -0.8, 0.36],
  ],
}
/** [x, y] for those that see a whole row. */
const rows: Partial<Record<Name, [number[], number[]][]>> = {
  softmax: [
    [
      [1, 2, 3],
      [0.09003057317038046, 0.24472847105479767, 0.6652409557748219],
    ],
    [
      [1000, 1000],
      [0.5, 0.5],
    ],
    [
      [-1e4, 0, 1e4],
      [0, 0, 1],
    ],
  ],
}
const tails = [90, 200, 1e4].flatMap(x => [-x, x])

/** y and dx for dy = 1 of a list. */
function run(make: ActivationMaker, x: number[], dy = x.map(() => 1)) {
  const k = direct()
  const buffers = ['x', 'y', 'dy', 'dx'].map(
    (name): Buffer => ({ name, shape: [1, x.length], kind: name === 'x' ? 'input' : 'output' }),
  )
  const [vx, vy, vdy, vdx] = buffers.map(viewOf)
  k.write(buffers[0], x)
  k.write(buffers[2], dy)
  make().forward(k, { x: vx, y: vy })
  make().backward(k, { x: vx, y: vy, dy: vdy, dx: vdx })
  return { y: Array.from(k.read(buffers[1])), dx: Array.from(k.read(buffers[3])) }
}

test('every activation has a row', () => {
  expect(Object.keys(activations).filter(name => !(name in points) && !(name in rows))).toEqual([])
})

describe.each(Object.entries(points))('%s', (name, table) => {
  test.each(table)('at %d is %d with slope %d', (x, y, slope) => {
    const found = run(activations[name as Name], [x])
    expect(found.y[0]).toBeCloseTo(y, 14)
    expect(found.dx[0]).toBeCloseTo(slope, 14)
  })
})

describe.each(Object.entries(rows))('%s', (name, table) => {
  test.each(table)('of %j is %j', (x, y) => {
    run(activations[name as Name], x).y.forEach((value, i) => {
      expect(value).toBeCloseTo(y[i], 14)
    })
  })
})

describe.each(Object.entries(activations))('%s', (name, make) => {
  const { range, formulas } = make()

  test('has the slopes that differences measure', async () => {
    expect(await checkGradients(layers.activation(name as Name), { inputShape: [3, 4] })).toMatchObject({
      passed: true,
    })
  })

  test('stays finite and in its range far out', () => {
    const { y, dx } = run(make, tails)
    for (const value of [...y, ...dx]) expect(Number.isFinite(value)).toBe(true)
    for (const value of y) expect(value >= range[0] && value <= range[1]).toBe(true)
  })

  test('is saved and loaded', async () => {
    const model = sequential([input([3]), dense(4, { activation: name as Name })])
    const loaded = fromBytes(toBytes(model))
    expect(await loaded.predict([[1, -2, 3]])).toEqual(await model.predict([[1, -2, 3]]))
  })

  if (formulas)
    test('has the backward pass that its forward formula gives', () => {
      const [forward] = formulas.forward.outputs.values()
      const { params } = make()
      for (const x of [-3, -0.7, 0.2, 1.9]) {
        const slope = evaluate(derivative(forward, 'x'), { x, ...(params as Record<string, number>) })
        expect(run(make, [x]).dx[0]).toBeCloseTo(slope, 12)
      }
    })
})

test('a formula of the user is an activation, its slope derived', async () => {
  const bent = activation('bent', { forward: '(sqrt(x^2 + 1) - 1) / 2 + a * x', params: { a: 1 } })
  const { y, dx } = run(bent, [0, Math.sqrt(3)])
  expect(y).toEqual([0, expect.closeTo(0.5 + Math.sqrt(3), 14)])
  expect(dx[1]).toBeCloseTo(Math.sqrt(3) / 4 + 1, 14)
  expect(await checkGradients(dense(3, { activation: bent({ a: 0.5 }) }))).toMatchObject({ passed: true })
})

test.each([
  [{ forward: 'x * tahn(x)' }, `FormulaError: unknown function "tahn"`],
  [{ forward: 'x * b', params: { a: 1 } }, `FormulaError: unknown name "b" in the formula of activation mine`],
])('%j says what is wrong with it', (definition, message) => {
  expect(() => activation('mine', definition)).toThrow(
    expect.objectContaining({ stack: expect.stringContaining(message) }),
  )
})

test.each([
  [
    'rleu',
    'unknown activation "rleu"\n  known  leakyRelu, linear, relu, sigmoid, softmax, tanh\n  hint: did you mean "relu"?',
  ],
  [
    { name: 'relu', forward: 'x' },
    'activation "relu" has its own formula, got another for the same name\n  hint: call yours something else: "relu2"',
  ],
  [
    { name: 'leakyRelu', params: { slop: 1 } },
    'activation leakyRelu got slop = 1\n  settings  {"slope":0.2}\n  hint: give numbers under these names',
  ],
])('dense refuses the activation %j', (choice, message) => {
  expect(() => dense(1, { activation: choice as never })).toThrow(expect.objectContaining({ message }))
})
