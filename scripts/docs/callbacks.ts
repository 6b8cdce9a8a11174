import * as callbacks from '../../src/training/callbacks/index.ts'
import { blocks, code, type Kind, lesson, sources, table } from './page.ts'
import { defaultOf, find, optionsOf, type Statement } from './source.ts'

export const kind: Kind = {
  kind: 'callbacks',
  title: 'Callbacks',
  about:
    'Functions that are told every event of a training, and may act on it: stop, save, change the rate. Each is an entry of `callbacks`; give a list of them to `fit`. A callback of your own is a function `(event, { model, stop }) => …`. The `type` of an event is begin, step, validation, epoch or end; that of an epoch has `epoch` (from 0), `metrics` and `seconds`, that of a step `step`, `steps` and the `metrics` so far.',
  known: callbacks,
  file: 'training/callbacks/index.ts',
  page(name, words, definition) {
    const options = [...new Set([...definition.code.matchAll(/\b\w+Options\b/g)].map(([type]) => type))].flatMap(type =>
      optionsOf(definition.file, type),
    )
    return {
      markdown: blocks(
        `# ${name}`,
        words.text,
        table(
          ['setting', 'default', ''],
          [
            ...(words.tags.param ?? []).map(each => {
              const [, key, about] = /^(?:options\.)?(\w+)\s*(.*)$/.exec(each)!
              return [`\`${key}\``, quoted(defaultOf([definition.code], key)), about]
            }),
            ...options.map(({ name: key, about, type }) => [
              `\`${key}\``,
              quoted(defaultOf(reached(definition), key)),
              about || `\`${type}\``,
            ]),
          ],
        ),
        words.tags.example && code(words.tags.example.join('\n')),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}

/** The code that takes the options apart: its own, then that of what they are handed to. */
const reached = (definition: Statement): string[] => {
  const monitor = find(definition.file, 'monitor')
  return [definition.code, ...(monitor ? [monitor.code] : [])]
}

const quoted = (value?: string) => (value === undefined ? '' : `\`${value}\``)
