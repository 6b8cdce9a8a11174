import { expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import { type Backend, record } from '../../src/program/index.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

/** The mean over all axes but the last, on so many threads. */
function mean(backend: Backend, shape: number[], value: (i: number) => number, threads = 1): number[] {
  const engine = backend.engine({ threads })
  const x: Buffer = { name: 'x', shape, kind: 'input' }
  const y: Buffer = { name: 'y', shape: shape.slice(-1), kind: 'output' }
  const axes = shape.slice(1).map((_, i) => i)
  engine.write(
    x,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
  )
  engine.compile(record('mean', [], k => k.reduce(viewOf(y), 'mean', 'x', { x: viewOf(x) }, axes))).run({})
  return Array.from(engine.read(y))
}

test.each([
  [[4_000_000, 1]],
  [[1_000_000, 2]],
  [[1_000_003, 1]], // a prime number: it cannot be cut
  [[600_000, 3]],
  [[2, 500, 600, 4]],
])('the mean of tenths is a tenth, %j', shape => {
  for (const tenth of mean(wasm, shape, () => 0.1)) expect(Math.abs(tenth - 0.1)).toBeLessThan(1e-6)
})

test.each([[2500], [10_000], [30_000], [40_000], [10_007]])('the mean of each row of %i tenths is a tenth', length => {
  const engine = wasm.engine({ threads: 1 })
  const x: Buffer = { name: 'x', shape: [70, length], kind: 'input' }
  const y: Buffer = { name: 'y', shape: [70], kind: 'output' }
  engine.write(x, new Float32Array(70 * length).fill(0.1))
  engine.compile(record('rows', [], k => k.reduce(viewOf(y), 'mean', 'x', { x: viewOf(x) }, [1]))).run({})
  for (const tenth of engine.read(y)) expect(Math.abs(tenth - 0.1)).toBeLessThan(5e-8)
})

test('a long sum of infinity is infinity, and of what is no number none', () => {
  const at = (value: number) => (i: number) => (i === 5000 ? value : 0.1)
  for (const size of [600_000, 1_000_003])
    expect([Infinity, -Infinity, NaN].flatMap(value => mean(wasm, [size, 1], at(value)))).toEqual([
      Infinity,
      -Infinity,
      NaN,
    ])
})

test('long sums are the same bits on two threads, and near those of the reference', () => {
  const wave = (i: number) => 1 + Math.sin(i)
  const [one, two, exact] = [
    mean(wasm, [300_000, 2, 3], wave),
    mean(wasm, [300_000, 2, 3], wave, 2),
    mean(reference, [300_000, 2, 3], wave),
  ]
  expect(two).toEqual(one)
  one.forEach((m, i) => {
    expect(Math.abs(m - exact[i])).toBeLessThan(1e-6)
  })
})
