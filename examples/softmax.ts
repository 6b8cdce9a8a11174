/**
 * Softmax: how the last layer turns numbers into probabilities.
 *
 * First by hand on one row, then on a batch: this needs sums along an axis that keep their axis, and a guard against
 * overflow, for e¹⁰⁰⁰ is more than a computer can hold.
 */
import { type NdArray, tensor } from 'nabla'

const float64 = { dtype: 'float64' } as const

// By hand: exponentiate, add up, divide.
const outputs = tensor([4.8, 1.21, 2.385], float64)
export const exponentials = outputs.exp() //                       np.exp(outputs)
export const probabilities = exponentials.div(exponentials.sum()) // exp / np.sum(exp)
export const total = probabilities.sum().item()
console.log('exponentiated  ', `${exponentials}`)
console.log('normalised     ', `${probabilities}`)
console.log('sum            ', total)

// A batch has a row a sample. Which sums are wanted?
const batch = tensor(
  [
    [4.8, 1.21, 2.385],
    [8.9, -1.81, 0.2],
    [1.41, 1.051, 0.025],
  ],
  float64,
)
export const sums = {
  all: batch.sum(), //                                      np.sum(batch)
  axis0: batch.sum({ axis: 0 }), //                         np.sum(batch, axis=0): down the columns
  axis1: batch.sum({ axis: 1 }), //                         np.sum(batch, axis=1): along the rows
  keepdims: batch.sum({ axis: 1, keepdims: true }), //      …, keepdims=True: a column that fits the batch
}
console.log('\nsum of all     ', `${sums.all}`)
console.log('of each column ', `${sums.axis0}`)
console.log('of each row    ', `${sums.axis1}`)
console.log(`of each row, as a column\n${sums.keepdims}`)

// The largest number of each row is taken off first. This changes nothing: above and below the line it is a factor e^-max.
export function softmax(z: NdArray): NdArray {
  const e = z.sub(z.max({ axis: 1, keepdims: true })).exp()
  return e.div(e.sum({ axis: 1, keepdims: true }))
}

export const rows = softmax(batch)
console.log(`\nsoftmax of the batch\n${rows}`)

export const shifted = [[[1, 2, 3]], [[-2, -1, 0]], [[0.5, 1, 1.5]]].map(row => softmax(tensor(row, float64)))
console.log('\n[1 2 3]          ', `${shifted[0]}`)
console.log('[-2 -1 0]        ', `${shifted[1]}`, '  shifting changes nothing')
console.log('[0.5 1 1.5]      ', `${shifted[2]}`, '  scaling does')

const huge = tensor([[1000, 1001, 1002]], float64)
export const unguarded = huge.exp().div(huge.exp().sum({ axis: 1, keepdims: true }))
export const guarded = softmax(huge)
console.log('\n[1000 1001 1002] without the guard', `${unguarded}`)
console.log('[1000 1001 1002] with the guard   ', `${guarded}`)
