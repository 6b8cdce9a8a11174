import { losses, type reference as Reference, reference, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { drop, fuse, record } from '../../src/program/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'
import fixture from '../fixtures/torch/losses.json' with { type: 'json' }

interface Case {
  name: string
  params: Record<string, number | boolean>
  p: unknown[]
  t: unknown[]
  weight?: number[]
  value: number
  slope: unknown[]
}

const cases = fixture.cases as unknown as Case[]
const numbers = (list: unknown[]) => list.flat(Infinity) as number[]
const shapeOf = (list: unknown): number[] => (Array.isArray(list) ? [list.length, ...shapeOf(list[0])] : [])

/** The largest of |a − b| / max(|b|, floor). */
const off = (a: ArrayLike<number>, b: readonly number[], floor: number) =>
  Math.max(...b.map((value, i) => (a[i] === value ? 0 : Math.abs(a[i] - value) / Math.max(Math.abs(value), floor))))

async function run(backend: typeof Reference, { name, params, p, t, weight }: Case) {
  const buffer = (key: string, shape: number[], kind: Buffer['kind'] = 'input'): Buffer => ({ name: key, shape, kind })
  const [vp, vt] = [buffer('p', shapeOf(p)), buffer('t', shapeOf(t))]
  const vw = buffer('weight', [shapeOf(p)[0]])
  const [loss, dp] = [buffer('loss', [1], 'output'), buffer('dp', shapeOf(p), 'output')]
  const made = losses[name as keyof typeof losses](params)
  const program = record('loss', [], k => {
    const views = { p: viewOf(vp), t: viewOf(vt), ...(weight && { weight: viewOf(vw) }) }
    made.forward(k, { ...views, loss: viewOf(loss) })
    made.backward(k, { ...views, dp: viewOf(dp) })
  })
  const engine = backend.engine({ threads: 1 })
  const compiled = engine.compile(drop(fuse(drop(program))))
  engine.write(vp, numbers(p))
  engine.write(vt, numbers(t))
  if (weight) engine.write(vw, weight)
  await compiled.run({})
  const result = { value: engine.read(loss), slope: engine.read(dp) }
  engine.close()
  return result
}

describe.each([
  ['reference', reference, 1e-9, 1e-12],
  ['wasm', wasm, 2e-4, 1e-2],
] as const)('on %s', (_, backend, tolerance, floor) => {
  test.each(cases.map((c, i) => [`${c.name} ${JSON.stringify(c.params)} (${i})`, c] as const))(
    '%s has the value and the slope that PyTorch finds',
    async (_, each) => {
      const { value, slope } = await run(backend, each)
      expect(off(value, [each.value], floor)).toBeLessThan(tolerance)
      expect(off(slope, numbers(each.slope), floor)).toBeLessThan(tolerance)
    },
  )
})

test('every loss has a case', () => {
  expect(Object.keys(losses).filter(name => !cases.some(each => each.name === name))).toEqual([])
})
