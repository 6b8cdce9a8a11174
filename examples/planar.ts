/**
 * A shallow network with everything by hand: forward, cost, backward, update.
 *
 * 400 points of a flower with petals of two colours; 2 inputs, 4 tanh neurons, 1 sigmoid output. Samples are columns, as
 * in the text: X is 2 × 400. The library's gradients must come out equal. Then 10,000 steps at two learning rates.
 */
import { arange, layers, type NdArray, numpyRandom, optimizers, sequential, tensor, toys, zeros } from 'nabla'
import { boundary, chart } from 'nabla/plot'
import { picture } from './picture.ts'

const float64 = { dtype: 'float64' } as const

const flower = toys.planarFlower({ samples: 400, seed: 1 })
const [points, colours] = [new Float64Array(2 * flower.size), new Float64Array(flower.size)]
flower.fill(arange(flower.size).data, points, colours)
export const X = tensor(points, float64).reshape(-1, 2).T
export const Y = tensor(colours, float64).reshape(1, -1)
const m = flower.size
console.log(`X ${X.shape.join(' × ')}, Y ${Y.shape.join(' × ')}, ${m} samples`)

export interface Parameters {
  W1: NdArray
  b1: NdArray
  W2: NdArray
  b2: NdArray
}

export function initialize(): Parameters {
  const random = numpyRandom(2)
  const normal = (rows: number, columns: number) => tensor(random.randn(rows, columns), float64).reshape(rows, columns)
  return {
    W1: normal(4, 2).mul(0.01),
    b1: zeros([4, 1], float64),
    W2: normal(1, 4).mul(0.01),
    b2: zeros([1, 1], float64),
  }
}

export function forward(X: NdArray, { W1, b1, W2, b2 }: Parameters) {
  const A1 = W1.matmul(X).add(b1).tanh() //        Z1 = W1·X + b1,  A1 = tanh Z1
  const A2 = W2.matmul(A1).add(b2).sigmoid() //    Z2 = W2·A1 + b2, A2 = σ(Z2)
  return { A1, A2 }
}

/** Cross-entropy: -mean(Y·log A2 + (1 - Y)·log(1 - A2)) */
export function cost(A2: NdArray, Y: NdArray): number {
  const logs = Y.mul(A2.log()).add(Y.neg().add(1).mul(A2.neg().add(1).log()))
  return logs.sum().neg().div(m).item()
}

export function backward({ W2 }: Parameters, A1: NdArray, A2: NdArray): Parameters {
  const dZ2 = A2.sub(Y)
  const dZ1 = W2.T.matmul(dZ2).mul(A1.square().neg().add(1)) // tanh′ = 1 - tanh²
  return {
    W1: dZ1.matmul(X.T).div(m),
    b1: dZ1.sum({ axis: 1, keepdims: true }).div(m),
    W2: dZ2.matmul(A1.T).div(m),
    b2: dZ2.sum({ axis: 1, keepdims: true }).div(m),
  }
}

export function update(p: Parameters, d: Parameters, rate: number): Parameters {
  return {
    W1: p.W1.sub(d.W1.mul(rate)),
    b1: p.b1.sub(d.b1.mul(rate)),
    W2: p.W2.sub(d.W2.mul(rate)),
    b2: p.b2.sub(d.b2.mul(rate)),
  }
}

/** 1 where the output is above one half. */
export const predict = (X: NdArray, p: Parameters) => forward(X, p).A2.greater(0.5)

// The gradients at the start, by hand and by the library, whose samples are rows: its weights are the transposes.
export const start = initialize()
export const first = forward(X, start)
export const gradients = backward(start, first.A1, first.A2)

