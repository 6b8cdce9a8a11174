/**
 * Activation functions: what a neuron does with its sum.
 *
 * Step, linear, sigmoid and ReLU on one list of numbers; ReLU is written in three ways. NumPy's line stands beside ours.
 */
import { linspace, tensor } from 'nabla'
import { chart, panels } from 'nabla/plot'
import { picture } from './picture.ts'

export const inputs = [0, 2, -1, 3.3, -2.7, 1.1, 2.2, -100]

// ReLU with a branch: the number itself if it is positive, else 0.
export const reluByBranch: number[] = []
for (const i of inputs) {
  if (i > 0) reluByBranch.push(i)
  else reluByBranch.push(0)
}

// ReLU with max: the same in one line.
export const reluByMax = inputs.map(i => Math.max(0, i))

// ReLU of all numbers at once.
const x = tensor(inputs, { dtype: 'float64' }) //            x = np.array(inputs)
export const relu = x.maximum(0) //                          np.maximum(0, x)

export const step = x.greater(0).mul(1) //                   (x > 0) * 1
export const linear = x //                                   x
export const sigmoid = x.neg().exp().add(1).pow(-1) //       1 / (1 + np.exp(-x))

console.log('inputs          ', inputs.join(' '))
console.log('ReLU by branch  ', reluByBranch.join(' '))
console.log('ReLU by max     ', reluByMax.join(' '))
console.log('ReLU at once    ', `${relu}`)
console.log('step            ', `${step}`)
console.log('linear          ', `${linear}`)
console.log('sigmoid         ', sigmoid.toString({ lineWidth: 120 }))

// Each as a curve. A formula says what happens to one number; `map` does it to all.
const grid = linspace(-6, 6, 241)
const curves = {
  step: 'x > 0 ? 1 : 0',
  linear: 'x',
  sigmoid: '1 / (1 + exp(-x))',
  ReLU: 'max(x, 0)',
}
const drawn = Object.entries(curves).map(([title, formula]) =>
  chart([{ name: formula, x: grid.data, y: grid.map(formula).data }], {
    title,
    subtitle: `y = ${formula}`,
    width: 420,
    height: 300,
  }),
)
await picture('activations/curves.svg', panels(drawn, { title: 'Four activation functions', columns: 2 }))
