import type { Json } from '../../nn/json.ts'
import type { Entry } from './entries.ts'
import { type Config, isConfig } from './values.ts'

// Keras 3 writes down how masks come about: operations on the inputs of Embedding and Masking, handed on as arguments.

const operation = ({ class: type }: Entry) => /^(?:keras\.ops\.)?(NotEqual|Any|LogicalOr|LogicalAnd)$/.exec(type)?.[1]

/**
 * The operations that only say which steps count, where they say what the layers here find by themselves: those that begin
 * at what an Embedding or a Masking reads. Where any begins elsewhere, none is left out.
 */
export function masksIn(entries: readonly Entry[]): ReadonlySet<string> {
  const operations = entries.filter(operation)
  if (operations.length === 0) return new Set()
  const known = new Set(entries.flatMap(entry => sources(entry).map(source => `${source} ${ignored(entry)}`)))
  const own = operations
    .filter(entry => operation(entry) === 'NotEqual')
    .every(entry => sources(entry).every(source => known.has(`${source} ${comparedWith(entry)}`)))
  return new Set(own ? operations.map(({ theirs }) => theirs) : [])
}

/** The value that does not count for a layer. */
function ignored({ class: type, config }: Entry): Json | undefined {
  if (type === 'Embedding') return config.mask_zero === true ? 0 : undefined
  return type === 'Masking' ? (config.mask_value ?? 0) : undefined
}

const callsOf = ({ inbound }: Entry): readonly Json[] => (Array.isArray(inbound) ? inbound : [])

/** The outputs that each call reads first, as text. */
const sources = (entry: Entry): string[] =>
  callsOf(entry).map(call => {
    const args = isConfig(call) ? call.args : call
    const [first] = Array.isArray(args) ? args : []
    const tensor = isConfig(first) && isConfig(first.config) ? (first.config as Config).keras_history : first
    return JSON.stringify(Array.isArray(tensor) ? tensor.slice(0, 3) : tensor)
  })

/** What an operation compares with: a number, alone or as one argument of several. */
const comparedWith = (entry: Entry): Json | undefined => {
  const [call] = callsOf(entry)
  const args = isConfig(call) && Array.isArray(call.args) ? call.args : []
  return args.find(arg => typeof arg === 'number')
}
