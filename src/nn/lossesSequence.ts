import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { beside, loss } from './loss.ts'

/**
 * Connectionist temporal classification: −log of the probability of all ways in which T steps, each a class or the blank,
 * read as the labels once repetitions and blanks are left out. p is [T, classes] before a softmax over classes, t the
 * numbers of the labels, filled up with blanks behind; found by going over the steps forward and backward in logarithms.
 *
 * A target has `maxLabels` places (0: as many as there are steps). Labels that do not fit into the steps cost ∞, or nothing
 * with `zeroInfinity`. Mean over the batch as in Keras; `perLabel` first divides by the number of labels, which is PyTorch's
 * reduction 'mean'. PyTorch takes logarithms of probabilities, which are their own logits, and steps of several lengths.
 * Graves et al. 2006.
 * @equation L = -\operatorname{mean} \, \ln \sum_{\pi \to t} \prod_{s=1}^{T} y_{s, \pi_s}, \quad y_s = \operatorname{softmax}(p_s)
 * @slope \frac{\partial L}{\partial p_{s,k}} = \frac{1}{n} \left(y_{s,k} - P(\pi_s = k \mid t)\right)
 */
export const ctc = loss('ctc', {
  params: { blank: 0, maxLabels: 0, perLabel: false, zeroInfinity: false },
  targetShape: ([steps], { maxLabels }) => [maxLabels || steps],
  target: 'class',
  weighted: true,
  forward(k, { p, t, loss, weight }, numbers) {
    const { cost } = costs(k, alignment(k, p, t, numbers), numbers)
    k.reduce(loss, 'mean', 'weight == 0 ? 0 : cost * weight', { cost, weight: beside(weight, cost) }, [0])
  },
  backward(k, { p, t, dp, weight }, numbers) {
    const way = alignment(k, p, t, numbers)
    const { share, nll } = costs(k, way, numbers)
    const [batch, steps, classes] = p.shape
    const { q, ext, places } = way
    const seen = k.scratch('seen', p.shape)
    const visits = through(k, way)
    k.reduce(
      seen,
      'sum',
      'ext == c ? visits : 0',
      {
        ext: ext.reshape(batch, 1, 1, places),
        visits: visits.reshape(batch, steps, 1, places),
        c: k.index(classes).reshape(classes, 1),
      },
      [3],
    )
    const each = (v: View) => v.reshape(batch, 1, 1)
    const given = { q, seen, share: each(share), nll: each(nll), weight: beside(weight, p), batch }
    k.map(dp, 'nll < inf ? (exp(q) - seen) * share * weight / batch : 0', given) // dp = softmax(p) − how often each class is visited
  },
})

type Settings = Readonly<Record<string, number>>

/** Labels with blanks between them, and what each of these places costs at each step. */
interface Alignment {
  /** log softmax(p), [batch, steps, classes]. */
  readonly q: View
  readonly places: number
  /** The class of each place, [batch, places]. */
  readonly ext: View
  /** Whether a place may be reached from two places before, [batch, places]. */
  readonly skip: View
  /** q of each place above the largest of its step, [batch, steps, places]: so that sums of steps stay small. */
  readonly emit: View
  /** What was taken away, of all steps together, [batch, 1]. */
  readonly taken: View
  /** How many labels there are, [batch, 1]. */
  readonly count: View
  /** Logarithms of the probabilities of all ways to a place; two places that do not exist come first. */
  readonly alpha: View
}

const most = `let m = max(a, b, skip > 0 ? c : -inf);
  m == -inf ? -inf : emit + m + log(exp(a - m) + exp(b - m) + (skip > 0 ? exp(c - m) : 0))`

