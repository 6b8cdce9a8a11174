import { registrations } from './register.ts'

/** Of what a thing was made, as text. */
const forms = new WeakMap<object, string>()
const numbers = new WeakMap<object, number>()
let count = 0

/** A text for this very object. */
export function identity(of: object): string {
  if (!numbers.has(of)) numbers.set(of, ++count)
  return `#${numbers.get(of)}`
}

/** How much of a setting is read before it counts as like no other. */
const [deepest, longest] = [6, 64]

/**
 * Notes what decides which instructions a thing writes, a definition and settings: two things of one form write the same.
 * @returns the thing
 */
export function formed<T extends object>(thing: T, ...of: readonly unknown[]): T {
  forms.set(thing, formOf([registrations(), ...of]))
  return thing
}

/**
 * A text that is the same for what is made alike. Plain values compare by what they hold and functions by being the same;
 * what may change without being seen is like nothing else, not even itself.
 */
export function formOf(value: unknown, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'boolean' || value === undefined || value === null) return String(value)
  const known = forms.get(value as object)
  if (known !== undefined) return known
  if (typeof value === 'function') return identity(value)
  const inside = (part: unknown) => formOf(part, depth + 1)
  if (typeof value === 'object' && depth < deepest) {
    if (Array.isArray(value) && value.length <= longest) return `[${value.map(inside).join()}]`
    if (Object.getPrototypeOf(value) === Object.prototype)
      return `{${Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}:${inside(part)}`)}}`
  }
  return `#${++count}`
}
