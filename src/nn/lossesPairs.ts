import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { beside, loss } from './loss.ts'

/** One of the things compared: p[:, i], without that axis. */
const nth = (x: View, i: number): View => {
  const rest = x.shape.slice(2)
  return x.slice(1, i, 1).reshape(x.shape[0], ...rest)
}

/**
 * PyTorch's MarginRankingLoss: mean of max(0, margin − t·(p₁ − p₂)); t is 1 where the first should be larger, else −1.
 * @equation L = \operatorname{mean} \, \max(0, \, m - t \, (p_1 - p_2))
 * @slope \frac{\partial L}{\partial p_1} = -\frac{t}{n} \, [m - t \, (p_1 - p_2) \ge 0], \quad \frac{\partial L}{\partial p_2} = -\frac{\partial L}{\partial p_1}
 * @domain -3 to 3, targets 1 and -1
 */
export const marginRanking = loss('marginRanking', {
  params: { margin: 0 },
  targetShape: output => output.slice(1),
  weighted: true,
  forward(k, { p, t, loss, weight }, { margin }) {
    const [a, b] = [nth(p, 0), nth(p, 1)]
    const axes = a.shape.map((_, i) => i)
    const given = { a, b, t: t.reshape(...a.shape), margin, weight: beside(weight, a) }
    k.reduce(loss, 'mean', 'max(margin - t * (a - b), 0) * weight', given, axes)
  },
  backward(k, { p, t, dp, weight }, { margin }) {
    const [a, b] = [nth(p, 0), nth(p, 1)]
    const n = a.shape.reduce((x, y) => x * y, 1)
    const given = { a, b, t: t.reshape(...a.shape), margin, n, weight: beside(weight, a) }
    const slope = 'margin - t * (a - b) >= 0 ? t * weight / n : 0'
    k.map(nth(dp, 0), `-(${slope})`, given)
    k.map(nth(dp, 1), slope, given)
  },
})

/**
 * PyTorch's CosineEmbeddingLoss over p₁, p₂: mean of 1 − cos where t is 1, of max(0, cos − margin) where t is −1.
 * @equation L = \operatorname{mean} \begin{cases} 1 - c & \text{if } t = 1 \\ \max(c - m, \, 0) & \text{otherwise} \end{cases}, \quad c = \frac{p_1 \cdot p_2}{\sqrt{(\lVert p_1 \rVert^2 + \varepsilon)(\lVert p_2 \rVert^2 + \varepsilon)}}
 * @slope \frac{\partial c}{\partial p_1} = \frac{p_2}{\lVert p_1 \rVert \, \lVert p_2 \rVert} - c \, \frac{p_1}{\lVert p_1 \rVert^2}
 * @domain -3 to 3, targets 1 and -1
 */
export const cosineEmbedding = loss('cosineEmbedding', {
  params: { margin: 0, epsilon: 1e-12 },
  targetShape: () => [],
  weighted: true,
  forward(k, { p, t, loss, weight }, { margin, epsilon }) {
    const { ab, aa, bb } = products(k, nth(p, 0), nth(p, 1))
    const cosine = 'let c = ab / sqrt((aa + epsilon) * (bb + epsilon));'
    const given = { ab, aa, bb, t, margin, epsilon, weight: beside(weight, ab) }
    k.reduce(loss, 'mean', `${cosine} (t == 1 ? 1 - c : max(c - margin, 0)) * weight`, given, [0])
  },
  backward(k, { p, t, dp, weight }, { margin, epsilon }) {
    const [a, b] = [nth(p, 0), nth(p, 1)]
    const { ab, aa, bb } = products(k, a, b)
    const row = (x: View) => x.reshape(p.shape[0], 1)
    const given = { ab: row(ab), t: row(t), margin, epsilon, n: p.shape[0], weight: beside(weight, a) }
    // dc/da = (b − c·a·√…)/√…; cc is how far c moves the loss
    const slope = `let u = aa + epsilon; let r = sqrt(u * (bb + epsilon)); let c = ab / r;
                   (t == 1 ? -1 : c > margin ? 1 : 0) * (b / r - c * a / u) * weight / n`
    k.map(nth(dp, 0), slope, { ...given, a, b, aa: row(aa), bb: row(bb) })
    k.map(nth(dp, 1), slope, { ...given, a: b, b: a, aa: row(bb), bb: row(aa) })
  },
})

