import { expect, test } from 'vitest'
import { viewOf } from '../../src/tensor/view.ts'

test('an axis of size 1 that a reshape made can be sliced as a whole', () => {
  const column = viewOf({ name: 'W', shape: [24], kind: 'parameter' })
    .slice(0, 8, 8)
    .reshape(8, 1)
  expect(column.slice(1, 0, 1).shape).toEqual([8, 1])
  expect(column.T.slice(0, 0, 1).shape).toEqual([1, 8])
})
