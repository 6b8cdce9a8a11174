import type { ByteSource, TextSource } from '../../data/files.ts'
import { DataError, NablaError } from '../../errors.ts'
import type { EngineOptions, Model } from '../../model/face.ts'
import { countOf } from '../../model/network.ts'
import { printShape, sizeOf } from '../../tensor/shape.ts'
import type { Buffer } from '../../tensor/view.ts'
import type { FileArray, Row } from './arrays.ts'

/** A file that is looked at. */
export interface File {
  readonly name: string
  /** All of it; of tables and lines, which may be larger than memory, the beginning. */
  readonly bytes: Uint8Array
  /** Tables and lines, piece by piece. */
  readonly text: TextSource
  /** Where a file beside it is, if anybody knows. */
  beside?(name: string): ByteSource
  /** Told what loaders warn of. */
  warn(message: string): void
}

/** What was found in a file. */
export interface Contents {
  /** What the file turned out to be, where that is more than was known of it. */
  readonly kind?: 'nabla'
  /** Facts in a word or two each. */
  readonly about?: Readonly<Record<string, string | number | undefined>>
  readonly tables?: Readonly<Record<string, readonly Row[]>>
  readonly arrays?: readonly FileArray[]
  /** Why the file cannot be loaded. */
  readonly problems?: readonly string[]
}

/** The result of work that may find the file wanting, or what is wrong with it. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<{ done?: T; problems: string[] }> {
  try {
    return { done: await work(), problems: [] }
  } catch (error) {
    return { problems: problemsIn(error) }
  }
}

/** The lines of an error, without its hint. */
export function problemsIn(error: unknown): string[] {
  if (!(error instanceof NablaError)) throw error
  return error.message.split('\n').filter(line => !line.startsWith('  hint:'))
}

/** An engine that only keeps numbers: a model that is looked at never runs. */
export function keeper(dtype: 'float32' | 'float64' = 'float32'): NonNullable<EngineOptions['backend']> {
  const kept = new Map<object, Float64Array>()
  const numbers = (buffer: Buffer) => {
    if (!kept.has(buffer)) kept.set(buffer, new Float64Array(sizeOf(buffer.shape)))
    return kept.get(buffer)!
  }
  return {
    name: 'keeper',
    engine: () => ({
      name: 'keeper',
      dtype,
      write: (buffer, values, at) => numbers(buffer).set(values, at),
      read: (buffer, from, to) => numbers(buffer).slice(from, to),
      compile() {
        throw new DataError('not-compiled', 'a model that is looked at does not run', { hint: 'load it' })
      },
      close: () => kept.clear(),
    }),
  }
}

/** What a model that was loaded is made of. */
export function layersOf({ network }: Model): Row[] {
  const { nodes, inputs } = network
  const reads = (from: number) => (from < 0 ? inputs[-1 - from].name : nodes[nodes[from].owner].name)
  return nodes
    .filter(({ owner }, i) => owner === i)
    .map(node => ({
      layer: node.name,
      type: node.layer.type,
      'output shape': printShape(node.shape),
      parameters: countOf([...node.parameters, ...node.state]),
      reads: [...new Set(nodes.filter(n => nodes[n.owner] === node).flatMap(n => n.inputs.map(reads)))].join(', '),
    }))
}

/** Facts of a model that was loaded. */
export const modelFacts = ({ name, inputShape, outputShape, parameterCount, training }: Model) => ({
  name,
  input: printShape(inputShape),
  output: printShape(outputShape),
  parameters: parameterCount,
  ...(training && {
    optimizer: training.optimizer.name,
    loss: training.goals.map(({ loss }) => loss.name).join(', '),
  }),
})

/** A text of JSON: an object or a list, not too deep. */
export function parseJson(text: string, name: string): unknown {
  let [depth, most] = [0, 0]
  for (const [token] of text.matchAll(/[[{\]}]|"(?:\\.|[^"\\])*"/g)) {
    if (token === '[' || token === '{') most = Math.max(most, ++depth)
    else if (token === ']' || token === '}') depth--
  }
  try {
    if (most <= 200) return JSON.parse(text)
  } catch {}
  throw new DataError('bad-json', `${name.slice(0, 60)} is no JSON that can be read`, {
    hint: 'the file is damaged or not complete; save or download it again',
  })
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value in a table or among the facts: short, and nothing but itself. */
export function short(value: unknown, most = 80): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  // Control characters would speak to the terminal.
  const clean = text.replace(/[\p{Cc}\p{Cf}]/gu, ' ')
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean
}
