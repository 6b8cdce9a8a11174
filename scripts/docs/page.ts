import { formula, latex, type Node, name as nameNode, number, substitute } from '../../src/formula/index.ts'
import type { Statement, Words } from './source.ts'

/** A page and its picture. */
export interface Page {
  readonly markdown: string
  readonly picture?: string
  /** What it is, where the docstring does not say it. */
  readonly about?: string
}

export type Lines = readonly (string | readonly string[])[]

/** Blocks of text with empty lines between them; undefined and empty ones are left out. */
export const blocks = (...parts: readonly (string | undefined | false)[]): string =>
  `${parts.filter(part => part).join('\n\n')}\n`

export const math = (content: string): string => `\`\`\`math\n${content}\n\`\`\``
export const code = (content: string, language = 'ts'): string => `\`\`\`${language}\n${content}\n\`\`\``

/** A table, if it has rows; bars in cells are kept from ending them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string | undefined {
  if (rows.length === 0) return undefined
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The equations that a docstring writes out. */
export const written = ({ tags }: Words): string[] => [...(tags.equation ?? []), ...(tags.slope ?? [])].map(math)

/** Where something comes from, and what it refuses. */
export const sources = ({ tags }: Words): (string | undefined)[] => [
  tags.throws && `Throws: ${tags.throws.map(each => each.replace(/^(\w+Error)/, '`$1`')).join('; ')}.`,
  tags.paper && `Paper: ${tags.paper.join('; ')}.`,
]

/** The numbers of a definition with their defaults. */
export const settings = (params: object): string | undefined =>
  table(
    ['setting', 'default'],
    Object.entries(params).map(([key, value]) => [`\`${key}\``, value === Infinity ? 'none' : show(value)]),
  )

export const show = (value: unknown): string =>
  typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(7)))
    : Array.isArray(value)
      ? `[${value.map(show).join(', ')}]`
      : typeof value === 'string'
        ? `'${value}'`
        : String(value)

/** The definition as it stands in the source. */
export const lesson = ({ code: text, file }: Statement): string =>
  blocks(`In [\`src/${file}\`](../../src/${file}):`, code(text.replace(/^export /, ''))).trimEnd()

/** Numbers that formulas compute once, as they were written. */
const CONSTANTS: readonly (readonly [string, string])[] = [
  ['0.7978845608028654', '\\sqrt{\\tfrac{2}{\\pi}}'],
  ['0.7071067811865476', '\\tfrac{1}{\\sqrt{2}}'],
  ['1.1283791670955126', '\\tfrac{2}{\\sqrt{\\pi}}'],
  ['2.5066282746310002', '\\sqrt{2 \\pi}'],
  ['1.7724538509055159', '\\sqrt{\\pi}'],
  ['0.16666666666666666', '\\tfrac{1}{6}'],
  ['0.6931471805599453', '\\ln 2'],
]
export const neat = (text: string): string =>
  CONSTANTS.reduce((all, [value, sign]) => all.replaceAll(value, sign), text)

/** Names that have a letter of their own in texts. */
const LETTERS: Readonly<Record<string, string>> = { learningRate: 'eta', weightDecay: 'lambda' }

/** Settings that are off, with their values: they would only clutter a formula. */
export const off = (params: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => value === false || value === Infinity))

export interface Spelling {
  /** How the value of a bare formula is called, in LaTeX. */
  readonly left?: string
  readonly sign?: string
  /** Values that stand in the place of names. */
  readonly baked?: Readonly<Record<string, unknown>>
}

/** A formula line by line, as it is written: what is named there is named here. */
export function spelt(text: string, { left = 'y', sign = '=', baked = {} }: Spelling = {}): [string, string][] {
  const known: Record<string, Node> = Object.fromEntries(
    Object.entries(LETTERS).map(([key, letter]) => [key, nameNode(letter)]),
  )
  for (const [key, value] of Object.entries(baked)) known[key] = number(Number(value))
  const lines: [string, string][] = []
  for (const part of text.replace(/\/\/.*$/gm, '').split(';')) {
    const [, shared, name, body] = /^\s*(?:(let\s+)?(\w+)\s*=(?!=))?\s*([\s\S]*?)\s*$/.exec(part)!
    if (body === '') continue
    const [node] = formula(body).outputs.values()
    const value = substitute(node, known)
    // A name for a plain number or another name says nothing.
    if (shared && (value.op === 'number' || value.op === 'name')) known[name] = value
    else {
      if (name) delete known[name]
      lines.push([`${name ? latex(nameNode(LETTERS[name] ?? name)) : left} &${shared ? '=' : sign}`, latex(value)])
    }
  }
  return lines
}

/** Lines as one block of LaTeX. */
export function aligned(lines: readonly (readonly [string, string])[]): string {
  if (lines.length === 1) return math(neat(`${lines[0][0].replace('&', '')} ${lines[0][1]}`))
  return math(neat(`\\begin{aligned}\n${lines.map(line => line.join(' ')).join(' \\\\\n')}\n\\end{aligned}`))
}

/** The first sentence of a text, or what it says before a colon; that of `x > 0 ? 1 : 0` is none. */
export const first = (text: string): string => /^[\s\S]*?\S[.:](?=\s|$)/.exec(text)?.[0].replace(/:$/, '.') ?? text

/** A kind of definitions: a folder of pages. */
export interface Kind {
  readonly kind: string
  readonly title: string
  readonly about: string
  readonly known: Readonly<Record<string, unknown>>
  /** The file that has the names. */
  readonly file: string
  /** Nothing for another name of something. */
  page(name: string, words: Words, definition: Statement): Page | string
}
