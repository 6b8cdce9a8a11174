import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { layers, sequential } from 'nabla'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { centred, lightOnDark } from '../src/ink.ts'
import { modelPage } from '../src/modelPage.ts'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const { input, conv2d, dense, flatten } = layers
const net = sequential(
  [
    input([28, 28, 1]),
    conv2d(4, 5, { strides: 2, activation: 'relu' }),
    flatten(),
    dense(10, { activation: 'softmax' }),
  ],
  { seed: 8, name: '</script> & "digits"' },
)
const box = mkdtempSync(join(tmpdir(), 'nabla-page-'))
const file = join(box, 'digits.html')
afterAll(() => rmSync(box, { recursive: true, force: true }))

describe.runIf(existsSync(executablePath))('a page that reads digits', () => {
  let browser: Browser
  beforeAll(async () => {
    writeFileSync(file, modelPage(net))
    const switches = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking']
    browser = await chromium.launch({ executablePath, headless: true, args: switches.map(name => `--${name}`) })
  })
  afterAll(() => browser?.close())

  /** The page, and what went wrong in it or was asked of the network. */
  async function open(options: BrowserContextOptions = {}): Promise<{ page: Page; wrong: string[] }> {
    const page = await (await browser.newContext(options)).newPage()
    const wrong: string[] = []
    page.on('pageerror', error => wrong.push(error.message))
    page.on('console', message => message.type() === 'error' && wrong.push(message.text()))
    page.on('request', request => request.url().startsWith('file:') || wrong.push(request.url()))
    await page.goto(pathToFileURL(file).href)
    await page.locator('body.empty').waitFor()
    return { page, wrong }
  }
  const shares = async (page: Page) =>
    (await page.locator('#bars output').allTextContents()).map(text => Number(text.replace(' %', '')))
  async function stroke(page: Page, points: readonly (readonly [number, number])[]) {
    const { x, y, width, height } = (await page.locator('#pad').boundingBox())!
    for (const [i, [right, down]] of points.entries()) {
      await page.mouse.move(x + right * width, y + down * height, { steps: 4 })
      if (i === 0) await page.mouse.down()
    }
    await page.mouse.up()
    await page.locator('body:not(.empty)').waitFor()
    await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))))
  }

  test('gives what predict gives for the picture that was drawn', async () => {
    const { page, wrong } = await open()
    await stroke(page, [
      [0.4, 0.2],
      [0.3, 0.55],
      [0.7, 0.5],
    ])
    await stroke(page, [
      [0.6, 0.3],
      [0.6, 0.8],
    ])
    const drawn = await page.evaluate(() => {
      const pad = document.querySelector<HTMLCanvasElement>('#pad')!
      const { data, width, height } = pad.getContext('2d')!.getImageData(0, 0, pad.width, pad.height)
      return { width, height, pixels: Array.from({ length: width * height }, (_, i) => data[4 * i + 3] / 255) }
    })
    const x = centred(lightOnDark({ ...drawn, pixels: Float32Array.from(drawn.pixels) }))
    const { data } = await net.predict({ x, inputShape: [28, 28, 1] })
    const found = await shares(page)
    expect(found).toEqual(Array.from(data, share => Number((100 * share).toFixed(1))))
    expect(found.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0)
    expect(await page.textContent('#answer')).toBe(String(data.indexOf(Math.max(...data))))
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('forgets a stroke at Undo and all at Clear', async () => {
    const { page, wrong } = await open({ colorScheme: 'dark' })
    await stroke(page, [
      [0.5, 0.2],
      [0.5, 0.8],
    ])
    const one = await shares(page)
    await stroke(page, [
      [0.2, 0.5],
      [0.8, 0.5],
    ])
    expect(await shares(page)).not.toEqual(one)
    await page.click('#undo')
    await expect.poll(() => shares(page)).toEqual(one)
    await page.click('#clear')
    await page.locator('body.empty').waitFor()
    expect(await page.textContent('#answer')).toBe('')
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('works with a finger on a small screen, without a bar to scroll sideways', async () => {
    const { page, wrong } = await open({ hasTouch: true, viewport: { width: 320, height: 640 } })
    const { x, y, width, height } = (await page.locator('#pad').boundingBox())!
    await page.touchscreen.tap(x + width / 2, y + height / 2)
    await page.locator('body:not(.empty)').waitFor()
    expect((await shares(page)).reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0)
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('of a few numbers has a field for each', async () => {
    const few = sequential([input([2]), dense(3)], { seed: 1 })
    writeFileSync(file, modelPage(few))
    const { page, wrong } = await open()
    await page.fill('input >> nth=1', '2.5')
    const { data } = await few.predict({ x: [[0, 2.5]] })
    expect(await page.locator('#bars output').allTextContents()).toEqual(Array.from(data, v => v.toPrecision(4)))
    expect(wrong).toEqual([])
    await page.context().close()
  })
})
