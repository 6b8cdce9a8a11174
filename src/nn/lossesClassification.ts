import { type FormulaLossDefinition, loss } from './loss.ts'

/**
 * Mean of −(t·log p + (1 − t)·log(1 − p)), p kept ε away from 0 and 1 as Keras does (PyTorch keeps the logarithms above
 * −100). `fromLogits`: p is a z before the sigmoid; `labelSmoothing` s draws targets to ½: t·(1 − s) + s/2.
 * @domain 0 to 1
 */
export const binaryCrossentropy = loss('binaryCrossentropy', {
  params: { epsilon: 1e-7, fromLogits: false, labelSmoothing: 0 },
  forward: '-(t * log(clamp(p, epsilon, 1 - epsilon)) + (1 - t) * log(clamp(1 - p, epsilon, 1 - epsilon)))',
  backward: 'p >= epsilon && p <= 1 - epsilon ? (p - t) / (p * (1 - p)) : 0',
  fused: {
    activation: 'sigmoid',
    forward: 'softplus(z) - t * z', // −log p for t = 1, −log(1 − p) for t = 0
    backward: 'p - t',
  },
})

/**
 * Binary cross-entropy times (1 − p)^γ for targets of 1 and p^γ for 0: what is known well counts less. Lin et al. 2017.
 * With `applyClassBalancing` ones count α, zeros 1 − α.
 * @domain 0 to 1
 */
export const binaryFocalCrossentropy = loss('binaryFocalCrossentropy', {
  params: { applyClassBalancing: false, alpha: 0.25, gamma: 2, epsilon: 1e-7, fromLogits: false, labelSmoothing: 0 },
  forward: `let q = clamp(p, epsilon, 1 - epsilon); let r = clamp(1 - p, epsilon, 1 - epsilon);
            let a = applyClassBalancing ? t * alpha + (1 - t) * (1 - alpha) : 1;
            -a * (t * (1 - p) + (1 - t) * p)^gamma * (t * log(q) + (1 - t) * log(r))`,
  backward: `let q = clamp(p, epsilon, 1 - epsilon); let r = clamp(1 - p, epsilon, 1 - epsilon);
             let a = applyClassBalancing ? t * alpha + (1 - t) * (1 - alpha) : 1;
             let u = t * (1 - p) + (1 - t) * p;
             let c = -(t * log(q) + (1 - t) * log(r));
             a * (gamma * u^(gamma - 1) * (1 - 2 * t) * c + u^gamma * (p == q ? (p - t) / (p * (1 - p)) : 0))`,
  fused: {
    activation: 'sigmoid',
    forward: `let a = applyClassBalancing ? t * alpha + (1 - t) * (1 - alpha) : 1;
              a * (t * sigmoid(-z) + (1 - t) * sigmoid(z))^gamma * (softplus(z) - t * z)`,
    backward: `let a = applyClassBalancing ? t * alpha + (1 - t) * (1 - alpha) : 1;
               let r = sigmoid(-z);
               let u = t * r + (1 - t) * p;
               a * (gamma * u^(gamma - 1) * (1 - 2 * t) * p * r * (softplus(z) - t * z) + u^gamma * (p - t))`,
  },
})

// A row that sums to nothing is divided by ε, so that it gives a number too.
const kept = 's > 0 && p >= epsilon * s && p <= (1 - epsilon) * s ? t : 0'

const crossentropy = {
  per: 'row',
  parts: { s: ['sum', 'p'], u: ['sum', kept] }, // s = Σ p, 1 after a softmax; u = Σ t, where p is not clipped
  forward: '-t * log(clamp(p / max(s, epsilon), epsilon, 1 - epsilon))',
  backward: `let v = ${kept}; u / max(s, epsilon) - (v > 0 ? v / p : 0)`, // dp = Σt/s − t/p
  fused: {
    activation: 'softmax',
    parts: { m: ['max', 'z'], s: ['sum', 'exp(z - m)'] },
    forward: 't == 0 ? 0 : t * (log(s) + m - z)', // −log p = log s + m − z
    backward: 'p - t', // whatever the softmax looks like inside
  },
} satisfies FormulaLossDefinition

/**
 * Mean over the batch of −Σ t·log p for rows t that sum to 1; rows of p are first made to sum to 1, and kept ε away from
 * 0. `fromLogits`: p is a z before the softmax, as in PyTorch's CrossEntropyLoss; `labelSmoothing` s spreads s over all
 * classes. Behind a softmax it works on z itself.
 * @domain 0 to 1
 */
