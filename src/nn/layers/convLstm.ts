import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { layer, type Pair, pair, whole } from '../layer.ts'
import {
  type One,
  type Padding,
  type Sizes,
  seenFrom,
  sizes,
  type Three,
  type Two,
  type Windows,
  windowsOver,
} from '../window.ts'
import { turned } from './convolution.ts'
import { added, at, gate, gatesOf } from './gates.ts'
import { forgetting, type LstmOptions } from './lstm.ts'
import { recurrence } from './recurrent.ts'

export interface ConvLstmOptions<S = Sizes> extends LstmOptions {
  /** 'valid' (default): whole windows only; 'same': the output is as large as the input divided by the stride. */
  padding?: Padding
  /** How far the window over the input moves, one number or one for each axis. */
  strides?: S
  /** Distance between the places that the window over the input looks at. */
  dilation?: S
}

/** An lstm whose products with W and U are convolutions: of the input as told, of the state with padding 'same'. */
function convLstm(who: string, n: number, filters: number, kernelSize: Sizes, options: ConvLstmOptions): Pair {
  const { padding = 'valid', unitForgetBias = true, dropout = 0, recurrentDropout = 0 } = options
  whole(who, 'filters', filters)
  const size = sizes(who, 'kernelSize', kernelSize, n)
  const strides = sizes(who, 'strides', options.strides ?? 1, n)
  const dilation = sizes(who, 'dilation', options.dilation ?? 1, n)
  if (Math.max(...strides) > 1 && Math.max(...dilation) > 1)
    throw new ShapeError('bad-option', `${who} got both strides and dilation above 1`, {
      evidence: Object.entries({ strides, dilation }).map(([name, value]) => [name, printShape(value)]),
      hint: 'leave one of them at 1',
    })
  const r = recurrence(who, filters, 4, options, unitForgetBias ? forgetting(filters) : undefined)
  const { f: act, s, initial, times, from, to, before, output, handed, useBias } = r
  const ones = size.map(() => 1)
  const overInput = (image: Shape) => windowsOver(who, image, { size, strides, dilation, padding })
  const overState = (image: Shape) => windowsOver(who, image, { size, strides: ones, padding: 'same' }).windows
  /** [batch, steps, …] as [batch·steps, …]. */
  const fold = (v: View) => v.reshape(v.shape[0] * v.shape[1], ...v.shape.slice(2))
  const image = (v: View) => v.shape.slice(1, -1)
  const rows = (v: View) => v.matrix(n + 1)
  const patches = (v: View, windows: Windows) => rows(v.windows(windows))
  /** With any dropout each gate has masks of its own, as in Keras, else all gates are one. */
  const drops = dropout + recurrentDropout > 0
  const gates = drops ? [0, 1, 2, 3] : [0]
  const part = (v: View, g: number) => (drops ? gate(v, g, filters) : v)
  /** v, a step or all of them folded, as gate g reads it. */
  const seen = (k: Verbs, v: View, mask: View | undefined, rate: number, g: number): View => {
    if (!mask) return v
    const out = k.scratch('masked', v.shape)
    k.map(out, formula, { v, u: beside(mask, v, g), rate })
    return out
  }
  const formula = 'u < rate ? 0 : v / (1 - rate)'
  /** The mask of gate g for each row of v: that of its sample. */
  const beside = (mask: View, v: View, g: number) => {
    const own = mask.slice(1, g, 1).reshape(mask.shape[0], ...mask.shape.slice(2))
    return v.shape[0] === own.shape[0] ? own : fold(own.repeat(1, v.shape[0] / own.shape[0]))
  }
  /** z = conv(v ⊙ mask, W) + b */
  function weigh(k: Verbs, z: View, v: View, W: View, windows: Windows, by: Silence, bias?: View) {
    for (const g of gates) {
      const read = patches(seen(k, v, by.mask, by.rate, g), windows)
      k.gemm(rows(part(z, g)), read, rows(part(W, g)), { bias: bias && part(bias, g) })
    }
  }
  /** dW = patches(v ⊙ mask)ᵀ·dz */
  function slopes(k: Verbs, dW: View, v: View, dz: View, windows: Windows, by: Silence) {
    for (const g of gates)
      k.gemm(rows(part(dW, g)), patches(seen(k, v, by.mask, by.rate, g), windows).T, rows(part(dz, g)))
  }
  /** dv = Σ over gates of mask ⊙ (what saw it)·Wᵀ */
  function back(k: Verbs, dv: View, dz: View, W: View, windows: Windows, by: Silence) {
    const around = seenFrom(windows, image(dv))
    const terms = gates.map(g => {
      const term = drops ? k.scratch('term', dv.shape) : dv
      k.gemm(rows(term), rows(part(dz, g).windows(around)), rows(turned(part(W, g), n)))
      return { [`v${g}`]: by.mask ? seen(k, term, by.mask, by.rate, g) : term }
    })
    if (drops) k.map(dv, gates.map(g => `v${g}`).join(' + '), Object.assign({}, ...terms))
  }
  const made = pair({
    shapes(input) {
      if (input.length !== n + 2)
        throw new ShapeError('wrong-rank', `${who} got an input of ${input.length} axes, expected ${n + 2}`, {
          evidence: [['input', printShape(input)]],
          hint: `give each sample steps, ${['places', 'height, width', 'depth, height, width'][n - 1]} and channels`,
        })
      const [steps, ...places] = input.slice(0, -1)
      const channels = input[n + 1]
      const { out } = overInput(places)
      const [states, wide] = [steps + 1, steps].map((count, i) => [count, ...out, i === 0 ? filters : 4 * filters])
      const W = [...size, channels, 4 * filters]
      const U = [...size, filters, 4 * filters]
      return {
        y: options.returnSequences ? [steps, ...out, filters] : [...out, filters],
        params: { W, U, b: useBias ? [4 * filters] : undefined },
        saved: { z: wide, a: wide, c: states, tanhC: [steps, ...out, filters], h: states },
        random: {
          ...(dropout > 0 && { mx: [4, ...places, channels] }),
          ...(recurrentDropout > 0 && { mh: [4, ...out, filters] }),
        } as { mx: Shape; mh: Shape },
      }
    },
    initial,
    forward(k, { x, W, U, b, z, a, c, tanhC, h, y, mx, mh }) {
      const steps = x.shape[1]
      const xW = k.scratch('xW', z.shape)
      const { windows } = overInput(image(fold(x)))
      const [inputs, states] = silences(mx, mh)
      weigh(k, fold(xW), fold(x), W, windows, inputs, b) // x∗W + b for all steps at once
      k.map(at(h, from(times(steps)[0])), '0', {})
      k.map(at(c, from(times(steps)[0])), '0', {})
      for (const t of times(steps)) {
        const before = at(h, from(t))
        const hU = k.scratch('hU', at(z, t).shape)
        weigh(k, hU, before, U, overState(image(before)), states)
        const zt = gatesOf(at(z, t), 4, filters)
        added(k, zt, gatesOf(at(xW, t), 4, filters), gatesOf(hU, 4, filters)) // zₜ = xₜ∗W + hₜ₋₁∗U + b
        const [i, f, g, o] = gatesOf(at(a, t), 4, filters)
        for (const [n, y] of [i, f, g, o].entries()) (n === 2 ? act : s).forward(k, { x: zt[n], y })
        k.map(at(c, to(t)), 'f * c + i * g', { f, c: at(c, from(t)), i, g }) // cₜ = f ⊙ cₜ₋₁ + i ⊙ g
        act.forward(k, { x: at(c, to(t)), y: at(tanhC, t) })
        k.map(at(h, to(t)), 'o * tanhC', { o, tanhC: at(tanhC, t) }) // hₜ = o ⊙ tanh(cₜ)
      }
      k.copy(y, output(h))
    },
    backward(k, { x, W, U, z, a, c, tanhC, h, dx, dy, dW, dU, db, dz, da, mx, mh }) {
      const steps = x.shape[1]
      const state = at(h, 0).shape
      const [inputs, states] = silences(mx, mh)
      const over = overState(state.slice(1, -1))
      const { windows } = overInput(image(fold(x)))
      let [backH, backC]: (View | 0)[] = [0, 0] // what the next step hands back
      for (const t of times(steps).reverse()) {
        const rooms = ['dh', 'shown', 'through', 'dc', 'nextH', 'nextC'].map(name => k.scratch(name, state))
        const [dh, shown, through, dc, nextH, nextC] = rooms
        const [i, f, g, o] = gatesOf(at(a, t), 4, filters)
        const [di, df, dg, dO] = gatesOf(at(da, t), 4, filters)
        k.map(dh, 'dy + back', { dy: handed(dy, t, steps), back: backH })
        k.map(shown, 'dh * o', { dh, o })
        act.backward(k, { x: at(c, to(t)), y: at(tanhC, t), dy: shown, dx: through })
        k.map(dc, 'through + back', { through, back: backC }) // dcₜ = dhₜ ⊙ o ⊙ tanh′(cₜ) + dcₜ₊₁ ⊙ fₜ₊₁
        const own = { dh, dc, i, g, tanhC: at(tanhC, t), c: at(c, from(t)) }
        // do = dhₜ ⊙ tanh(cₜ), di = dcₜ ⊙ g, df = dcₜ ⊙ cₜ₋₁, dg = dcₜ ⊙ i
        k.map({ dO, di, df, dg }, 'dO = dh * tanhC; di = dc * g; df = dc * c; dg = dc * i', own)
        for (const [n, dy] of [di, df, dg, dO].entries()) {
          const [x, y, dx] = [z, a, dz].map(v => gate(at(v, t), n, filters))
          ;(n === 2 ? act : s).backward(k, { x, y, dy, dx }) // dzₜ = da ⊙ f′(zₜ)
        }
        back(k, nextH, at(dz, t), U, over, states) // dhₜ₋₁ = dyₜ₋₁ + dzₜ∗Uᵀ
        k.map(nextC, 'dc * f', { dc, f }) // dcₜ₋₁ has dcₜ ⊙ f
        ;[backH, backC] = [nextH, nextC]
      }
      slopes(k, dW, fold(x), fold(dz), windows, inputs) // dW = Σ patches(xₜ)ᵀ·dzₜ
      slopes(k, dU, fold(before(h)), fold(dz), over, states) // dU = Σ patches(hₜ₋₁)ᵀ·dzₜ
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dzₜ
      back(k, fold(dx), fold(dz), W, windows, inputs) // dxₜ = dzₜ∗Wᵀ
    },
  })
  const silences = (mx?: View, mh?: View): [Silence, Silence] => [
    { mask: mx, rate: dropout },
    { mask: mh, rate: recurrentDropout },
  ]
  if (!drops) return made
  const quiet = convLstm(who, n, filters, kernelSize, { ...options, dropout: 0, recurrentDropout: 0 })
  return { ...made, infer: quiet.forward as Pair['infer'] }
}

