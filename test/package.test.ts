import { execSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
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

test('what a bundler makes of a page trains', async () => {
  const code = `import { layers, sequential } from 'nabla'
    const model = sequential([layers.input([2]), layers.dense(1)])
    model.compile({ loss: 'meanSquaredError' })
    export const { history } = await model.fit({ x: [[0, 1]], y: [1] }, { epochs: 2 })`
  const page = join(root, 'page.js')
  const entry = { name: 'page', resolveId: (id: string) => (id === page ? id : null), load: (id: string) => (id === page ? code : null) } // biome-ignore format: one thought
  const folder = mkdtempSync(join(tmpdir(), 'nabla-page-'))
  try {
    const output = { file: join(folder, 'page.mjs'), codeSplitting: false }
    await build({ input: page, plugins: [entry], platform: 'browser', output })
    const { history } = await import(output.file)
    expect(history.loss[1]).toBeLessThan(history.loss[0])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
