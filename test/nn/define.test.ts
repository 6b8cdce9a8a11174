import { expect, test } from 'vitest'
import { activation, loss, optimizer, regularizer } from '../../src/index.ts'

test.each([
  ['an activation', () => activation('mine', { forward: 'x * z' })],
  ['a loss', () => loss('mine', { forward: 'p - z' })],
  [
    'a fused loss',
    () => loss('mine', { forward: 'p - t', fused: { activation: 'sigmoid', forward: 'z - q' } as never }),
  ],
  ['an optimiser', () => optimizer('mine', { params: { learningRate: 1 }, step: 'w = w - z' })],
  ['a penalty', () => regularizer('mine', { penalty: 'w * z' })],
])('a slip in the formula of %s shows where it is written', (_, define) => {
  expect(define).toThrow(/unknown name "[zq]" in the formula of \w+ mine[\s\S]*\^/)
})
