import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { optimizer } from './optimizer.ts'

// Optimisers that look at a parameter as a whole: at its norm, its rows and columns, or as a matrix.

const all = (x: View) => x.shape.map((_, i) => i)
/** One number, broadcast over x. */
const over = (number: View, x: View) => number.reshape(...x.shape.map(() => 1))

/**
 * Adam's step, as long as the parameter is: for large batches. You et al. 2020.
 * @equation \begin{aligned} m &\leftarrow \beta_1 m + (1 - \beta_1) g \\ v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\ r &= \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon} \\ w &\leftarrow w - \eta \, \frac{\lVert w \rVert}{\lVert r \rVert} \, r \end{aligned}
 */
export const lamb = optimizer('lamb', {
  params: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  state: ['m', 'v'],
  step(k, { w, g, m, v }, { beta1, beta2, epsilon }) {
    const r = k.scratch('r', w.shape)
    const [ww, rr] = ['ww', 'rr'].map(name => k.scratch(name, [1]))
    k.map({ m, v }, 'm = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2', { m, v, g, beta1, beta2 })
    k.map(r, 'm / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)', { m, v, beta1, beta2, epsilon })
    k.reduce({ ww, rr }, 'sum', 'ww = w^2; rr = r^2', { w, r }, all(w))
    const ratio = 'ww > 0 && rr > 0 ? sqrt(ww) / sqrt(rr) : 1'
    k.map(w, `w - learningRate * (${ratio}) * r`, { w, r, ww: over(ww, w), rr: over(rr, w) })
  },
})

/**
 * Adam without a first moment, and of the second only the means r of rows and c of columns. Shazeer & Stern 2018. The
 * states are as large as the parameters here; the numbers are those of Keras.
 * @equation \begin{aligned} \beta &= 1 - t^{\mathit{beta2Decay}} \\ r &\leftarrow \beta r + (1 - \beta) \operatorname{mean}_{\mathrm{rows}} (g^2 + \varepsilon_1), \quad c \leftarrow \beta c + (1 - \beta) \operatorname{mean}_{\mathrm{columns}} (g^2 + \varepsilon_1) \\ u &= \frac{g}{\sqrt{r c / \overline{r}}} \\ w &\leftarrow w - \max(\varepsilon_2, \operatorname{rms} w) \, \min\left(\eta, \tfrac{1}{\sqrt{t}}\right) \frac{u}{\max(1, \operatorname{rms} u / \mathit{clipThreshold})} \end{aligned}
 */
export const adafactor = optimizer('adafactor', {
  params: {
    learningRate: 1e-3,
    beta2Decay: -0.8,
    epsilon1: 1e-30,
    epsilon2: 1e-3,
    clipThreshold: 1,
    relativeStep: true,
  },
  state: ['r', 'c'],
  step(k, { w, g, r, c }, { beta2Decay, epsilon1, epsilon2, clipThreshold }) {
    const u = k.scratch('u', w.shape)
    const [ww, uu] = ['ww', 'uu'].map(name => k.scratch(name, [1]))
    const beta = 'let beta = 1 - t^decay;'
    const given = { decay: beta2Decay, e: epsilon1 }
    if (w.shape.length < 2) {
      k.map(r, `${beta} beta * r + (1 - beta) * (g^2 + e)`, { r, g, ...given })
      k.map(u, 'g / sqrt(r)', { g, r })
    } else {
      const last = w.shape.length - 1
      const part = (state: View, name: string, axis: number) => {
        const shape = w.shape.with(axis, 1)
        const mean = k.scratch(`${name}Mean`, shape)
        k.reduce(mean, 'mean', 'g^2 + e', { g, e: epsilon1 }, [axis])
        const kept = corner(state, shape)
        k.map(kept, `${beta} beta * kept + (1 - beta) * mean`, { kept, mean, ...given })
        return kept
      }
      const [rows, columns] = [part(r, 'rows', last), part(c, 'columns', last - 1)]
      const mean = k.scratch('mean', rows.shape.with(last - 1, 1))
      k.reduce(mean, 'mean', 'rows', { rows }, [last - 1])
      // Root by root: where all of a row and of a column is zero, the product of both is less than a float32 can hold.
      k.map(u, 'g / sqrt(rows) * (sqrt(mean) / sqrt(columns))', { g, rows, mean, columns })
    }
    k.reduce({ ww, uu }, 'mean', 'ww = w^2; uu = u^2', { w, u }, all(w))
    k.map(
      w,
      `let rate = max(epsilon2, sqrt(ww)) * min(learningRate, 1 / sqrt(t));
       w - rate * u / max(1, sqrt(uu) / clipThreshold)`,
      { w, u, ww: over(ww, w), uu: over(uu, w), epsilon2, clipThreshold },
    )
  },
})