function alignment(k: Verbs, p: View, t: View, { blank }: Settings): Alignment {
  const [batch, steps] = p.shape
  const labels = t.shape[1]
  const places = 2 * labels + 1
  const [q, m, s] = [p.shape, p.shape.with(2, 1), p.shape.with(2, 1)].map((shape, i) => k.scratch('qms'[i], shape))
  k.reduce(m, 'max', 'p', { p }, [2])
  k.reduce(s, 'sum', 'exp(p - m)', { p, m }, [2])
  k.map(q, 'p - m - log(s)', { p, m, s })
  const [ext, skip] = ['ext', 'skip'].map(name => k.scratch(name, [batch, places]))
  k.map(ext.slice(1, 0, labels + 1, 2), 'blank', { blank })
  k.copy(ext.slice(1, 1, labels, 2), t)
  k.map(skip.slice(1, 0, Math.min(2, places)), '0', {})
  if (places > 2) {
    const [here, before] = [2, 0].map(from => ext.slice(1, from, places - 2))
    k.map(skip.slice(1, 2, places - 2), 'here != blank && here != before', { here, before, blank })
  }
  const count = k.scratch('count', [batch, 1])
  k.reduce(count, 'sum', 't != blank', { t, blank }, [1])
  const [raw, emit] = ['raw', 'emit'].map(name => k.scratch(name, [batch, steps, places]))
  k.gather(raw, q, ext.reshape(batch, 1, places), 2)
  const [largest, taken] = [
    [batch, steps, 1],
    [batch, 1],
  ].map((shape, i) => k.scratch(['largest', 'taken'][i], shape))
  k.reduce(largest, 'max', 'raw', { raw }, [2])
  k.sum(taken, largest, [1])
  k.map(emit, 'raw - largest', { raw, largest })
  const alpha = k.scratch('alpha', [batch, steps, places + 2])
  k.map(alpha.slice(2, 0, 2), '-inf', {})
  for (let n = 0; n < steps; n++) {
    const to = row(alpha, n, 2, places)
    if (n === 0) k.map(to, 'i < 2 ? emit : -inf', { i: k.index(places), emit: row(emit, 0, 0, places) })
    else {
      const [a, b, c] = [2, 1, 0].map(from => row(alpha, n - 1, from, places))
      k.map(to, most, { a, b, c, skip, emit: row(emit, n, 0, places) })
    }
  }
  return { q, places, ext, skip, emit, taken, count, alpha }
}

/** Places `from` … of step n. */
const row = (v: View, n: number, from: number, size: number): View =>
  v.slice(1, n, 1).slice(2, from, size).reshape(v.shape[0], size)

/** −log of the probability of each sample's labels, what it counts, and the product of both. */
function costs(k: Verbs, { alpha, count, places, emit, taken }: Alignment, { perLabel, zeroInfinity }: Settings) {
  const [batch, steps] = emit.shape
  const [m, s, nll, cost, share] = ['m', 's', 'nll', 'cost', 'share'].map(name => k.scratch(name, [batch, 1]))
  const ends = { a: row(alpha, steps - 1, 2, places), i: k.index(places), count }
  const end = 'i == 2 * count || i == 2 * count - 1'
  k.reduce(m, 'max', `${end} ? a : -inf`, ends, [1])
  k.reduce(s, 'sum', `m > -inf && (${end}) ? exp(a - m) : 0`, { ...ends, m }, [1])
  k.map(nll, 'm > -inf ? -m - log(s) - taken : inf', { m, s, taken })
  k.map(share, 'perLabel ? 1 / max(count, 1) : 1', { count, perLabel })
  k.map(cost, 'zeroInfinity && nll == inf ? 0 : nll * share', { nll, share, zeroInfinity })
  return { cost: cost.reshape(batch), share, nll }
}

/** How probable it is that the labels, being what they are, are at a place at a step: [batch, steps, places]. */
function through(k: Verbs, { alpha, count, places, emit, skip }: Alignment): View {
  const [batch, steps] = emit.shape
  const [beta, visits] = [places + 2, places].map((size, i) => k.scratch(['beta', 'visits'][i], [batch, steps, size]))
  k.map(beta.slice(2, places, 2), '-inf', {})
  const ahead = k.scratch('ahead', [batch, places]) // whether two places on may be reached from here
  k.map(ahead.slice(1, Math.max(places - 2, 0), Math.min(2, places)), '0', {})
  if (places > 2) k.copy(ahead.slice(1, 0, places - 2), skip.slice(1, 2, places - 2))
  for (let n = steps - 1; n >= 0; n--) {
    const to = row(beta, n, 0, places)
    const here = row(emit, n, 0, places)
    if (n === steps - 1)
      k.map(to, 'i == 2 * count || i == 2 * count - 1 ? emit : -inf', { i: k.index(places), count, emit: here })
    else {
      const [a, b, c] = [0, 1, 2].map(from => row(beta, n + 1, from, places))
      k.map(to, most, { a, b, c, skip: ahead, emit: here })
    }
  }
  const ways = { a: alpha.slice(2, 2, places), b: beta.slice(2, 0, places), emit }
  const way = 'let z = a == -inf || b == -inf ? -inf : a + b - emit;'
  const [m, s] = ['m', 's'].map(name => k.scratch(name, [batch, steps, 1]))
  k.reduce(m, 'max', `${way} z`, ways, [2])
  k.reduce(s, 'sum', `${way} m > -inf ? exp(z - m) : 0`, { ...ways, m }, [2])
  k.map(visits, `${way} m > -inf ? exp(z - m) / s : 0`, { ...ways, m, s })
  return visits
}
