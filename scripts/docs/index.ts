import { kind as activations } from './activations.ts'
import { kind as callbacks } from './callbacks.ts'
import { kind as initializers } from './initializers.ts'
import { kind as layers } from './layers.ts'
import { kind as losses } from './losses.ts'
import { kind as metrics } from './metrics.ts'
import { kind as optimizers } from './optimizers.ts'
import { blocks, first, type Kind, type Page, table } from './page.ts'
import { constraintKind, regularizerKind } from './penalties.ts'
import { kind as schedules } from './schedules.ts'
import { definition } from './source.ts'

/** All kinds of definitions, in the order in which a learner meets them. */
export const kinds: readonly Kind[] = [
  ...[activations, layers, losses, optimizers, metrics],
  ...[initializers, regularizerKind, constraintKind, schedules, callbacks],
]
/** The pages and pictures of a kind, by file name: one for each definition, from its code and docstring. */
export function pages({ kind, title, about, known, file, page }: Kind): Record<string, string> {
  const files: Record<string, string> = {}
  const names = Object.keys(known).sort((a, b) => a.localeCompare(b))
  const entries = names.map(name => {
    const statement = definition(file, name)
    const made: Page | string = page(name, statement.words, statement)
    if (typeof made === 'string') return { name, target: made, about: `another name of ${made}`, picture: false }
    files[`${name}.md`] = made.markdown
    if (made.picture) files[`${name}.svg`] = made.picture
    return { name, target: name, about: first(made.about ?? statement.words.text), picture: made.picture !== undefined }
  })
  const pictured = entries.filter(({ picture }) => picture)
  files['README.md'] = blocks(
    `# ${title}`,
    about,
    entries.map(({ name, target, about }) => `- [${name}](${target}.md) · ${about}`).join('\n'),
    gallery(pictured.map(({ name }) => name)),
    `All of Nabla's pages: [docs](../README.md). This folder (${kind}) is made from the source by \`npm run docs\`.`,
  )
  return files
}

/** Small pictures, four a row, each a link to its page. */
function gallery(names: readonly string[]): string | undefined {
  const cells = names.map(name => `[<img src="${name}.svg" width="200" alt="${name}">](${name}.md)`)
  const rows = Array.from({ length: Math.ceil(cells.length / 4) }, (_, i) =>
    Array.from({ length: 4 }, (_, j) => cells[4 * i + j] ?? ''),
  )
  return table(['', '', '', ''], rows)
}

/** The page that leads to all others. */
export const entrance = (): string =>
  blocks(
    '# Nabla, page by page',
    'Every definition of the library has a page: what it does, its formula and slope, a picture, the code itself. They are made from the source, so they say what it does.',
    table(
      ['', '', 'pages'],
      kinds.map(({ kind, title, about, known }) => [
        `[${title}](${kind}/README.md)`,
        first(about),
        String(Object.keys(known).length),
      ]),
    ),
    [
      '- [The design](design.md): how the house is built and why.',
      '- [Data](data.md): files of every kind, tables, pictures, files larger than memory.',
      '- [ONNX](onnx.md): graphs as layers, as operators, and written.',
      '- [Performance](performance.md): what was measured, beside the peers.',
      '- [From Keras](keras.md): what differs, and how the usual things are done.',
      '- [From PyTorch](pytorch.md): weights and words for those who come from there.',
      '- [Taking a model elsewhere](shipping.md): other formats, a module, a page.',
    ].join('\n'),
  )