/** Σ a·b, Σ a², Σ b² of each row. */
function products(k: Verbs, a: View, b: View): { ab: View; aa: View; bb: View } {
  const [ab, aa, bb] = ['ab', 'aa', 'bb'].map(name => k.scratch(name, [a.shape[0]]))
  k.reduce({ ab, aa, bb }, 'sum', 'ab = a * b; aa = a * a; bb = b * b', { a, b }, [1])
  return { ab, aa, bb }
}

/**
 * PyTorch's TripletMarginLoss (norm 2) over anchor, positive and negative: p is [3, size], its three rows compared; mean
 * of max(0, margin + |a − p| − |a − n|), ε added to each difference. With `swap`, the nearer of |a − n|, |p − n| counts.
 * Balntas et al. 2016. The targets are not looked at.
 * @equation L = \operatorname{mean} \, \max(0, \, m + \lVert a - p \rVert - \lVert a - n \rVert)
 * @slope \frac{\partial L}{\partial a} = \frac{1}{N} \left(\frac{a - p}{\lVert a - p \rVert} - \frac{a - n}{\lVert a - n \rVert}\right), \quad \frac{\partial L}{\partial p} = \frac{1}{N} \frac{p - a}{\lVert a - p \rVert}, \quad \frac{\partial L}{\partial n} = \frac{1}{N} \frac{a - n}{\lVert a - n \rVert} \quad \text{where the maximum is not } 0
 */
export const tripletMargin = loss('tripletMargin', {
  params: { margin: 1, swap: false, epsilon: 1e-6 },
  targetShape: () => [],
  weighted: true,
  forward(k, { p, loss, weight }, { margin, swap, epsilon }) {
    const { near, far, other } = distances(k, p, epsilon)
    const text = 'max(margin + sqrt(near) - sqrt(swap ? min(far, other) : far), 0) * weight'
    k.reduce(loss, 'mean', text, { near, far, other, margin, swap, weight: beside(weight, near) }, [0])
  },
  backward(k, { p, dp, weight }, { margin, swap, epsilon }) {
    const found = distances(k, p, epsilon)
    const row = (x: View) => x.reshape(p.shape[0], 1)
    const given = {
      ...{ a: nth(p, 0), p: nth(p, 1), m: nth(p, 2) },
      ...{ near: row(found.near), far: row(found.far), other: row(found.other) },
      ...{ margin, swap, epsilon, n: p.shape[0], weight: beside(weight, nth(p, 0)) },
    }
    const shared = `let swapped = swap && other < far;
      let on = margin + sqrt(near) - sqrt(swapped ? other : far) > 0 ? weight / n : 0;
      let g = near > 0 ? on * (a - p + epsilon) / sqrt(near) : 0;
      let h = swapped ? on * (p - m + epsilon) / sqrt(other) : far > 0 ? on * (a - m + epsilon) / sqrt(far) : 0;`
    k.map(nth(dp, 0), `${shared} g - (swapped ? 0 : h)`, given)
    k.map(nth(dp, 1), `${shared} -g - (swapped ? h : 0)`, given)
    k.map(nth(dp, 2), `${shared} h`, given)
  },
})

/** The squared distances of each triplet. */
function distances(k: Verbs, p: View, epsilon: number): { near: View; far: View; other: View } {
  const [near, far, other] = ['near', 'far', 'other'].map(name => k.scratch(name, [p.shape[0]]))
  k.reduce(
    { near, far, other },
    'sum',
    'near = (a - p + epsilon)^2; far = (a - m + epsilon)^2; other = (p - m + epsilon)^2',
    { a: nth(p, 0), p: nth(p, 1), m: nth(p, 2), epsilon },
    [1],
  )
  return { near, far, other }
}

