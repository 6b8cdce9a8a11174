/** Remembers what was made under a key, as long as it is among the last that were asked for. */
export function recent<T>(most: number): (key: string, make: () => T) => T {
  const known = new Map<string, T>()
  return (key, make) => {
    const found = known.has(key) ? known.get(key)! : make()
    known.delete(key)
    known.set(key, found)
    if (known.size > most) known.delete(known.keys().next().value!)
    return found
  }
}
