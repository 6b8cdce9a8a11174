import { Module } from '../../dist/engine.js'
import { emit, run } from '../adaptor.mjs'
import { measure } from '../timing.mjs'

const chains = 12
const rounds = 1_000_000

/** What one core can do in 128-bit SIMD: products and sums in twelve chains that never leave the registers. */
function kernel() {
  const module = new Module()
  module.function('run', [], code => {
    const sums = Array.from({ length: chains }, () => code.local('v128'))
    const [a, b] = [code.local('v128'), code.local('v128')]
    code.f32x4(0.5).set(a).f32x4(1).set(b)
    code.times(rounds, () => {
      for (const sum of sums) code.get(sum).get(a).op('f32x4.mul').get(b).op('f32x4.add').set(sum)
    })
    code.i32(0).get(sums[0])
    for (const sum of sums.slice(1)) code.get(sum).op('f32x4.add')
    code.mem('v128.store')
  })
  return module
}

await run({
  async W6() {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
    const bytes = kernel().bytes({ shared: false, pages: 1, maximum: 1 })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
    emit('peak', await measure(exports.run), 'GFLOP/s', (chains * rounds * 8) / 1e9)
  },
})
