import type { View } from '../../tensor/view.ts'
import type { Initializer } from '../initializer.ts'
import { layer } from '../layer.ts'
import { added, at, gate, gatesOf } from './gates.ts'
import { type GatedOptions, recurrence } from './recurrent.ts'

export interface LstmOptions extends GatedOptions {
  /** Begins with the forget gates open: 1 is added to their bias. */
  unitForgetBias?: boolean
}

/** A bias whose gates of forgetting begin with 1. */
export const forgetting =
  (units: number) =>
  (b: Initializer): Initializer => ({
    ...b,
    draw: (shape, random) => b.draw(shape, random).map((v, i) => (i >= units && i < 2 * units ? 1 : v)),
  })

/**
 * Reads a sequence and keeps a memory c that gates write (i), keep (f) and show (o):
 * cₜ = f ⊙ cₜ₋₁ + i ⊙ g and hₜ = o ⊙ tanh(cₜ), with i, f, o = σ(zₜ), g = tanh(zₜ) and zₜ = xₜ·W + hₜ₋₁·U + b.
 * The gates stand side by side in the order i, f, g, o, as in Keras and PyTorch; PyTorch has two biases.
 * @equation c_t = f \odot c_{t-1} + i \odot g, \quad h_t = o \odot \tanh(c_t), \quad z_t = x_t W + h_{t-1} U + b
 * @slope dc_t = dh_t \odot o \odot \tanh^\prime(c_t) + dc_{t+1} \odot f_{t+1}, \quad dh_{t-1} = dz_t U^\top, \quad dW = \sum_t x_t^\top dz_t, \quad dU = \sum_t h_{t-1}^\top dz_t
 * @shape [steps, features] → [units], or [steps, units] with returnSequences
 * @param units size of the memory
 * @paper Hochreiter & Schmidhuber 1997; forget gate of Gers, Schmidhuber & Cummins 2000, its bias 1 of Jozefowicz 2015
 * @example
 * lstm(16)
 */
export const lstm = layer('lstm', ['units'], (units: number, options: LstmOptions = {}) => {
  const opened = (options.unitForgetBias ?? true) ? forgetting(units) : undefined
  const q = recurrence('lstm', units, 4, options, opened)
  const { f: act, s, initial, shape, counts, mask, times, from, to, before, output, handed, useBias, dropping } = q
  return dropping.silent({
    shapes(input) {
      const { steps, features, y } = shape(input)
      const gates = 4 * units
      const params = { W: [features, gates], U: [units, gates], b: useBias ? [gates] : undefined }
      const states = [steps + 1, units]
      const saved = { z: [steps, gates], a: [steps, gates], c: states, tanhC: [steps, units], h: states }
      return { y, params, saved, random: dropping.random(features) }
    },
    initial,
    mask,
    forward(k, { x, W, U, b, z, a, c, tanhC, h, y, mx, mh }, _xs, [mask] = []) {
      const [batch, steps] = x.shape
      const [inputs, states] = dropping.reads(k, { mx, mh })
      const xW = k.scratch('xW', z.shape)
      inputs.weigh(xW, x, W, b) // x·W + b for all steps at once
      k.map(at(h, from(times(steps)[0])), '0', {})
      k.map(at(c, from(times(steps)[0])), '0', {})
      for (const t of times(steps)) {
        const hU = k.scratch('hU', [batch, 4 * units])
        states.weigh(hU, at(h, from(t)), U)
        const zt = gatesOf(at(z, t), 4, units)
        added(k, zt, gatesOf(at(xW, t), 4, units), gatesOf(hU, 4, units)) // zₜ = xₜ·W + hₜ₋₁·U + b
        const [i, f, g, o] = gatesOf(at(a, t), 4, units)
        for (const [n, y] of [i, f, g, o].entries()) {
          const f = n === 2 ? act : s
          f.forward(k, { x: zt[n], y })
        }
        const m = counts(mask, t)
        k.map(at(c, to(t)), 'm > 0.5 ? f * c + i * g : c', { m, f, c: at(c, from(t)), i, g }) // cₜ = f ⊙ cₜ₋₁ + i ⊙ g
        act.forward(k, { x: at(c, to(t)), y: at(tanhC, t) })
        k.map(at(h, to(t)), 'm > 0.5 ? o * tanhC : h', { m, o, tanhC: at(tanhC, t), h: at(h, from(t)) }) // hₜ = o ⊙ tanh(cₜ)
      }
      k.copy(y, output(h))
    },
    backward(k, { x, W, U, z, a, c, tanhC, h, dx, dy, dW, dU, db, dz, da, mx, mh }, _xs, _dxs, [mask] = []) {
      const [batch, steps] = x.shape
      const [inputs, states] = dropping.reads(k, { mx, mh })
      const room = (name: string) => k.scratch(name, [batch, units])
      let [backH, backC]: (View | 0)[] = [0, 0] // what the next step hands back
      for (const t of times(steps).reverse()) {
        const [dh, shown, through, dc, hU, nextH, nextC] = 'dh shown through dc hU nextH nextC'.split(' ').map(room)
        const [m, out] = [counts(mask, t), handed(dy, t, steps)]
        const [i, f, g, o] = gatesOf(at(a, t), 4, units)
        const [di, df, dg, dO] = gatesOf(at(da, t), 4, units)
        k.map(dh, 'm > 0.5 ? dy + back : 0', { m, dy: out, back: backH })
        k.map(shown, 'dh * o', { dh, o })
        act.backward(k, { x: at(c, to(t)), y: at(tanhC, t), dy: shown, dx: through })
        k.map(dc, 'm > 0.5 ? through + back : 0', { m, through, back: backC }) // dcₜ = dhₜ ⊙ o ⊙ tanh′(cₜ) + dcₜ₊₁ ⊙ fₜ₊₁
        const own = { dh, dc, i, g, tanhC: at(tanhC, t), c: at(c, from(t)) }
        // do = dhₜ ⊙ tanh(cₜ), di = dcₜ ⊙ g, df = dcₜ ⊙ cₜ₋₁, dg = dcₜ ⊙ i
        k.map({ dO, di, df, dg }, 'dO = dh * tanhC; di = dc * g; df = dc * c; dg = dc * i', own)
        for (const [n, dy] of [di, df, dg, dO].entries()) {
          const [x, y, dx] = [z, a, dz].map(v => gate(at(v, t), n, units))
          const f = n === 2 ? act : s
          f.backward(k, { x, y, dy, dx }) // dzₜ = da ⊙ f′(zₜ)
        }
        states.back(hU, at(dz, t), U) // dhₜ₋₁ = dyₜ₋₁ + dzₜ·Uᵀ
        k.map(nextH, 'm > 0.5 ? hU : dy + back', { m, hU, dy: out, back: backH })
        k.map(nextC, 'm > 0.5 ? dc * f : back', { m, dc, f, back: backC }) // dcₜ₋₁ has dcₜ ⊙ f
        ;[backH, backC] = [nextH, nextC]
      }
      inputs.slopes(dW, x, dz) // dW = Σ xₜᵀ·dzₜ
      states.slopes(dU, before(h), dz) // dU = Σ hₜ₋₁ᵀ·dzₜ
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dzₜ
      inputs.back(dx, dz, W) // dxₜ = dzₜ·Wᵀ
    },
  })
})
