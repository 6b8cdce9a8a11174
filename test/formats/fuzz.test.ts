/**
 * Every reader against damaged and hostile files: each ends in an error of ours or in sound data, within a second of
 * computing and 200 MB, and without touching a prototype or the folder it runs in.
 *
 * To put a reader under this, add a row to `fuzz/formats.ts`:
 *
 *     { name: 'npy', sample: () => writeNpy(array), read: readNpy }
 *
 * `sample` makes the bytes of a small sound file, `read` reads them as a program would and gives plain data. What a
 * format cannot be brought to by random edits stands in `hostile`, by name; those must all be refused. `checked` says that
 * checksums cover the file, so that one edit never gives other data. A bit flipped in the numbers of a format without
 * checksums, such as safetensors, cannot be noticed: such a file is sound.
 *
 * Each row runs in a process of its own (`fuzz/child.ts`), which the test ends when it hangs; the edits are in
 * `fuzz/edits.ts`. FUZZ_RUNS sets how many files are made of each row.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formats } from './fuzz/formats.ts'

const runs = process.env['FUZZ_RUNS'] ?? '300'
const patience = 20_000
const built = resolve('node_modules', `.fuzz-${process.pid}`)

beforeAll(() =>
  build({
    input: 'test/formats/fuzz/child.ts',
    platform: 'node',
    treeshake: false,
    external: /^(?!\.|\/)/, // packages stay where they are
    output: { dir: built, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
  }),
)
afterAll(() => rmSync(built, { recursive: true, force: true }))

function run(name: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-fuzz-'))
  const evidence = join(folder, 'damaged')
  const child = fork(join(built, 'child.mjs'), [name, runs, evidence], {
    cwd: folder,
    execArgv: ['--expose-gc'],
    silent: true,
  })
  let said = ''
  child.stderr?.on('data', text => (said += text))
  const kill = () => child.kill('SIGKILL')
  let timer = setTimeout(kill, patience)
  child.on('message', () => {
    clearTimeout(timer)
    timer = setTimeout(kill, patience)
  })
  return new Promise(done =>
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const left = readdirSync(folder)
      const last = left.includes('damaged') ? readFileSync(evidence).subarray(0, 1500).toString('base64') : 'none'
      rmSync(folder, { recursive: true })
      const wrote = left.filter(file => file !== 'damaged').map(file => `it wrote ${file}`)
      done(signal || code ? `ended with ${signal ?? code}, the last file being ${last}\n${said}` : wrote.join())
    }),
  )
}

test.each(formats.map(({ name }) => name))('%s in any state is read or refused', { timeout: 120_000 }, async name => {
  expect(await run(name)).toBe('')
})
