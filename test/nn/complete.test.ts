import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as nabla from 'nabla'
import { describe, expect, test } from 'vitest'
import { kinds } from '../../scripts/docs/index.ts'
import { definition } from '../../scripts/docs/source.ts'

/*
 * Every public definition has what the library promises of it. The namespaces are the lists; a definition without a proof
 * fails in one of these:
 *   slopes by central differences   activations.test · layers.test · slopes.test (losses, regularizers)
 *   ±90, ±200, ±1e4                 activations.test · extremes.test
 *   both backends                   activations.test · layers.test · lossFixtures.test · optimizers.test · agreement.test
 *   saved and loaded                definitions.test · saved.test
 *   a page that says what it is     this one, and test/docs/pages.test
 */

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))
/** What only looks at numbers in another way has no picture. */
const plain = (code: string) => /\bview\b/.test(code)

test('every kind of definition has its folder of pages', () => {
  const namespaces = Object.entries(nabla).filter(
    ([, value]) => Object.prototype.toString.call(value) === '[object Module]',
  )
  const registries = namespaces.map(([name]) => name).filter(name => name !== 'toys')
  expect(kinds.map(({ kind }) => kind).sort()).toEqual(registries.sort())
  for (const { kind, known } of kinds) expect(known).toBe(Object.fromEntries(namespaces)[kind])
})

describe.each(kinds.map(each => [each.kind, each] as const))('every one of %s', (kind, { known, file }) => {
  const has = (name: string, ending: string) => existsSync(join(docs, kind, name + ending))
  const page = (name: string) => readFileSync(join(docs, kind, `${name}.md`), 'utf8')
  const made = (name: string) => (known[name] as () => { name?: string })()
  const isAlias = (name: string) => kind === 'activations' && made(name).name !== name

  test.each(Object.keys(known).filter(name => !isAlias(name)))('%s has a page that shows and explains it', name => {
    const { words, code } = definition(file, name)
    expect(page(name)).toMatch(/^# \w+\n/)
    expect(words.text.length + page(name).length).toBeGreaterThan(200)
    expect(page(name)).toMatch(/```ts\n/)
    if (kind !== 'callbacks') expect(page(name)).toMatch(/```math\n/)
    if (['activations', 'losses', 'regularizers', 'layers'].includes(kind))
      expect(page(name).match(/```math\n/g)!.length).toBeGreaterThan(1)
    if (kind !== 'callbacks' && !plain(code)) expect(has(name, '.svg')).toBe(true)
  })
})

describe('docstrings', () => {
  const makers = kinds.flatMap(({ known, file }) => Object.keys(known).map(name => definition(file, name)))

  test.each(makers.map(each => [`${each.file} ${each.name}`, each] as const))(
    '%s says what it is',
    (_, { words, code }) => {
      // A metric that is the mean of a loss says so by its definition.
      if (!/mean\('\w+', losses\./.test(code)) expect(words.text).toMatch(/^[^@]{10,}/)
      expect(words.text).not.toMatch(/TODO|FIXME/)
    },
  )

  test.each(kinds.filter(({ kind }) => kind === 'layers' || kind === 'callbacks'))(
    'show each of $kind at work',
    kind => {
      const bare = Object.keys(kind.known).filter(name => !definition(kind.file, name).words.tags.example)
      expect(bare).toEqual([])
    },
  )

  test('tell each setting of a layer', () => {
    for (const { kind } of kinds.filter(({ kind }) => kind === 'layers' || kind === 'callbacks')) {
      const pages = Object.keys(kinds.find(each => each.kind === kind)!.known)
      const bare = pages.flatMap(name =>
        [
          ...readFileSync(join(docs, kind, `${name}.md`), 'utf8').matchAll(/^\| (`\w+`) \|[^|]*\| (?:`[^`]*`)? ?\|$/gm),
        ].map(([, setting]) => `${name} ${setting}`),
      )
      expect(bare).toEqual([])
    }
  })
})
