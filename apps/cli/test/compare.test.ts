import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toys } from 'nabla'
import { afterAll, describe, expect, test } from 'vitest'
import { activationList } from '../src/activationList.ts'
import type { Outcome } from '../src/compare.ts'
import { rank, verdict } from '../src/rank.ts'
import { run } from '../src/run.ts'
import { deviation, holm, welch } from '../src/statistics.ts'
import { capture } from './capture.ts'

const box = mkdtempSync(join(tmpdir(), 'nabla-compare-'))
afterAll(() => rmSync(box, { recursive: true, force: true }))
const at = (...names: string[]) => join(box, ...names)
const compare = async (out: string, ...more: string[]) => {
  const io = capture()
  const code = await run(['compare', '--out', at(out), ...more], io)
  return { code, out: io.stdout(), err: io.stderr() }
}
const outcomes = (out: string): Outcome[] => JSON.parse(readFileSync(at(out, 'compare.json'), 'utf8')).outcomes

describe('the mathematics', () => {
  // t by its definition in NumPy, p by integrating the density of Student's t over its tails
  test.each([
    [[0.9, 0.92, 0.91, 0.95, 0.93], [0.85, 0.88, 0.9, 0.84, 0.86], 4.062667000616061, 0.004001400419464775],
    [[1.0, 2.0, 3.0], [1.5, 2.5, 9.0], -0.9637997471501197, 0.42733673896624674],
    [[5.0, 5.1], [4.0, 4.2, 3.9, 4.05], 12.650074712977107, 0.0003981123695245369],
    [[1.0, 1.1, 0.9], [1.05, 1.0, 0.95], 0.0, 0.9999999999999777],
  ])('Welch’s test of %j and %j is what the definition gives', (a, b, t, p) => {
    const found = welch(a, b)
    expect(found.t).toBeCloseTo(t, 12)
    expect(found.p / p).toBeCloseTo(1, 10)
    expect(welch(b, a).p).toBe(found.p)
  })

  test('equal samples cannot be told apart, constant ones that differ can', () => {
    expect(welch([1, 1], [1, 1]).p).toBe(1)
    expect(welch([1, 1], [2, 2]).p).toBe(0)
    expect(deviation([3])).toBe(0)
    expect(deviation([1, 2, 3])).toBe(1)
  })

  test('Holm’s correction multiplies the smallest by all, the next by one less, and never falls', () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06])
    expect(holm([0.9, 0.8])).toEqual([1, 1])
    expect(holm([])).toEqual([])
  })
})

const outcome = (activation: string, seed: number, accuracy: number, more: Partial<Outcome> = {}): Outcome => {
  return { activation, seed, accuracy, loss: 1 - accuracy, curve: [0.5, accuracy], seconds: 1, ...more }
}

describe('the verdict', () => {
  const good = [0.95, 0.96, 0.94, 0.95].map((accuracy, i) => outcome('relu', i, accuracy))
  const other = [0.95, 0.93, 0.96, 0.94].map((accuracy, i) => outcome('tanh', i, accuracy, { seconds: 0.5 }))
  const bad = [0.6, 0.62, 0.58, 0.61].map((accuracy, i) => outcome('sigmoid', i, accuracy, { saturated: 0.5 }))

  test('names the best, what is worse and why, and what is as good', () => {
    const text = verdict(rank([...bad, ...good, ...other]))
    expect(text).toMatch(/^Choose relu: over 4 seeds it reads 95.00 % of the held-out samples right/)
    expect(text).toContain('better than sigmoid by more than chance')
    expect(text).toContain('With sigmoid, units pass on less than a hundredth of the gradient 50 % of the time.')
    expect(text).toContain('It cannot be told from tanh. Of those as good, tanh trains fastest')
  })

  test('says so when no difference is more than chance, and with one seed', () => {
    expect(verdict(rank([...good, ...other]))).toMatch(/^No difference is larger than chance explains over 4 seeds/)
    expect(verdict(rank([good[0], bad[0]]))).toMatch(/one seed cannot tell skill from luck/)
  })

  test('puts a training that became infinite into words', () => {
    expect(verdict(rank([...good, ...bad.map(one => ({ ...one, loss: null }))]))).toContain('a training diverged')
  })
})

test('a list of activations may hold formulas with commas', () => {
  expect(activationList('relu, tanh,max(x, 0.1 * x),relu')).toEqual(['relu', 'tanh', 'max(x, 0.1 * x)'])
})

