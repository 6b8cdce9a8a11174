import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { confusion, curves, digits, png } from '../../src/plot/index.ts'

const history = {
  epoch: [0, 1, 2],
  history: {
    accuracy: [0.9, 0.95, 0.97],
    val_accuracy: [0.96, 0.97, 0.98],
    loss: [0.3, 0.2, 0.1],
    val_loss: [0.2, 0.1, 0.09],
  },
}
const matrix = [
  [50, 2],
  [0, 48],
]
const image = Float32Array.from({ length: 784 }, (_, at) => (at % 28 > 12 && at % 28 < 16 ? 1 : 0))
const inter = createRequire(new URL('../../apps/cli/package.json', import.meta.url)).resolve(
  '@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf',
)

describe('curves', () => {
  test.each(['accuracy', 'loss'])('draw %s as dots for training and a line for validation', async metric => {
    const svg = await curves(history, metric)
    expect(svg).toContain(`>Training and validation ${metric}</text>`)
    expect(svg).toContain('>training</text>')
    expect(svg).toContain('>validation</text>')
    expect(svg.match(/<circle/g)).toHaveLength(3 + 1)
    expect(svg).toContain('stroke-width="2"')
  })

  test('stand alone: no style sheet, no address but the name space', async () => {
    const svg = await curves(history)
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    expect(svg).not.toMatch(/<style|class=|href/)
    expect(svg.replaceAll('http://www.w3.org/', '')).not.toContain('http')
  })

  test('draw a single epoch and a run without validation', async () => {
    expect(await curves({ epoch: [0], history: { loss: [0.5], val_loss: [0.4] } }, 'loss')).toContain('<circle')
    expect(await curves({ epoch: [0, 1], history: { loss: [0.5, 0.4] } }, 'loss')).not.toContain('>validation</text>')
  })

  test('draw thousands of epochs in no more points than can be seen, the outliers among them', async () => {
    const epoch = Array.from({ length: 200_000 }, (_, i) => i)
    const loss = epoch.map(i => (i === 123_456 ? 1000 : 1 + Math.sin(i)))
    const svg = await curves({ epoch, history: { loss, val_loss: loss } }, 'loss')
    expect(svg.length).toBeLessThan(200_000)
    expect(svg).toContain('>1000</text>')
  })

  test('name what was recorded when the metric is unknown', async () => {
    await expect(curves(history, 'toString')).rejects.toThrow(/recorded {2}accuracy, val_accuracy/)
  })
})

describe('confusion', () => {
  test('shows counts and the share read correctly of every class', () => {
    const svg = confusion(matrix, ['cat', '<dog>'])
    expect(svg).toContain('>96.15 %</text>')
    expect(svg).toContain('>100.00 %</text>')
    expect(svg).toContain('>&#60;dog&#62;</text>')
    expect(svg).not.toContain('<dog>')
  })

  test('draws the classes with the most mistakes where there are thousands, and cuts long names', () => {
    const many = Array.from({ length: 1000 }, (_, i) => Array.from({ length: 1000 }, (_, j) => 9 * Number(i === j)))
    many[700][5] = 3
    const svg = confusion(
      many,
      Array.from({ length: 1000 }, (_, i) => `the class with the long name ${i}`.slice(i === 5 ? 24 : 0)),
    )
    expect(svg).toContain('the 100 of 1000 classes with the most mistakes')
    expect(svg).toContain('>75.00 %</text>')
    expect(svg.match(/>name 5</g)).toHaveLength(2)
    expect(svg).toContain('>the class with the long…<')
    expect(svg.length).toBeLessThan(2_000_000)
  })

  test('refuses a matrix that is not square', () => {
    expect(() => confusion([[1, 2]], ['a'])).toThrow(/hint: pass a square matrix/)
  })
})

describe('digits', () => {
  test('draw each picture as paths, with its caption', () => {
    const svg = digits([{ pixels: image, caption: 'true 1, read 7 (71 %)' }])
    expect(svg).toContain('>true 1, read 7 (71 %)</text>')
    expect(svg.match(/M13 \d+h3v1h-3z/g)).toHaveLength(28)
  })

  test('say so when there is none', () => {
    expect(digits([])).toContain('every digit was read correctly')
  })

  test('refuse a picture that is no whole number of rows', () => {
    expect(() => digits([{ pixels: [1, 2, 3], caption: '' }])).toThrow(/does not fill 28 rows/)
  })
})

describe('png', () => {
  test('has the width asked for and draws text with the font given', async () => {
    const words = (content: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20" font-family="Inter"><text y="15">${content}</text></svg>`
    const blank = await png(words(''), { width: 160, fonts: [inter] })
    const drawn = await png(words('epoch'), { width: 160, fonts: [inter] })
    expect(new DataView(drawn.buffer).getUint32(16)).toBe(160)
    expect(Buffer.from(drawn).equals(Buffer.from(blank))).toBe(false)
  })
})
