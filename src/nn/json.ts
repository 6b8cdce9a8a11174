import { onlyOptions, unknownOption } from '../errors.ts'

/** What a model file can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Settings of an activation, loss, optimiser or initialiser by name. */
export type Params = Readonly<Record<string, Setting>>
export type Setting = number | boolean | string | readonly number[]

/** Of what has none. */
export type NoSettings = Readonly<Record<never, never>>

/** Settings of these kinds: one that is off by default may be on. */
type Kinds<P> = { readonly [K in keyof P]?: P[K] extends boolean ? boolean : P[K] }

/** Makes a thing of settings; what is not given is as it is by default. As a method it may stand among makers of all settings. */
export type MakerOf<T, P = Params> = { make(params?: Kinds<P>): T }['make']

/** Settings with their defaults; a name that is none of them is told, with the one it may stand for. */
export function withDefaults<P extends object>(who: string, defaults: P, given: object): P {
  const [first = 'name'] = Object.keys(defaults)
  onlyOptions(who, given, `settings have names: ${who.split(' ').at(-1)}({ ${first}: … })`)
  const stranger = Object.keys(given).find(key => !Object.hasOwn(defaults, key))
  if (stranger === undefined) return { ...defaults, ...given }
  throw unknownOption(who, stranger, Object.keys(defaults))
}

/** Settings as a formula sees them: numbers, and 1 for what is on. */
export const numbersOf = (params: Params): Record<string, number> =>
  Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => typeof value === 'number' || typeof value === 'boolean')
      .map(([name, value]) => [name, Number(value)]),
  )
