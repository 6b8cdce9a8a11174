import type { Verbs } from '../../program/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { fraction, type Pair, pair } from '../layer.ts'
import { gate } from './gates.ts'

export interface RecurrentDropoutOptions {
  /** The share of the inputs that is silenced while training, the same at every step, in [0, 1). */
  dropout?: number
  /** The share of the state that is silenced where it is weighed by U, the same at every step, in [0, 1). */
  recurrentDropout?: number
}

/** Uniform numbers that decide what is silenced: of the inputs, and of the states; absent where nothing is. */
type Masks = { readonly mx: Shape; readonly mh: Shape }

/**
 * What gates read, weighed: (v ⊙ mask)·W, with masks that stay for a whole sequence. As in Keras all gates share one mask,
 * but with recurrent dropout each has its own. Gal & Ghahramani 2016.
 */
export function recurrentDropout(who: string, gates: number, units: number, options: RecurrentDropoutOptions) {
  const rates = { u: options.dropout ?? 0, r: options.recurrentDropout ?? 0 }
  fraction(who, 'dropout', rates.u)
  fraction(who, 'recurrentDropout', rates.r)
  const count = rates.r > 0 ? gates : 1
  const split = gates > 1 && count > 1
  /** One of the two: what silences it, and what comes of that. */
  const reading = (k: Verbs, rate: number, mask: View | undefined) => {
    const apart = split && mask !== undefined
    const places = (among: number) => Array.from({ length: apart ? among : 1 }, (_, g) => g)
    /** What belongs to gate g where each has a mask, else to the first gates together. */
    const part = (v: View, g: number, among: number) =>
      apart ? gate(v, g, units) : v.slice(v.shape.length - 1, 0, among * units)
    const self = {
      /** v as gate g reads it. */
      seen(v: View, g = 0): View {
        if (!mask) return v
        const out = k.scratch('masked', v.shape)
        k.map(out, 'u < rate ? 0 : v / (1 - rate)', { v, u: beside(mask, g, v), rate })
        return out
      },
      /** out = (v ⊙ mask)·W + b, for the first `among` gates. */
      weigh(out: View, v: View, W: View, bias?: View, among = gates) {
        for (const g of places(among)) {
          const [z, w] = [out, W].map(of => part(of, g, among))
          k.gemm(rows(z), rows(self.seen(v, g)), w, { bias: bias && part(bias, g, among) })
        }
      },
      /** dW = (v ⊙ mask)ᵀ·dz */
      slopes(dW: View, v: View, dz: View, among = gates) {
        for (const g of places(among)) k.gemm(part(dW, g, among), rows(self.seen(v, g)).T, rows(part(dz, g, among)))
      },
      /** dv = Σ over gates of mask ⊙ (dz·Wᵀ) */
      back(dv: View, dz: View, W: View, among = gates) {
        if (!mask) return k.gemm(rows(dv), rows(part(dz, 0, among)), part(W, 0, among).T)
        const terms = places(among).map(g => {
          const d = k.scratch('dMasked', dv.shape)
          k.gemm(rows(d), rows(part(dz, g, among)), part(W, g, among).T)
          return { [`d${g}`]: d, [`u${g}`]: beside(mask, g, dv) }
        })
        const sum = terms.map((_, g) => `(u${g} < rate ? 0 : d${g})`).join(' + ')
        k.map(dv, `(${sum}) / (1 - rate)`, { ...Object.assign({}, ...terms), rate })
      },
    }
    return self
  }
  return {
    /** The random numbers of a sample. */
    random: (features: number) =>
      ({
        ...(rates.u > 0 && { mx: [count, features] }),
        ...(rates.r > 0 && { mh: [count, units] }),
      }) as Masks,
    /** How inputs and states are read; without random numbers as they are. */
    reads: (k: Verbs, { mx, mh }: { readonly mx?: View; readonly mh?: View }) =>
      [reading(k, rates.u, mx), reading(k, rates.r, mh)] as const,
    /** The pair, in use without what silences it while training. */
    silent<P extends string, S extends string>(of: Pair<P, S, never, never, 'mx' | 'mh'>): Pair {
      const whole = pair(of)
      if (rates.u + rates.r === 0) return whole
      return {
        ...whole,
        infer: (k, { mx: _, mh: __, ...views }: Readonly<Record<string, View>>, xs, masks) =>
          whole.forward(k, views as never, xs, masks),
      }
    },
  }
}

const rows = (v: View) => v.matrix(v.shape.length - 1)

/** The mask of gate g beside v [batch, …, features]. */
const beside = (mask: View, g: number, v: View): View =>
  mask.slice(1, g, 1).reshape(v.shape[0], ...v.shape.slice(1, -1).map(() => 1), v.shape[v.shape.length - 1])
