import { activation } from './activation.ts'

export * from './activationsGated.ts'
export * from './activationsRectified.ts'
export * from './activationsRowwise.ts'
export * from './activationsSmooth.ts'
export * from './activationsSquashing.ts'

/** y = x; PyTorch's Identity. */
export const linear = activation('linear', {
  forward: 'x',
  backward: 'dy',
})

/** y = x > 0 ? 1 : 0, the perceptron's decision, which has no slope to learn by. Heaviside; Rosenblatt 1958. */
export const step = activation('step', {
  forward: 'x > 0 ? 1 : 0',
  backward: '0',
  range: [0, 1],
})

/**
 * Rectified linear unit: y = max(x, 0). Nair & Hinton 2010. Keras's settings change it: up to the threshold the line
 * negativeSlope·(x − threshold) holds, and maxValue cuts it off above; PyTorch's ReLU has none of the three.
 */
export const relu = activation('relu', {
  params: { negativeSlope: 0, maxValue: Infinity, threshold: 0 },
  forward: `let above = maxValue == inf ? x : min(x, maxValue);
            negativeSlope == 0 && threshold == 0 ? (maxValue == inf ? max(x, 0) : max(above, 0)) :
            x <= threshold ? (negativeSlope == 0 ? 0 : negativeSlope * (x - threshold)) : above`,
  backward: `let above = maxValue == inf ? dy : x < maxValue ? dy : 0;
             negativeSlope == 0 && threshold == 0 && maxValue == inf ? (y > 0 ? dy : 0) :
             x <= threshold ? negativeSlope * dy : above`,
  range: ({ negativeSlope, maxValue }) => [negativeSlope === 0 ? 0 : -Infinity, maxValue],
})

/** Leaky ReLU keeps a small slope below zero, so that no unit dies. Maas et al. 2013; Keras's slope as a function, PyTorch's is 0.01. */
export const leakyRelu = activation('leakyRelu', {
  params: { slope: 0.2 },
  forward: 'x > 0 ? x : slope * x',
  backward: 'slope >= 0 ? (y > 0 ? dy : slope * dy) : x > 0 ? dy : slope * dy', // y, kept anyway, has the sign of x
})

/** y = 1 / (1 + e⁻ˣ) */
export const sigmoid = activation('sigmoid', {
  forward: 'sigmoid(x)',
  backward: 'dy * (y * (1 - y))',
  range: [0, 1],
})

/** y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) */
export const tanh = activation('tanh', {
  forward: 'tanh(x)',
  backward: 'dy * ((1 - y) * (1 + y))', // 1 − y² without rounding the square,
  range: [-1, 1],
})

/**
 * A smooth ReLU: y = ln(1 + e^(βx)) / β. Dugas et al. 2001. Beyond β·x = threshold it is x itself, as in PyTorch; Keras
 * has neither setting, and its float32 shows the same from 17 on.
 */
export const softplus = activation('softplus', {
  params: { beta: 1, threshold: 20 },
  forward: 'beta * x > threshold ? x : softplus(beta * x) / beta',
  backward: 'beta * x > threshold ? dy : dy * sigmoid(beta * x)',
  range: [0, Infinity],
})

/** y = eˣ; beyond 709 (88 in float32) that is infinite. */
export const exponential = activation('exponential', {
  forward: 'exp(x)',
  backward: 'dy * y',
  range: [0, Infinity],
})
