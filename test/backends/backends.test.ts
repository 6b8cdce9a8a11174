import { describe, expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import { cases, run } from './table.ts'

describe.each([false, true])('with fusion %s, wasm agrees with the reference on', fused => {
  test.each(cases.map(c => [c.title, c] as const))('%s', (_, c) => {
    const expected = run(c, reference)
    const got = run(c, wasm, { fused })
    for (const [name, values] of Object.entries(expected)) {
      const size = Math.max(1, ...Array.from(values, Math.abs))
      for (let i = 0; i < values.length; i++)
        if (!(Math.abs(got[name][i] - values[i]) <= 2e-5 * size))
          expect.fail(`${name}[${i}] is ${got[name][i]}, not ${values[i]} (largest ${size})`)
    }
  })
})
