import { activation } from './activation.ts'

/** y = min(max(x + 3, 0), 6) / 6, a sigmoid of straight lines, as in Keras 3 and PyTorch; Keras 2 and tfjs have 0.2·x + 0.5. */
export const hardSigmoid = activation('hardSigmoid', {
  forward: 'min(max(x + 3, 0), 6) / 6',
  backward: 'x > -3 && x < 3 ? dy / 6 : 0',
  range: [0, 1],
})

/** y = min(max(x, minValue), maxValue). Keras has no settings; PyTorch calls them min_val and max_val. */
export const hardTanh = activation('hardTanh', {
  params: { minValue: -1, maxValue: 1 },
  forward: 'min(max(x, minValue), maxValue)',
  backward: 'y > minValue && y < maxValue ? dy : 0',
  range: ({ minValue, maxValue }) => [minValue, maxValue],
})

/** y = ln σ(x) = −ln(1 + e⁻ˣ) */
export const logSigmoid = activation('logSigmoid', {
  forward: '-softplus(-x)',
  backward: 'dy * sigmoid(-x)',
  range: [-Infinity, 0],
})

/** y = x / (1 + |x|). Turian et al. 2009. */
export const softsign = activation('softsign', {
  forward: 'x / (1 + abs(x))',
  backward: 'dy / (1 + abs(x))^2',
  range: [-1, 1],
})

/** y = arctan x */
export const arctan = activation('arctan', {
  forward: 'atan(x)',
  backward: 'dy / (1 + x^2)',
  range: [-Math.PI / 2, Math.PI / 2],
})

/** Inverse square root unit: y = x / √(1 + α·x²). Carlile et al. 2017. */
export const isru = activation('isru', {
  params: { alpha: 1 },
  forward: 'x / sqrt(1 + alpha * x^2)',
  backward: 'let s = 1 + alpha * x^2; dy / (s * sqrt(s))',
  range: ({ alpha }) => [-1 / Math.sqrt(alpha), 1 / Math.sqrt(alpha)],
})

/** y = 0 up to −1, (x + 1) / 2 between, 1 from 1 on: sparsemax of two. Keras 3, Martins & Astudillo 2016. */
export const sparseSigmoid = activation('sparseSigmoid', {
  forward: 'clamp((x + 1) / 2, 0, 1)',
  backward: 'x > -1 && x < 1 ? dy / 2 : 0',
  range: [0, 1],
})

/** y = x − tanh x, close to x³/3 near 0. */
export const tanhShrink = activation('tanhShrink', {
  forward: 'x - tanh(x)',
  backward: 'dy * tanh(x)^2',
})

/** The inverse of the sigmoid: y = ln(x / (1 − x)) for shares, kept ε away from 0 and 1; torch.logit with eps. */
export const logit = activation('logit', {
  params: { epsilon: 1e-7 },
  forward: `let top = 1 - epsilon; // which is rounded, so that its end is not quite the other's negative
            x < epsilon ? log(epsilon / top) : x > top ? log(top / (1 - top)) : log(x / (1 - x))`,
  backward: 'x >= epsilon && x <= 1 - epsilon ? dy / (x * (1 - x)) : 0',
  range: ({ epsilon }) => [Math.log(epsilon / (1 - epsilon)), Math.log((1 - epsilon) / (1 - (1 - epsilon)))],
})
