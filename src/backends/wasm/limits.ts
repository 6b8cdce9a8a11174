import type { Limits } from '../../program/index.ts'
import { Module } from './assembler.ts'

const chains = 12
const rounds = 200_000
const megabytes = 64

/** Measures 128-bit products and sums, and copies larger than the caches, in about a tenth of a second: the best of a few short runs. */
export function limits(): Limits {
  const module = new Module()
  module.function('compute', [], f => {
    // Chains that never leave the registers, and do not wait for one another.
    const sums = Array.from({ length: chains }, () => f.local('v128'))
    const [a, b] = [f.local('v128'), f.local('v128')]
    f.f32x4(0.5).set(a).f32x4(1).set(b)
    f.times(rounds, () => {
      for (const sum of sums) f.get(sum).get(a).op('f32x4.mul').get(b).op('f32x4.add').set(sum)
    })
    f.i32(0).get(sums[0])
    for (const sum of sums.slice(1)) f.get(sum).op('f32x4.add')
    f.mem('v128.store')
  })
  const half = (megabytes << 20) / 2
  module.function('copy', [], f => {
    const [from, to] = [f.local('i32'), f.local('i32')]
    f.assign(to, half).times(half / 64, () => {
      for (let i = 0; i < 64; i += 16) f.get(to).get(from).mem('v128.load', i).mem('v128.store', i)
      f.add(from, 64).add(to, 64)
    })
  })
  const pages = megabytes * 16
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const bytes = module.bytes({ shared: false, pages, maximum: pages })
  const { compute, copy } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
    .exports as Record<string, () => void>
  const best = (run: () => void) => {
    let least = Infinity
    for (let i = 0; i < 8; i++) {
      const start = performance.now()
      run()
      least = Math.min(least, performance.now() - start)
    }
    return least / 1000
  }
  return { flops: (chains * rounds * 8) / best(compute), bytes: (2 * half) / best(copy) }
}
