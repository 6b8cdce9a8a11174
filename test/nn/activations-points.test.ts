import { activations, fromBytes, layers, sequential, toBytes } from 'nabla'
import { describe, expect, test } from 'vitest'
import { run } from './activations-run.ts'

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
    [2, log((1 - 1e-7) / (1 - (1 - 1e-7))), 0], // 1 − ε is rounded, as in PyTorch
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
test('every activation has a row', () => {
  const tested = { ...points, ...rows, ...aliases }
  expect(Object.keys(activations).filter(name => !(name in tested))).toEqual([])
})

test.each(Object.entries(aliases))('%s is another name of %s', (alias, name) => {
  expect(activations[alias as Name]).toBe(activations[name])
})

describe.each(Object.entries(points))('%s', (name, table) => {
  test.each(table)('at %d is %d with slope %d', (x, y, slope) => {
    const found = run(activations[name as Name](), [x])
    expect(found.y[0]).toBeCloseTo(y, 14)
    expect(found.dx[0]).toBeCloseTo(slope, 14)
  })
})

describe.each(Object.entries(rows))('%s', (name, table) => {
  test.each(table)('of %j is %j', (x, y) => {
    run(activations[name as Name](), x).y.forEach((value, i) => {
      expect(value).toBeCloseTo(y[i], 14)
    })
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
    const found = run(activations[name](params), [x])
    expect(found.y[0]).toBeCloseTo(y, 14)
    expect(found.dx[0]).toBeCloseTo(slope, 14)
  }
  const model = sequential([layers.input([3]), layers.dense(4, { activation: { name, params } })])
  const loaded = fromBytes(toBytes(model))
  expect(await loaded.predict([[1, -2, 3]])).toEqual(await model.predict([[1, -2, 3]]))
})