/** The part of a view that has this shape, from its beginning. */
const corner = (x: View, shape: readonly number[]): View =>
  shape.reduce((view, size, axis) => (size === x.shape[axis] ? view : view.slice(axis, 0, size)), x)

/**
 * Matrices move along the nearest orthogonal matrix of their momentum, found by Newton and Schulz's iteration; all else
 * moves by Adam at adamLrRatio of the rate. Jordan et al. 2024, coefficients a, b, c as there; the step is as large as
 * Adam's by rmsRate (0 leaves it), Liu et al. 2025; before it had that, Keras scaled by √max(1, rows / columns). PyTorch has it from
 * 2.9 on.
 * @equation \begin{aligned} m &\leftarrow \mu m + g \\ d &= g + \mu m \\ x &\leftarrow \frac{d}{\lVert d \rVert}, \quad x \leftarrow a x + \left(b \, x x^\top + c \, (x x^\top)^2\right) x \quad \text{five times} \\ w &\leftarrow w - \eta \, \mathit{rmsRate} \sqrt{\max(\mathit{rows}, \mathit{columns})} \, x \end{aligned}
 */
export const muon = optimizer('muon', {
  params: {
    ...{ learningRate: 1e-3, adamBeta1: 0.9, adamBeta2: 0.999, epsilon: 1e-7 },
    ...{ weightDecay: 0.004, adamWeightDecay: 0.004 },
    ...{ muonA: 3.4445, muonB: -4.775, muonC: 2.0315, adamLrRatio: 1, momentum: 0.95, nsSteps: 5, nesterov: true },
    rmsRate: 0.2,
  },
  state: ['m', 'v'],
  decays: true,
  step(k, { w, g, m, v }, p) {
    const matrix = w.shape.length === 2
    const decay = matrix ? p.weightDecay : p.adamWeightDecay
    if (decay) k.map(w, 'w - learningRate * decay * w', { w, decay })
    if (!matrix) {
      const { adamBeta1: beta1, adamBeta2: beta2, epsilon, adamLrRatio: share } = p
      const step = `m = beta1 * m + (1 - beta1) * g;
                    v = beta2 * v + (1 - beta2) * g^2;
                    let rate = share * learningRate * sqrt(1 - beta2^t) / (1 - beta1^t);
                    w = w - rate * m / (sqrt(v) + epsilon)`
      return k.map({ m, v, w }, step, { m, v, w, g, beta1, beta2, epsilon, share })
    }
    const { momentum, nesterov, rmsRate } = p
    k.map(m, 'momentum * m + g', { m, g, momentum })
    const d = k.scratch('d', w.shape)
    k.map(d, 'nesterov ? g + momentum * m : m', { g, m, momentum, nesterov })
    const o = orthogonal(k, w.shape[0] > w.shape[1] ? d.T : d, p)
    const scale = rmsRate ? rmsRate * Math.sqrt(Math.max(...w.shape)) : 1
    k.map(w, 'w - learningRate * scale * o', { w, o: w.shape[0] > w.shape[1] ? o.T : o, scale })
  },
})

/** x ← a·x + (b·x·xᵀ + c·(x·xᵀ)²)·x, again and again: its singular values go to about 1. */
function orthogonal(
  k: Verbs,
  d: View,
  { muonA: a, muonB: b, muonC: c, nsSteps }: Readonly<Record<string, number>>,
): View {
  const square = k.scratch('square', [1])
  k.reduce(square, 'sum', 'd^2', { d }, [0, 1])
  let x = k.scratch('x', d.shape)
  k.map(x, 'd / (sqrt(square) + 1e-7)', { d, square: over(square, d) })
  const n = d.shape[0]
  for (let step = 0; step < nsSteps; step++) {
    const [s, ss, u] = ['s', 'ss', 'u'].map(name => k.scratch(name, [n, n]))
    const [ux, next] = ['ux', 'x'].map(name => k.scratch(name, d.shape))
    k.gemm(s, x, x.T)
    k.gemm(ss, s, s)
    k.map(u, 'b * s + c * ss', { s, ss, b, c })
    k.gemm(ux, u, x)
    k.map(next, 'a * x + ux', { x, ux, a })
    x = next
  }
  return x
}
