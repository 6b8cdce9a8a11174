import { StateError } from '../../errors.ts'
import type { View } from '../../tensor/view.ts'
import { copying } from '../activity.ts'
import { type Written, written } from '../derived.ts'
import type { Json } from '../json.ts'
import {
  type Layer,
  type LayerMaker,
  type LayerOptions,
  type LayerTypes,
  layer,
  type Pair,
  type Rearrangement,
  type Shapes,
} from '../layer.ts'
import { registeredLayers } from '../register.ts'
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
  const wrap = layer(type, ['layer'], (inner: Layer, options: O = {} as O) => ({
    within: { '': inner },
    ...make(inner, options),
  }))
  const build = (inner: Layer, options?: O): Layer => {
    const made = wrap(Object.assign({}, inner, { toJSON: () => ({ type: inner.type, config: inner.config }) }), options)
    return Object.assign(made, {
      with: (changes: Saved) => {
        const { layer: _, ...settings } = { ...made.config, ...changes }
        return build(inner, settings as unknown as O)
      },
    })
  }
  const fromConfig = ({ layer: inner, ...options }: Saved, types?: LayerTypes): Layer =>
    build(restored(type, inner as Saved, types), options as unknown as O)
  return Object.assign(build, { type, fromConfig })
}

/** The layer that was saved, of a built-in type or one of `more`. */
function restored(who: string, saved: Saved | undefined, more: LayerTypes = {}): Layer {
  const { type, config } = saved ?? {}
  const makers: LayerTypes = { ...registeredLayers(), ...(known as unknown as LayerTypes), ...more }
  if (typeof type === 'string' && Object.hasOwn(makers, type) && typeof config === 'object' && config !== null)
    return makers[type].fromConfig(config as Saved, more)
  throw new StateError('unknown-name', `${who} got a layer of type ${JSON.stringify(type)?.slice(0, 40)}`, {
    hint: `give a layer: ${who}(lstm(8)); for a type of your own, loadModel(path, { layers: { … } })`,
  })
}

/** A layer's pair with both halves; one that only looks at its input in another way becomes a copy. */
export function asPair(inner: Pair | Rearrangement): Written {
  return written('view' in inner ? copying(inner) : inner)
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
