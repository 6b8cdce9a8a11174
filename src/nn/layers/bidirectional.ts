import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import type { Written } from '../derived.ts'
import type { Layer, LayerOptions, Masks, Pair } from '../layer.ts'
import { beside } from '../masks.ts'
import { at } from './gates.ts'
import { type AnyShapes, asPair, inside, prefixed, wrapper } from './wrapper.ts'

export interface BidirectionalOptions extends LayerOptions {
  /**
   * How the two outputs of a step become one: side by side (default), or their sum, product or mean. With null they stay
   * two, in a new first axis: [2, …], what was read forward and what was read backward. Keras gives a list of both.
   */
  mergeMode?: 'concat' | 'sum' | 'mul' | 'ave' | null
}

const formulas = { sum: ['a + b', 'dy'], mul: ['a * b', 'dy * other'], ave: ['(a + b) / 2', 'dy / 2'] }

/**
 * Reads a sequence from both ends with two layers of the same kind, and puts what they say of each step side by side.
 * @equation y = [\overrightarrow{h}, \overleftarrow{h}]
 * @slope dx = d\overrightarrow{x} + d\overleftarrow{x}
 * @shape [steps, features] → as the layer, twice as wide when mergeMode is concat
 * @param layer a recurrent layer
 * @paper Schuster & Paliwal 1997
 * @example
 * bidirectional(lstm(8, { returnSequences: true }))
 */
export const bidirectional = wrapper<BidirectionalOptions>('bidirectional', (layer, { mergeMode = 'concat' }) => {
  const apart = mergeMode === 'concat' || mergeMode === null
  if (!apart && !Object.hasOwn(formulas, mergeMode))
    throw new ShapeError('bad-option', `bidirectional got mergeMode ${String(mergeMode).slice(0, 24)}`, {
      hint: "mergeMode is 'concat', 'sum', 'mul', 'ave' or null",
    })
  const turned = reversed(layer)
  const ways = { forward_: asPair(layer.pair), backward_: asPair(turned.pair) }
  const each = Object.entries(ways) as [keyof typeof ways, Written][]
  /** Outputs of the second layer come in the order of reading; this is their order in time. */
  const inTime = (v: View) => (layer.config.returnSequences ? v.flip(1) : v)
  /** Where each layer writes: its half of y, or room of its own. */
  const places = (y: View, other?: View): [View, View] => {
    if (other) return [y, inTime(other)]
    if (mergeMode === null) return [at(y, 0), inTime(at(y, 1))]
    const [last, half] = [y.shape.length - 1, y.shape[y.shape.length - 1] / 2]
    return [y.slice(last, 0, half), inTime(y.slice(last, half, half))]
  }
  /** Where steps do not count, both outputs are zero, as in Keras: nothing has come from one of the ends yet. */
  const silence = (k: Verbs, way: number, y: View, [mask]: Masks = []) => {
    if (!mask || !layer.config.returnSequences) return
    const back = [layer, turned][way].config.goBackwards // outputs come in the order of reading
    k.map(y, 'm > 0.5 ? y : 0', { y, m: beside(back ? mask.flip(1) : mask, y) })
  }
  const run =
    (pass: 'forward' | 'infer') =>
    (k: Verbs, { x, y, ...views }: Readonly<Record<string, View>>, _xs: unknown, masks?: Masks) => {
      const outputs = apart ? places(y) : places(views.forward_y, views.backward_y)
      for (const [i, [prefix, p]] of each.entries()) {
        ;(p[pass] ?? p.forward)(k, { ...inside(prefix, views), x, y: outputs[i] }, [x], masks)
        silence(k, i, outputs[i], masks)
      }
      if (!apart) k.map(y, formulas[mergeMode][0], { a: views.forward_y, b: views.backward_y })
    }
  return {
    within: { forward_: layer, backward_: turned },
    shapes(input) {
      const shapes = each.map(([prefix, p]) => [prefix, p.shapes(input) as unknown as AnyShapes] as const)
      const [, { y }] = shapes[0]
      if (input.length < 2 || y.length !== input.length - (layer.config.returnSequences ? 0 : 1))
        throw notRecurrent(layer, [['its output', printShape(y)]])
      const all = (of: (s: AnyShapes) => Readonly<Record<string, never>> | undefined) =>
        Object.assign({}, ...shapes.map(([prefix, s]) => prefixed(prefix, of(s))))
      const outputs = apart ? {} : { forward_y: y, backward_y: y }
      return {
        y: mergeMode === null ? [2, ...y] : apart ? y.with(-1, 2 * y[y.length - 1]) : y,
        params: all(s => s.params as never),
        saved: { ...all(s => s.saved as never), ...outputs },
        state: all(s => s.state as never),
        shared: all(s => s.shared as never),
        random: all(s => s.random as never),
      }
    },
    initial: Object.assign({}, ...each.map(([prefix, { initial }]) => prefixed(prefix, initial))),
    mask: (_k, _views, _xs, [mask] = []) => (layer.config.returnSequences && mergeMode !== null ? mask : undefined),
    forward: run('forward'),
    infer: run('infer'),
    backward(k, { x, y, dx, dy, ...views }: Readonly<Record<string, View>>, _xs, _dxs, masks) {
      const outputs = apart ? places(y) : places(views.forward_y, views.backward_y)
      const slopes = apart ? places(dy) : places(views.dforward_y, views.dbackward_y)
      const parts = each.map(([prefix]) => k.scratch(`dx ${prefix}`, dx.shape))
      for (const [i, [prefix, p]] of each.entries()) {
        const [y, part, dx] = [outputs[i], slopes[i], parts[i]]
        const [own, other] = i === 0 ? [views.dforward_y, views.backward_y] : [views.dbackward_y, views.forward_y]
        if (!apart) k.map(own, formulas[mergeMode][1], { dy, other })
        silence(k, i, part, masks)
        p.backward(k, { ...inside(prefix, views), x, y, dy: part, dx }, [x], [dx], masks)
      }
      k.map(dx, 'a + b', { a: parts[0], b: parts[1] })
    },
  } as Pair
})

/** The same layer from the other end. */
function reversed(layer: Layer): Layer {
  try {
    return layer.with({ goBackwards: !layer.config.goBackwards })
  } catch {
    throw notRecurrent(layer)
  }
}

const notRecurrent = ({ type }: Layer, evidence?: [string, string][]) =>
  new ShapeError('bad-option', `bidirectional got a ${type}, expected a recurrent layer`, {
    evidence,
    hint: 'bidirectional(lstm(8)), or a gru or simpleRnn',
  })
