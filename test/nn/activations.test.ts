import { activation, activations, checkGradients, fromBytes, layers, reference, sequential, toBytes, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import { derivative, evaluate } from '../../src/formula/index.ts'
import { type ActivationMaker, formulaActivation } from '../../src/nn/activation.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

const { dense, input } = layers
type Name = keyof typeof activations

const e = Math.exp(1)
const log = Math.log
/** σ, tanh, erf and the normal density at the points below. */
const [s1, t1, erf1] = [1 / (1 + 1 / e), (e - 1 / e) / (e + 1 / e), 0.8427007929497149]
const [phi1, density1] = [0.8413447460685429, Math.exp(-0.5) / Math.sqrt(2 * Math.PI)]
const sp1 = log(1 + e)

/** [x, y, dy/dx], from the closed forms. */
const points: Partial<Record<Name, [number, number, number][]>> = {
  linear: [
    [-2, -2, 1],
    [0, 0, 1],
    [3, 3, 1],
  ],
  step: [
    [-2, 0, 0],
    [0, 0, 0],
    [3, 1, 0],
  ],
  relu: [
    [-2, 0, 0],
    [0, 0, 0],
    [3, 3, 1],
  ],
  relu6: [
    [-2, 0, 0],
    [3, 3, 1],
    [6, 6, 0],
    [7, 6, 0],
  ],
  squaredRelu: [
    [-2, 0, 0],
    [3, 9, 6],
  ],
  leakyRelu: [
    [-2, -0.4, 0.2],
    [0, 0, 0.2],
    [3, 3, 1],
  ],
  threshold: [
    [-2, 0, 0],
    [1, 0, 0],
    [1.5, 1.5, 1],
  ],
  elu: [
    [-1, 1 / e - 1, 1 / e],
    [0, 0, 1],
    [3, 3, 1],
  ],
  celu: [
    [-1, 1 / e - 1, 1 / e],
    [0, 0, 1],
    [3, 3, 1],
  ],
  selu: [
    [-1, 1.7580993408473768 * (1 / e - 1), 1.7580993408473768 / e],
    [2, 2.101401974710961, 1.0507009873554805],
  ],
  hardShrink: [
    [-2, -2, 1],
    [0.5, 0, 0],
    [-0.4, 0, 0],
    [3, 3, 1],
  ],
  softShrink: [
    [-2, -1.5, 1],
    [0.5, 0, 0],
    [-0.4, 0, 0],
    [3, 2.5, 1],
  ],
  isrlu: [
    [-Math.sqrt(3), -Math.sqrt(3) / 2, 1 / 8],
    [0, 0, 1],
    [3, 3, 1],
  ],
  squareplus: [
    [0, 1, 0.5],
    [1.5, 2, 0.8],
    [-1.5, 0.5, 0.2],
  ],
  sparsePlus: [
    [-1, 0, 0],
    [0, 0.25, 0.5],
    [0.5, 0.5625, 0.75],
    [2, 2, 1],
  ],
  sigmoid: [
    [0, 0.5, 0.25],
    [1, s1, 1 / e / (1 + 1 / e) ** 2],
    [log(3), 0.75, 0.1875],
  ],
  hardSigmoid: [
    [-3, 0, 0],
    [0, 0.5, 1 / 6],
    [1.5, 0.75, 1 / 6],
    [4, 1, 0],
  ],
  sparseSigmoid: [
    [-2, 0, 0],
    [0, 0.5, 0.5],
    [0.5, 0.75, 0.5],
    [2, 1, 0],
  ],
  tanh: [
    [0, 0, 1],
    [log(2), 0.6, 0.64],
    [-log(3), -0.8, 0.36],
  ],
  hardTanh: [
    [-2, -1, 0],
    [0.5, 0.5, 1],
    [1, 1, 0],
  ],
  tanhShrink: [
    [0, 0, 0],
    [log(2), log(2) - 0.6, 0.36],
    [-log(3), 0.8 - log(3), 0.64],
  ],
  softsign: [
    [0, 0, 1],
    [1, 0.5, 0.25],
    [-3, -0.75, 1 / 16],
  ],
  isru: [
    [0, 0, 1],
    [Math.sqrt(3), Math.sqrt(3) / 2, 1 / 8],
    [-Math.sqrt(8), -Math.sqrt(8) / 3, 1 / 27],
  ],
  arctan: [
    [0, 0, 1],
    [1, Math.PI / 4, 0.5],
    [-Math.sqrt(3), -Math.PI / 3, 0.25],
  ],
  logSigmoid: [
    [0, -log(2), 0.5],
    [log(3), log(0.75), 0.25],
    [-log(3), log(0.25), 0.75],
  ],
  logit: [
    [0.5, 0, 4],
    [0.75, log(3), 16 / 3],
    [0.2, -log(4), 6.25],
    [2, log(1e7 - 1), 0],
  ],
  softplus: [
    [0, log(2), 0.5],
    [log(3), log(4), 0.75],
    [-log(3), log(4 / 3), 0.25],
    [21, 21, 1],
  ],
  exponential: [
    [0, 1, 1],
    [log(3), 3, 3],
    [-log(4), 0.25, 0.25],
  ],
  silu: [
    [0, 0, 0.5],
    [log(3), 0.75 * log(3), 0.75 + 0.1875 * log(3)],
    [-log(3), -0.25 * log(3), 0.25 - 0.1875 * log(3)],
  ],
  hardSilu: [
    [-3.5, 0, 0],
    [0, 0, 0.5],
    [-1.5, -0.375, 0],
    [1.5, 1.125, 1],
    [4, 4, 1],
  ],
  gelu: [
    [0, 0, 0.5],
    [1, phi1, phi1 + density1],
    [-1, phi1 - 1, 1 - phi1 - density1],
  ],
  mish: [
    [0, 0, 0.6],
    [1, Math.tanh(sp1), Math.tanh(sp1) + s1 / Math.cosh(sp1) ** 2],
  ],
  tanhExp: [
    [0, 0, t1],
    [log(log(2)), 0.6 * log(log(2)), 0.6 + log(log(2)) * log(2) * 0.64],
  ],
  serf: [
    [0, 0, 0.6730412897425249],
    [log(e - 1), erf1 * log(e - 1), erf1 + (log(e - 1) * (1 - 1 / e) * 2) / e / Math.sqrt(Math.PI)],
  ],
  phish: [
    [0, 0, 0],
    [1, Math.tanh(phi1), Math.tanh(phi1) + (phi1 + density1) / Math.cosh(phi1) ** 2],
  ],
  lisht: [
    [0, 0, 0],
    [log(2), 0.6 * log(2), 0.6 + 0.64 * log(2)],
    [-log(2), 0.6 * log(2), -0.6 - 0.64 * log(2)],
  ],
  gcu: [
    [0, 0, 1],
    [Math.PI, -Math.PI, -1],
    [Math.PI / 2, 0, -Math.PI / 2],
  ],
  snake: [
    [0, 0, 1],
    [Math.PI / 2, Math.PI / 2 + 1, 1],
    [Math.PI / 4, Math.PI / 4 + 0.5, 2],
  ],
  bentIdentity: [
    [0, 0, 1],
    [Math.sqrt(3), 0.5 + Math.sqrt(3), 1 + Math.sqrt(3) / 4],
    [-0.75, -0.625, 0.7],
  ],
  sinusoid: [
    [0, 0, 1],
    [Math.PI / 6, 0.5, Math.sqrt(3) / 2],
    [-Math.PI / 2, -1, 0],
  ],
}
/** Other names of a row. */
const aliases: Partial<Record<Name, Name>> = { swish: 'silu', hardSwish: 'hardSilu' }
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
  softmin: [
    [
      [-1, -2, -3],
      [0.09003057317038046, 0.24472847105479767, 0.6652409557748219],
    ],
    [
      [-1e4, 0, 1e4],
      [1, 0, 0],
    ],
  ],
  logSoftmax: [
    [
      [0, log(2), log(5)],
      [-log(8), -log(4), log(5 / 8)],
    ],
    [
      [-1e4, 0, 1e4],
      [-2e4, -1e4, 0],
    ],
  ],
  sparsemax: [
    [
      [0.5, 0.25, -3],
      [0.625, 0.375, 0],
    ],
    [
      [1, 1, 1, 1],
      [0.25, 0.25, 0.25, 0.25],
    ],
    [
      [0, 1, 0],
      [0, 1, 0],
    ],
    [
      [-1e4, 1e4, 1e4],
      [0, 0.5, 0.5],
    ],
  ],
  entmax15: [
    [
      [0, 0],
      [0.5, 0.5],
    ],
    [
      [0.4, 0, -9], // (a + 0.2)² + a² = 1 for a = 0.6
      [0.64, 0.36, 0],
    ],
    [
      [-1e4, 1e4, 0],
      [0, 1, 0],
    ],
  ],
  glu: [
    [
      [2, -3, log(3), 0],
      [1.5, -1.5],
    ],
  ],
  geglu: [
    [
      [2, -3, 1, 0],
      [2 * phi1, 0],
    ],
  ],
  swiglu: [
    [
      [2, -3, log(3), 0],
      [1.5 * log(3), 0],
    ],
  ],
  reglu: [
    [
      [2, -3, 4, -5],
      [8, 0],
    ],
  ],
  crelu: [
    [
      [2, -3],
      [2, 0, 0, 3],
    ],
  ],
}
const tails = [90, 200, 1e4].flatMap(x => [-x, x])

