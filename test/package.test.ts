import { execSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const { exports, browser } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const [{ files }] = JSON.parse(
  execSync('npm pack --dry-run --json --ignore-scripts', { cwd: root, stdio: 'pipe' }).toString(),
)
const packed: string[] = files.map(({ path }: { path: string }) => path)

test('the package holds what was built, its licence and its README, and nothing else', () => {
  const others = packed.filter(path => !/^dist\/.*\.(js|d\.ts)$/.test(path))
  expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
})

test.each(Object.entries(exports as Record<string, { types: string; default: string }>))(
  'the entry %s has its module and its types in the package',
  (_, entry) => {
    expect(Object.keys(entry)).toEqual(['types', 'default'])
    for (const path of Object.values(entry)) expect(packed).toContain(path.replace('./', ''))
  },
)

test('what Node alone has, and a page asks for never, is left out by bundlers', () => {
  const scripts = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter(name =>
    /\.js$/.test(name),
  )
  const asked = scripts.flatMap(name =>
    Array.from(readFileSync(join(root, 'dist', name), 'utf8').matchAll(/\bimport\s*\(?\s*"([^"]+)"/g), ([, of]) => of),
  )
  const own = new Set(asked.filter(name => name.startsWith('node:') || builtinModules.includes(name)))
  expect([...own].sort()).toEqual(Object.keys(browser))
})
