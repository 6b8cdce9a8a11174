import { nothingElse } from '../errors.ts'
import type { Json } from './json.ts'
import type { LayerTypes } from './layer.ts'

/** What makes something of a name and settings. */
type Makers = Readonly<Record<string, (params?: never) => { readonly name: string; toJSON(): Json }>>

/** Definitions of one's own, by the names that models know them by. */
export interface Definitions {
  readonly activations?: Makers
  readonly losses?: Makers
  readonly metrics?: Makers
  readonly optimizers?: Makers
  readonly initializers?: Makers
  readonly regularizers?: Makers
  readonly constraints?: Makers
  readonly schedules?: Makers
  readonly layers?: LayerTypes
}

const known = new Map<string, Map<string, unknown>>()
let changes = 0

/** How often names have got a meaning: what a name stood for before, it may not stand for now. */
export const registrations = (): number => changes

/**
 * Makes definitions of one's own known by name, as those of the library are: in options, and to whoever loads a model that
 * was saved with them. A name of the library keeps its meaning.
 * @example
 * const bias = metric('bias', { measure: (k, { p, t, out }) => k.reduce(out, 'sum', 'p - t', { p, t }, [0, 1]) })
 * register({ metrics: { bias } })
 */
export function register(definitions: Definitions): void {
  const { activations, losses, metrics, optimizers, initializers, ...rest } = definitions
  const { regularizers, constraints, schedules, layers, ...others } = rest
  const all = { activations, losses, metrics, optimizers, initializers, regularizers, constraints, schedules, layers }
  nothingElse('register', others, all)
  changes++
  for (const [kind, makers] of Object.entries(definitions))
    known.set(kind, new Map([...(known.get(kind) ?? []), ...Object.entries(makers ?? {})]))
}

/** What was made known of a kind under a name. */
export const registered = <T>(kind: keyof Definitions, name: string): T | undefined =>
  known.get(kind)?.get(name) as T | undefined

/** All layers that were made known. */
export const registeredLayers = (): LayerTypes => Object.fromEntries(known.get('layers') ?? []) as LayerTypes
