import { onlyOptions, StateError, unknownOption } from '../errors.ts'

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

/**
 * Settings with their defaults; what is undefined was not given. A name that is none of them is told, with the one it may
 * stand for, and a value of another kind, but of the one that is `free`.
 */
export function withDefaults<P extends object>(who: string, defaults: P, given: object, free?: keyof P): P {
  const [first = 'name'] = Object.keys(defaults)
  onlyOptions(who, given, `settings have names: ${who.split(' ').at(-1)}({ ${first}: … })`)
  const told = Object.entries(given).filter(([, value]) => value !== undefined)
  for (const [key, value] of told) {
    if (!Object.hasOwn(defaults, key)) throw unknownOption(who, key, Object.keys(defaults))
    const own = defaults[key as keyof P]
    if (key !== free && !fits(value, own))
      throw new StateError('bad-option', `${who} got ${key} = ${JSON.stringify(value)?.slice(0, 24)}`, {
        evidence: [['settings', JSON.stringify(defaults)]],
        hint: `give a ${Array.isArray(own) ? 'list of numbers' : typeof own}`,
      })
  }
  return { ...defaults, ...Object.fromEntries(told) }
}

/** Whether a value is of the kind that a setting has; one number is also a list of it. */
export const fits = (value: unknown, own: unknown): boolean =>
  Array.isArray(own)
    ? typeof value === 'number' ||
      (Array.isArray(value) && value.length < 1e4 && value.every(n => typeof n === 'number'))
    : typeof value === typeof own

/** Settings as a formula sees them: numbers, and 1 for what is on. */
export const numbersOf = (params: Params): Record<string, number> =>
  Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => typeof value === 'number' || typeof value === 'boolean')
      .map(([name, value]) => [name, Number(value)]),
  )
