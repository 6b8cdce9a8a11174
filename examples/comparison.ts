/**
 * Which activation function? The same network on the same flower; only the function of its eight hidden units differs.
 *
 * Each learns from three seeds and is judged by points that it has not seen. In front of a step nothing learns, for it has
 * no slope: it lives off its first, random weights. Units that are linear draw one straight line, however many they are.
 */
import { arange, type Layer, layers, optimizers, sequential, toys } from 'nabla'
import { boundary, panels } from 'nabla/plot'
import { picture } from './picture.ts'

const { input, dense, maxout } = layers
const { train, test } = toys.planarFlower({ samples: 800, seed: 1 }).split({ testSize: 0.5, seed: 0 })
const [points, colours] = [new Float64Array(2 * test.size), new Float64Array(test.size)]
test.fill(arange(test.size).data, points, colours)

const names = ['step', 'linear', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'softmax', 'bentIdentity', 'sinusoid'] as const
const hidden: [name: string, layers: () => Layer[]][] = [
  ...names.map(name => [name, () => [dense(8, { activation: name })]] as [string, () => Layer[]]),
  ['maxout', () => [dense(16), maxout(8)]], // each unit the larger of two straight lines
]

async function learn(layers: Layer[], seed: number) {
  const model = sequential([input([2]), ...layers, dense(1, { activation: 'sigmoid' })], { seed })
  model.compile({
    optimizer: optimizers.adam({ learningRate: 0.01 }),
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
  })
  const { history } = await model.fit(train, { epochs: 300, batchSize: 40 })
  return { model, loss: history.loss.at(-1)!, right: (await model.evaluate(test)).accuracy }
}
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]

console.log('                loss   right, of points not seen')
const drawn: string[] = []
export const results: Record<string, { loss: number; right: number }> = {}
for (const [name, layers] of hidden) {
  const runs = await Promise.all([1, 2, 3].map(seed => learn(layers(), seed)))
  const [loss, right] = [median(runs.map(run => run.loss)), median(runs.map(run => run.right))]
  results[name] = { loss, right }
  console.log(`${name.padEnd(14)} ${loss.toFixed(3)}   ${(100 * right).toFixed(1)} %`)
  const classify = async (x: Float64Array) => (await runs[0].model.predict({ x, inputShape: [2] })).data.map(Math.round)
  drawn.push(await boundary(points, colours, classify, { title: name, width: 280, height: 280, resolution: 60 }))
}
await picture(
  'comparison/boundaries.svg',
  panels(drawn, { title: 'What eight units of each function draw', columns: 5 }),
)
