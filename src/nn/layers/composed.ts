import { StateError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type Output, place, type Source } from '../call.ts'
import type { Layer, Pair } from '../layer.ts'
import { input } from './input.ts'
import { type AnyShapes, asPair, inside, prefixed, type Written } from './wrapper.ts'

/** One call within a block. */
interface Part {
  /** Before the names of its arrays: `dense.` */
  readonly prefix: string
  readonly layer: Layer
  readonly pair: Written
  /** Parts that it reads; −1 − i is input i of the block. */
  readonly reads: readonly number[]
  readonly shapes: AnyShapes
}

type Views = Readonly<Record<string, View>>

/**
 * A pair that is made of other layers, called on each other as in a graph; to the outside it is one layer, whose arrays
 * carry the names of those inside: `dense.W`.
 * @param build from the inputs of the block to its output; each layer is called once
 * @throws StateError when a layer is called twice
 * @example
 * const residual = layer('residual', ['units'], (units: number, _: LayerOptions = {}) =>
 *   composed(x => add()(x, dense(units, { activation: 'tanh' })(x))))
 */
export function composed(build: (...xs: Output[]) => Source): Pair {
  const count = Math.max(1, build.length)
  const made = new Map<string, Part[]>()
  let current: readonly Part[] = []
  const partsFor = (shapes: readonly Shape[]): readonly Part[] => {
    const key = JSON.stringify(shapes)
    if (!made.has(key)) made.set(key, lay(build, shapes))
    current = made.get(key)!
    return current
  }
  const of = (xs: readonly View[]) => partsFor(xs.map(x => x.shape.slice(1)))
  /** What each part reads and writes: the last one writes for all. */
  const run = (k: Verbs, views: Views, xs: readonly View[], training: boolean) => {
    const parts = of(xs)
    const ys = outputs(parts, views, '')
    parts.forEach(({ prefix, pair, reads }, i) => {
      const from = reads.map(index => (index < 0 ? xs[-1 - index] : ys[index]))
      const all = { ...inside(prefix, views), x: from[0], y: ys[i] }
      if (training || !pair.infer) pair.forward(k, all, from)
      else pair.infer(k, all, from)
    })
  }
  const pair: Pair = {
    inputs: [count, count],
    shapes(...shapes) {
      const parts = partsFor(shapes)
      const all = (kind: 'params' | 'saved' | 'state' | 'shared' | 'random') =>
        Object.assign({}, ...parts.map(({ prefix, shapes }) => prefixed(prefix, shapes[kind])))
      const hidden = parts.slice(0, -1).map(({ prefix, shapes }) => [`${prefix}y`, shapes.y])
      return {
        y: parts[parts.length - 1].shapes.y,
        params: all('params'),
        saved: { ...all('saved'), ...Object.fromEntries(hidden) },
        state: all('state'),
        shared: all('shared'),
        random: all('random'),
      }
    },
    get initial() {
      return Object.assign({}, ...current.map(({ prefix, pair }) => prefixed(prefix, pair.initial as never)))
    },
    get within() {
      return Object.fromEntries(current.map(({ prefix, layer }) => [prefix, layer]))
    },
    forward: (k, views, xs) => run(k, views, xs, true),
    infer: (k, views, xs) => run(k, views, xs, false),
    backward(k, views, xs, dxs) {
      const parts = of(xs)
      const [ys, dys] = [outputs(parts, views, ''), outputs(parts, views, 'd')]
      const rooms = new Map<number, View[]>()
      /** Where the slope by what was read goes: what several read gets the sum. */
      const target = (index: number) => {
        const whole = index < 0 ? dxs[-1 - index] : dys[index]
        const readers = parts.flatMap(({ reads }) => reads).filter(other => other === index).length
        const room = readers > 1 ? k.scratch(whole.name, whole.shape) : whole
        rooms.set(index, [...(rooms.get(index) ?? []), room])
        return room
      }
      const sum = (index: number, to: View) => {
        const terms = (rooms.get(index) ?? []).map((room, i) => [`part${i}`, room] as const)
        if (terms.length > 1) k.map(to, terms.map(([name]) => name).join(' + '), Object.fromEntries(terms))
      }
      for (let i = parts.length - 1; i >= 0; i--) {
        const { prefix, pair, reads } = parts[i]
        sum(i, dys[i])
        const from = reads.map(index => (index < 0 ? xs[-1 - index] : ys[index]))
        const to = reads.map(target)
        pair.backward(k, { ...inside(prefix, views), x: from[0], y: ys[i], dx: to[0], dy: dys[i] }, from, to)
      }
      dxs.forEach((dx, i) => {
        sum(-1 - i, dx)
      })
    },
  }
  return pair
}

const outputs = (parts: readonly Part[], views: Views, d: '' | 'd') =>
  parts.map(({ prefix }, i) => views[i === parts.length - 1 ? `${d}y` : `${d}${prefix}y`])

/** The calls between inputs of these shapes and the output, in their order. */
function lay(build: (...xs: Output[]) => Source, shapes: readonly Shape[]): Part[] {
  const starts = shapes.map(shape => place(input(shape), 'a block'))
  const end = place(build(...starts), 'a block')
  const found = new Set<Output>()
  const open = [end]
  while (open.length > 0) {
    const call = open.pop()!
    if (found.has(call) || starts.includes(call)) continue
    found.add(call)
    open.push(...call.inputs)
  }
  const calls = [...found].sort((a, b) => a.order - b.order)
  const names = new Map<string, number>()
  return calls.map(({ layer, inputs }): Part => {
    if (calls.filter(call => call.layer === layer).length > 1 || layer.type === 'input')
      throw new StateError('bad-block', `a block calls ${layer.type} twice, or on an input of its own`, {
        hint: 'within a block each layer is called once; make a second one',
      })
    const base = (layer.config.name as string) ?? layer.type
    const again = names.get(base) ?? 0
    names.set(base, again + 1)
    const [first, ...others] = inputs.map(call => call.shape)
    return {
      prefix: `${base}${again > 0 ? again : ''}.`,
      layer,
      pair: asPair(layer.pair),
      reads: inputs.map(call => (starts.includes(call) ? -1 - starts.indexOf(call) : calls.indexOf(call))),
      shapes: layer.pair.shapes(first, ...others) as unknown as AnyShapes,
    }
  })
}
