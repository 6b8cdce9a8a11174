import { type Config, isConfig } from './values.ts'

const deepest = 100
const longest = 2 ** 23

/**
 * The object that a JSON text holds, or nothing where it holds something else, is longer than 8 MiB, or has things within
 * things without end.
 */
export function parseConfig(source: string | Uint8Array): Config | undefined {
  if (source.length > longest) return undefined
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
  if (depthOf(text) > deepest) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isConfig(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** How deep lists and objects lie within each other. */
function depthOf(text: string): number {
  let [depth, most, quoted] = [0, 0, false]
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]
    if (quoted) {
      if (letter === '\\') i++
      else if (letter === '"') quoted = false
    } else if (letter === '"') quoted = true
    else if (letter === '[' || letter === '{') most = Math.max(most, ++depth)
    else if (letter === ']' || letter === '}') depth--
  }
  return most
}

const mark = /"<float (-?\d+)>"/g

/** A number that Python is to read as a float, though it is whole; for `toJson`. */
export const float = (value: number): number | string => (Number.isSafeInteger(value) ? `<float ${value}>` : value)

/** JSON in which the numbers that are floats have a point. */
export const toJson = (value: unknown): string => JSON.stringify(value).replace(mark, '$1.0')
