import type { View } from '../../tensor/view.ts'
import { layer } from '../layer.ts'
import { added, at, gate, gatesOf } from './gates.ts'
import { type GatedOptions, recurrence } from './recurrent.ts'

export interface GruOptions extends GatedOptions {
  /** Resets after the product with U (Keras 3, PyTorch, two biases) instead of before it (the paper, one bias). */
  resetAfter?: boolean
}

/**
 * Reads a sequence and keeps a state that one gate updates (u) and another resets (r):
 * hₜ = u ⊙ hₜ₋₁ + (1 − u) ⊙ g with u, r = σ(xₜ·W + hₜ₋₁·U + b) and g = tanh(xₜ·W + b + r ⊙ (hₜ₋₁·U + b′)).
 * The gates stand side by side in the order u, r, g, as in Keras; PyTorch has r first.
 * @equation h_t = u \odot h_{t-1} + (1 - u) \odot g, \quad g = \tanh\left(x_t W_g + b_g + r \odot (h_{t-1} U_g + b_g^\prime)\right)
 * @slope du = dh_t \odot (h_{t-1} - g), \quad dg = dh_t \odot (1 - u), \quad dr = dz_g \odot (h_{t-1} U_g + b_g^\prime), \quad dh_{t-1} = dh_t \odot u + dz \, U^\top
 * @shape [steps, features] → [units], or [steps, units] with returnSequences
 * @param units size of the state
 * @paper Cho et al. 2014
 * @example
 * gru(16)
 */
