import { loss } from './loss.ts'

/**
 * 1 − 2·Σ p·t / (Σ p + Σ t + ε), over the whole batch. Milletari et al. 2016.
 * @domain 0 to 1
 */
export const dice = loss('dice', {
  params: { epsilon: 1e-7 },
  per: 'batch',
  parts: { both: ['sum', 'p * t'], all: ['sum', 'p + t'] },
  forward: '1 - 2 * both / (all + epsilon)',
  backward: 'let m = all + epsilon; 2 * (both / m - t) / m',
})

/**
 * 1 − Σ p·t / (Σ p·t + α·Σ (1 − p)·t + β·Σ p·(1 − t) + ε), over the whole batch. Salehi et al. 2017; as in Keras, α weighs
 * what was missed and β what was wrongly found, although its page says the reverse.
 * @domain 0 to 1
 */
export const tversky = loss('tversky', {
  params: { alpha: 0.5, beta: 0.5, epsilon: 1e-7 },
  per: 'batch',
  parts: { both: ['sum', 'p * t'], all: ['sum', 'p * t + alpha * (1 - p) * t + beta * p * (1 - t)'] },
  forward: '1 - both / (all + epsilon)',
  backward: 'let m = all + epsilon; (both * (t - alpha * t + beta * (1 - t)) / m - t) / m',
})
