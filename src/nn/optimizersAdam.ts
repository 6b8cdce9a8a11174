import { optimizer } from './optimizer.ts'

const moments = `m = beta1 * m + (1 - beta1) * g;
         v = beta2 * v + (1 - beta2) * g^2;`

/** Variants that keep the largest v so far. Reddi et al. 2018. */
const amsgrad = (before: string) => ({
  state: ['m', 'v', 'u'],
  step: `let rate = learningRate * sqrt(1 - beta2^t) / (1 - beta1^t);
         ${moments}
         u = max(u, v);
         w = ${before} - rate * m / (sqrt(u) + epsilon)`,
})

/**
 * Steps along the mean of recent gradients, over how large they have been lately. Kingma & Ba 2015, the efficient order of
 * its section 2; ε joins √v before the correction, as in Keras (PyTorch: after).
 */
export const adam = optimizer(
  'adam',
  {
    params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false },
    state: ['m', 'v'],
    step: `let rate = learningRate * sqrt(1 - beta2^t) / (1 - beta1^t);
         ${moments}
         w = w - rate * m / (sqrt(v) + epsilon)`,
  },
  params => (params.amsgrad ? amsgrad('w') : {}),
)

/** Adam that lets weights shrink by themselves, not through their gradients. Loshchilov & Hutter 2019. PyTorch's decay is 0.01. */
export const adamW = optimizer(
  'adamW',
  {
    params: { learningRate: 1e-3, weightDecay: 0.004, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false },
    state: ['m', 'v'],
    step: `let rate = learningRate * sqrt(1 - beta2^t) / (1 - beta1^t);
         ${moments}
         w = w - rate * m / (sqrt(v) + epsilon)`,
  },
  params => (params.amsgrad ? amsgrad('w') : {}),
)

/** Adam over the largest recent gradient. Kingma & Ba 2015, section 7. PyTorch adds ε to the gradient before the maximum. */
export const adamax = optimizer('adamax', {
  params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  state: ['m', 'u'],
  step: `m = beta1 * m + (1 - beta1) * g;
         u = max(beta2 * u, abs(g));
         w = w - learningRate / (1 - beta1^t) * m / (u + epsilon)`,
})

/**
 * Adam with Nesterov's look ahead: beta1 begins at about half and grows as 1 − 0.96^(t·momentumDecay) / 2; c is the product
 * of all so far. Dozat 2016. PyTorch: rate 0.002, momentumDecay 0.004.
 */
export const nadam = optimizer('nadam', {
  params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, momentumDecay: 1 },
  state: ['m', 'v', 'c'],
  step: `let now = beta1 * (1 - 0.96^(t * momentumDecay) / 2);
         let next = beta1 * (1 - 0.96^((t + 1) * momentumDecay) / 2);
         ${moments}
         c = (t == 1 ? 1 : c) * now;
         let look = next * m / (1 - c * next) + (1 - now) * g / (1 - c);
         w = w - learningRate * look / (sqrt(v / (1 - beta2^t)) + epsilon)`,
})

/** Adam that waits with dividing by √v until v is known well enough. Liu et al. 2020; only PyTorch has it. */
export const radam = optimizer('radam', {
  params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  state: ['m', 'v'],
  step: `let far = 2 / (1 - beta2) - 1;
         let rho = far - 2 * t * beta2^t / (1 - beta2^t);
         let r = sqrt(max((rho - 4) * (rho - 2) * far / ((far - 4) * (far - 2) * rho), 0));
         ${moments}
         w = w - learningRate * m / (1 - beta1^t) * (rho > 5 ? r * sqrt(1 - beta2^t) / (sqrt(v) + epsilon) : 1)`,
})

/**
 * AdamW that needs no schedule: w lies between z, where steps are taken, and the mean x of all z. Defazio et al. 2024. The
 * mean is (w − (1 − beta1)·z) / beta1.
 */
export const scheduleFreeAdamW = optimizer('scheduleFreeAdamW', {
  params: { learningRate: 0.0025, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmupSteps: 0 },
  state: ['z', 'v'],
  step: `let rate = learningRate * (warmupSteps > 0 ? min(t / warmupSteps, 1) : 1);
         let before = t == 1 ? w / (1 - learningRate * weightDecay) : z; // z begins where w was before it shrank
         v = beta2 * v + (1 - beta2) * g^2;
         z = before - rate * g / (sqrt(v / (1 - beta2^t)) + epsilon);
         let x = (w - (1 - beta1) * before) / beta1;
         w = (1 - beta1) * z + beta1 * ((1 - 1 / t) * x + z / t)`,
})
