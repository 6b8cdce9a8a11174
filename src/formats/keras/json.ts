import { type Config, isConfig } from './values.ts'

const deepest = 100

/** The object that a JSON text holds, or nothing where it holds something else or things within things without end. */
export function parseConfig(text: string): Config | undefined {
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