export const categoricalCrossentropy = loss('categoricalCrossentropy', {
  params: { epsilon: 1e-7, fromLogits: false, labelSmoothing: 0 },
  ...crossentropy,
})

/**
 * Categorical cross-entropy for targets that are numbers of classes. Rows whose target is `ignoreClass` (−1: none) count
 * nothing, and the mean is over the others; PyTorch's ignore_index. Keras has no labelSmoothing here, PyTorch has.
 * @domain 0 to 1
 */
export const sparseCategoricalCrossentropy = loss('sparseCategoricalCrossentropy', {
  params: { epsilon: 1e-7, fromLogits: false, labelSmoothing: 0, ignoreClass: -1 },
  target: 'class',
  ...crossentropy,
})

/**
 * Mean over the batch of −Σ α·(1 − p)^γ·t·log p: classes that are known well count less. Lin et al. 2017.
 * @domain 0 to 1
 */
export const categoricalFocalCrossentropy = loss('categoricalFocalCrossentropy', {
  params: { alpha: 0.25, gamma: 2, epsilon: 1e-7, fromLogits: false, labelSmoothing: 0 },
  per: 'row',
  parts: {
    s: ['sum', 'p'],
    u: [
      'sum',
      `let q = clamp(p / max(s, epsilon), epsilon, 1 - epsilon);
       q == p / s ? alpha * t * (gamma * (1 - q)^(gamma - 1) * q * log(q) - (1 - q)^gamma) : 0`,
    ],
  },
  forward: 'let q = clamp(p / max(s, epsilon), epsilon, 1 - epsilon); -alpha * (1 - q)^gamma * t * log(q)',
  backward: `let r = max(s, epsilon);
             let q = clamp(p / r, epsilon, 1 - epsilon);
             ((q == p / s ? alpha * t * (gamma * (1 - q)^(gamma - 1) * log(q) - (1 - q)^gamma / q) : 0) - u) / r`,
  fused: {
    activation: 'softmax',
    parts: {
      m: ['max', 'z'],
      s: ['sum', 'exp(z - m)'],
      u: [
        'sum',
        `let l = z - m - log(s); let r = -expm1(l);
         t * (gamma * r^(gamma - 1) * exp(l) * l - r^gamma)`,
      ],
    },
    forward: 'let l = z - m - log(s); t == 0 ? 0 : -alpha * (-expm1(l))^gamma * t * l',
    backward: `let l = z - m - log(s); let r = -expm1(l);
               alpha * (t * (gamma * r^(gamma - 1) * exp(l) * l - r^gamma) - exp(l) * u)`,
  },
})

/**
 * Mean over the batch of (1 − p_t^q) / q: between cross-entropy (q → 0) and mean absolute error (q = 1). Zhang & Sabuncu 2018.
 * @domain 0 to 1
 */
export const categoricalGeneralizedCrossEntropy = loss('categoricalGeneralizedCrossEntropy', {
  params: { q: 0.5, epsilon: 1e-7 },
  target: 'class',
  per: 'row',
  parts: { c: ['sum', 't * p'] },
  forward: '(1 - max(c, 0)^q) / q',
  backward: 't == 0 ? 0 : -t * max(c, epsilon)^(q - 1)', // without a limit the slope at 0 would be infinite
})

/**
 * Mean over the batch of Σ t·log(t / p), both kept within ε and 1. Kullback & Leibler 1951. PyTorch's KLDivLoss takes log p.
 * @domain 0 to 1
 */
export const klDivergence = loss('klDivergence', {
  params: { epsilon: 1e-7 },
  per: 'row',
  forward: 'let u = clamp(t, epsilon, 1); u * log(u / clamp(p, epsilon, 1))',
  backward: 'p >= epsilon && p <= 1 ? -clamp(t, epsilon, 1) / p : 0',
})

/**
 * PyTorch's NLLLoss: mean over the batch of −p of the target's class, where p are logarithms of probabilities. Rows whose
 * target is `ignoreClass` (−1: none) count nothing, and the mean is over the others.
 * @domain -3 to 0
 */
export const nll = loss('nll', {
  params: { ignoreClass: -1 },
  target: 'class',
  per: 'row',
  forward: 't == 0 ? 0 : -p',
  backward: '-t',
})

/** PyTorch's MultiLabelSoftMarginLoss: binary cross-entropy of σ(p), each label for itself. */
export const multiLabelSoftMargin = loss('multiLabelSoftMargin', {
  forward: 'softplus(p) - t * p',
  backward: 'sigmoid(p) - t',
})
