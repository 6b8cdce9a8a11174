/** A function that makes its value when it is first asked, and gives the same ever after. */
export function once<V>(make: () => V): () => V {
  let made: { readonly value: V } | undefined
  return () => (made ??= { value: make() }).value
}