export const gru = layer('gru', ['units'], (units: number, options: GruOptions = {}) => {
  const { resetAfter = true } = options
  const {
    f: act,
    s,
    initial,
    shape,
    counts,
    mask,
    times,
    from,
    to,
    before,
    output,
    handed,
    useBias,
    dropping,
  } = recurrence('gru', units, 3, options)
  const third = (v: View) => gate(v, 2, units)
  return dropping.silent({
    shapes(input) {
      const { steps, features, y } = shape(input)
      const b = resetAfter ? [2, 3 * units] : [3 * units]
      const params = { W: [features, 3 * units], U: [units, 3 * units], b: useBias ? b : undefined }
      const wide = [steps, 3 * units]
      const saved = { z: wide, a: wide, p: wide, q: [steps, units], h: [steps + 1, units] }
      return { y, params, saved, random: dropping.random(features) }
    },
    initial,
    mask,
    forward(k, { x, W, U, b, z, a, p, q, h, y, mx, mh }, _xs, [mask] = []) {
      const steps = x.shape[1]
      const [inputs, states] = dropping.reads(k, { mx, mh })
      const [bias, inner] = resetAfter && useBias ? [0, 1].map(row => b.slice(0, row, 1).reshape(3 * units)) : [b]
      const xW = k.scratch('xW', z.shape)
      inputs.weigh(xW, x, W, bias) // x·W + b for all steps at once
      k.map(at(h, from(times(steps)[0])), '0', {}) // h₀ = 0
      for (const t of times(steps)) {
        const [zt, all, pt, qt, xt] = [z, a, p, q, xW].map(v => at(v, t))
        const ht = at(h, from(t))
        const [u, r, g] = gatesOf(all, 3, units)
        states.weigh(pt, ht, U, inner, resetAfter ? 3 : 2) // p = hₜ₋₁·U + b′
        const [zu, zr] = gatesOf(zt, 2, units)
        added(k, [zu, zr], gatesOf(xt, 2, units), gatesOf(pt, 2, units))
        s.forward(k, { x: zu, y: u })
        s.forward(k, { x: zr, y: r }) // u, r = σ(xₜ·W + b + p)
        if (resetAfter)
          k.map(qt, 'r * p', { r, p: third(pt) }) // q = r ⊙ p
        else {
          k.map(qt, 'r * h', { r, h: states.seen(ht, 2) }) // q = r ⊙ hₜ₋₁
          k.gemm(third(pt), qt, third(U))
        }
        k.map(third(zt), 'x + p', { x: third(xt), p: resetAfter ? qt : third(pt) })
        act.forward(k, { x: third(zt), y: g }) // g = f(xₜ·W + b + q), or q·U instead of q
        const m = counts(mask, t)
        k.map(at(h, to(t)), 'm > 0.5 ? u * h + (1 - u) * g : h', { m, u, h: ht, g }) // hₜ = u ⊙ hₜ₋₁ + (1 − u) ⊙ g
      }
      k.copy(y, output(h))
    },
    backward(k, { x, W, U, z, a, p, q, h, dx, dy, dW, dU, db, dz, da, dp, dq, mx, mh }, _xs, _dxs, [mask] = []) {
      const [batch, steps] = x.shape
      const [inputs, states] = dropping.reads(k, { mx, mh })
      const room = (name: string) => k.scratch(name, [batch, units])
      let back: View | 0 = 0 // what the next step hands back
      for (const t of times(steps).reverse()) {
        const [zt, all, pt, dzt, dall, dpt, dqt] = [z, a, p, dz, da, dp, dq].map(v => at(v, t))
        const ht = at(h, from(t))
        const [u, r, g] = gatesOf(all, 3, units)
        const [du, dr, dg] = gatesOf(dall, 3, units)
        const [dh, dhU, next] = ['dh', 'dhU', 'next'].map(room)
        const given = { m: counts(mask, t), dy: handed(dy, t, steps), back }
        k.map(dh, 'm > 0.5 ? dy + back : 0', given)
        k.map(du, 'dh * (h - g)', { dh, h: ht, g }) // du = dhₜ ⊙ (hₜ₋₁ − g)
        k.map(dg, 'dh * (1 - u)', { dh, u }) // dg = dhₜ ⊙ (1 − u)
        act.backward(k, { x: third(zt), y: g, dy: dg, dx: third(dzt) })
        if (resetAfter) {
          k.map(dr, 'dz * p', { dz: third(dzt), p: third(pt) }) // dr = dz ⊙ p
          k.map(third(dpt), 'dz * r', { dz: third(dzt), r }) // dp = dz ⊙ r
        } else {
          k.gemm(dqt, third(dzt), third(U).T) // dq = dz·Uᵀ
          k.map(dr, 'dq * h', { dq: dqt, h: states.seen(ht, 2) }) // dr = dq ⊙ hₜ₋₁
        }
        for (const [n, dy] of [du, dr].entries()) {
          const [x, y, dx, dp] = [zt, all, dzt, dpt].map(v => gate(v, n, units))
          s.backward(k, { x, y, dy, dx })
          k.copy(dp, dx)
        }
        if (resetAfter) {
          states.back(dhU, dpt, U)
          k.map(next, 'm > 0.5 ? dhU + dh * u : dy + back', { ...given, dhU, dh, u }) // dhₜ₋₁
        } else {
          states.back(dhU, dzt, U, 2)
          const dqr = room('dqr')
          k.map(dqr, 'dq * r', { dq: dqt, r })
          const all = { ...given, dhU, dh, u, dqr: states.seen(dqr, 2) }
          k.map(next, 'm > 0.5 ? dhU + dh * u + dqr : dy + back', all)
        }
        back = next
      }
      inputs.slopes(dW, x, dz) // dW = Σ xₜᵀ·dzₜ
      if (resetAfter)
        states.slopes(dU, before(h), dp) // dU = Σ hₜ₋₁ᵀ·dpₜ
      else {
        states.slopes(dU, before(h), dz, 2)
        k.gemm(third(dU), q.matrix(2).T, third(dz).matrix(2))
      }
      if (useBias) k.sum(resetAfter ? db.slice(0, 0, 1) : db, dz, 'rows') // db = Σ dzₜ
      if (useBias && resetAfter) k.sum(db.slice(0, 1, 1), dp, 'rows') // db′ = Σ dpₜ
      inputs.back(dx, dz, W) // dxₜ = dzₜ·Wᵀ
    },
  })
})
