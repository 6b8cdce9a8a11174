import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import { planOf, tileReach } from '../../src/backends/wasm/kernels/winograd/plan.ts'
import {
  type Axis,
  fromTile,
  gradientOfFilter,
  type Matrix,
  mostPoints,
  ofFilter,
  toTile,
  toTileOfGradient,
} from '../../src/backends/wasm/kernels/winograd/transforms.ts'
import type { Gemm } from '../../src/program/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { type Case, conv, programOf, run } from './table.ts'

const times = (m: Matrix, v: readonly number[]) => m.map(row => row.reduce((sum, x, i) => sum + x * v[i], 0))
const normals = (seed: number, count: number) => Array.from(numpyRandom(seed).normal(0, 1, count) as Float64Array)

const axes: Axis[] = [{ taps: 1, out: 1 }]
for (let taps = 2; taps < mostPoints; taps++)
  for (const points of [6, mostPoints]) if (points > taps) axes.push({ taps, out: points - taps + 1 })

test.each(axes)('$taps taps over tiles of $out outputs, whole and narrow, are sums and their gradients', axis => {
  const g = normals(1, axis.taps)
  const filter = times(ofFilter(axis), g)
  for (let outputs = 1; outputs <= axis.out; outputs++) {
    const d = normals(2, outputs + axis.taps - 1)
    const dy = normals(3, outputs)
    const tile = times(toTile(axis, outputs), d)
    const y = times(
      fromTile(axis, outputs),
      tile.map((v, i) => v * filter[i]),
    )
    y.forEach((value, i) => {
      expect(value).toBeCloseTo(
        g.reduce((sum, w, k) => sum + w * d[i + k], 0),
        10,
      )
    })
    const slopes = times(toTileOfGradient(axis, outputs), dy)
    const spread = filter.map((_, i) => (slopes[i] ?? 0) * (tile[i] ?? 0))
    times(gradientOfFilter(axis), spread).forEach((value, k) => {
      expect(value).toBeCloseTo(
        dy.reduce((sum, slope, i) => sum + slope * d[i + k], 0),
        10,
      )
    })
  }
})

const multiple = fc.integer({ min: 4, max: 10 }).map(n => 4 * n)
const axis = fc.record({ size: fc.integer({ min: 1, max: 15 }), taps: fc.integer({ min: 1, max: 11 }) })

const product = (c: Case) => programOf(c).program.instructions.find(i => i.verb === 'gemm') as Gemm
const isTiled = (c: Case): boolean => planOf(product(c)) !== undefined

test('convolutions of any size that tiles pay for agree with the reference, and threads leave the same bits', async () => {
  let count = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(axis, { minLength: 1, maxLength: 2 }),
      fc.record({ batch: fc.integer({ min: 1, max: 3 }), channels: multiple, filters: multiple }),
      fc.integer({ min: 0, max: 1 }),
      fc.constantFrom(1, 1, 2, 3),
      async (axes, sizes, edge, stride) => {
        const kernel = axes.map(({ taps }) => taps)
        const pad = [edge, edge] as const
        const image = axes.map(({ size, taps }) => (size - 1) * stride + taps - 2 * edge)
        if (image.some(n => n < 1)) return
        for (const c of conv('', { image, kernel, pad, stride, ...sizes }).filter(isTiled)) {
          count++
          const expected = await run(c, reference)
          const got = await run(c, wasm)
          const again = await run(c, wasm, { threads: 2 })
          for (const [name, values] of Object.entries(expected)) {
            const largest = Math.max(1, ...Array.from(values, Math.abs))
            const off = Array.from(values, (value, i) => Math.abs(value - got[name][i]))
            expect(Math.max(...off) / largest).toBeLessThan(4e-5)
            expect(again[name]).toEqual(got[name])
          }
        }
      },
    ),
    { numRuns: 40, seed: 7 },
  )
  expect(count).toBeGreaterThan(60)
})

test.each([
  ['of 3 × 3', { channels: 512, filters: 512, kernel: 3 }, true],
  ['whose tiles would take more memory than they are worth', { channels: 2048, filters: 2048, kernel: 3 }, false],
  ['of one pixel', { channels: 64, filters: 64, kernel: 1 }, false],
  ['with a stride as long as the kernel', { channels: 64, filters: 64, kernel: 2, stride: 2 }, false],
] as const)('a convolution %s: by tiles %o', (_, o, expected) => {
  const found = conv('', { image: [16, 16], batch: 8, ...o }).map(isTiled)
  expect(found[0]).toBe(expected)
  expect(found[1]).toBe(expected)
})

test.each([
  { kernel: 3, stride: 2 },
  { kernel: 9, stride: 1 },
  { kernel: 7, stride: 3 },
])('tiles of kernel $kernel, stride $stride are read as far as the image is said to be', ({ kernel, stride }) => {
  const [forward] = conv('', { image: [40, 31], channels: 32, filters: 32, kernel, stride, pad: [1, 1] })
  const [[, { low, high }]] = tileReach(product(forward))
  const { p } = planOf(product(forward))!
  p.axes.forEach(({ size, taps, parts, apart }, i) => {
    const places = Array.from({ length: parts }, (_, part) => p.from[i] + part * apart + (size - 1 + taps - 1) * stride)
    expect([low[i + 1], high[i + 1]]).toEqual([p.from[i], Math.max(...places)])
  })
})
