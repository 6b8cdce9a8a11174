/** Commas within brackets belong to a formula: `relu,max(x, 0.1 * x)` are two. */
export function activationList(text: string): string[] {
  let depth = 0
  const cut = [...text].map(c => {
    depth += c === '(' ? 1 : c === ')' ? -1 : 0
    return c === ',' && depth <= 0 ? '\n' : c
  })
  return [
    ...new Set(
      cut
        .join('')
        .split('\n')
        .map(part => part.trim())
        .filter(Boolean),
    ),
  ]
}
