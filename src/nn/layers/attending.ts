import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { fraction, type Masks } from '../layer.ts'

/** What every attention may be told. */
export interface AttendingOptions {
  /** The share of weights that is silenced while training. */
  dropout?: number
  /** Let each step see only steps up to its own; Keras has it as an argument of the call, use_causal_mask. */
  useCausalMask?: boolean
}

/** The same, checked. */
export interface Attending {
  readonly rate: number
  readonly causal: boolean
}

export const attending = (who: string, { dropout = 0, useCausalMask = false }: AttendingOptions): Attending => ({
  rate: fraction(who, 'dropout', dropout),
  causal: useCausalMask,
})

/** Which input is query, value and key: value is the query unless given, key is the value. */
export function roles<T>(xs: readonly T[]): [query: T, value: T, key: T] {
  const value = xs[1] ?? xs[0]
  return [xs[0], value, xs[2] ?? value]
}

/** Checks that query, value and key are sequences, and value and key as long as each other. */
export function sequences(who: string, shapes: readonly Shape[]): void {
  const [query, value, key] = roles(shapes)
  const seen = shapes[3] ?? [query[0], value[0]]
  const fits = value[0] === key[0] && seen[0] === query[0] && seen[1] === value[0]
  if (shapes.every(shape => shape.length === 2) && fits) return
  throw new ShapeError('wrong-rank', `${who} got inputs that are not query, value and key`, {
    evidence: shapes.map((shape, i) => [['query', 'value', 'key', 'attentionMask'][i], printShape(shape)]),
    hint: 'give each [steps, features]; value and key have the same number of steps',
  })
}

/**
 * Where a gradient goes that several roles may share an input for: each writes a room of its own, and `sum` adds what
 * belongs together.
 */
export function collect(k: Verbs, dxs: readonly View[]) {
  const uses = roles(dxs.slice(0, 3))
  const rooms = uses.map(dx => (uses.filter(other => other === dx).length > 1 ? k.scratch('part', dx.shape) : dx))
  return {
    rooms,
    sum() {
      for (const dx of new Set(uses)) {
        const parts = rooms.filter((room, i) => uses[i] === dx && room !== dx)
        const views = Object.fromEntries(parts.map((part, i) => [`part${i}`, part]))
        if (parts.length > 0) k.map(dx, Object.keys(views).join(' + '), views)
      }
    },
  }
}

/** Scores become weights, row by row: p = softmax(scale·s) over the keys, w = p with some silenced where u tells. */
export interface Weighing {
  readonly s: View
  readonly p: View
  readonly w: View
  readonly u?: View
}

const last = (x: View) => [x.shape.length - 1]
const column = (k: Verbs, name: string, x: View) => k.scratch(name, x.shape.with(-1, 1))

/** The later steps, which a causal mask hides, have j > i. */
const places = (k: Verbs, { shape }: View) => ({
  i: k.index(shape[shape.length - 2]).reshape(shape[shape.length - 2], 1),
  j: k.index(shape[shape.length - 1]),
})

/**
 * What may be seen, as masks that spread over the scores: steps that count as query, as value and as key, and what is
 * told of each query and key, [batch, queries, keys].
 */
export function sight(s: View, masks: Masks = [], told?: View): View[] {
  const [batch, queries, keys] = [s.shape[0], ...s.shape.slice(-2)]
  const heads = s.shape.slice(1, -2).map(() => 1)
  const [query, ...others] = masks
  const rows = query ? [query.reshape(batch, ...heads, queries, 1)] : []
  const columns = (masks.length > 1 ? others : [query]).flatMap(mask => mask?.reshape(batch, ...heads, 1, keys) ?? [])
  return [...rows, ...columns, ...(told ? [told.reshape(batch, ...heads, queries, keys)] : [])]
}

/** The weights that values are weighed with; where a query sees nothing they are 0. */
export function weigh(
  k: Verbs,
  { s, p, w, u }: Weighing,
  { rate, causal }: Attending,
  scale: View | number = 1,
  masks: readonly View[] = [],
): View {
  const [m, sum] = [column(k, 'm', s), column(k, 'sum', s)]
  const e = k.scratch('e', s.shape)
  const named = Object.fromEntries(masks.map((mask, i) => [`seen${i}`, mask]))
  const hidden = [...(causal ? ['j > i'] : []), ...Object.keys(named).map(name => `${name} < 0.5`)].join(' || ')
  const seen = (text: string, otherwise: string) => (hidden ? `${hidden} ? ${otherwise} : ${text}` : text)
  const views = { s, scale, ...named, ...(causal ? places(k, s) : {}) }
  k.reduce(m, 'max', seen('scale * s', masks.length > 0 ? '-1e30' : '-inf'), views, last(s)) // m = max s of what is seen
  k.map(e, seen('exp(scale * s - m)', '0'), { ...views, m }) // e = e^(s−m)
  k.sum(sum, e, last(s)) // at least e⁰, where anything is seen
  k.map(p, 'e / max(sum, 1)', { e, sum }) // p = e / Σ e
  if (!u || rate === 0) return p
  k.map(w, 'u < rate ? 0 : p / (1 - rate)', { p, u, rate })
  return w
}

/** The slope by scale·s, of that by the weights: back through dropout and softmax. */
export function unweigh(k: Verbs, ds: View, dw: View, { p, u }: Omit<Weighing, 's' | 'w'>, { rate }: Attending): void {
  const sum = column(k, 'sum', p)
  const dp = u && rate > 0 ? '(u < rate ? 0 : dw / (1 - rate))' : 'dw'
  const views = { p, dw, ...(u && rate > 0 ? { u, rate } : {}) }
  k.reduce(sum, 'sum', `p * ${dp}`, views, last(p)) // Σ p·dp
  k.map(ds, `p * (${dp} - sum)`, { ...views, sum }) // ds = p ⊙ (dp − Σ p·dp)
}
