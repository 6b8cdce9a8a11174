import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reference } from '../../src/backends/reference/index.ts'
import { type Code, Module } from '../../src/backends/wasm/assembler.ts'
import { plan } from '../../src/backends/wasm/compile.ts'
import { wasm } from '../../src/backends/wasm/index.ts'
import { call, type Given, merged } from '../../src/backends/wasm/merge.ts'
import { straight } from '../../src/backends/wasm/straight.ts'
import { record } from '../../src/program/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

const mostGiven = 6

/** A function that leaves numbers at addresses. */
const leaving = (numbers: readonly (readonly [address: number, n: number])[]) => (f: Code) => {
  const local = f.local('i32')
  for (const [address, n] of numbers) f.i32(address).assign(local, n).get(local).mem('i32.store')
}

/** What is in memory after each of the functions has been called, and what they have become. */
function run(bodies: readonly ((f: Code) => void)[], become: (all: Given[]) => Given[], most = mostGiven) {
  const module = new Module(most)
  const all = become(bodies.map(body => ({ code: module.function('', [], body) })))
  module.function('run', [], f => {
    for (const one of all) call(f, one)
  })
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  const compiled = new WebAssembly.Module(module.bytes({ shared: false, pages: 1, maximum: 1 }))
  const exports = new WebAssembly.Instance(compiled, { env: { memory } }).exports as { run: () => void }
  exports.run()
  return { memory: [...new Int32Array(memory.buffer, 0, 256)], all }
}

const distinct = (all: readonly Given[]) => new Set(all.map(({ code }) => code)).size

test('functions that differ in numbers alone become one, and do what they did', () => {
  const slot = fc.integer({ min: 0, max: 255 }).map(i => 4 * i)
  const number = fc.oneof(fc.integer(), fc.integer({ min: -70, max: 70 }), fc.constantFrom(0, -(2 ** 31), 2 ** 31 - 1))
  const one = fc.tuple(fc.tuple(slot, number), fc.tuple(slot, number), fc.tuple(slot, fc.constant(7)))
  fc.assert(
    fc.property(fc.array(one, { minLength: 2, maxLength: 9 }), list => {
      const bodies = list.map(numbers => leaving(numbers))
      const [plain, together] = [run(bodies, all => all), run(bodies, merged)]
      expect(together.memory).toEqual(plain.memory)
      expect(distinct(together.all)).toBe(1)
    }),
    { numRuns: 30 },
  )
})

test('what is written straight, and taken back in places, is merged too', () => {
  const bodies = [8, 100].map(address => (plain: Code) => {
    const f = straight(plain)
    const [pointer, value] = [f.local('i32'), f.local('v128')]
    f.assign(pointer, address).add(pointer, 64).f32x4(0.5).set(value)
    const at = () => {
      f.get(pointer)
      return 0
    }
    f.store(at, value, 4)
    leaving([[address, -address]])(f)
  })
  const [plain, together] = [run(bodies, all => all), run(bodies, merged)]
  expect(together.memory).toEqual(plain.memory)
  expect(plain.memory[2]).toBe(-8)
  expect(distinct(together.all)).toBe(1)
})

/** The same, and then something else. */
const leavingAnd = (other: (f: Code) => unknown) => (f: Code) => {
  leaving([[4, 1]])(f)
  other(f)
}
const many = Array.from({ length: mostGiven + 1 }, (_, i) => i + 1)

test.each<[string, ((f: Code) => void)[]]>([
  ['differ in an operation', [leaving([[0, 1]]), leavingAnd(f => f.i32(1).op('drop'))]],
  ['differ in a local', [leaving([[0, 1]]), leavingAnd(f => f.local('v128'))]],
  ['differ in more numbers than one can be given', [1, 2].map(by => leaving(many.map(i => [4 * i, by * i * i])))],
])('functions that %s stay as they are', (_, bodies) => {
  const { all, memory } = run(bodies, merged)
  expect(distinct(all)).toBe(2)
  expect(memory).toEqual(run(bodies, all => all).memory)
})

test('functions that can be given nothing stay as they are', () => {
  const bodies = [leaving([[0, 1]]), leaving([[4, 2]])]
  const { all, memory } = run(bodies, merged, 0)
  expect(distinct(all)).toBe(2)
  expect(memory.slice(0, 2)).toEqual([1, 2])
})

test('a chain of many like steps has few functions, and leaves what the reference leaves on any number of threads', async () => {
  const [steps, size] = [90, 24]
  const buffer = (name: string, kind: Buffer['kind'], shape: number[]): Buffer => ({ name, kind, shape })
  const x = buffer('x', 'input', [size, size])
  const w = buffer('w', 'parameter', [size, size])
  const y = buffer('y', 'output', [steps + 1, size, size])
  const program = record('chain', [], k => {
    k.copy(viewOf(y).slice(0, 0, 1).reshape(size, size), viewOf(x))
    for (let i = 0; i < steps; i++) {
      const [from, to] = [i, i + 1].map(at => viewOf(y).slice(0, at, 1).reshape(size, size))
      const z = k.scratch('z', [size, size])
      k.gemm(z, from, viewOf(w))
      k.map(to, 'tanh(z) + 0.1 * x', { z, x: viewOf(x) })
    }
  })
  const numbers = [1, 2].map(seed => numpyRandom(seed).normal(0, 0.3, size * size))
  const results = [reference.engine({}), ...[1, 2, 3].map(threads => wasm.engine({ threads, threadsFrom: 0 }))].map(
    async engine => {
      engine.write(x, numbers[0])
      engine.write(w, numbers[1])
      const compiled = engine.compile(program)
      for (let i = 0; i < 3; i++) await compiled.run({})
      return engine.read(y)
    },
  )
  const [exact, ...others] = await Promise.all(results)
  for (const got of others) {
    expect(got).toEqual(others[0])
    for (let i = 0; i < exact.length; i++) expect(Math.abs(got[i] - exact[i])).toBeLessThan(1e-4)
  }
  const places = new Map<Buffer, number>()
  const own = () => 0
  const lasting = (b: Buffer) => places.get(b) ?? places.set(b, 4096 * places.size).get(b)!
  const memory = { shared: false, pages: 1, maximum: 100 }
  const { kernels } = plan(program, { own, lasting, transient: own }, memory, { threads: 1, fma: false })
  expect(kernels.length).toBeGreaterThan(steps)
  expect(distinct(kernels)).toBeLessThan(20)
})
