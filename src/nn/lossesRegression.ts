import type { View } from '../tensor/view.ts'
import { beside, loss } from './loss.ts'

/** Mean of (p − t)². PyTorch: MSELoss. */
export const meanSquaredError = loss('meanSquaredError', {
  forward: '(p - t)^2',
  backward: '2 * (p - t)',
})

/** Mean of |p − t|. PyTorch: L1Loss. */
export const meanAbsoluteError = loss('meanAbsoluteError', {
  forward: 'abs(p - t)',
  backward: 'sign(p - t)',
})

/**
 * Mean of 100·|p − t| / max(|t|, ε).
 * @domain -3 to 3, targets 1 and 2
 */
export const meanAbsolutePercentageError = loss('meanAbsolutePercentageError', {
  params: { epsilon: 1e-7 },
  forward: '100 * abs((p - t) / max(abs(t), epsilon))',
  backward: '100 * sign(p - t) / max(abs(t), epsilon)',
})

/**
 * Mean of (log(1 + p) − log(1 + t))², numbers below ε taken as ε.
 * @domain 0 to 5, targets 1 and 3
 */
export const meanSquaredLogarithmicError = loss('meanSquaredLogarithmicError', {
  params: { epsilon: 1e-7 },
  forward: '(log1p(max(p, epsilon)) - log1p(max(t, epsilon)))^2',
  backward: 'p > epsilon ? 2 * (log1p(p) - log1p(max(t, epsilon))) / (1 + p) : 0',
})

/** Mean of e²/2 near 0 and δ·(|e| − δ/2) beyond δ, with e = p − t. Huber 1964. */
export const huber = loss('huber', {
  params: { delta: 1 },
  forward: 'let e = abs(p - t); e <= delta ? e^2 / 2 : delta * (e - delta / 2)',
  backward: 'clamp(p - t, -delta, delta)',
})

/** Huber's loss divided by its δ, here called beta, as PyTorch has it. Girshick 2015. */
export const smoothL1 = loss('smoothL1', {
  params: { beta: 1 },
  forward: 'let e = abs(p - t); e < beta ? e^2 / (2 * beta) : e - beta / 2',
  backward: 'let e = p - t; abs(e) < beta ? e / beta : sign(e)',
})

/** Mean of log cosh(p − t): e²/2 near 0, |e| − log 2 far away. */
export const logCosh = loss('logCosh', {
  forward: `let e = abs(p - t);
            e < 1 ? log1p(2 * sinh(min(e, 1) / 2)^2) : e + log1p(exp(-2 * e)) - 0.6931471805599453`,
  backward: 'tanh(p - t)',
})

/**
 * Mean of p − t·log(p + ε): counts t of rate p ≥ 0.
 * @domain 0 to 5, targets 1 and 3
 */
export const poisson = loss('poisson', {
  params: { epsilon: 1e-7 },
  forward: 'p - t * log(max(p, 0) + epsilon)',
  backward: '1 - (p >= 0 ? t / (p + epsilon) : 0)',
})

/** PyTorch's PoissonNLLLoss: eᵖ − t·p, or p − t·log(p + ε) without logInput; `full` adds Stirling's log t! for t > 1. */
export const poissonNll = loss('poissonNll', {
  params: { logInput: true, full: false, epsilon: 1e-8 },
  forward: `(logInput ? exp(p) - t * p : p - t * log(p + epsilon)) +
            (full && t > 1 ? t * log(t) - t + log(2 * pi * t) / 2 : 0)`,
  backward: 'logInput ? exp(p) - t : 1 - t / (p + epsilon)',
})

/**
 * PyTorch's GaussianNLLLoss: the first half of a row are means m, the second half variances v, taken as at least ε;
 * mean of (log v + (m − t)² / v) / 2, with log 2π / 2 more when `full`. Nix & Weigend 1994.
 * @equation L = \operatorname{mean} \, \frac{1}{2} \left(\ln v + \frac{(m - t)^2}{v}\right), \quad p = [m, v]
 * @slope \frac{\partial L}{\partial m} = \frac{m - t}{n v}, \quad \frac{\partial L}{\partial v} = \frac{1}{2 n v} \left(1 - \frac{(m - t)^2}{v}\right)
 */
export const gaussianNll = loss('gaussianNll', {
  params: { full: false, epsilon: 1e-6 },
  targetShape: output => output.with(-1, output[output.length - 1] / 2),
  weighted: true,
  forward(k, { p, t, loss, weight }, { full, epsilon }) {
    const [m, v] = halves(p)
    const nll = '(log(max(v, epsilon)) + (m - t)^2 / max(v, epsilon) + (full ? log(2 * pi) : 0)) / 2 * weight'
    k.reduce(
      loss,
      'mean',
      nll,
      { m, v, t, full, epsilon, weight: beside(weight, t) },
      t.shape.map((_, i) => i),
    )
  },
  backward(k, { p, t, dp, weight }, { epsilon }) {
    const [m, v] = halves(p)
    const [dm, dv] = halves(dp)
    const n = t.shape.reduce((a, b) => a * b, 1)
    const given = { m, v, t, n, epsilon, weight: beside(weight, t) }
    k.map(dm, '(m - t) / max(v, epsilon) * weight / n', given)
    // Below ε the variance is not what p says, yet PyTorch lets the slope through: so it can grow again.
    k.map(dv, 'let u = max(v, epsilon); (1 - (m - t)^2 / u) * weight / (2 * u * n)', given)
  },
})

const halves = (x: View): [View, View] => {
  const [last, size] = [x.shape.length - 1, x.shape[x.shape.length - 1] / 2]
  return [x.slice(last, 0, size), x.slice(last, size, size)]
}

/** Mean of −cos(p, t): −1 where p points as t does, 0 where it stands across. Keras divides by norms of at least ε. */
export const cosineSimilarity = loss('cosineSimilarity', {
  params: { epsilon: 1e-7 },
  per: 'row',
  parts: { pt: ['sum', 'p * t'], pp: ['sum', 'p^2'], tt: ['sum', 't^2'] },
  forward: '-pt / (max(sqrt(pp), epsilon) * max(sqrt(tt), epsilon))',
  backward: `let u = max(sqrt(pp), epsilon); let v = max(sqrt(tt), epsilon);
             (sqrt(pp) > epsilon ? p * pt / u^2 : 0) / (u * v) - t / (u * v)`,
})
