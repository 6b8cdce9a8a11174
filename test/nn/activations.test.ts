import { activation, activations, checkGradients, fromBytes, layers, reference, sequential, toBytes, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { derivative, evaluate } from '../../src/formula/index.ts'
import { formulaActivation } from '../../src/nn/activation.ts'
import { run } from './activations-run.ts'

const { dense, input } = layers
type Name = keyof typeof activations

const tails = [90, 200, 1e4].flatMap(x => [-x, x])

describe.each(Object.entries(activations))('%s', (name, make) => {
  const { range, formulas } = make()

  test('has the slopes that differences measure', async () => {
    expect(await checkGradients(layers.activation(name as Name), { inputShape: [3, 4] })).toMatchObject({
      passed: true,
    })
  })

  test('stays finite and in its range far out', () => {
    const { y, dx } = run(make(), name === 'exponential' ? tails.filter(x => x < 1e4) : tails)
    for (const value of [...y, ...dx]) expect(Number.isFinite(value)).toBe(true)
    for (const value of y) expect(value >= range[0] && value <= range[1]).toBe(true)
  })

  test('is saved and loaded', async () => {
    const model = sequential([input([3]), dense(4), layers.activation(name as Name)])
    const loaded = fromBytes(toBytes(model))
    expect(await loaded.predict([[1, -2, 3]])).toEqual(await model.predict([[1, -2, 3]]))
  })

  test('has the same numbers in float32 on the fast backend', async () => {
    const layer = layers.activation(make())
    const [fast, exact] = [wasm, reference].map(backend => {
      const model = sequential([input([8]), layer])
      model.use({ backend, threads: 1 })
      return model
    })
    const x = [
      [-1e4, -200, -90, 0, 90, 200, 1e3, 1e4],
      [-3.1, -1.2, -0.7, -0.1, 0.3, 0.9, 2.2, 4.1],
    ]
    const [found, wanted] = [await fast.predict(x), await exact.predict(x)]
    for (const [i, value] of wanted.data.entries()) {
      const single = Math.fround(value)
      if (found.data[i] !== single)
        expect(Math.abs(found.data[i] - single) / Math.max(1, Math.abs(single))).toBeLessThan(2e-4)
    }
  })

  if (formulas && name !== 'step')
    test('does not hide a NaN', () => {
      expect(run(make(), [Number.NaN]).y).toEqual([Number.NaN])
    })

  if (formulas)
    test('has the backward pass that its forward formula gives', () => {
      const [forward] = formulas.forward.outputs.values()
      for (const x of [-3.2, -0.7, 0.2, 1.9]) {
        const slope = evaluate(derivative(forward, 'x'), { x })
        expect(run(make(), [x]).dx[0]).toBeCloseTo(slope, 12)
      }
    })
})

test('the backward pass of the default relu reads only y', () => {
  expect(activations.relu().formulas!.backward.names).toEqual(['y', 'dy'])
})

test.each([
  [{ alpha: Infinity }, 'alpha = Infinity', 'finite numbers under these names'],
  [{ alpha: '1' }, 'alpha = "1"', 'a number'],
])('the setting %j is refused', (params, shown, wanted) => {
  expect(() => activations.elu(params as never)).toThrow(
    `activation elu got ${shown}\n  settings  {"alpha":1}\n  hint: give ${wanted}`,
  )
})

test('a setting that an activation does not have is told', () => {
  expect(() => activations.leakyRelu({ alpha: 0.3 } as never)).toThrow('activation leakyRelu has no setting "alpha"')
  expect(() => activations.leakyRelu(0.3 as never)).toThrow('leakyRelu({ slope: … })')
})

test('activations of one kind keep to their own settings', () => {
  for (const slope of [0.1, 0.5, 0.1]) expect(run(activations.leakyRelu({ slope }), [-2, 3]).y).toEqual([-2 * slope, 3])
  for (const alpha of [1, 2]) expect(run(activations.elu({ alpha }), [-1]).y[0]).toBeCloseTo(alpha * Math.expm1(-1), 14)
  expect(run(activations.leakyRelu({ slope: 0.25 }), [-2]).dx).toEqual([0.25])
})

test('a softmax along another axis sums to 1 there', async () => {
  const model = sequential([input([2, 3]), layers.activation({ name: 'softmax', params: { axis: 1 } })])
  const { data } = await fromBytes(toBytes(model)).predict([
    [
      [1, 2, 3],
      [1, 4, -3],
    ],
  ])
  for (const i of [0, 1, 2]) expect(data[i] + data[3 + i]).toBeCloseTo(1, 6)
  expect(() => sequential([input([2]), layers.softmax({ axis: 0 })])).toThrow(
    'softmax got axis 0, expected one of 1 to 1',
  )
})

test('a gate halves its axis, also of a flattened input, and refuses an odd one', async () => {
  const rows = sequential([input([3, 2]), layers.flatten(), layers.activation('glu')])
  expect(rows.outputShape).toEqual([3])
  expect(await checkGradients(rows)).toMatchObject({ passed: true })
  expect(() => sequential([input([3]), layers.activation('glu')])).toThrow(
    'glu got an axis of 3, expected an even number: two halves',
  )
})

test('a bare formula of x stands for an activation', async () => {
  const made = formulaActivation('x * tanh(x)')!
  expect(run(made, [Math.log(2)]).dx[0]).toBeCloseTo(0.6 + 0.64 * Math.log(2), 14)
  const model = sequential([input([2]), dense(3, { activation: made })])
  expect(await fromBytes(toBytes(model)).predict([[1, 2]])).toEqual(await model.predict([[1, 2]]))
  for (const name of ['rleu', 'leaky-relu', 'leaky_relu', '']) expect(formulaActivation(name)).toBeUndefined()
  expect(() => formulaActivation('x * tahn(x)')).toThrow('unknown function "tahn"')
  expect(() => formulaActivation('x * b')).toThrow('unknown name "b"')
})

test('a formula of the user is an activation, its slope derived', async () => {
  const bent = activation('bent', { forward: '(sqrt(x^2 + 1) - 1) / 2 + a * x', params: { a: 1 } })
  const { y, dx } = run(bent(), [0, Math.sqrt(3)])
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
  ['rleu', 'unknown activation "rleu"\n  known  relu, celu, crelu, elu, gelu, glu, …\n  hint: did you mean "relu"?'],
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
