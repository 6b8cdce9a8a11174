import { dataset, layers, sequential } from '../../dist/index.js'
import { emit } from '../adaptor.mjs'
import { batches, mnist, oneHot } from '../data.mjs'
import { measure } from '../timing.mjs'

const { dense, input } = layers

export function mlp(options) {
  const model = sequential([input([784]), dense(128, { activation: 'relu' }), dense(10, { activation: 'softmax' })])
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', ...options })
  return model
}

export const mlpWorkloads = {
  async W3({ threads }) {
    const model = mlp({ threads })
    const data = batches(256)
    let i = 0
    let loss
    const timed = await measure(async () => {
      const { x, y } = data[i++ % data.length]
      ;[loss] = await model.run('train', 64, x, y)
    })
    emit('train', timed, 'images/s', 64, { loss })
    const { x, y } = mnist(64 * 64)
    const set = dataset({ x, y: oneHot(y), inputShape: [784], targetShape: [10] })
    emit('fit', await measure(() => model.fit(set, { batchSize: 64 }), { share: 0.5 }), 'images/s', 64 * 64)
  },
}