/** What silences a share of what is read, if anything. */
interface Silence {
  readonly mask: View | undefined
  readonly rate: number
}

const names = ['filters', 'kernelSize'] as const

/**
 * Reads a sequence of rows of places as an lstm does, its products being convolutions over the places: for time and space
 * together.
 * @equation z_t = x_t \ast W + h_{t-1} \ast U + b, \quad c_t = f \odot c_{t-1} + i \odot g, \quad h_t = o \odot \tanh(c_t)
 * @slope dc_t = dh_t \odot o \odot \tanh^\prime(c_t) + dc_{t+1} \odot f_{t+1}, \quad dU = \sum_t \mathrm{patches}(h_{t-1})^\top dz_t
 * @shape [steps, places, channels] → [places′, filters], or [steps, places′, filters] with returnSequences
 * @param filters how many outputs at each place
 * @param kernelSize how many places the windows see
 * @throws ShapeError when the input is no sequence of rows, or smaller than the window
 * @paper Shi et al. 2015, without peepholes, as in Keras; PyTorch has none
 * @example
 * convLstm1d(8, 3, { padding: 'same' })
 */
export const convLstm1d = layer('convLstm1d', names, (filters: number, kernelSize: One, o: ConvLstmOptions<One> = {}) =>
  convLstm('convLstm1d', 1, filters, kernelSize, o),
)