/** y and dx for dy = 1 of a list. */
function run(make: ActivationMaker, x: number[]) {
  const k = direct()
  const f = make()
  const after = [1, ...f.outputShape([x.length])]
  const buffers = ['x', 'y', 'dy', 'dx'].map(
    (name): Buffer => ({ name, shape: name.endsWith('y') ? after : [1, x.length], kind: 'input' }),
  )
  const [vx, vy, vdy, vdx] = buffers.map(viewOf)
  k.write(buffers[0], x)
  k.write(buffers[2], new Float64Array(after[1]).fill(1))
  f.forward(k, { x: vx, y: vy })
  f.backward(k, { x: vx, y: vy, dy: vdy, dx: vdx })
  return { y: Array.from(k.read(buffers[1])), dx: Array.from(k.read(buffers[3])) }
}

test('every activation has a row', () => {
  const tested = { ...points, ...rows, ...aliases }
  expect(Object.keys(activations).filter(name => !(name in tested))).toEqual([])
})

test.each(Object.entries(aliases))('%s is another name of %s', (alias, name) => {
  expect(activations[alias as Name]).toBe(activations[name])
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
    const { y, dx } = run(make, name === 'exponential' ? tails.filter(x => x < 1e4) : tails)
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

  if (formulas)
    test('has the backward pass that its forward formula gives', () => {
      const [forward] = formulas.forward.outputs.values()
      for (const x of [-3.2, -0.7, 0.2, 1.9]) {
        const slope = evaluate(derivative(forward, 'x'), { x })
        expect(run(make, [x]).dx[0]).toBeCloseTo(slope, 12)
      }
    })
})

