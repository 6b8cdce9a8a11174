import type { View } from '../../tensor/view.ts'
import { layer, pair } from '../layer.ts'
import { at, type RecurrentOptions, recurrence } from './recurrent.ts'

/**
 * Reads a sequence and keeps a state: hₜ = f(xₜ·W + hₜ₋₁·U + b), h₀ = 0. Trained by going back through all steps.
 * @shape [steps, features] → [units], or [steps, units] with returnSequences
 * @param units size of the state
 * @paper Elman 1990
 * @example
 * simpleRnn(8, { returnSequences: true })
 */
export const simpleRnn = layer('simpleRnn', ['units'], (units: number, options: RecurrentOptions = {}) => {
  const { f, initial, shape, times, from, to, before, output, handed, useBias } = recurrence(
    'simpleRnn',
    units,
    options,
  )
  return pair({
    shapes(input) {
      const { steps, features, y } = shape(input)
      const params = { W: [features, units], U: [units, units], b: useBias ? [units] : undefined }
      return { y, params, saved: { z: [steps, units], h: [steps + 1, units] } }
    },
    initial,
    forward(k, { x, W, U, b, z, h, y }) {
      const [batch, steps] = x.shape
      const xW = k.scratch('xW', z.shape)
      k.gemm(xW.matrix(2), x.matrix(2), W, { bias: b }) // x·W + b for all steps at once
      k.map(at(h, from(times(steps)[0])), '0', {}) // h₀ = 0
      for (const t of times(steps)) {
        const hU = k.scratch('hU', [batch, units])
        k.gemm(hU, at(h, from(t)), U)
        k.map(at(z, t), 'xW + hU', { xW: at(xW, t), hU }) // zₜ = xₜ·W + hₜ₋₁·U + b
        f.forward(k, { x: at(z, t), y: at(h, to(t)) }) // hₜ = f(zₜ)
      }
      k.copy(y, output(h))
    },
    backward(k, { x, W, U, z, h, dx, dy, dW, dU, db, dz }) {
      const [batch, steps] = x.shape
      let back: View | 0 = 0 // what the next step hands back
      for (const t of times(steps).reverse()) {
        const [dh, next] = ['dh', 'next'].map(name => k.scratch(name, [batch, units]))
        k.map(dh, 'dy + back', { dy: handed(dy, t, steps), back })
        f.backward(k, { x: at(z, t), y: at(h, to(t)), dy: dh, dx: at(dz, t) }) // dzₜ = dhₜ ⊙ f′(zₜ)
        k.gemm(next, at(dz, t), U.T) // dhₜ₋₁ = dyₜ₋₁ + dzₜ·Uᵀ
        back = next
      }
      k.gemm(dW, x.matrix(2).T, dz.matrix(2)) // dW = Σ xₜᵀ·dzₜ
      k.gemm(dU, before(h).matrix(2).T, dz.matrix(2)) // dU = Σ hₜ₋₁ᵀ·dzₜ
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dzₜ
      k.gemm(dx.matrix(2), dz.matrix(2), W.T) // dxₜ = dzₜ·Wᵀ
    },
  })
})
