import { adjoints, type Instruction, start } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import { type Buffer, isWhole, sameView, type View } from '../tensor/view.ts'
import type { Pair } from './layer.ts'

/** A pair with both halves. */
export type Written = Pair & Required<Pick<Pair, 'backward'>>

const made = new WeakMap<Pair, Written>()

/** A pair with both halves: where backward is left out, it is derived from what forward did. */
export function written(pair: Pair): Written {
  if (pair.backward) return pair as Written
  if (!made.has(pair)) made.set(pair, derived(pair))
  return made.get(pair)!
}

const settledPairs = new WeakMap<Pair, Written>()

/** A pair that trains as it is used: where `infer` differs from forward, that is run and the slope is its. */
export function settled(pair: Pair): Written {
  if (!pair.infer) return written(pair)
  const as = { forward: pair.infer as Pair['forward'], backward: undefined }
  if (!settledPairs.has(pair)) settledPairs.set(pair, derived(Object.assign(Object.create(pair), as)))
  return settledPairs.get(pair)!
}

/** What forward leaves for backward, found again by the output that it wrote. */
export function memory<T>() {
  const kept = new WeakMap<Buffer, { readonly y: View; readonly what: T }[]>()
  return {
    keep(y: View, what: T) {
      const others = (kept.get(y.buffer) ?? []).filter(entry => !sameView(entry.y, y))
      kept.set(y.buffer, [...others, { y, what }])
    },
    of: (y: View): T => kept.get(y.buffer)!.find(entry => sameView(entry.y, y))!.what,
  }
}

/** What a derived backward pass is made of. */
interface Tape {
  readonly instructions: readonly Instruction[]
  readonly y: View
  /** Inputs and parameters as forward read them. */
  readonly starts: readonly View[]
  readonly keys: readonly string[]
}

function derived(pair: Pair): Written {
  const tapes = memory<Tape>()
  const both: Pick<Written, 'forward' | 'backward'> = {
    forward(k, views, xs, masks) {
      const starts: View[] = []
      const begin = (view: View, row = false) => starts[starts.push(start(k, view, starts, row)) - 1]
      const own = xs.map(x => begin(x))
      const [first, ...others] = xs.map(x => x.shape.slice(1))
      const keys = present(pair.shapes(first, ...others).params).map(([key]) => key)
      const parameters = Object.fromEntries(keys.map(key => [key, begin(views[key], true)]))
      const y = isWhole(views.y) ? views.y : k.scratch(views.y.name, views.y.shape)
      const instructions: Instruction[] = []
      const watched = k.watch(instruction => instructions.push(instruction))
      pair.forward(watched, { ...views, ...parameters, x: own[0], y }, own, masks)
      if (y !== views.y) k.copy(views.y, y)
      tapes.keep(views.y, { instructions, y, starts, keys })
    },
    backward(k, views, _xs, dxs) {
      const { instructions, y, starts, keys } = tapes.of(views.y)
      const slopes = [...dxs, ...keys.map(key => views[`d${key}`])]
      const sloped = starts.map((of, i) => ({ of, slope: slopes[i] }))
      adjoints(k, instructions, { of: y, slope: views.dy }, sloped)
    },
  }
  return Object.assign(Object.create(pair), both)
}

/** The arrays that are there. */
export const present = (shapes: Readonly<Record<string, Shape | undefined>> = {}): [string, Shape][] =>
  Object.entries(shapes).filter((entry): entry is [string, Shape] => entry[1] !== undefined)
