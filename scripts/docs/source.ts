import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// What the pages quote: docstrings and statements of the source, which the formatter keeps in a regular shape.

const root = fileURLToPath(new URL('../../src/', import.meta.url))

/** A docstring: its text, and its tags by name. */
export interface Words {
  readonly text: string
  readonly tags: Readonly<Record<string, readonly string[]>>
}

/** A statement at the outermost level of a file. */
export interface Statement {
  readonly name: string
  readonly file: string
  readonly words: Words
  readonly code: string
}

const nothing: Words = { text: '', tags: {} }
const read = new Map<string, ReadonlyMap<string, Statement>>()

/** The named statements of a file of src. */
export function statementsOf(file: string): ReadonlyMap<string, Statement> {
  const known = read.get(file)
  if (known) return known
  const found = new Map<string, Statement>()
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  let comment: string[] = []
  for (let i = 0; i < lines.length; ) {
    const start = i++
    if (lines[start].startsWith('/**')) {
      if (!lines[start].endsWith('*/')) while (!lines[i++].endsWith('*/'));
      comment = lines.slice(start, i)
      continue
    }
    if (lines[start] === '') comment = []
    // Lines that are indented, empty within, or close something belong to the statement before them.
    while (i < lines.length && (/^[\s})\]]/.test(lines[i]) || (lines[i] === '' && /^ /.test(lines[i + 1] ?? '')))) i++
    const name = /^(?:export )?(?:async )?(?:const|function|interface|type) (\w+)/.exec(lines[start])?.[1]
    const code = lines.slice(start, i).join('\n').trimEnd()
    if (name && !found.has(name)) found.set(name, { name, file, words: words(comment), code })
    if (lines[start] !== '') comment = []
  }
  read.set(file, found)
  return found
}

/** The text and tags of a comment's lines; a tag goes on over the lines after it. */
export function words(lines: readonly string[]): Words {
  if (lines.length === 0) return nothing
  const inner = lines
    .join('\n')
    .replace(/^\s*\/\*\*/, '')
    .replace(/\*\/\s*$/, '')
    .split('\n')
    .map(line => line.replace(/^\s*\* ?/, '').trimEnd())
  inner[0] = inner[0].trimStart()
  const [text, ...tagged] = inner.join('\n').split(/\n(?=@\w+)|^(?=@\w+)/)
  const tags: Record<string, string[]> = {}
  for (const each of text.startsWith('@') ? [text, ...tagged] : tagged) {
    const [, tag, content] = /^@(\w+)\s*([\s\S]*)$/.exec(each)!
    tags[tag] = [...(tags[tag] ?? []), tag === 'example' ? content.trim() : content.replace(/\s+/g, ' ').trim()]
  }
  const paragraphs = text.startsWith('@') ? [] : text.trim().split(/\n\s*\n/)
  return { text: paragraphs.map(each => each.replace(/\s*\n\s*/g, ' ')).join('\n\n'), tags }
}

/** Where the names that a file uses or hands on come from: by name, and the files it hands on as a whole. */
interface Imports {
  readonly names: ReadonlyMap<string, string>
  readonly all: readonly string[]
}

const imported = new Map<string, Imports>()

function importsOf(file: string): Imports {
  const known = imported.get(file)
  if (known) return known
  const source = readFileSync(join(root, file), 'utf8')
  const there = (path: string) => join(dirname(file), path)
  const names = new Map<string, string>()
  for (const [, list, path] of source.matchAll(/^(?:import|export) (?:type )?\{([^}]*)\} from '(\.[^']*)'/gm))
    for (const each of list.split(',')) names.set(each.trim().replace(/^type /, ''), there(path))
  const all = [...source.matchAll(/^export \* from '(\.[^']*)'/gm)].map(([, path]) => there(path))
  imported.set(file, { names, all })
  return { names, all }
}

/** Where a name that a file uses is written: in the file itself, or in what it imports. */
export function find(file: string, name: string): Statement | undefined {
  const own = statementsOf(file).get(name)
  if (own) return own
  const { names, all } = importsOf(file)
  const from = names.get(name)
  if (from) return find(from, name)
  for (const each of all) {
    const there = find(each, name)
    if (there) return there
  }
  return undefined
}

