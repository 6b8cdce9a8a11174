import { expect, test } from 'vitest'
import { type Code, type Lanes, type Local, Module } from '../../src/backends/wasm/assembler.ts'
import { straight } from '../../src/backends/wasm/straight.ts'

const [low, high, to] = [256, 512, 1024]

/** What is in memory after a function, written with and without knowledge of what it has done. */
function both(body: (f: Code, first: Local, second: Local) => void) {
  const run = (follow: (f: Code) => Code) => {
    const module = new Module()
    const written = module.function('run', [], plain => {
      const f = follow(plain)
      const value = (address: number) => {
        const local = f.local('v128')
        f.i32(address).mem('v128.load').set(local)
        return local
      }
      body(f, value(low), value(high))
    })
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
    const floats = new Float32Array(memory.buffer)
    for (let i = 0; i < floats.length; i++) floats[i] = i
    const compiled = new WebAssembly.Module(module.bytes({ shared: false, pages: 1, maximum: 1 }))
    const { run } = new WebAssembly.Instance(compiled, { env: { memory } }).exports as { run: () => void }
    run()
    return { memory: [...floats.slice(0, 512)], bytes: written.bytes.length }
  }
  return { plain: run(f => f), straight: run(straight) }
}

/** Stores at `address` as kernels do, through a pointer. */
function put(f: Code, value: Local, address: number, lanes: Lanes): void {
  const pointer = f.local('i32')
  f.assign(pointer, address - 8).add(pointer, 8)
  const at = () => {
    f.get(pointer)
    return 0
  }
  f.store(at, value, lanes)
}

function take(f: Code, address: number, lanes: Lanes, into: number): void {
  const value = f.local('v128')
  f.i32(address).load(lanes).set(value)
  put(f, value, into, lanes)
}

const widths = [1, 2, 3, 4] as const

test.each(widths)('what is stored in pieces and read as a vector of %i comes from where it still is', lanes => {
  for (const one of widths)
    for (const two of widths)
      for (let shift = -12; shift <= 12; shift += 4) {
        const { plain, straight } = both((f, a, b) => {
          put(f, a, to, one)
          put(f, b, to + 4 * one, two)
          take(f, to + shift, lanes, to + 128)
        })
        expect(straight.memory).toEqual(plain.memory)
      }
})

test('loops, ways that part, and values that change are forgotten', () => {
  const { plain, straight } = both((f, a, b) => {
    const pointer = f.local('i32')
    f.assign(pointer, to)
    const at = () => {
      f.get(pointer)
      return 0
    }
    put(f, a, to, 4)
    f.times(3, () => {
      take(f, to, 4, to + 256)
      f.store(at, b, 2)
      f.add(pointer, 4)
    })
    take(f, to, 4, to + 128)
    f.i32(low)
      .mem('i32.load')
      .if(
        () => put(f, b, to + 4, 1),
        () => put(f, a, to + 4, 1),
      )
    take(f, to, 3, to + 160)
    put(f, a, to, 4)
    f.get(b).set(a)
    take(f, to, 4, to + 192)
    f.block(() => {
      f.add(pointer, 64).i32(1).brIf(0)
      f.add(pointer, 64)
    })
    f.store(at, b, 4)
  })
  expect(straight.memory).toEqual(plain.memory)
})

test('what is stored at an address that nobody knows may be what is read next', () => {
  const { plain, straight } = both((f, a, b) => {
    const pointer = f.local('i32')
    f.i32(to).i32(to).mem('i32.store')
    f.i32(to).mem('i32.load').set(pointer)
    put(f, a, to, 4)
    f.store(
      () => {
        f.get(pointer)
        return 0
      },
      b,
      2,
    )
    take(f, to, 4, to + 128)
  })
  expect(straight.memory).toEqual(plain.memory)
})

test('numbers that are known are no code', () => {
  const { plain, straight } = both((f, a) => put(f, a, to, 4))
  expect(straight.bytes).toBeLessThan(plain.bytes)
})
