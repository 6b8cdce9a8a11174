/**
 * What a weight and a bias do, and why two layers of ReLU can follow any curve.
 *
 * One neuron is a bent line. Two in a row are a slope between two flat pieces. Eight such pieces, set by hand, follow a
 * sine. In the end the same network finds weights of its own.
 */
import { layers, linspace, type NdArray, optimizers, sequential, tensor, toys } from 'nabla'
import { chart, panels } from 'nabla/plot'
import { picture } from './picture.ts'

const relu = (z: NdArray) => z.maximum(0)
const float64 = { dtype: 'float64' } as const
const small = { width: 400, height: 300 }

// One neuron: y = relu(w·x + b). The bias shifts it sideways, the weight sets its slope, a negative one turns it round.
const span = linspace(-2, 2, 81, float64)
const lines = (title: string, neurons: [w: number, b: number][]) =>
  chart(
    neurons.map(([w, b]) => ({ name: `w ${w}, b ${b}`, x: span.data, y: relu(span.mul(w).add(b)).data })),
    { title, ...small, yDomain: [-0.2, 4.2] },
  )
const roles = [
  lines('The bias shifts', [
    [1, -1],
    [1, 0],
    [1, 1],
  ]),
  lines('The weight sets the slope', [
    [0.5, 0],
    [1, 0],
    [2, 0],
  ]),
  lines('Its sign flips', [
    [1, 0.5],
    [-1, 0.5],
  ]),
]
await picture('sine/roles.svg', panels(roles, { title: 'One ReLU neuron, y = relu(w·x + b)' }))

// Two neurons in a row: the second shifts the curve up and down, and a negative second weight turns it upside down.
export const pairs = [
  { w1: 1, b1: 0, w2: 1, b2: 0 },
  { w1: 1, b1: 0.5, w2: 1, b2: 0 },
  { w1: -1, b1: 0.5, w2: 1, b2: 0 },
  { w1: -1, b1: 0.5, w2: 1, b2: 1 },
  { w1: -1, b1: 0.5, w2: -2, b2: 1 },
  { w1: 1, b1: 0, w2: -1, b2: 0.7 },
].map(pair => ({ ...pair, output: relu(relu(span.mul(pair.w1).add(pair.b1)).mul(pair.w2).add(pair.b2)) }))
const pairCharts = pairs.map(({ w1, b1, w2, b2, output }) =>
  chart([{ name: '', x: span.data, y: output.data }], { title: `w ${w1}, b ${b1}, then w ${w2}, b ${b2}`, ...small }),
)
await picture('sine/pairs.svg', panels(pairCharts, { title: 'Two ReLU neurons in a row' }))

// The network 1-8-8-1 by hand. Each pair relu(-relu(w·x + b) + c) falls from c to 0 with slope w where w·x + b is between 0
// and c: a slanted piece between two flat ones. The output adds the eight pieces with signs.
const w1 = [5.6, 2.4, 2.4, 5.6, 5.6, 2.4, 2.4, 5.6]
const b1 = [0, -0.3, -0.6, -2.1, -2.8, -1.5, -1.8, -4.9]
const c = [0.7, 0.3, 0.3, 0.7, 0.7, 0.3, 0.3, 0.7]
const signs = [-1, -1, 1, 1, 1, 1, -1, -1]

export const x = linspace(0, 1, 101, float64)
export const target = x.map('sin(2 * pi * x)', { pi: Math.PI })
export const hidden1 = relu(x.reshape(-1, 1).mul(w1).add(b1)) // 101 points, 8 neurons
export const hidden2 = relu(hidden1.neg().add(c))
export const output = hidden2.matmul(signs)

const error = output.sub(target)
export const largestError = error.abs().max().item()
export const rmse = error.square().mean().sqrt().item()
console.log(`a sine by hand: largest error ${largestError.toFixed(4)}, root mean square ${rmse.toFixed(4)}`)

// The way there, a piece at a time. A first try is too steep; then pieces are added. What the pieces still to come
// would add at the left end stands in as a constant.
export const firstTry = relu(relu(x.mul(6)).neg().add(0.7))
  .mul(-1)
  .add(0.7)
const stage = (pieces: number) => {
  const missing = signs.slice(pieces).reduce((sum, sign, i) => sum + sign * c[pieces + i], 0)
  return hidden2.slice(null, [0, pieces]).matmul(signs.slice(0, pieces)).add(missing)
}
const stages = [firstTry, ...signs.map((_, i) => stage(i + 1))].map((curve, i) =>
  chart(
    [
      { name: 'sine', x: x.data, y: target.data, color: '#c3c8d0' },
      { name: 'network', x: x.data, y: curve.data },
    ],
    { title: i === 0 ? 'a first try, too steep' : `${i} of 8 pairs`, ...small, yDomain: [-1.3, 1.3], legend: false },
  ),
)
await picture('sine/stages.svg', panels(stages, { title: 'A sine from slanted pieces' }))

// The same network finds its own weights from 1000 points of the curve.
const { input, dense } = layers
const model = sequential([input([1]), dense(8, { activation: 'relu' }), dense(8, { activation: 'relu' }), dense(1)], {
  seed: 1,
})
model.compile({ optimizer: optimizers.adam({ learningRate: 0.01 }), loss: 'meanSquaredError' })
const { history } = await model.fit(toys.sine({ samples: 1000 }), { epochs: 100, batchSize: 50 })
export const trained = tensor(await model.predict(x.reshape(-1, 1).data), float64).reshape(-1)
export const trainedRmse = trained.sub(target).square().mean().sqrt().item()
export const losses = history.loss
model.close()
console.log(`the same network trained: root mean square ${trainedRmse.toFixed(4)} after ${losses.length} epochs`)

const both = [
  { name: 'sine', x: x.data, y: target.data, color: '#c3c8d0' },
  { name: 'set by hand', x: x.data, y: output.data },
  { name: 'trained', x: x.data, y: trained.data },
]
await picture('sine/fit.svg', chart(both, { title: 'By hand and by training', legend: 'right' }))