/** The statement of a definition: of a namespace's file, or wherever that has it from. */
export function definition(file: string, name: string): Statement {
  const found = find(file, name)
  if (!found) throw new Error(`${name} is not written in ${file}`)
  return found
}

/** Rooms that speak of all definitions alike; a lesson does not go on into these. */
const machinery =
  /^(formula|tensor|program|errors)|^nn\/(layer|loss|activation|optimizer|metric|resolve|json|initializer|window)\.ts|wrapper\.ts|composed\.ts|^nn\/(activations|initializers)\.ts/

/** The statement, and those it uses, nearest first. */
export function* reach(start: Statement): Generator<Statement> {
  const seen = new Set([start])
  const queue = [start]
  for (const each of queue) {
    yield each
    for (const [name] of each.code.replace(/'[^'\n]*'|\/\/.*/g, '').matchAll(/\b[a-zA-Z]\w+\b/g)) {
      const next = find(each.file, name)
      if (!next || seen.has(next) || machinery.test(next.file) || /^(export )?(interface|type)/.test(next.code))
        continue
      seen.add(next)
      queue.push(next)
    }
  }
}

/** The part of an object literal with this key, as it stands in the source, moved to the left. */
export function member(code: string, key: string): string | undefined {
  const lines = code.split('\n')
  const start = lines.findIndex(line => new RegExp(`^\\s+${key}[(:]`).test(line))
  if (start === -1) return undefined
  const indent = /^\s*/.exec(lines[start])![0]
  let end = start + 1
  const inside = (line: string) => line === '' || line.startsWith(`${indent} `)
  while (end < lines.length && inside(lines[end])) end++
  if (lines[end]?.startsWith(indent) && /^[})\]]/.test(lines[end].slice(indent.length))) end++
  return lines
    .slice(start, end)
    .map(line => line.slice(indent.length))
    .join('\n')
    .replace(/,$/, '')
}

/** One thing that can be told, and what it is when it is not. */
export interface Option {
  readonly name: string
  readonly about: string
  readonly type: string
}

/** The members of an interface and of what it extends, from its name as a file uses it. */
export function optionsOf(file: string, name: string): Option[] {
  const found = find(file, name)
  if (!found) return []
  const { code } = found
  const alias = /^(?:export )?type \w+(?:<.*?>)? = (\w+)/.exec(code)
  const own = alias
    ? /^(?:export )?type[^{]*$/m.test(code.split('\n')[0]) && /^(?:export )?type \w+(?:<.*?>)? = \w+<?/.test(code)
      ? optionsOf(found.file, alias[1])
      : []
    : []
  const parents = /^(?:export )?interface \w+(?:<[^{]*?>)? extends ([^{]*)\{/.exec(code)?.[1] ?? ''
  const inherited = parents
    .replace(/<[^>]*>/g, '')
    .split(',')
    .map(each => each.trim())
    .filter(each => each && each !== 'LayerOptions')
    .flatMap(each => optionsOf(found.file, each))
  const written = [
    ...code.matchAll(/(?:^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {2}(?:readonly )?(\w+)\??(?:: |(?=\())(.+)$/gm),
  ].map(([, comment = '', name, type]) => ({ name, about: words([`/**${comment}*/`]).text, type }))
  const all = [...written, ...own, ...inherited]
  return all.filter(({ name }, i) => all.findIndex(other => other.name === name) === i)
}

/** The default that code gives to a setting where it takes it apart: `padding = 'valid'`, `options.strides ?? 1`. */
export function defaultOf(codes: readonly string[], name: string): string | undefined {
  const value = String.raw`(\[[^\]]*\]|'[^']*'|[^,;{}\n)]+)`
  for (const code of codes) {
    const found =
      new RegExp(`[{,]\\s*${name}(?:: \\w+)? = ${value}(?=\\s*[,}])`).exec(code) ??
      new RegExp(`options\\.${name} \\?\\? ${value}`).exec(code)
    if (found) return found[1].trim()
  }
  return undefined
}

/** Every file of a folder of src. */
export const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name))
    .sort()
