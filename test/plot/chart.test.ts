import { describe, expect, test } from 'vitest'
import { boundary, chart, panels } from '../../src/plot/index.ts'

const x = [0, 1, 2, 3]

describe('chart', () => {
  test('draws lines and dots with a legend and the title', () => {
    const svg = chart(
      [
        { name: 'f', x, y: [0, 1, 4, 9] },
        { name: '<g>', x, y: [1, 2, 3, 4], mark: 'dots' },
      ],
      { title: 'Two & two' },
    )
    expect(svg).toContain('>Two &#38; two</text>')
    expect(svg).toContain('>&#60;g&#62;</text>')
    expect(svg.match(/<circle/g)).toHaveLength(4 + 1)
    expect(svg).toMatch(/<path d="M[\d. ]+L[\d. ]+L[\d. ]+L[\d. ]+" fill="none"/)
  })

  test('leaves a gap at NaN and out what lies outside the domain', () => {
    expect(chart([{ name: 'f', x, y: [0, Number.NaN, 4, 9] }])).toMatch(/d="M[\d. ]+M[\d. ]+L[\d. ]+" fill/)
    expect(chart([{ name: 'f', x, y: x, mark: 'dots' }], { xDomain: [0, 1.5] }).match(/<circle/g)).toHaveLength(2)
  })

  test.each([
    ['one point', [5], [5]],
    ['no points', [], []],
    ['one value', x, [7, 7, 7, 7]],
    ['huge values', [0, 1], [1e300, -1e300]],
  ])('draws %s', (_, x, y) => {
    expect(chart([{ name: 'f', x, y }])).not.toMatch(/NaN|Infinity/)
  })

  test('refuses a series whose x and y differ in number', () => {
    expect(() => chart([{ name: 'f', x, y: [1] }])).toThrow(/chart got 4 x and 1 y for "f"/)
  })
})

test('panels stand side by side under one title', () => {
  const one = chart([{ name: 'f', x, y: x }], { width: 200, height: 100 })
  const svg = panels([one, one, one], { columns: 2, title: 'Three' })
  expect(svg).toMatch(/^<svg [^>]*width="400" height="252"/)
  expect(svg).toContain('<svg x="200" y="52"')
  expect(svg).toContain('<svg x="0" y="152"')
})

describe('boundary', () => {
  const points = [-1, -1, 1, 1]

  test('asks once for the classes of a grid and draws fields under the samples', async () => {
    const asked: number[] = []
    const svg = await boundary(
      points,
      [0, 1],
      async grid => {
        asked.push(grid.length)
        return Array.from({ length: grid.length / 2 }, (_, i) => (grid[2 * i] > 0 ? 1 : 0))
      },
      { resolution: 10 },
    )
    expect(asked).toEqual([200])
    expect(svg.match(/M0 \dh5v1h-5z/g)).toHaveLength(10)
    expect(svg.match(/M5 \dh5v1h-5z/g)).toHaveLength(10)
    expect(svg.match(/<circle/g)).toHaveLength(2)
  })

  test('refuses points that are not pairs', async () => {
    await expect(boundary([1, 2, 3], [0], () => [])).rejects.toThrow(/boundary got 3 numbers for 1 labels/)
  })
})
