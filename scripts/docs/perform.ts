import * as nabla from '../../src/index.ts'
import type { Output } from '../../src/nn/call.ts'
import type { Layer, Pair, Shapes } from '../../src/nn/layer.ts'
import { adjoints, explain, type Instruction, start, type Verbs, verbs } from '../../src/program/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import type { Shape } from '../../src/tensor/shape.ts'
import { type View, viewOf } from '../../src/tensor/view.ts'
import { paper } from './numbers.ts'

type Anything = Shapes<string, string, string, string, string>
type Arrays = Readonly<Record<string, Shape | undefined>> | undefined

/** A layer and the shapes of what it is given. */
export interface Case {
  readonly layer: Layer
  readonly inputs: readonly Shape[]
}

export const shapesOf = ({ layer, inputs }: Case): Anything => {
  const [first, ...others] = inputs
  return layer.pair.shapes(first, ...others) as Anything
}

/** What an example's last line gives, its names being those of the library. */
export function evaluate(code: string, scope: Readonly<Record<string, unknown>> = {}): unknown {
  const lines = code.split('\n')
  const last = lines.findLastIndex(line => /^[^\s)\]}/]/.test(line))
  const [before, after] = [lines.slice(0, last).join('\n'), lines.slice(last).join('\n')]
  const names: Record<string, unknown> = { ...nabla, ...nabla.layers, ...scope }
  return new Function(...Object.keys(names), `'use strict'; ${before}\nreturn ${after.trim()}`)(...Object.values(names))
}

/** The sizes that stand for words in `@shape`. */
const SIZES: Readonly<Record<string, number>> = {
  ...{ depth: 4, height: 6, width: 6, steps: 6, channels: 2, frames: 3 },
  ...{ features: 4, inputs: 4, queries: 3, keys: 4, outputs: 2, classes: 3, units: 4, n: 4, m: 3 },
}

/** The layer of an example on inputs of its own, or of the sizes that `@shape` speaks of. */
export function caseOf(name: string, example: string | undefined, shape: string | undefined): Case {
  const made = evaluate(example ?? `${name}()`) as Layer | Output
  if (typeof made === 'object' && 'order' in made)
    return { layer: made.layer, inputs: made.inputs.map(({ shape }) => shape) }
  if (typeof made !== 'function' || !('pair' in made))
    throw new Error(`the example of ${name} ends with neither a layer nor a call of one`)
  const left = (shape ?? '[features]').split('→')[0]
  const inputs = [...(left.includes('[') ? left : '[features]').matchAll(/\[([^\]]*)\]/g)].map(([, list]) =>
    list
      .split(',')
      .map(word => (/^\s*(\.\.\.|…)\s*$/.test(word) ? 3 : (SIZES[word.trim().replace(/^\.\.\./, '')] ?? 4))),
  )
  return { layer: made, inputs: made.type === 'input' ? [[]] : inputs }
}

/** The arrays of a pair: inputs, outputs, parameters, and what lives between forward and backward. */
function arrays(
  shapes: Anything,
  inputs: readonly Shape[],
  batch: number,
  k: Verbs,
  make: (name: string, shape: Shape) => View,
) {
  const all: Record<string, View> = {}
  const add = (list: Arrays, rows: readonly number[], of = make, prefix = '') => {
    for (const [key, shape] of Object.entries(list ?? {}))
      if (shape) all[prefix + key] = of(prefix + key, [...rows, ...shape])
  }
  const letters = inputs.length > 1 ? inputs.map((_, i) => `x${'₁₂₃₄₅₆'[i]}`) : ['x']
  const xs = inputs.map((shape, i) => make(letters[i], [batch, ...shape]))
  const dxs = inputs.map((shape, i) => make(`d${letters[i]}`, [batch, ...shape]))
  add({ y: shapes.y }, [batch])
  add({ y: shapes.y }, [batch], make, 'd')
  add(shapes.params, [])
  add(shapes.params, [], make, 'd')
  add(shapes.saved, [batch])
  add(shapes.saved, [batch], make, 'd')
  add(shapes.state, [])
  add(shapes.shared, [])
  add(shapes.random, [batch], k.random)
  return { views: { ...all, x: xs[0], dx: dxs[0] } as Parameters<NonNullable<Pair['backward']>>[1], xs, dxs }
}

export interface Told {
  readonly training?: boolean
  readonly seed?: number
  /** Values of a parameter, where they should not be drawn. */
  weights?(name: string, shape: Shape): ArrayLike<number> | undefined
}

/** The outputs of a layer for samples, and the slope of their sum by the first input, each verb run as it is called. */
export function perform(
  of: Case,
  samples: readonly (readonly number[])[],
  { training = true, seed = 1, weights }: Told = {},
) {
  const { layer, inputs } = of
  const shapes = shapesOf(of)
  const { k, array, read, write } = paper({ t: 1, seed })
  const batch = samples[0].length / inputs[0].reduce((a, b) => a * b, 1)
  const { views, xs, dxs } = arrays(shapes, inputs, batch, k, array)
  xs.forEach((x, i) => {
    write(x, samples[i])
  })
  if ('view' in layer.pair) {
    k.copy(views.y, layer.pair.view(views.x, shapes.y))
    return { y: read(views.y), dx: undefined }
  }
  const { pair } = layer
  const random = numpyRandom(seed)
  for (const [key, shape] of Object.entries({ ...shapes.params, ...shapes.state }))
    if (shape)
      write(
        views[key],
        weights?.(key, shape) ?? pair.initial?.[key]?.draw(shape, random) ?? views[key].shape.map(() => 0),
      )
  if (training || !pair.infer) pair.forward(k, views, xs)
  else pair.infer(k, views, xs)
  const y = read(views.y)
  if (!training || !pair.backward) return { y, dx: undefined }
  write(
    views.dy,
    y.map(() => 1),
  )
  pair.backward(k, views, xs, dxs)
  return { y, dx: read(dxs[0]) }
}

/** What forward and backward tell the recorder, in textbook notation. */
export function recorded(of: Case): { forward: string; backward: string; derived: boolean } | undefined {
  const { pair } = of.layer
  if ('view' in pair) return undefined
  const instructions: Instruction[] = []
  const k = verbs(instruction => instructions.push(instruction), ['t', 'learningRate', 'seed'])
  const make = (name: string, shape: Shape) => viewOf({ name, shape, kind: 'temporary' })
  const { views, xs, dxs } = arrays(shapesOf(of), of.inputs, 1, k, make)
  const own = pair.backward ? xs : xs.map((x, i) => start(k, x, xs.slice(0, i)))
  pair.forward(k, { ...views, x: own[0] }, own)
  const forward = instructions.splice(0)
  if (pair.backward) pair.backward(k, views, xs, dxs)
  else {
    const starts = Object.keys(shapesOf(of).params ?? {}).map(key => ({ of: views[key], slope: views[`d${key}`] }))
    adjoints(k, forward, { of: views.y, slope: views.dy }, [...own.map((of, i) => ({ of, slope: dxs[i] })), ...starts])
  }
  const text = (list: readonly Instruction[]) => explain({ name: '', instructions: list, scalars: [] })
  return { forward: text(forward), backward: text(instructions), derived: !pair.backward }
}
