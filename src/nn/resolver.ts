import { FormulaError, nearest, StateError } from '../errors.ts'
import { fits, type Json, type MakerOf, type Params } from './json.ts'
import { type Definitions, registered } from './register.ts'

export type Maker<T> = MakerOf<T>
type Named = { readonly name: string; toJSON(): Json }

/** How something of the library is named: 'relu', { name: 'leakyRelu', params: { slope: 0.1 } }, leakyRelu({ slope: 0.1 }). */
export type Choice<T, K extends string = string> =
  | K
  | T
  | Maker<T>
  | { readonly name: string; readonly params?: Readonly<Record<string, unknown>>; readonly [part: string]: unknown }

/** A choice as it comes from code or from a model file. */
type Described = { readonly name: unknown; readonly params?: unknown }

/** How a description that carries its own formulas becomes a maker; `texts` must be there. */
interface Reader<T> {
  readonly texts: readonly string[]
  define(name: string, description: never): Maker<T>
}

/** A function that makes what a choice names. The namespace is the list of known names; a thing is known by its `mark`. */
export function resolver<T extends Named>(
  kind: string,
  mark: keyof T,
  known: Readonly<Record<string, Maker<T>>>,
  reader?: Reader<T>,
) {
  const plural = (kind === 'loss' ? 'losses' : `${kind}s`) as keyof Definitions
  const find = (name: string): Maker<T> | undefined =>
    Object.hasOwn(known, name) ? known[name] : registered(plural, name)
  return (choice: Choice<T> | Json): T => {
    if (typeof choice === 'function' || (isRecord(choice) && typeof choice.toJSON === 'function')) {
      // A maker asks for its settings at most; a layer, or somebody's function of targets and predictions, is none.
      const isMaker = typeof choice === 'function' && choice.length < 2 && !('type' in choice)
      const made: unknown = isMaker ? choice() : choice
      if (isRecord(made) && mark in made) return made as unknown as T
      throw new StateError('bad-option', `${kind} got ${described(choice)}, expected a name or another ${kind}`, {
        evidence: [['known', `${Object.keys(known).slice(0, 6).join(', ')}, …`]],
        hint: `one of your own is made by ${kind}('mine', …)`,
      })
    }
    const { name, params = {}, ...rest } = (isRecord(choice) ? choice : { name: choice }) as Described
    const own = reader?.texts.every(key => typeof (rest as Record<string, unknown>)[key] === 'string')
    const maker = typeof name === 'string' && isRecord(params) ? find(name) : undefined
    if (maker && typeof name === 'string' && isRecord(params)) {
      const plain = maker()
      const [beside] = own ? [] : Object.entries(rest).flatMap(([key, value]) => (value === undefined ? [] : key))
      if (beside !== undefined)
        throw new StateError(
          'bad-option',
          `${kind} ${name} got ${JSON.stringify(beside.slice(0, 32))} beside its name`,
          {
            evidence: [['settings', Object.keys((plain as { params?: Params }).params ?? {}).join(', ') || 'none']],
            hint: `settings stand in params: { name: '${name}', params: { … } }`,
          },
        )
      const bare = Object.keys(params).length === 0
      const made = bare ? plain : maker(settings(kind, name, plain as { params?: Params }, params))
      if (own && !agrees(made, rest))
        throw new FormulaError('name-taken', `${kind} "${name}" has its own formula, got another for the same name`, {
          hint: `call yours something else: "${name}2"`,
        })
      return made
    }
    if (reader && own && typeof name === 'string' && isSound(params, rest))
      return reader.define(name.slice(0, 64), { params, ...rest } as never)()
    const names = Object.keys(known).sort()
    const [guess] = alike(String(name).slice(0, 64), Object.keys(known))
    const close = guess === undefined ? names : alike(String(name).slice(0, 64), names)
    const some = names.length > 12 ? [...close.slice(0, 6), '…'] : names
    throw new StateError('unknown-name', `unknown ${kind} ${JSON.stringify(name)?.slice(0, 40)}`, {
      evidence: [['known', some.join(', ')]],
      hint: guess ? `did you mean "${guess}"?` : 'use one of the known names',
    })
  }
}

/** Names that a name may stand for: those that begin with it, those it is short for (mse), those it nearly is. */
function alike(name: string, names: readonly string[]): string[] {
  const lower = name.toLowerCase()
  const near = nearest(name, names, 6)
  if (near[0]?.toLowerCase() === lower) return near
  const bySize = names.toSorted((a, b) => a.length - b.length)
  const begun = bySize.filter(known => lower.length > 1 && known.toLowerCase().startsWith(lower))
  const initials = bySize.filter(known => known.replace(/(?<!^)[^A-Z]/g, '').toLowerCase() === lower)
  const letters = new RegExp(`^${[...lower].map(c => (/[a-z0-9]/.test(c) ? c : '.')).join('.*')}`, 'i')
  const short = bySize.filter(known => lower.length === 3 && letters.test(known))
  return [...new Set([...begun, ...initials, ...short, ...near])]
}

const described = (choice: object): string =>
  typeof choice !== 'function' ? JSON.stringify(choice).slice(0, 32) : 'type' in choice ? `the layer ${choice.type}` : 'a function' // biome-ignore format: a choice

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether the parts of a description are of the kinds they should be. */
function isSound(params: unknown, rest: Readonly<Record<string, unknown>>): boolean {
  const { backward = '', state = [], fused, per = 'element', target = 'same', parts = {} } = rest
  if (!isRecord(params) || !Array.isArray(state) || state.length > 16 || !hasParts(parts)) return false
  if (!['element', 'row', 'batch'].includes(per as string) || !['same', 'class'].includes(target as string))
    return false
  const texts = [backward, ...state]
  if (isRecord(fused)) texts.push(fused.activation, fused.forward, fused.backward)
  if (fused !== undefined && !(isRecord(fused) && hasParts(fused.parts ?? {}))) return false
  const settings = Object.values(params).every(value => typeof value === 'number' || typeof value === 'boolean')
  return texts.every(text => typeof text === 'string') && settings
}

const hasParts = (parts: unknown) =>
  isRecord(parts) &&
  Object.values(parts).every(
    part =>
      Array.isArray(part) &&
      ['sum', 'mean', 'max', 'min', 'argmax'].includes(part[0]) &&
      typeof part[1] === 'string' &&
      part.length === 2,
  )

/** Whether a description says the same as what is known by its name. */
const agrees = (made: Named, rest: object) => {
  const own = made.toJSON() as Record<string, Json>
  return Object.entries(rest).every(([key, value]) => JSON.stringify(own[key]) === JSON.stringify(value))
}

/** The given numbers, if they are numbers that the thing has. */
function settings(
  kind: string,
  name: string,
  { params: own = {} }: { params?: Params },
  given: Readonly<Record<string, unknown>>,
): Params {
  for (const [key, value] of Object.entries(given))
    if (!Object.hasOwn(own, key) || !(fits(value, own[key]) || (key === 'learningRate' && isSchedule(value))))
      throw new StateError(
        'bad-option',
        `${kind} ${name} got ${key.slice(0, 24)} = ${JSON.stringify(value)?.slice(0, 24)}`,
        {
          evidence: [['settings', JSON.stringify(own)]],
          hint: 'give numbers under these names',
        },
      )
  return given as Params
}

/** A learning rate may be a schedule or a formula, which are looked at where they are made. */
const isSchedule = (value: unknown): boolean =>
  ['object', 'string', 'function'].includes(typeof value) && value !== null
