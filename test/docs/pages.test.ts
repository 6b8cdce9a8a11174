import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { entrance, kinds, pages } from '../../scripts/docs/index.ts'

const folder = fileURLToPath(new URL('../../docs/', import.meta.url))

describe.each(kinds.map(kind => [kind.kind, kind] as const))('docs/%s', (name, kind) => {
  const files = pages(kind)

  // npm run docs writes what differs.
  test.each(Object.keys(files))('%s says what the definition says', async file => {
    const wrong = file.endsWith('.svg') ? /undefined|NaN/ : /\bundefined\b/
    expect(files[file].replace(/```ts[\s\S]*?```/g, '')).not.toMatch(wrong)
    await expect(files[file]).toMatchFileSnapshot(join(folder, name, file))
  })

  test('has nothing of what is gone', () => {
    expect(readdirSync(join(folder, name)).filter(file => !(file in files))).toEqual([])
  })

  test('closes every bracket of its formulas', () => {
    const counts = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0
    for (const [file, text] of Object.entries(files))
      for (const [, math] of text.matchAll(/```math\n([\s\S]*?)\n```/g)) {
        expect(counts(math, /(?<!\\)\{/g), `${file}: ${math}`).toBe(counts(math, /(?<!\\)\}/g))
        expect(counts(math, /\\left\b/g), `${file}: ${math}`).toBe(counts(math, /\\right\b/g))
        expect(counts(math, /\\begin/g), `${file}: ${math}`).toBe(counts(math, /\\end/g))
      }
  })

  test('has small pictures', () => {
    expect(Object.keys(files).filter(file => file.endsWith('.svg') && files[file].length > 16_000)).toEqual([])
  })
})

test('the entrance leads to all', async () => {
  await expect(entrance()).toMatchFileSnapshot(join(folder, 'README.md'))
  for (const [, link] of entrance().matchAll(/\]\(([^)]+)\)/g)) expect(existsSync(join(folder, link)), link).toBe(true)
})
