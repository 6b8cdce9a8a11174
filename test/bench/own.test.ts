import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Shortest measurements: what they give is looked at for being there, not for how fast it is. */
const env = { ...process.env, BENCH_QUICK: '1', BENCH_WARM: '1', BENCH_BUDGET: '1' }
const node = (...args: string[]) => execFileSync(process.execPath, args, { env, encoding: 'utf8', stdio: 'pipe' })

const browser = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const figuresOf = (file: string, asked: readonly string[]) => {
  const figures = node(file, ...asked)
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(figures.filter(({ metric, value }) => metric === 'error' || !(value > 0))).toEqual([])
  expect(figures.length).toBeGreaterThan(0)
}

test.each([
  ['W1', '2', 'fma'],
  ['W2', '2'],
  ['W3', '1'],
  ['W4', '1'],
  ['W5', '1'],
  ['W6', '1', 'fma'],
  ['W7', '2'],
  ['convolutions', '1'],
  ['networks', '2'],
])('the benchmark has figures for %s', { timeout: 60_000 }, (...asked) => {
  figuresOf('bench/nabla/main.mjs', asked)
})

test.runIf(existsSync(browser))('the benchmark has figures of a page', { timeout: 60_000 }, () => {
  figuresOf('bench/nabla/chromium.mjs', ['W3', '2'])
})

test('the benchmark has figures for a start and its parts', () => {
  const parts = JSON.parse(node('bench/nabla/start.mjs', 'W8', '1'))
  expect(Object.values(parts).every(milliseconds => Number(milliseconds) > 0)).toBe(true)
})

test('the benchmark lists who is timed on what', () => {
  expect(node('bench/run.mjs', '--list')).toMatch(/nabla 2t +W1 W2 W3/)
})
