import { expect, test } from 'vitest'
import { isStill, offsets, once, viewOf } from '../../src/tensor/view.ts'

test('an axis of size 1 that a reshape made can be sliced as a whole', () => {
  const column = viewOf({ name: 'W', shape: [24], kind: 'parameter' })
    .slice(0, 8, 8)
    .reshape(8, 1)
  expect(column.slice(1, 0, 1).shape).toEqual([8, 1])
  expect(column.T.slice(0, 0, 1).shape).toEqual([1, 8])
})

const table = viewOf({ name: 'table', shape: [3, 4], kind: 'parameter' })
const dot = viewOf({ name: 'dot', shape: [1, 4], kind: 'parameter' })

// What a view shows several times, it shows along axes of these: [view, is it the same along each axis, its shape once].
test.each([
  ['a whole array', table, [false, false], [3, 4]],
  ['rows of stacks', table.repeat(0, 5), [true, false, false], [1, 3, 4]],
  ['columns of stacks', table.repeat(2, 5).repeat(0, 2), [true, false, false, true], [1, 3, 4, 1]],
  ['stacks of stacks as one', table.repeat(0, 2).repeat(0, 5).reshape(10, 3, 4), [true, false, false], [1, 3, 4]],
  ['stacks and rows as one', table.repeat(0, 2).reshape(6, 4), [false, false], [6, 4]],
  ['a row that was broadcast', dot.broadcast([3, 4]), [true, false], [1, 4]],
  ['an axis of one step', dot.repeat(0, 5), [true, true, false], [1, 1, 4]],
  ['an axis of no factor', dot.reshape(4, 1), [false, true], [4, 1]],
  ['windows', table.reshape(1, 3, 4).windows({ size: [2] }), [true, false, false, false], [1, 2, 2, 4]],
])('%s: along which axes it is the same, and each element once', (_, view, still, shape) => {
  expect(view.shape.map((_, axis) => isStill(view, axis))).toEqual(still)
  const single = once(view)
  expect(single.shape).toEqual(shape)
  expect(new Set(offsets(single))).toEqual(new Set(offsets(view)))
  expect(once(view, [0]).shape).toEqual(still[0] ? view.shape.with(0, 1) : view.shape)
})

test('windows over the one place of a step of a sequence see nothing of the next step', () => {
  for (const batch of [1, 2]) {
    const step = viewOf({ name: 'h', shape: [batch, 2, 1, 1], kind: 'temporary' })
      .slice(1, 0, 1)
      .reshape(batch, 1, 1)
    const seen = offsets(step.windows({ size: [2], padding: [[0, 1]] }))
    expect([...seen]).toEqual([0, -1, 2, -1].slice(0, 2 * batch))
  }
})
