import type { Json } from '../../src/nn/json.ts'
import * as layers from '../../src/nn/layers/index.ts'
import { printShape } from '../../src/tensor/shape.ts'
import { pictureOf } from './layerPictures.ts'
import { blocks, code, type Kind, lesson, sources, table, written } from './page.ts'
import { type Case, caseOf, recorded, shapesOf } from './perform.ts'
import { defaultOf, find, member, optionsOf, reach, type Statement, type Words } from './source.ts'

export const kind: Kind = {
  kind: 'layers',
  title: 'Layers',
  about:
    'A layer is a pair, forward and backward, written with a few verbs. Each is an entry of `layers`; called on what other layers give, it takes its place in a graph.',
  known: layers,
  file: 'nn/layers/index.ts',
  page(name, words, definition) {
    const of = caseOf(name, words.tags.example?.[0], words.tags.shape?.[0])
    const picture = pictureOf(of)
    return { markdown: page(name, words, definition, of, picture !== undefined), picture }
  },
}

/** What every layer may be told. */
const COMMON = optionsOf('nn/layer.ts', 'LayerOptions').map(({ name }) => `\`${name}\``)

function page(name: string, words: Words, definition: Statement, of: Case, hasPicture: boolean): string {
  const pairs = lessons(definition)
  const settings = settingsOf(words, definition, pairs)
  const { positional } = settings
  const signature = `${name}(${[...positional, ...(settings.rows.length > positional.length ? ['{ … }'] : [])].join(', ')})`
  return blocks(
    `# ${name}`,
    code(signature),
    words.text,
    ...written(words),
    hasPicture && `![what ${name} does](${name}.svg)`,
    words.tags.shape && `Shapes, without the batch axis: ${words.tags.shape.map(quoted).join('; ')}.`,
    table(['setting', 'default', ''], settings.rows),
    `Every layer also takes ${COMMON.join(', ')}.`,
    words.tags.example && code(words.tags.example.join('\n')),
    ...sources(words),
    ...explained(of),
    '## The code',
    ...pairs.map(({ file, parts }) =>
      blocks(`In [\`src/${file}\`](../../src/${file}):`, code(parts.join('\n\n'))).trimEnd(),
    ),
    pairs.every(({ parts }) => parts[0] !== definition.code.replace(/^export /, '')) &&
      lesson({ ...definition, code: shortened(definition.code) }),
  )
}

const quoted = (shape: string) => {
  const [, ways, rest] = /^((?:[^,;]|,(?=[^[]*\])|, (?=\[))*)([\s\S]*)$/.exec(shape)!
  return `\`${ways}\`${rest}`
}

/** Where the pair is written: forward, backward and infer, or the look of a rearrangement, or the block as a whole. */
function lessons(definition: Statement): { file: string; parts: string[] }[] {
  for (const { file, code } of reach(definition)) {
    const parts = ['forward', 'backward', 'infer'].flatMap(key => member(code, key) ?? [])
    const view = parts.length === 0 && member(code, 'view')
    if (parts.length > 0) return [{ file, parts }]
    if (view) return [{ file, parts: [view] }]
  }
  return [{ file: definition.file, parts: [definition.code.replace(/^export /, '')] }]
}

/** The definition without the passes that are shown by themselves. */
function shortened(text: string): string {
  let rest = text
  for (const key of ['forward', 'backward', 'infer']) {
    const indented = new RegExp(`^( +)${key}[(:]`, 'm').exec(rest)
    const found = member(rest, key)
    if (!indented || !found?.includes('\n')) continue
    const original = found
      .split('\n')
      .map(line => (line ? indented[1] + line : line))
      .join('\n')
    rest = rest.replace(original, `${indented[1]}${found.split('\n')[0].replace(/\{$/, '{ … }')}`)
  }
  return rest
}

/** What is told before the options, and all that can be told. */
function settingsOf(words: Words, definition: Statement, pairs: readonly { parts: string[] }[]) {
  const list = /(?:layer|wrapper<.*?>)\(\s*'\w+',\s*(\[[^\]]*\]|\w+)/.exec(definition.code)?.[1] ?? '[]'
  const source = list.startsWith('[') ? list : (find(definition.file, list)?.code ?? '')
  const positional = /wrapper</.test(definition.code)
    ? ['layer']
    : [...source.matchAll(/'(\w+)'/g)].map(([, name]) => name)
  const nearby = [...reach(definition)].slice(0, 12)
  const told = Object.fromEntries((words.tags.param ?? []).map(each => each.split(/\s+(.*)/s) as [string, string]))
  const types = [definition, ...nearby.slice(1)].map(({ file, code }) => ({
    file,
    names: [...new Set([...code.matchAll(/\b\w+Options\b/g)].map(([type]) => type))].filter(
      type => type !== 'LayerOptions',
    ),
  }))
  const { file, names } = types.find(({ names }) => names.length > 0) ?? { file: '', names: [] }
  const options = names.slice(0, 1).flatMap(type => optionsOf(file, type))
  const codes = [...nearby.map(({ code }) => code), ...pairs.flatMap(({ parts }) => parts)]
  const rows = [
    ...positional.map(key => [`\`${key}\``, '', told[key] ?? '']),
    ...options
      .filter(({ name }) => !positional.includes(name))
      .map(({ name, about, type }) => {
        const value = defaultOf(codes, name)
        return [`\`${name}\``, value === undefined ? '' : `\`${value}\``, about || told[name] || `\`${type}\``]
      }),
  ]
  return { positional, rows }
}

/** At most so many lines of a recorded program are shown. */
const MOST = 24

/** The arrays of a small case and the program that its passes record. */
function explained(of: Case): (string | undefined)[] {
  const program = recorded(of)
  const { y, params, state } = shapesOf(of)
  const shapes = (list: Readonly<Record<string, readonly number[] | undefined>> = {}) =>
    Object.entries(list).flatMap(([key, shape]) => (shape ? [`\`${key} ${printShape(shape)}\``] : []))
  const cut = (text: string) => {
    const lines = text.split('\n')
    return lines.length <= MOST ? text : [...lines.slice(0, MOST), `… and ${lines.length - MOST} more`].join('\n')
  }
  const trained = shapes(params)
  const kept = shapes(state)
  return [
    '## At work',
    [
      `\`${printed(of)}\` on ${of.inputs.map(printShape).join(', ')} gives ${printShape(y)}.`,
      trained.length > 0 && `Trained: ${trained.join(', ')}.`,
      kept.length > 0 && `Kept from step to step: ${kept.join(', ')}.`,
      program
        ? 'For one sample it records:'
        : 'It is only another way to look at the same numbers: nothing is computed.',
    ]
      .filter(each => each)
      .join(' '),
    program && code(cut(program.forward), ''),
    program && `and on the way back${program.derived ? ', derived from these' : ''}:`,
    program && code(cut(program.backward), ''),
  ]
}

const printed = ({ layer }: Case): string => {
  const text = JSON.stringify(layer.config, (_, value: Json) => value)
    .replace(/"(\w+)":/g, ' $1: ')
    .replaceAll('"', "'")
    .replace(/\}/g, ' }')
    .replace(/,(?=\S)/g, ', ')
    .replace(/^\{ +\}$/, '')
  return `${layer.type}${text ? ` ${text}` : ''}`
}
