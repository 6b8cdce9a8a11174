/**
 * The smallest network that learns: is it she or he, given weight and height?
 *
 * Two inputs, two hidden neurons, one output; nine numbers, and every derivative written out. After each sample the
 * numbers take a small step downhill (stochastic gradient descent). The library, told the same, goes the same way.
 */
import { layers, numpyRandom, optimizers, sequential } from 'nabla'
import { boundary, chart } from 'nabla/plot'
import { picture } from './picture.ts'

// Weight minus 135 pounds, height minus 66 inches; 1 is she.
const names = ['Alice', 'Bob', 'Charlie', 'Diana']
const data = [
  [-2, -1],
  [25, 6],
  [17, 4],
  [-15, -6],
]
const truth = [1, 0, 0, 1]
const rate = 0.1
const epochs = 1000

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))

const parameters = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'b1', 'b2', 'b3'] as const
export type Numbers = Record<(typeof parameters)[number], number>

/** Nine draws in the order w1 … w6, b1, b2, b3. */
export function initialize(seed: number): Numbers {
  const random = numpyRandom(seed)
  return Object.fromEntries(parameters.map(name => [name, random.gauss()])) as Numbers
}

export function forward(n: Numbers, [x1, x2]: number[]) {
  const h1 = sigmoid(n.w1 * x1 + n.w2 * x2 + n.b1)
  const h2 = sigmoid(n.w3 * x1 + n.w4 * x2 + n.b2)
  const o = sigmoid(n.w5 * h1 + n.w6 * h2 + n.b3)
  return { h1, h2, o }
}

/** The chain rule, link by link: ∂L/∂w1 = ∂L/∂o · ∂o/∂h1 · ∂h1/∂w1. */
export function gradients(n: Numbers, [x1, x2]: number[], y: number): Numbers {
  const { h1, h2, o } = forward(n, [x1, x2])
  const dL = -2 * (y - o) //           L = (y - o)²
  const slope = o * (1 - o) //         σ′ = σ·(1 - σ)
  const dh1 = n.w5 * slope * h1 * (1 - h1)
  const dh2 = n.w6 * slope * h2 * (1 - h2)
  return {
    w1: dL * x1 * dh1,
    w2: dL * x2 * dh1,
    b1: dL * dh1,
    w3: dL * x1 * dh2,
    w4: dL * x2 * dh2,
    b2: dL * dh2,
    w5: dL * h1 * slope,
    w6: dL * h2 * slope,
    b3: dL * slope,
  }
}

export const loss = (n: Numbers) => data.reduce((sum, x, i) => sum + (truth[i] - forward(n, x).o) ** 2, 0) / data.length

export function train(seed: number) {
  const n = initialize(seed)
  const losses: number[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    data.forEach((x, i) => {
      const g = gradients(n, x, truth[i])
      for (const name of parameters) n[name] -= rate * g[name] // a positive slope: the number falls
    })
    losses.push(loss(n))
  }
  return { numbers: n, losses }
}

export const seed = 0
const trained = train(seed)
export const { losses } = trained
for (const epoch of [0, 10, 50, 100, 500, 990]) console.log(`epoch ${epoch} loss: ${losses[epoch].toFixed(3)}`)

export const predictions = data.map(x => forward(trained.numbers, x).o)
console.log()
names.forEach((name, i) => {
  console.log(`${name.padEnd(8)} ${predictions[i].toFixed(3)}`)
})
export const emily = forward(trained.numbers, [-7, -3]).o // 128 pounds, 63 inches
export const frank = forward(trained.numbers, [20, 2]).o //  155 pounds, 68 inches
console.log(`Emily    ${emily.toFixed(3)}, Frank ${frank.toFixed(3)}: never seen before`)

// The library: the same network from the same nine numbers, a batch of one, no shuffling.
const { input, dense } = layers
const model = sequential([input([2]), dense(2, { activation: 'sigmoid' }), dense(1, { activation: 'sigmoid' })])
model.compile({ optimizer: optimizers.sgd({ learningRate: rate }), loss: 'meanSquaredError', dtype: 'float64' })
const n = initialize(seed)
const weights = [[n.w1, n.w3, n.w2, n.w4], [n.b1, n.b2], [n.w5, n.w6], [n.b3]]
model.setWeights(model.weights().map(({ name }, i) => ({ name, data: weights[i] })))
export const byLibrary: number[] = []
await model.fit(
  { x: data, y: truth },
  {
    epochs,
    batchSize: 1,
    shuffle: false,
    callbacks: [
      async ({ type }) => {
        if (type === 'epoch') byLibrary.push((await model.evaluate({ x: data, y: truth })).loss)
      },
    ],
  },
)
export const difference = Math.max(...losses.map((own, i) => Math.abs(own - byLibrary[i]) / own))
console.log(`\nthe library's 1000 losses differ by at most ${difference.toExponential(1)} of their size`)

const epochNumbers = losses.map((_, epoch) => epoch)
await picture(
  'people/loss.svg',
  chart([{ name: 'loss', x: epochNumbers, y: losses }], { title: 'Loss', xLabel: 'epoch' }),
)
await picture(
  'people/boundary.svg',
  boundary(
    data.flat(),
    truth,
    grid =>
      Array.from({ length: grid.length / 2 }, (_, i) =>
        forward(trained.numbers, [grid[2 * i], grid[2 * i + 1]]).o > 0.5 ? 1 : 0,
      ),
    { title: 'She or he?', subtitle: 'weight − 135 lb across, height − 66 in up' },
  ),
)
model.close()