/**
 * Reads a film as an lstm does, its products being convolutions over the images.
 * @equation z_t = x_t \ast W + h_{t-1} \ast U + b, \quad c_t = f \odot c_{t-1} + i \odot g, \quad h_t = o \odot \tanh(c_t)
 * @slope dc_t = dh_t \odot o \odot \tanh^\prime(c_t) + dc_{t+1} \odot f_{t+1}, \quad dU = \sum_t \mathrm{patches}(h_{t-1})^\top dz_t
 * @shape [steps, height, width, channels] → [height′, width′, filters], with steps in front with returnSequences
 * @param filters how many outputs at each place
 * @param kernelSize of the windows, one number or [height, width]
 * @throws ShapeError when the input is no film, or smaller than the window
 * @paper Shi et al. 2015, without peepholes, as in Keras; PyTorch has none
 * @example
 * convLstm2d(16, 3, { padding: 'same', returnSequences: true })
 */
export const convLstm2d = layer('convLstm2d', names, (filters: number, kernelSize: Two, o: ConvLstmOptions<Two> = {}) =>
  convLstm('convLstm2d', 2, filters, kernelSize, o),
)

/**
 * Reads a sequence of volumes as an lstm does, its products being convolutions over the volumes.
 * @equation z_t = x_t \ast W + h_{t-1} \ast U + b, \quad c_t = f \odot c_{t-1} + i \odot g, \quad h_t = o \odot \tanh(c_t)
 * @slope dc_t = dh_t \odot o \odot \tanh^\prime(c_t) + dc_{t+1} \odot f_{t+1}, \quad dU = \sum_t \mathrm{patches}(h_{t-1})^\top dz_t
 * @shape [steps, depth, height, width, channels] → [depth′, height′, width′, filters], with steps in front with returnSequences
 * @param filters how many outputs at each place
 * @param kernelSize of the windows, one number or [depth, height, width]
 * @throws ShapeError when the input is no sequence of volumes, or smaller than the window
 * @paper Shi et al. 2015, without peepholes, as in Keras; PyTorch has none
 * @example
 * convLstm3d(4, [1, 3, 3])
 */
export const convLstm3d = layer(
  'convLstm3d',
  names,
  (filters: number, kernelSize: Three, o: ConvLstmOptions<Three> = {}) =>
    convLstm('convLstm3d', 3, filters, kernelSize, o),
)
