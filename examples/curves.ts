/**
 * Six activation functions and their derivatives, on 200 points.
 *
 * Forward a layer uses f, backward it uses f′: they come in pairs. Here both are formulas; the slope of the bent identity
 * uses its own argument z, as it must.
 */
import { linspace, type NdArray, tensor } from 'nabla'
import { chart } from 'nabla/plot'
import { picture } from './picture.ts'

const float64 = { dtype: 'float64' } as const

const pairs = {
  tanh: ['tanh(x)', '1 - tanh(x)^2'],
  sigmoid: ['1 / (1 + exp(-x))', 'let s = 1 / (1 + exp(-x)); s * (1 - s)'],
  RELU: ['x > 0 ? x : 0', 'x > 0 ? 1 : 0'],
  LeakyRELU: ['x > 0 ? x : 0.3 * x', 'x > 0 ? 1 : 0.3'],
  BentIdentity: ['(sqrt(x^2 + 1) - 1) / 2 + x', 'x / (2 * sqrt(x^2 + 1)) + 1'],
  Sinusoid: ['sin(x)', 'cos(x)'],
} as const

type Name = keyof typeof pairs
export const functions = (name: Name) => {
  const [f, slope] = pairs[name]
  return { f: (z: NdArray) => z.map(f), slope: (z: NdArray) => z.map(slope) }
}

export const curves = (Object.keys(pairs) as Name[]).map(name => {
  const end = name === 'Sinusoid' ? Math.PI : 6
  const x = linspace(-end, end, 200, float64)
  const { f, slope } = functions(name)
  return { name, x, y: f(x), dy: slope(x) }
})

for (const { name, x, y, dy } of curves) {
  console.log(`${name.padEnd(13)} f from ${y.min()} to ${y.max()}, f′ from ${dy.min()} to ${dy.max()}`)
  // As the text draws them: two clouds of dots, small ones for the derivative of the piecewise functions.
  const dots = name === 'tanh' || name === 'sigmoid' ? 'dots' : 'small dots'
  const series = [
    { name, x: x.data, y: y.data, mark: 'dots' as const },
    { name: `${name}_deriv`, x: x.data, y: dy.data, mark: dots as 'dots' | 'small dots' },
  ]
  await picture(`curves/${name}.svg`, chart(series, { title: `${name} Function` }))
}

// At 0 the kinked ones take the slope of the left side: x > 0 is the question.
const zero = tensor(0, float64)
export const atZero = curves.map(({ name }) => ({ name, y: functions(name).f(zero), dy: functions(name).slope(zero) }))
console.log('\nslopes at 0:', atZero.map(({ name, dy }) => `${name} ${dy}`).join(', '))

// A slope is a function of its argument. A version that reads another variable by mistake still draws the right curve,
// for there that variable is the grid; asked for three points, it answers with 200.
export const bent = functions('BentIdentity').slope(tensor([0, 1, -3], float64))
console.log('slope of the bent identity at 0, 1, -3:', `${bent}`)
