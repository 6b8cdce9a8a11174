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

/** Kingma & Ba 2015, the efficient order of its section 2; ε joins √v before the correction, as in Keras. */
export const adam = optimizer('adam', {
  params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  state: ['m', 'v'],
  step: `let rate = learningRate * sqrt(1 - beta2^t) / (1 - beta1^t);
         m = beta1 * m + (1 - beta1) * g;
         v = beta2 * v + (1 - beta2) * g^2;
         w = w - rate * m / (sqrt(v) + epsilon)`,
})
