import type { View } from '../../tensor/view.ts'
import { layer, pair } from '../layer.ts'
import { at, type GatedOptions, gate, recurrence } from './recurrent.ts'

export interface GruOptions extends GatedOptions {
  /** Resets after the product with U (Keras 3, PyTorch, two biases) instead of before it (the paper, one bias). */
  resetAfter?: boolean
}

/**
 * Reads a sequence and keeps a state that one gate updates (u) and another resets (r):
 * hₜ = u ⊙ hₜ₋₁ + (1 − u) ⊙ g with u, r = σ(xₜ·W + hₜ₋₁·U + b) and g = tanh(xₜ·W + b + r ⊙ (hₜ₋₁·U + b′)).
 * The gates stand side by side in the order u, r, g, as in Keras; PyTorch has r first.
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
    times,
    from,
    to,
    before,
    output,
    handed,
    useBias,
  } = recurrence('gru', units, options)
  const gates = (v: View) => v.slice(v.shape.length - 1, 0, 2 * units) // u and r side by side
  const third = (v: View) => gate(v, 2, units)
  return pair({
    shapes(input) {
      const { steps, features, y } = shape(input)
      const b = resetAfter ? [2, 3 * units] : [3 * units]
      const params = { W: [features, 3 * units], U: [units, 3 * units], b: useBias ? b : undefined }
      const wide = [steps, 3 * units]
      return { y, params, saved: { z: wide, a: wide, p: wide, q: [steps, units], h: [steps + 1, units] } }
    },
    initial,
    forward(k, { x, W, U, b, z, a, p, q, h, y }) {
      const steps = x.shape[1]
      const [bias, inner] = resetAfter && useBias ? [0, 1].map(row => b.slice(0, row, 1).reshape(3 * units)) : [b]
      const xW = k.scratch('xW', z.shape)
      k.gemm(xW.matrix(2), x.matrix(2), W, { bias }) // x·W + b for all steps at once
      k.map(at(h, from(times(steps)[0])), '0', {}) // h₀ = 0
      for (const t of times(steps)) {
        const [zt, all, pt, qt, xt] = [z, a, p, q, xW].map(v => at(v, t))
        const ht = at(h, from(t))
        const [u, r, g] = [0, 1, 2].map(n => gate(all, n, units))
        if (resetAfter) k.gemm(pt, ht, U, { bias: inner })
        else k.gemm(gates(pt), ht, gates(U)) // p = hₜ₋₁·U + b′
        k.map(gates(zt), 'x + p', { x: gates(xt), p: gates(pt) })
        s.forward(k, { x: gates(zt), y: gates(all) }) // u, r = σ(xₜ·W + b + p)
        if (resetAfter)
          k.map(qt, 'r * p', { r, p: third(pt) }) // q = r ⊙ p
        else {
          k.map(qt, 'r * h', { r, h: ht }) // q = r ⊙ hₜ₋₁
          k.gemm(third(pt), qt, third(U))
        }
        k.map(third(zt), 'x + p', { x: third(xt), p: resetAfter ? qt : third(pt) })
        act.forward(k, { x: third(zt), y: g }) // g = f(xₜ·W + b + q), or q·U instead of q
        k.map(at(h, to(t)), 'u * h + (1 - u) * g', { u, h: ht, g }) // hₜ = u ⊙ hₜ₋₁ + (1 − u) ⊙ g
      }
      k.copy(y, output(h))
    },
    backward(k, { x, W, U, z, a, p, q, h, dx, dy, dW, dU, db, dz, da, dp, dq }) {
      const [batch, steps] = x.shape
      const room = (name: string) => k.scratch(name, [batch, units])
      let back: View | 0 = 0 // what the next step hands back
      for (const t of times(steps).reverse()) {
        const [zt, all, pt, dzt, dall, dpt, dqt] = [z, a, p, dz, da, dp, dq].map(v => at(v, t))
        const ht = at(h, from(t))
        const [u, r, g] = [0, 1, 2].map(n => gate(all, n, units))
        const [du, dr, dg] = [0, 1, 2].map(n => gate(dall, n, units))
        const [dh, dhU, next] = ['dh', 'dhU', 'next'].map(room)
        k.map(dh, 'dy + back', { dy: handed(dy, t, steps), back })
        k.map(du, 'dh * (h - g)', { dh, h: ht, g }) // du = dhₜ ⊙ (hₜ₋₁ − g)
        k.map(dg, 'dh * (1 - u)', { dh, u }) // dg = dhₜ ⊙ (1 − u)
        act.backward(k, { x: third(zt), y: g, dy: dg, dx: third(dzt) })
        if (resetAfter) {
          k.map(dr, 'dz * p', { dz: third(dzt), p: third(pt) }) // dr = dz ⊙ p
          k.map(third(dpt), 'dz * r', { dz: third(dzt), r }) // dp = dz ⊙ r
        } else {
          k.gemm(dqt, third(dzt), third(U).T) // dq = dz·Uᵀ
          k.map(dr, 'dq * h', { dq: dqt, h: ht }) // dr = dq ⊙ hₜ₋₁
        }
        s.backward(k, { x: gates(zt), y: gates(all), dy: gates(dall), dx: gates(dzt) })
        k.copy(gates(dpt), gates(dzt))
        if (resetAfter) k.gemm(dhU, dpt, U.T)
        else k.gemm(dhU, gates(dzt), gates(U).T)
        const handing = resetAfter ? 'dhU + dh * u' : 'dhU + dh * u + dq * r'
        k.map(next, handing, { dhU, dh, u, dq: dqt, r }) // dhₜ₋₁
        back = next
      }
      const H = before(h).matrix(2) // hₜ₋₁
      k.gemm(dW, x.matrix(2).T, dz.matrix(2)) // dW = Σ xₜᵀ·dzₜ
      if (resetAfter)
        k.gemm(dU, H.T, dp.matrix(2)) // dU = Σ hₜ₋₁ᵀ·dpₜ
      else {
        k.gemm(gates(dU), H.T, gates(dz).matrix(2))
        k.gemm(third(dU), q.matrix(2).T, third(dz).matrix(2))
      }
      if (useBias) k.sum(resetAfter ? db.slice(0, 0, 1) : db, dz, 'rows') // db = Σ dzₜ
      if (useBias && resetAfter) k.sum(db.slice(0, 1, 1), dp, 'rows') // db′ = Σ dpₜ
      k.gemm(dx.matrix(2), dz.matrix(2), W.T) // dxₜ = dzₜ·Wᵀ
    },
  })
})
