import { activation } from './activation.ts'

/** y = x */
export const linear = activation('linear', {
  forward: 'x',
  backward: 'dy',
})

/** Rectified linear unit: y = max(x, 0). Nair & Hinton 2010. */
export const relu = activation('relu', {
  forward: 'max(x, 0)',
  backward: 'y > 0 ? dy : 0',
  range: [0, Infinity],
})

/** Leaky ReLU keeps a small slope below zero, so that no unit dies. Maas et al. 2013; slope ≥ 0. */
export const leakyRelu = activation('leakyRelu', {
  params: { slope: 0.2 },
  forward: 'x > 0 ? x : slope * x',
  backward: 'y > 0 ? dy : slope * dy', // y has the sign of x, and y is what the next layer keeps
})

/** y = 1 / (1 + e⁻ˣ) */
export const sigmoid = activation('sigmoid', {
  forward: 'sigmoid(x)',
  backward: 'dy * y * (1 - y)',
  range: [0, 1],
})

/** y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) */
export const tanh = activation('tanh', {
  forward: 'tanh(x)',
  backward: 'dy * (1 - y^2)',
  range: [-1, 1],
})

/** y = eˣ / Σ eˣ along the last axis, with the largest x taken off first so that nothing overflows. */
export const softmax = activation('softmax', {
  forward(k, { x, y }) {
    const last = [x.shape.length - 1]
    const m = k.scratch('m', x.shape.with(-1, 1))
    const s = k.scratch('s', x.shape.with(-1, 1))
    k.reduce(m, 'max', 'x', { x }, last) // m = max x
    k.reduce(s, 'sum', 'exp(x - m)', { x, m }, last) // s = Σ e^(x−m)
    k.map(y, 'exp(x - m) / s', { x, m, s }) // y = e^(x−m) / s
  },
  backward(k, { y, dy, dx }) {
    const s = k.scratch('s', y.shape.with(-1, 1))
    k.reduce(s, 'sum', 'y * dy', { y, dy }, [y.shape.length - 1]) // s = Σ y·dy
    k.map(dx, 'y * (dy - s)', { y, dy, s }) // dx = y ⊙ (dy − s)
  },
  range: [0, 1],
})
