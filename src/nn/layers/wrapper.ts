import { StateError } from '../../errors.ts'
import type { View } from '../../tensor/view.ts'
import type { Json } from '../json.ts'
import {
  type Layer,
  type LayerMaker,
  type LayerOptions,
  layer,
  type Pair,
  pair,
  type Rearrangement,
  type Shapes,
} from '../layer.ts'
import * as known from './index.ts'

/** A layer as it stands in a saved model. */
type Saved = Readonly<Record<string, Json>>

/** Any layer's arrays, by name. */
export type AnyShapes = Shapes<string, string, string, string, string>

/** Defines a layer around another one; the settings of both are saved. */
export function wrapper<O extends LayerOptions>(
  type: string,
  make: (inner: Layer, options: O) => Pair,
): LayerMaker<[inner: Layer, options?: O]> {
  const wrap = layer(type, ['layer'], (inner: Layer | Saved, options: LayerOptions = {}) =>
    make('pair' in inner ? (inner as Layer) : saved(type, inner as Saved), options as O),
  )
  const build = (inner: Layer, options?: O) =>
    wrap(Object.assign({}, inner, { toJSON: () => ({ type: inner.type, config: inner.config }) }), options)
  return Object.assign(build, { type, fromConfig: wrap.fromConfig })
}

function saved(who: string, { type, config }: Saved): Layer {
  const makers = known as unknown as Readonly<Record<string, LayerMaker<unknown[]>>>
  if (typeof type === 'string' && Object.hasOwn(makers, type) && typeof config === 'object' && config !== null)
    return makers[type].fromConfig(config as Saved)
  throw new StateError('unknown-name', `${who} got a layer of type ${JSON.stringify(type)?.slice(0, 40)}`, {
    hint: `give a layer: ${who}(lstm(8))`,
  })
}

/** A layer's pair; one that only looks at its input in another way becomes a copy. */
export function asPair(inner: Pair | Rearrangement): Written {
  if (!('view' in inner)) return written(inner)
  const copied = pair({
    shapes: inner.shapes,
    forward: (k, { x, y }) => k.copy(y, inner.view(x, y.shape.slice(1))),
    backward: (k, { dx, dy }) => k.copy(inner.view(dx, dy.shape.slice(1)), dy),
  })
  return written(copied)
}

/** A pair with both halves. */
export type Written = Pair & Required<Pick<Pair, 'backward'>>

function written(pair: Pair): Written {
  if (pair.backward) return pair as Written
  throw new StateError('no-backward', 'a layer around another one needs its backward pass, got forward alone', {
    hint: 'write the backward pass of the inner layer',
  })
}

/** The arrays of an inner layer, under a prefix in the outer one. */
export const prefixed = <T>(prefix: string, arrays: Readonly<Record<string, T>> = {}): Record<string, T> =>
  Object.fromEntries(Object.entries(arrays).map(([key, value]) => [prefix + key, value]))

/** What the inner layer calls its arrays: `forward_W` and `dforward_W` become `W` and `dW`. */
export const inside = (prefix: string, views: Readonly<Record<string, View>>): Record<string, View> =>
  Object.fromEntries(
    Object.entries(views).flatMap(([key, view]) => {
      if (key.startsWith(prefix)) return [[key.slice(prefix.length), view]]
      return key.startsWith(`d${prefix}`) ? [[`d${key.slice(prefix.length + 1)}`, view]] : []
    }),
  )
