import { onlyOptions, unknownOption } from '../errors.ts'

/** What a model file can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Settings of an activation, loss, optimiser or initialiser by name. */
export type Params = Readonly<Record<string, Setting>>
export type Setting = number | boolean | string | readonly number[]

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