describe('nabla compare', () => {
  test('trains each activation from each seed and writes a report', async () => {
    const { code, out, err } = await compare(
      'spiral',
      ...['--data', 'spiral', '--activations', 'relu,step,x * sigmoid(x)', '--seeds', '2', '--epochs', '3'],
    )
    expect(code).toBe(0)
    expect(err).toContain('relu seed 2/2: ')
    expect(out).toMatch(/activation .*accuracy .*saturated/)
    expect(out).toMatch(/\nreport: .*report\.html\n$/)
    const page = readFileSync(at('spiral', 'report.html'), 'utf8')
    expect(page).toContain('x * sigmoid(x)')
    expect(page).toContain('p against the first')
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/)
    const done = outcomes('spiral')
    expect(done).toHaveLength(6)
    expect(done.every(({ curve, accuracy }) => curve.length === 3 && curve[2] === accuracy)).toBe(true)
    const units = (name: string) => done.filter(({ activation }) => activation === name).map(({ dead }) => dead)
    expect(units('step')).toEqual([1, 1])
    expect(units('x * sigmoid(x)')).toEqual([0, 0])
  })

  test('stopped by Ctrl-C it goes on where it was, with the same numbers as one that was not stopped', async () => {
    const asked = ['--data', 'planar', '--activations', 'relu,tanh', '--seeds', '2', '--epochs', '2']
    await compare('whole', ...asked)
    const io = capture()
    const err = (text: string) => {
      io.err(text)
      if (text.includes('seed 1/2')) io.interrupt()
    }
    expect(await run(['compare', '--out', at('parts'), ...asked], { ...io, err })).toBe(130)
    expect(io.stderr()).toContain(`nabla compare --resume --out ${at('parts')}`)
    expect(outcomes('parts').length).toBeLessThan(4)
    expect((await compare('parts', '--resume')).code).toBe(0)
    const numbers = (out: string) => outcomes(out).map(({ seconds: _, ...rest }) => rest)
    expect(numbers('parts')).toEqual(numbers('whole'))
  })

  test('fills what a table misses: the mean of numbers, the most frequent category', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i % 7 ? i : ''},${i % 5 ? 'red' : 'NA'},${i % 2}\n`)
    writeFileSync(at('missing.csv'), `"size, cm",colour,label\n${rows.join('')}`)
    expect((await compare('filled', '--data', at('missing.csv'), '--seeds', '1', '--epochs', '1')).code).toBe(0)
  })

  test('further seeds and activations can be added to what is done', async () => {
    await compare('more', '--activations', 'relu', '--seeds', '1', '--epochs', '1')
    await compare('more', '--resume', '--activations', 'tanh', '--seeds', '2')
    expect(outcomes('more').map(({ activation, seed }) => `${activation} ${seed}`)).toEqual([
      'relu 1',
      'tanh 1',
      'relu 2',
      'tanh 2',
    ])
  })

  test('takes JSON lines with classes and categories of text', async () => {
    const line = (i: number) => ({
      size: i % 2 ? 5 + i / 40 : i / 40,
      shade: i % 3 ? 'dark' : 'light',
      kind: i % 2 ? 'elephant' : 'cat',
    })
    writeFileSync(at('zoo.jsonl'), Array.from({ length: 40 }, (_, i) => JSON.stringify(line(i))).join('\n'))
    const { code } = await compare(
      'zoo',
      ...['--data', at('zoo.jsonl'), '--label', 'kind', '--activations', 'relu', '--seeds', '1', '--epochs', '20'],
    )
    expect(code).toBe(0)
    expect(outcomes('zoo')[0].accuracy).toBe(1)
  })

  test('takes a CSV file and scales its columns', async () => {
    const set = toys.blobs({ samples: 40, classes: 3, seed: 1, box: 500 })
    const rows = Array.from({ length: set.size }, (_, row) => {
      const x = new Float64Array(2)
      set.fill([row], x)
      return [...x, set.label(row)].join(',')
    })
    writeFileSync(at('blobs.csv'), ['a,b,kind', ...rows, ''].join('\n'))
    const { code, out } = await compare(
      'csv',
      ...['--data', at('blobs.csv'), '--label', 'kind', '--activations', 'relu', '--seeds', '1', '--epochs', '20'],
    )
    expect(code).toBe(0)
    expect(outcomes('csv')[0].accuracy).toBeGreaterThan(0.95)
    expect(out).toContain('compare it with another')
  })

  test('trains a small convolutional network on digits', async () => {
    const { code } = await compare(
      'digits',
      ...['--data', 'digits', '--limit', '256', '--activations', 'relu', '--seeds', '1', '--epochs', '1'],
    )
    expect(code).toBe(0)
    expect(outcomes('digits')[0].saturated).toBeGreaterThan(0)
  })

  test.each([
    ['an unknown activation', ['--activations', 'rellu'], /there is no activation "rellu"\n.*relu/],
    ['a formula with an unknown name', ['--activations', 'x * q'], /unknown name "q"/],
    ['a file that is not there', ['--data', at('none.csv')], /none\.csv/],
    ['a folder that holds none', ['--resume'], /is missing or is not what a comparison writes/],
  ])('refuses %s and says what to do', async (_, more, message) => {
    const { code, err } = await compare('refused', ...more)
    expect(code).toBe(1)
    expect(err).toMatch(message)
    expect(err).toContain('hint: ')
  })

  test('draws a table over itself on a terminal', async () => {
    const io = capture({ columns: 100 })
    await run(['compare', '--out', at('live'), '--activations', 'relu', '--seeds', '2', '--epochs', '2'], io)
    expect(io.stderr()).toContain('\x1b[2A')
    expect(io.stderr()).toMatch(/relu +\d+\.\d\d % ± /)
  })
})
