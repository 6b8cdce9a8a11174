import { describe, expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import { cases, run } from './table.ts'

describe.each([false, true])('with fusion %s, wasm agrees with the reference on', fused => {
  test.each(cases.map(c => [c.title, c] as const))('%s', async (_, c) => {
    const expected = await run(c, reference)
    const got = await run(c, wasm, { fused })
    for (const [name, values] of Object.entries(expected)) {
      const size = Math.max(1, ...Array.from(values, Math.abs))
      for (let i = 0; i < values.length; i++)
        if (!(Math.abs(got[name][i] - values[i]) <= 2e-5 * size))
          expect.fail(`${name}[${i}] is ${got[name][i]}, not ${values[i]} (largest ${size})`)
    }
  })
})

test('any number of threads gives the same bits', async () => {
  const large = cases.filter(c => Object.values(c.inputs).some(shape => shape.reduce((a, b) => a * b, 1) > 50_000))
  expect(large.length).toBeGreaterThan(4)
  for (const c of large) {
    const one = await run(c, wasm, { threads: 1 })
    const two = await run(c, wasm, { threads: 2 })
    for (const name of Object.keys(one)) expect(two[name]).toEqual(one[name])
  }
})
