/**
 * From the perceptron to a network, and a first way to learn: trial.
 */
import { tensor } from 'nabla'

const float64 = { dtype: 'float64' } as const

// To hike this weekend or not? Three questions with the weights they have for me; above 5 I go.
const weights = [8, 10, 1] // no overtime, good weather, easy to reach
const threshold = 5
export const hikes = [0, 1, 2, 3, 4, 5, 6, 7].map(i => {
  const x = [(i >> 2) & 1, (i >> 1) & 1, i & 1]
  const sum = tensor(x, float64).matmul(weights).item()
  return { x, sum, hike: sum > threshold ? 1 : 0 }
})
console.log('free  weather  road    sum   hike?')
for (const { x, sum, hike } of hikes)
  console.log(`${x[0]}     ${x[1]}        ${x[2]}     ${String(sum).padStart(4)}   ${hike ? 'yes' : 'no'}`)

// Another weighing, another answer: who hates rain gives the weather more, who is tired the overtime.
export const decide = (x: number[], weights: number[]) =>
  tensor(x, float64).matmul(weights).item() > threshold ? 1 : 0
const answer = (weights: number[]) => (decide([1, 0, 0], weights) ? 'yes' : 'no')
console.log(`\nfree, but rain: ${answer(weights)}; for one whose free time weighs only 4: ${answer([4, 10, 1])}`)

// A neuron gives no yes or no but how much: a sigmoid in place of the threshold.
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const neuron = (weights: number[], bias: number) => (x: number[]) =>
  sigmoid(tensor(x, float64).matmul(weights).add(bias).item())

export const single = neuron([0, 1], 4)([2, 3])
console.log('\none neuron      ', single)

// Two inputs, two hidden neurons, one output; all have the weights 0 and 1 and no bias.
const [h1, h2, o1] = [neuron([0, 1], 0), neuron([0, 1], 0), neuron([0, 1], 0)]
export const hidden = h1([2, 3])
export const network = o1([h1([2, 3]), h2([2, 3])])
console.log('network 2-2-1   ', network)

// How wrong is a network? The mean of the squared errors.
const mse = (truth: number[], predicted: number[]) => tensor(truth, float64).sub(predicted).square().mean().item()
export const error = mse([1, 0, 0, 1], [0, 0, 0, 0])
console.log('mean squared error of guessing 0:', error)

// Two outputs 0.98 and 0.02, where 1 and 0 are true, are 0.0004 wrong by this measure; cross-entropy, -log of what the
// true class was given, takes it fifty times as hard.
export const nearly = { mse: mse([1, 0], [0.98, 0.02]), crossEntropy: -Math.log(0.98) }
console.log(
  `0.98, 0.02 for 1, 0: squared error ${nearly.mse.toFixed(4)}, cross-entropy ${nearly.crossEntropy.toFixed(4)}`,
)

// Learning by trial, without any gradient: change one number; if the error falls go on in that direction, if it rises
// turn round. The steps shrink when no direction helps any more.
const people = [
  { x: [-2, -1], y: 1 }, // Alice
  { x: [25, 6], y: 0 }, //  Bob
  { x: [17, 4], y: 0 }, //  Charlie
  { x: [-15, -6], y: 1 }, // Diana
]
const predict = ([w1, w2, w3, w4, w5, w6, b1, b2, b3]: number[], [a, b]: number[]) => {
  const [first, second] = [sigmoid(w1 * a + w2 * b + b1), sigmoid(w3 * a + w4 * b + b2)]
  return sigmoid(w5 * first + w6 * second + b3)
}
const lossOf = (p: number[]) =>
  mse(
    people.map(({ y }) => y),
    people.map(({ x }) => predict(p, x)),
  )

let numbers = [0, 1, 0, 1, 0, 1, 0, 0, 0] // the fixed network's
const directions = numbers.map(() => 0.5)
export const climb = [lossOf(numbers)]
for (let round = 1; round <= 100; round++) {
  for (let i = 0; i < numbers.length; i++) {
    const moved = numbers.with(i, numbers[i] + directions[i])
    if (lossOf(moved) < lossOf(numbers)) numbers = moved
    else directions[i] *= -0.7
  }
  climb.push(lossOf(numbers))
}
export const climbed = people.map(({ x }) => predict(numbers, x))
console.log('\nlearning by trial')
for (const round of [0, 1, 2, 5, 10, 20, 50, 100])
  console.log(`round ${String(round).padStart(3)}  loss ${climb[round].toFixed(4)}`)
console.log('Alice, Bob, Charlie, Diana:', climbed.map(p => p.toFixed(3)).join('  '), ' (true: 1 0 0 1)')