/**
 * Circle loss of rows p that were made to have length 1, pulled to those of their own class and pushed from the others.
 * Sun et al. 2020. A row alone in its class counts 0.
 * @equation L = \operatorname{mean} \, \ln\left(1 + \sum_{\mathrm{others}} e^{\gamma \, a_n (s_n - m)} \sum_{\mathrm{own}} e^{-\gamma \, a_p (s_p - 1 + m)}\right), \quad a_n = \max(0, s_n + m), \quad a_p = \max(0, 1 + m - s_p), \quad s_{ij} = p_i \cdot p_j
 * @slope \frac{\partial L}{\partial p_i} = \sum_j \left(\frac{\partial L}{\partial s_{ij}} + \frac{\partial L}{\partial s_{ji}}\right) p_j
 */
export const circle = loss('circle', {
  params: { gamma: 80, margin: 0.4, removeDiagonal: true },
  targetShape: output => output.slice(0, -1),
  weighted: true,
  forward(k, { p, t, loss, weight }, numbers) {
    const { a, b } = circles(k, p, t, numbers)
    k.reduce(loss, 'mean', 'softplus(a + b) * weight', { a, b, weight: beside(weight, a) }, [0, 1])
  },
  backward(k, { p, t, dp, weight }, numbers) {
    const n = p.shape[0]
    const { a, b, d, same, other } = circles(k, p, t, numbers)
    const slope = k.scratch('slope', [n, n])
    const given = { a, b, d, same, other, n, weight: beside(weight, d), ...numbers }
    // Through both exponents and the weights that depend on the distance d.
    k.map(
      slope,
      `let s = (a + b > -inf ? sigmoid(a + b) : 0) * weight / n;
       let u = max(margin + d, 0); let v = max(1 + margin - d, 0);
       let near = same > 0 ? exp(gamma * u * (d - margin) - a) * gamma * (u + d - margin) : 0;
       let far = other > 0 ? exp(gamma * v * (1 - margin - d) - b) * gamma * (-v - (v > 0 ? 1 - margin - d : 0)) : 0;
       d > 0 ? -s * (near + far) : 0`,
      given,
    )
    const both = k.scratch('both', [n, n])
    k.map(both, 'x + y', { x: slope, y: slope.T })
    k.gemm(dp, both, p)
  },
})

/** Distances d = max(0, 1 − p·pᵀ), who is of the same class, and both logarithms of sums, one a row. */
function circles(k: Verbs, p: View, t: View, numbers: Record<string, number>) {
  const n = p.shape[0]
  const [product, d, same, other] = ['product', 'd', 'same', 'other'].map(name => k.scratch(name, [n, n]))
  k.gemm(product, p, p.T)
  k.map(d, 'max(1 - q, 0)', { q: product })
  k.map({ same, other }, 'same = u == v && !(removeDiagonal && i == j) ? 1 : 0; other = u != v ? 1 : 0', {
    ...{ u: t.reshape(n, 1), v: t.reshape(1, n), i: k.index(n).reshape(n, 1), j: k.index(n) },
    removeDiagonal: numbers.removeDiagonal,
  })
  const logSum = (name: string, mask: View, text: string) => {
    const [m, s, l] = ['max', 'sum', 'log'].map(part => k.scratch(`${part}${name}`, [n, 1]))
    k.reduce(m, 'max', `mask > 0 ? ${text} : -inf`, { mask, d, ...numbers }, [1])
    k.reduce(s, 'sum', `mask > 0 ? exp(${text} - m) : 0`, { mask, d, m, ...numbers }, [1])
    k.map(l, 's > 0 ? m + log(s) : -inf', { m, s })
    return l
  }
  const a = logSum('Near', same, 'gamma * max(margin + d, 0) * (d - margin)')
  const b = logSum('Far', other, 'gamma * max(1 + margin - d, 0) * (1 - margin - d)')
  return { a, b, d, same, other }
}
