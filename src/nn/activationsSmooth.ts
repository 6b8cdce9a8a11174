import { activation } from './activation.ts'

/** y = x·σ(x), also called swish (the layer `swish` learns its β). Hendrycks & Gimpel 2016, Ramachandran et al. 2017. */
export const silu = activation('silu', {
  forward: 'x * sigmoid(x)',
  backward: 'let s = sigmoid(x); dy * s * (1 + x * (1 - s))',
})

/** Another name of silu. */
export const swish = silu

/**
 * y = x·Φ(x) with Φ the normal distribution, or the tanh formula close to it when `approximate`. Hendrycks & Gimpel 2016.
 * Exact by default as in Keras and PyTorch; JAX approximates.
 */
export const gelu = activation('gelu', {
  params: { approximate: false },
  forward: `let inner = sqrt(2 / pi) * (x + 0.044715 * x^3);
            0.5 * x * (1 + (approximate ? tanh(inner) : erf(x * sqrt(0.5))))`,
  backward: `let t = tanh(sqrt(2 / pi) * (x + 0.044715 * x^3));
             let slope = sqrt(2 / pi) * (1 + 0.134145 * min(x^2, 1000)); // beyond, t is ±1
             approximate ? dy * (0.5 * (1 + t) + 0.5 * x * (1 - t) * (1 + t) * slope)
                         : dy * (0.5 * (1 + erf(x * sqrt(0.5))) + x * exp(-0.5 * x^2) / sqrt(2 * pi))`,
})

/** y = x·min(max(x + 3, 0), 6) / 6, silu of straight lines. Howard et al. 2019; PyTorch's Hardswish. */
export const hardSilu = activation('hardSilu', {
  forward: 'x * min(max(x + 3, 0), 6) / 6',
  backward: 'x < -3 ? 0 : x < 3 ? dy * (x / 3 + 0.5) : dy',
})

/** Another name of hardSilu. */
export const hardSwish = hardSilu

/** y = x·tanh(ln(1 + eˣ)). Misra 2019. */
export const mish = activation('mish', {
  forward: 'x * tanh(softplus(x))',
  backward: 'let t = tanh(softplus(x)); dy * (t + x * sigmoid(x) * (1 - t) * (1 + t))',
})

/** y = x·tanh(eˣ). Liu & Di 2020. */
export const tanhExp = activation('tanhExp', {
  forward: 'x * tanh(exp(x))',
  backward: 'let u = exp(min(x, 5)); let t = tanh(u); dy * (t + x * u * (1 - t) * (1 + t))', // from 3 on t is 1
})

/** y = x·erf(ln(1 + eˣ)). Nag et al. 2021. */
export const serf = activation('serf', {
  forward: 'x * erf(softplus(x))',
  backward: 'let s = softplus(x); dy * (erf(s) + x * sigmoid(x) * exp(-s^2) * 2 / sqrt(pi))',
})

/** y = x·tanh(gelu(x)). Naveen 2022. */
export const phish = activation('phish', {
  forward: 'x * tanh(0.5 * x * (1 + erf(x * sqrt(0.5))))',
  backward: `let c = 0.5 * (1 + erf(x * sqrt(0.5)));
             let t = tanh(x * c);
             dy * (t + x * (1 - t) * (1 + t) * (c + x * exp(-0.5 * x^2) / sqrt(2 * pi)))`,
})

/** Linearly scaled tanh: y = x·tanh(x). Roy et al. 2019. */
export const lisht = activation('lisht', {
  forward: 'x * tanh(x)',
  backward: 'let t = tanh(x); dy * (t + x * (1 - t) * (1 + t))',
  range: [0, Infinity],
})

/** Growing cosine unit: y = x·cos x. Noel et al. 2021. */
export const gcu = activation('gcu', {
  forward: 'x * cos(x)',
  backward: 'dy * (cos(x) - x * sin(x))',
})

/** y = x + sin²(a·x) / a, for periodic data. Ziyin et al. 2020; there a may be learnt, a layer of your own can. */
export const snake = activation('snake', {
  params: { a: 1 },
  forward: 'x + sin(a * x)^2 / a',
  backward: 'let s = sin(a * x); dy * (1 + 2 * s * cos(a * x))',
})

/** y = (√(x² + 1) − 1) / 2 + x */
export const bentIdentity = activation('bentIdentity', {
  forward: '(sqrt(x^2 + 1) - 1) / 2 + x',
  backward: 'dy * (x / (2 * sqrt(x^2 + 1)) + 1)',
})

/** A wave: y = sin x. */
export const sinusoid = activation('sinusoid', {
  forward: 'sin(x)',
  backward: 'dy * cos(x)',
  range: [-1, 1],
})
