import { optimizer } from './optimizer.ts'

/** Stochastic gradient descent, with momentum and Nesterov's look ahead as Keras has them. Sutskever et al. 2013. */
export const sgd = optimizer(
  'sgd',
  {
    params: { learningRate: 0.01, momentum: 0, nesterov: false },
    step: 'w = w - learningRate * g',
  },
  ({ momentum, nesterov }) =>
    momentum === 0
      ? {}
      : {
          state: ['v'],
          step: `v = momentum * v - learningRate * g;
                 w = w + ${nesterov ? 'momentum * v - learningRate * g' : 'v'}`,
        },
)

/**
 * Divides by a running root mean square of the gradients. Tieleman & Hinton 2012; `centered` takes their mean away first
 * (Graves 2013). ε stands inside the root, as in Keras; PyTorch has it outside, and rho 0.99.
 */
export const rmsprop = optimizer(
  'rmsprop',
  {
    params: { learningRate: 1e-3, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false },
    state: ['v'],
    step: `v = rho * v + (1 - rho) * g^2;
           w = w - learningRate * g / sqrt(v + epsilon)`,
  },
  ({ momentum, centered }) =>
    !momentum && !centered
      ? {}
      : {
          state: ['v', ...(centered ? ['a'] : []), ...(momentum ? ['m'] : [])],
          step: `v = rho * v + (1 - rho) * g^2;
                 ${centered ? 'a = rho * a + (1 - rho) * g;' : ''}
                 let d = learningRate * g / sqrt(v ${centered ? '- a^2' : ''} + epsilon);
                 ${momentum ? 'm = momentum * m + d; w = w - m' : 'w = w - d'}`,
        },
)

/** Divides by the root of the sum of all squared gradients so far. Duchi et al. 2011. PyTorch starts the sum at 0 and has ε outside the root. */
export const adagrad = optimizer('adagrad', {
  params: { learningRate: 1e-3, initialAccumulatorValue: 0.1, epsilon: 1e-7 },
  state: ['a'],
  step: `a = (t == 1 ? initialAccumulatorValue : a) + g^2;
         w = w - learningRate * g / sqrt(a + epsilon)`,
})

/** Steps as large as recent steps were, over gradients as large as recent ones. Zeiler 2012. PyTorch: rate 1, rho 0.9, ε 1e-6. */
export const adadelta = optimizer('adadelta', {
  params: { learningRate: 1e-3, rho: 0.95, epsilon: 1e-7 },
  state: ['a', 'd'],
  step: `a = rho * a + (1 - rho) * g^2;
         let s = g * sqrt(d + epsilon) / sqrt(a + epsilon);
         d = rho * d + (1 - rho) * s^2;
         w = w - learningRate * s`,
})

/** Follow the regularised leader: sparse weights by l1. McMahan et al. 2013. */
export const ftrl = optimizer('ftrl', {
  params: {
    ...{ learningRate: 1e-3, learningRatePower: -0.5, initialAccumulatorValue: 0.1 },
    ...{ l1RegularizationStrength: 0, l2RegularizationStrength: 0, l2ShrinkageRegularizationStrength: 0, beta: 0 },
  },
  state: ['a', 'z'],
  step: `let before = t == 1 ? initialAccumulatorValue : a;
         let after = before + g^2;
         let p = after^(-learningRatePower);
         let q = p / learningRate + 2 * l2RegularizationStrength + beta / learningRate;
         z = z + g + 2 * l2ShrinkageRegularizationStrength * w - (p - before^(-learningRatePower)) / learningRate * w;
         a = after;
         w = (clamp(z, -l1RegularizationStrength, l1RegularizationStrength) - z) / q`,
})

/** Goes by the signs of two averages of the gradient. Chen et al. 2023. */
export const lion = optimizer('lion', {
  params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.99 },
  state: ['m'],
  step: `let s = sign(beta1 * m + (1 - beta1) * g);
         m = beta2 * m + (1 - beta2) * g;
         w = w - learningRate * s`,
})

/**
 * Each weight has a step size of its own, larger while its gradient keeps its sign, smaller and without a step when it
 * turns. For whole data sets as one batch. Riedmiller & Braun 1993; only PyTorch has it.
 */
export const rprop = optimizer('rprop', {
  params: { learningRate: 0.01, etaMinus: 0.5, etaPlus: 1.2, minStep: 1e-6, maxStep: 50 },
  state: ['s', 'before'],
  step: `let turn = g * before;
         s = clamp((t == 1 ? learningRate : s) * (turn > 0 ? etaPlus : turn < 0 ? etaMinus : 1), minStep, maxStep);
         before = turn < 0 ? 0 : g;
         w = w - sign(before) * s`,
})

/**
 * Gradient descent with a falling rate η = rate / (1 + λ·rate·(t − 1))^α, and the mean of the weights from step t0 on in
 * its state a. Polyak & Juditsky 1992; only PyTorch has it.
 */
export const asgd = optimizer('asgd', {
  params: { learningRate: 0.01, lambda: 1e-4, alpha: 0.75, t0: 1e6 },
  state: ['a'],
  step: `let eta = learningRate / (1 + lambda * learningRate * (t - 1))^alpha;
         w = w * (1 - lambda * eta) - eta * g;
         let mu = 1 / max(1, t - 1 - t0);
         a = mu == 1 ? w : a + mu * (w - a)`,
})