/** Settings, and [x, y, dy/dx] they give. */
const settings: [Name, Record<string, number | boolean>, [number, number, number][]][] = [
  [
    'relu',
    { maxValue: 6 },
    [
      [-1, 0, 0],
      [3, 3, 1],
      [7, 6, 0],
    ],
  ],
  [
    'relu',
    { negativeSlope: 0.1, threshold: 1, maxValue: 4 },
    [
      [-1, -0.2, 0.1],
      [0.5, -0.05, 0.1],
      [2, 2, 1],
      [5, 4, 0],
    ],
  ],
  [
    'relu',
    { threshold: 1 },
    [
      [0.5, 0, 0],
      [2, 2, 1],
    ],
  ],
  [
    'leakyRelu',
    { slope: -0.5 },
    [
      [-2, 1, -0.5],
      [2, 2, 1],
    ],
  ],
  ['gelu', { approximate: true }, [[1, 0.8411919906082768, 1.0829640838457826]]],
  ['elu', { alpha: 2 }, [[-1, 2 / e - 2, 2 / e]]],
  ['celu', { alpha: 2 }, [[-2, 2 / e - 2, 1 / e]]],
  [
    'squareplus',
    { b: 0 },
    [
      [-2, 0, 0],
      [3, 3, 1],
    ],
  ],
  ['snake', { a: 2 }, [[Math.PI / 8, Math.PI / 8 + 0.25, 2]]],
  [
    'hardTanh',
    { minValue: -3, maxValue: 2 },
    [
      [-2.5, -2.5, 1],
      [2.5, 2, 0],
    ],
  ],
]

test.each(settings)('%s takes %j and is saved with it', async (name, params, table) => {
  for (const [x, y, slope] of table) {
    const found = run(() => activations[name](params), [x])
    expect(found.y[0]).toBeCloseTo(y, 14)
    expect(found.dx[0]).toBeCloseTo(slope, 14)
  }
  const model = sequential([input([3]), dense(4, { activation: { name, params } })])
  const loaded = fromBytes(toBytes(model))
  expect(await loaded.predict([[1, -2, 3]])).toEqual(await model.predict([[1, -2, 3]]))
})

test('the backward pass of the default relu reads only y', () => {
  expect(activations.relu().formulas!.backward.names).toEqual(['y', 'dy'])
})

test('an infinite setting is refused, since it could not be saved', () => {
  expect(() => activations.elu({ alpha: Infinity })).toThrow('activation elu got alpha = Infinity')
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
  expect(run(() => made, [log(2)]).dx[0]).toBeCloseTo(0.6 + 0.64 * log(2), 14)
  const model = sequential([input([2]), dense(3, { activation: made })])
  expect(await fromBytes(toBytes(model)).predict([[1, 2]])).toEqual(await model.predict([[1, 2]]))
  for (const name of ['rleu', 'leaky-relu', 'leaky_relu', '']) expect(formulaActivation(name)).toBeUndefined()
  expect(() => formulaActivation('x * tahn(x)')).toThrow('unknown function "tahn"')
  expect(() => formulaActivation('x * b')).toThrow('unknown name "b"')
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
    `unknown activation "rleu"\n  known  ${Object.keys(activations).sort().join(', ')}\n  hint: did you mean "relu"?`,
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
