import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as nabla from 'nabla'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const found = existsSync(executablePath)
const dist = fileURLToPath(new URL('../../dist/', import.meta.url))

interface Task {
  inputs: number
  units: number
  samples: number
  batchSize: number
  threads: number
}

/** Runs here and, as text, in the page: it may use nothing but what it is given. */
async function train({ layers, numpyRandom, sequential }: typeof nabla, task: Task): Promise<number[]> {
  const { inputs, units, samples, batchSize, threads } = task
  const { input, dense } = layers
  const model = sequential(
    [
      input([inputs]),
      dense(units, { activation: 'relu' }),
      dense(units, { activation: 'tanh' }),
      dense(1, { activation: 'sigmoid' }),
    ],
    { seed: 7 },
  )
  model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', threads })
  const x = numpyRandom(3).randn(samples * inputs)
  const y = Float64Array.from({ length: samples }, (_, row) => Number(x[row * inputs] * x[row * inputs + 1] < 0))
  await model.fit({ x, y, inputShape: [inputs] }, { batchSize, epochs: 5 })
  return model.weights().flatMap(({ data }) => Array.from(data))
}

const small: Task = { inputs: 2, units: 8, samples: 60, batchSize: 16, threads: 1 }
const large: Task = { inputs: 40, units: 160, samples: 300, batchSize: 128, threads: 1 }

function serve(headers: Record<string, string>): Promise<Server> {
  const server = createServer(async ({ url = '/' }, response) => {
    const isModule = /^\/dist\/[\w/-]+\.js$/.test(url)
    const body = isModule
      ? await readFile(join(dist, url.slice('/dist/'.length))).catch(() => undefined)
      : '<!doctype html>'
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': isModule ? 'text/javascript' : 'text/html',
      ...headers,
    })
    response.end(body)
  })
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)))
}

test.runIf(process.env['CI'] || found)('there is a Chromium to test with', () => {
  expect(found, `no ${executablePath}: install chromium, or name one in CHROMIUM`).toBe(true)
})

describe.runIf(found)('a page trains to the same bits as Node', () => {
  let browser: Browser
  beforeAll(async () => {
    const switches = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run']
    const quiet = ['disable-background-networking', 'disable-component-update', 'disable-sync']
    const args = [...switches, ...quiet].map(name => `--${name}`)
    browser = await chromium.launch({ executablePath, headless: true, args })
  })
  afterAll(() => browser?.close())

  const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
  const cases: [string, Record<string, string>, boolean, Task, number][] = [
    ['a small network in a plain page', {}, false, small, 1],
    ['a large network in a plain page, which has no shared memory', {}, false, large, 2],
    ['a small network in an isolated page', isolation, true, small, 1],
    ['a large network on two threads in an isolated page', isolation, true, large, 2],
  ]
  test.each(cases)('%s', async (_, headers, isolated, task, threads) => {
    const server = await serve(headers)
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(isolated)
      const call = `(${train})(nabla, ${JSON.stringify({ ...task, threads })})`
      const there = await page.evaluate(`import('/dist/index.js').then(nabla => ${call})`)
      await page.close()
      const here = await train(nabla, task)
      expect(here.every(Number.isFinite)).toBe(true)
      expect(there).toEqual(here)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
