/**
 * A dense layer, and a network of two of them on the spiral: 2 inputs, 3 hidden ReLU neurons, 3 classes.
 *
 * All in float32 and with NumPy's random numbers of seed 0, so that the book's digits come out.
 */
import { arange, eye, type NdArray, numpyRandom, tensor, toys, zeros } from 'nabla'
import { chart } from 'nabla/plot'
import { picture } from './picture.ts'

// 300 points of three classes: the arms of a spiral.
const data = toys.spiral({ samples: 100, classes: 3, seed: 0, precision: 'float32' })
const [points, classes] = [new Float64Array(2 * data.size), new Float64Array(data.size)]
data.fill(arange(data.size).data, points, classes)
export const X = tensor(points).reshape(-1, 2)
export const y = tensor(classes, { dtype: 'int32' })

// The data has used the first 300 random numbers; the weights take the next ones.
const random = numpyRandom(0)
random.randn(data.size)

/** Every neuron weighs all inputs: output = inputs · weights + biases, a row a sample. */
function dense(inputs: number, neurons: number) {
  const weights = tensor(random.randn(inputs, neurons)).mul(0.01).reshape(inputs, neurons)
  const biases = zeros([1, neurons])
  return { weights, biases, forward: (x: NdArray) => x.matmul(weights).add(biases) }
}

/** Probabilities of each row, see the example softmax. */
function softmax(z: NdArray): NdArray {
  const e = z.sub(z.max({ axis: 1, keepdims: true })).exp()
  return e.div(e.sum({ axis: 1, keepdims: true }))
}

export const dense1 = dense(2, 3)
export const dense2 = dense(3, 3)

export const z1 = dense1.forward(X)
export const a1 = z1.maximum(0) // ReLU
export const z2 = dense2.forward(a1)
export const output = softmax(z2)

console.log(`points\n${X.slice([0, 5])}`)
console.log(`\nafter the hidden layer\n${a1.slice([0, 5])}`)
console.log(`\nprobabilities of the three classes\n${output.slice([0, 5])}`)

// How good is that? The loss is -log of the probability of the true class; the prediction is the largest probability.
export const truth = eye(3).take(y) // one row a sample, with a 1 at its class
export const loss = output.mul(truth).sum({ axis: 1 }).log().neg().mean().item()
export const accuracy = output.argmax({ axis: 1 }).equal(y).mean().item()
console.log(`\nloss ${loss}, accuracy ${accuracy}: no better than guessing, for nothing has been learnt yet`)

const arms = [0, 1, 2].map(label => {
  const own = X.slice([100 * label, 100 * (label + 1)])
  return { name: `class ${label}`, x: own.slice(null, 0).data, y: own.slice(null, 1).data, mark: 'dots' as const }
})
await picture('spiral/data.svg', chart(arms, { title: 'The spiral', width: 520, height: 540 }))