const { input, dense } = layers
const model = sequential([input([2]), dense(4, { activation: 'tanh' }), dense(1, { activation: 'sigmoid' })])
model.compile({ optimizer: optimizers.sgd({ learningRate: 1.2 }), loss: 'binaryCrossentropy', dtype: 'float64' })
const flat = [start.W1.T, start.b1, start.W2.T, start.b2]
model.setWeights(model.weights().map(({ name }, i) => ({ name, data: flat[i].data })))
await model.run('train', m, X.T.data, Y.data)
const [W1, b1, W2, b2] = model.gradients().map(({ shape, data }) => tensor({ shape, data }, float64))
model.close()
export const byLibrary: Parameters = { W1: W1.T, b1: b1.reshape(4, 1), W2: W2.T, b2: b2.reshape(1, 1) }

const keys = ['W1', 'b1', 'W2', 'b2'] as const
export const difference = Math.max(...keys.map(key => gradients[key].sub(byLibrary[key]).abs().max().item()))
console.log(`\ngradient of W1 by hand\n${gradients.W1}\nby the library\n${byLibrary.W1}`)
console.log(`largest difference of any gradient ${difference}`)

// The loop: forward, cost, backward, update.
function train(rate: number, iterations = 10_000) {
  let p = initialize()
  const costs = new Float64Array(iterations)
  for (let i = 0; i < iterations; i++) {
    const { A1, A2 } = forward(X, p)
    costs[i] = cost(A2, Y)
    p = update(p, backward(p, A1, A2), rate)
  }
  const predictions = predict(X, p)
  return { rate, costs, parameters: p, predictions, accuracy: predictions.equal(Y).mean().item() }
}

export const runs = [0.005, 1.2].map(rate => train(rate))
for (const { rate, costs, accuracy, parameters } of runs) {
  console.log(`\nlearning rate ${rate}`)
  for (let i = 0; i < costs.length; i += 1000) console.log(`iteration ${i}: cost ${costs[i].toFixed(6)}`)
  console.log(`accuracy ${(100 * accuracy).toFixed(2)} %`)
  const classify = (grid: Float64Array) => predict(tensor(grid, float64).reshape(-1, 2).T, parameters).data
  const subtitle = `10,000 steps at learning rate ${rate}: ${(100 * accuracy).toFixed(2)} % of the points are right`
  await picture(`planar/boundary-${rate}.svg`, boundary(points, colours, classify, { subtitle }))
}
const [slow, fast] = runs

// Why 0.005 barely learns. Small steps follow one and the same path downhill; how far depends on rate × steps alone.
// 10,000 steps of 0.005 go 50 far; 1.2 is there after 42 steps, still on the plateau where it starts.
const distance = slow.rate * slow.costs.length
export const sameAs = Math.round(distance / fast.rate)
console.log(`
At rate ${slow.rate} the 10,000 steps end at cost ${slow.costs.at(-1)!.toFixed(4)}. Rate × steps is ${distance}, and rate ${fast.rate}
has gone as far after ${sameAs} steps, at cost ${fast.costs[sameAs].toFixed(4)}. The weights begin near 0, where tanh is a
straight line, and a straight line cannot part the petals (0.6931 is the cost of guessing). The rate is not wrong, only
too small: it would take 2.4 million steps.`)

const curve = ({ rate, costs }: (typeof runs)[number], x: NdArray) => ({
  name: `learning rate ${rate}`,
  x: x.data,
  y: costs.slice(0, x.size),
})
const iteration = arange(10_000)
await picture(
  'planar/cost.svg',
  chart([curve(slow, iteration), curve(fast, iteration)], {
    title: 'Cost',
    xLabel: 'iteration',
    yDomain: [0, 0.72],
    legend: 'right',
  }),
)
await picture(
  'planar/why.svg',
  chart([curve(fast, iteration.slice([0, 250]).mul(fast.rate)), curve(slow, iteration.mul(slow.rate))], {
    title: 'One path, two speeds',
    subtitle: 'the same cost against rate × iteration: the slow run ends where the fast one has hardly begun',
    xLabel: 'learning rate × iteration',
    yDomain: [0, 0.72],
    legend: 'right',
  }),
)
