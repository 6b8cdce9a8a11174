import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

test('the example of the README runs as it stands, in a folder that has nabla installed', () => {
  const [, code] = readme.match(/```js\n([\s\S]*?)```/)!
  expect(code.trim().split('\n').length).toBeLessThan(30)
  const folder = mkdtempSync(join(tmpdir(), 'nabla-readme-'))
  try {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules', 'nabla'))
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], {
      cwd: folder,
      input: code,
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(stdout).toContain('dW2 = y1ᵀ·dz2')
    expect(stdout).toContain('gradients right: true')
    expect(Number(/loss ([\d.e-]+)/.exec(stdout)?.[1])).toBeLessThan(0.01)
    expect(readdirSync(join(folder, 'xor')).sort()).toEqual(['model.json', 'weights.safetensors'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the files and pages that the README names are there', () => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link)
  expect(links.length).toBeGreaterThan(3)
  for (const link of links) expect(() => readFileSync(join(root, link))).not.toThrow()
})
