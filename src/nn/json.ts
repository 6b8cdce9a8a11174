import { nearest, StateError } from '../errors.ts'

/** What a model file can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Settings of an activation, loss, optimiser or initialiser by name. */
export type Params = Readonly<Record<string, Setting>>
export type Setting = number | boolean | string | readonly number[]

/** Settings with their defaults; a name that is none of them is told, with the one it may stand for. */
export function withDefaults<P extends object>(who: string, defaults: P, given: object): P {
  const names = Object.keys(defaults)
  const stranger = Object.keys(given).find(key => !Object.hasOwn(defaults, key))
  if (stranger === undefined) return { ...defaults, ...given }
  const [guess] = nearest(stranger.slice(0, 64), names)
  throw new StateError('bad-option', `${who} has no setting ${JSON.stringify(stranger.slice(0, 32))}`, {
    evidence: [['settings', names.join(', ') || 'none']],
    hint: guess ? `did you mean "${guess}"?` : 'give settings under these names',
  })
}

/** Settings as a formula sees them: numbers, and 1 for what is on. */
export const numbersOf = (params: Params): Record<string, number> =>
  Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => typeof value === 'number' || typeof value === 'boolean')
      .map(([name, value]) => [name, Number(value)]),
  )
