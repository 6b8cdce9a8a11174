import { expect, test } from 'vitest'
import { turned } from '../../src/tensor/turned.ts'

test('numbers are found where their axes went', () => {
  const cases: [number[], number[]][] = [
    [[], []],
    [[7], [0]],
    [[0, 3], [1, 0]],
    [[5, 70], [1, 0]],
    [[70, 33], [0, 1]],
    [[1, 6, 1], [2, 1, 0]],
    [[34, 40, 3, 3], [2, 3, 1, 0]],
    [[34, 40, 1, 1], [2, 3, 1, 0]],
    [[2, 3, 4, 5, 6], [4, 2, 0, 3, 1]],
  ] // biome-ignore format: a table
  for (const [shape, order] of cases) {
    const size = shape.reduce((a, b) => a * b, 1)
    const data = Float64Array.from({ length: size }, (_, i) => i)
    const stride = (axis: number) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)
    const to = order.map(axis => shape[axis])
    const expected = data.map(i => {
      let [rest, at] = [i, 0]
      for (let k = to.length - 1; k >= 0; k--) {
        at += (rest % to[k]) * stride(order[k])
        rest = Math.floor(rest / to[k])
      }
      return at
    })
    expect(turned(data, shape, order, new Float64Array(size)), `${shape} by ${order}`).toEqual(expected)
  }
})
