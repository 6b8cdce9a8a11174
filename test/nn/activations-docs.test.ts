import { readdirSync } from 'node:fs'
import { activations } from 'nabla'
import { describe, expect, test } from 'vitest'
import { pages } from '../../scripts/docs.ts'

const files = pages()

describe('docs/activations', () => {
  test('has a page for every activation with its words, formula, derivative and plot', () => {
    for (const make of Object.values(activations)) {
      const { name } = make()
      expect(files[`${name}.md`]).toMatch(/^# \w+\n\n\S.+\n\n```math\n.*y.* = .+\n```\n\n```math\n.+\n```\n\n!\[/s)
      expect(files[`${name}.md`]).not.toMatch(/undefined|NaN/)
      expect(files[`${name}.svg`]).toMatch(/^<svg/)
    }
  })

  // npm run docs writes what differs.
  test.each(Object.keys(files))('%s says what the definition says', async name => {
    await expect(files[name]).toMatchFileSnapshot(`../../docs/activations/${name}`)
  })

  test('has nothing of what is gone', () => {
    const folder = new URL('../../docs/activations/', import.meta.url)
    expect(readdirSync(folder).filter(name => !(name in files))).toEqual([])
  })
})
