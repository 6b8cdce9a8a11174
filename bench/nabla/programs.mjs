import { activations } from '../../dist/index.js'
import { emit } from '../adaptor.mjs'
import { many } from '../data.mjs'
import { measure } from '../timing.mjs'
import { program } from './engine.mjs'

const formulas = {
  relu: 'max(x, 0)',
  sigmoid: 'sigmoid(x)',
  tanh: 'tanh(x)',
  'gelu (erf)': '0.5 * x * (1 + erf(x * 0.70710678))',
  'gelu (tanh)': '0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)))',
}

/** The products of the backward passes that sum over many places: filters of the second and third convolution. */
const tall = [
  [288, 64, 12544],
  [576, 128, 3136],
]

/** Image size, channels and filters of the digit network's convolutions. */
const convolutions = [
  [28, 1, 32],
  [14, 32, 64],
  [7, 64, 128],
]
const batch = 64

export const programs = {
  async W6() {
    const time = async (name, [m, n, k], inputs, write) => {
      const { run } = program(inputs, { y: [m, n] }, write)
      emit(name, await measure(run, { share: 0.5 }), 'GFLOP/s', (2 * m * n * k) / 1e9)
    }
    for (const n of [256, 512, 1024]) {
      const square = { a: [n, n], b: [n, n] }
      await time(`AB ${n}`, [n, n, n], square, (k, { a, b, y }) => k.gemm(y, a, b))
      await time(`AᵀB ${n}`, [n, n, n], square, (k, { a, b, y }) => k.gemm(y, a.T, b))
    }
    for (const [m, n, k] of tall)
      await time(`AᵀB ${m}×${n}×${k}`, [m, n, k], { a: [k, m], b: [k, n] }, (verbs, { a, b, y }) =>
        verbs.gemm(y, a.T, b),
      )
  },
  async W7() {
    const time = async (name, inputs, write) => {
      const { run } = program(inputs, { y: inputs.x }, write)
      emit(name, await measure(run, { share: 0.4 }), 'Melem/s', many / 1e6)
    }
    for (const [name, text] of Object.entries(formulas))
      await time(name, { x: [many] }, (k, { x, y }) => k.map(y, text, { x }))
    for (const width of [10, 1000])
      await time(`softmax of ${width}`, { x: [many / width, width] }, (k, views) =>
        activations.softmax().forward(k, views),
      )
    const row = { x: [many / 1000, 1000], mask: [many / 1000, 1000], a: [1000], b: [1000] }
    const chain = 'let z = a * x + b; y = mask * 0.5 * z * (1 + erf(z * 0.70710678))'
    await time('mask · gelu(a·x + b)', row, (k, { y, ...operands }) => k.map({ y }, chain, operands))
  },
  async convolutions() {
    for (const [size, channels, filters] of convolutions) {
      const shapes = { x: [batch, size, size, channels], w: [3, 3, channels, filters], y: [batch, size, size, filters] }
      const { x, w, y } = shapes
      const seen = view => view.windows({ size: [3, 3], padding: [[1, 1], [1, 1]] }).matrix(3) // biome-ignore format: one thing
      const passes = {
        forward: [{ x, w }, { y }, (k, v) => k.gemm(v.y.matrix(3), seen(v.x), v.w.matrix(3))],
        filters: [{ x, y }, { w }, (k, v) => k.gemm(v.w.matrix(3), seen(v.x).T, v.y.matrix(3))],
        input: [
          { y, w },
          { x },
          (k, v) => k.gemm(v.x.matrix(3), seen(v.y), v.w.flip(0).flip(1).transpose(0, 1, 3, 2).matrix(3)),
        ],
      }
      for (const [pass, parts] of Object.entries(passes)) {
        if (pass === 'input' && channels === 1) continue // nobody trains the images
        const { run } = program(...parts)
        emit(`${size}×${size}×${channels}→${filters} ${pass}`, await measure(run, { share: 0.4 }), 'ms')
      }
    }
  },
}
