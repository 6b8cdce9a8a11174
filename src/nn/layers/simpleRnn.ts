import type { View } from '../../tensor/view.ts'
import { layer } from '../layer.ts'
import { at } from './gates.ts'
import { type RecurrentOptions, recurrence } from './recurrent.ts'

/**
 * Reads a sequence and keeps a state: hₜ = f(xₜ·W + hₜ₋₁·U + b), h₀ = 0. Trained by going back through all steps.
 * @equation h_t = f(x_t W + h_{t-1} U + b), \quad h_0 = 0
 * @slope dz_t = dh_t \odot f^\prime(z_t), \quad dh_{t-1} = dz_t U^\top, \quad dW = \sum_t x_t^\top dz_t, \quad dU = \sum_t h_{t-1}^\top dz_t
 * @shape [steps, features] → [units], or [steps, units] with returnSequences
 * @param units size of the state
 * @paper Elman 1990
 * @example
 * simpleRnn(8, { returnSequences: true })
 */
export const simpleRnn = layer('simpleRnn', ['units'], (units: number, options: RecurrentOptions = {}) => {
  const r = recurrence('simpleRnn', units, 1, options)
  const { f, initial, shape, counts, mask, times, from, to, before, output, handed, useBias, dropping } = r
  return dropping.silent({
    shapes(input) {
      const { steps, features, y } = shape(input)
      const params = { W: [features, units], U: [units, units], b: useBias ? [units] : undefined }
      return { y, params, saved: { z: [steps, units], h: [steps + 1, units] }, random: dropping.random(features) }
    },
    initial,
    mask,
    forward(k, { x, W, U, b, z, h, y, mx, mh }, _xs, [mask] = []) {
      const [batch, steps] = x.shape
      const [inputs, states] = dropping.reads(k, { mx, mh })
      const xW = k.scratch('xW', z.shape)
      inputs.weigh(xW, x, W, b) // x·W + b for all steps at once
      k.map(at(h, from(times(steps)[0])), '0', {}) // h₀ = 0
      for (const t of times(steps)) {
        const [hU, a] = ['hU', 'a'].map(name => k.scratch(name, [batch, units]))
        states.weigh(hU, at(h, from(t)), U)
        k.map(at(z, t), 'xW + hU', { xW: at(xW, t), hU }) // zₜ = xₜ·W + hₜ₋₁·U + b
        f.forward(k, { x: at(z, t), y: a })
        k.map(at(h, to(t)), 'm > 0.5 ? a : h', { m: counts(mask, t), a, h: at(h, from(t)) }) // hₜ = f(zₜ)
      }
      k.copy(y, output(h))
    },
    backward(k, { x, W, U, z, h, dx, dy, dW, dU, db, dz, mx, mh }, _xs, _dxs, [mask] = []) {
      const [batch, steps] = x.shape
      const [inputs, states] = dropping.reads(k, { mx, mh })
      let back: View | 0 = 0 // what the next step hands back
      for (const t of times(steps).reverse()) {
        const [dh, hU, next] = ['dh', 'hU', 'next'].map(name => k.scratch(name, [batch, units]))
        const given = { m: counts(mask, t), dy: handed(dy, t, steps), back }
        k.map(dh, 'm > 0.5 ? dy + back : 0', given)
        f.backward(k, { x: at(z, t), y: at(h, to(t)), dy: dh, dx: at(dz, t) }) // dzₜ = dhₜ ⊙ f′(zₜ)
        states.back(hU, at(dz, t), U) // dhₜ₋₁ = dyₜ₋₁ + dzₜ·Uᵀ
        k.map(next, 'm > 0.5 ? hU : dy + back', { ...given, hU })
        back = next
      }
      inputs.slopes(dW, x, dz) // dW = Σ xₜᵀ·dzₜ
      states.slopes(dU, before(h), dz) // dU = Σ hₜ₋₁ᵀ·dzₜ
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dzₜ
      inputs.back(dx, dz, W) // dxₜ = dzₜ·Wᵀ
    },
  })
})
