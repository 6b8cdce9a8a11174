/**
 * Every error says who, what it got and what it expected in its first line, shows the evidence on the next lines,
 * and ends with one thing to try. Programs branch on `code`, people read the message.
 */
export class NablaError extends Error {
  readonly code: string
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super([message, ...align(details.evidence ?? []), ...(details.hint ? [`  hint: ${details.hint}`] : [])].join('\n'))
    this.code = code
    this.name = new.target.name
  }
}

export interface ErrorDetails {
  /** Rows of a small table: a name and what is known of it. */
  evidence?: readonly (readonly [name: string, value: string])[]
  /** One thing to try. */
  hint?: string
}

/** Arrays do not fit together: `got` against `expected`. */
export class ShapeError extends NablaError {}
/** A formula cannot be read or used; the message carries a caret. */
export class FormulaError extends NablaError {}
/** A file, a table or a label is not what it should be. */
export class DataError extends NablaError {}
/** A call came too early, too late or on the wrong thing: `fit` before `compile`, an unwritable folder. */
export class StateError extends NablaError {}
/** An engine cannot run here or cannot run this. */
export class BackendError extends NablaError {}
/** A number became NaN or infinite where it must not. */
export class NumericsError extends NablaError {}

function align(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
}

/**
 * Tells of an option that nobody knows. `others` is what is left of the given options when the `known` ones are taken:
 * `{ seed = 0, ...others }`, so that one that is forgotten here does not compile. What is undefined was not given.
 * @throws StateError `bad-option`
 */
export function nothingElse(who: string, others: Readonly<Record<string, undefined>>, known: object): void {
  for (const name in others) if (others[name] !== undefined) throw unknownOption(who, name, Object.keys(known))
}

/** Tells of what stands where settings by name should: `adam(0.1)`, `fit(x, y)`. */
export function onlyOptions(who: string, given: unknown, hint: string): void {
  if (typeof given === 'object' && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given)) return
  const shown = ArrayBuffer.isView(given) ? 'numbers' : (JSON.stringify(given) ?? `a ${typeof given}`).slice(0, 24)
  throw new StateError('bad-option', `${who} got ${shown} where its options are expected`, { hint })
}

/** The error of an option that is none of `names`, with the one it may stand for. */
export function unknownOption(who: string, option: string, names: readonly string[]): StateError {
  const [guess] = nearest(option.slice(0, 64), names)
  return new StateError('bad-option', `${who} has no setting ${JSON.stringify(option.slice(0, 32))}`, {
    evidence: [['settings', names.join(', ') || 'none']],
    hint: guess ? `did you mean "${guess}"?` : 'give settings under these names',
  })
}

/** The name among `known` that is closest to `name`, for "did you mean". */
export function nearest(name: string, known: readonly string[], limit = 3): string[] {
  const lower = name.toLowerCase()
  return known
    .map(candidate => [distance(lower, candidate.toLowerCase()), candidate] as const)
    .filter(([d, candidate]) => d <= Math.max(2, candidate.length / 2))
    .sort(([a], [b]) => a - b)
    .slice(0, limit)
    .map(([, candidate]) => candidate)
}

function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) next[j] = Math.min(next[j], before[j - 2] + 1)
    }
    before = row
    row = next
  }
  return row[b.length]
}
