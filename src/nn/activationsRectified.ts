import { activation } from './activation.ts'

/** y = min(max(x, 0), 6). Krizhevsky 2010. */
export const relu6 = activation('relu6', {
  forward: 'min(max(x, 0), 6)',
  backward: 'y > 0 && y < 6 ? dy : 0',
  range: [0, 6],
})

/** y = max(x, 0)². So et al. 2021 (Primer). */
export const squaredRelu = activation('squaredRelu', {
  forward: 'max(x, 0)^2',
  backward: '2 * dy * max(x, 0)',
  range: [0, Infinity],
})

/**
 * y = x > threshold ? x : defaultValue. Keras and PyTorch (which says value) want both settings given; here they are those
 * of the thresholded ReLU of Konda et al. 2014.
 */
export const threshold = activation('threshold', {
  params: { threshold: 1, defaultValue: 0 },
  forward: 'x <= threshold ? defaultValue : x',
  backward: 'x <= threshold ? 0 : dy',
})

/** Exponential linear unit: y = x > 0 ? x : α·(eˣ − 1). Clevert et al. 2016. */
export const elu = activation('elu', {
  params: { alpha: 1 },
  forward: 'x > 0 ? x : alpha * expm1(x)',
  backward: 'x > 0 ? dy : dy * alpha * exp(x)',
  range: ({ alpha }) => [Math.min(-alpha, 0), Infinity],
})

/** An ELU whose slope is continuous for every α: y = x > 0 ? x : α·(e^(x/α) − 1). Barron 2017. */
export const celu = activation('celu', {
  params: { alpha: 1 },
  forward: 'x > 0 ? x : alpha * expm1(x / alpha)',
  backward: 'x > 0 ? dy : dy * exp(x / alpha)',
  range: ({ alpha }) => [Math.min(-alpha, 0), Infinity],
})

/** An ELU scaled so that layers keep mean 0 and variance 1; wants lecunNormal kernels. Klambauer et al. 2017. */
export const selu = activation('selu', {
  forward: `let scale = 1.0507009873554805; let alpha = 1.6732632423543772;
            x > 0 ? scale * x : scale * alpha * expm1(x)`,
  backward: `let scale = 1.0507009873554805; let alpha = 1.6732632423543772;
             x > 0 ? scale * dy : dy * scale * alpha * exp(x)`,
  range: [-1.7580993408473768, Infinity],
})

/** y = |x| > threshold ? x : 0; PyTorch calls the threshold lambd. */
export const hardShrink = activation('hardShrink', {
  params: { threshold: 0.5 },
  forward: 'abs(x) <= threshold ? 0 : x',
  backward: 'abs(x) <= threshold ? 0 : dy',
})

/** y = sign(x)·max(|x| − threshold, 0); PyTorch calls the threshold lambd. */
export const softShrink = activation('softShrink', {
  params: { threshold: 0.5 },
  forward: 'abs(x) <= threshold ? 0 : x > 0 ? x - threshold : x + threshold',
  backward: 'abs(x) <= threshold ? 0 : dy',
})

/** Inverse square root linear unit: y = x ≥ 0 ? x : x / √(1 + α·x²). Carlile et al. 2017. */
export const isrlu = activation('isrlu', {
  params: { alpha: 1 },
  forward: 'x >= 0 ? x : x / sqrt(1 + alpha * x^2)',
  backward: 'let s = 1 + alpha * x^2; x >= 0 ? dy : dy / (s * sqrt(s))',
  range: ({ alpha }) => [-1 / Math.sqrt(alpha), Infinity],
})

/** A smooth ReLU without exponentials: y = (x + √(x² + b)) / 2. Barron 2021. */
export const squareplus = activation('squareplus', {
  params: { b: 4 },
  forward: 'let r = sqrt(x^2 + b); x > 0 ? (x + r) / 2 : b / (2 * (r - x))', // below 0 the sum would cancel
  backward: 'dy * y / sqrt(x^2 + b)',
  range: [0, Infinity],
})

/** y = 0 up to −1, (x + 1)² / 4 between, x from 1 on: sparsemax's softplus. Keras 3, Martins & Astudillo 2016. */
export const sparsePlus = activation('sparsePlus', {
  forward: 'x >= 1 ? x : max(x + 1, 0)^2 / 4',
  backward: 'dy * clamp((x + 1) / 2, 0, 1)',
  range: [0, Infinity],
})
