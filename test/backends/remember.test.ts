import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { layers, sequential } from '../../src/index.ts'

const { dense, dropout, input } = layers
const x = Float32Array.from({ length: 48 }, (_, i) => Math.sin(i))
const y = Float32Array.from({ length: 16 }, (_, i) => Math.cos(i))

function network(seed: number, units = 5, rate = 0.3) {
  const model = sequential([input([3]), dense(units, { activation: 'tanh' }), dropout(rate), dense(1)], { seed })
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', threads: 1 })
  return { step: () => model.run('train', 16, x, y), predict: () => model.forward(16, x) }
}

test('networks of one kind, of which one is planned and the others take its plan, do not disturb one another', async () => {
  const alone: unknown[] = []
  for (const seed of [1, 2]) {
    const { step, predict } = network(seed)
    alone.push([await step(), await step(), await step(), await predict()])
  }
  const asked = network(1)
  await asked.predict() // its memory is filled in another order
  const models = [network(1), network(2), asked]
  const told: unknown[][] = models.map(() => [])
  for (let i = 0; i < 3; i++) for (const [m, { step }] of models.entries()) told[m].push(await step())
  for (const [m, { predict }] of models.entries()) told[m].push(await predict())
  expect(told).toEqual([alone[0], alone[1], alone[0]])
})

test.each([
  [5, 0.4],
  [6, 0.3],
])('%d units and a rate of %d are another kind', async (units, rate) => {
  const [one, other] = [network(1), network(1, units, rate)]
  await one.step()
  await other.step()
  expect(await one.step()).not.toEqual(await other.step())
})

test('a plan that is remembered does not hold the memory of the network that it was made for', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const memories: WeakRef<object>[] = []
  const { Memory } = WebAssembly
  WebAssembly.Memory = class extends Memory {
    constructor(settings: WebAssembly.MemoryDescriptor) {
      super(settings)
      memories.push(new WeakRef(this))
    }
  }
  await network(1, 7).step()
  WebAssembly.Memory = Memory
  await new Promise(setImmediate)
  collect()
  expect(memories.map(memory => memory.deref())).toEqual([undefined])
})
