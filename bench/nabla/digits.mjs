import { dataset, layers, sequential } from '../../dist/index.js'
import { emit } from '../adaptor.mjs'
import { batches, mnist, oneHot } from '../data.mjs'
import { measure } from '../timing.mjs'
import { options } from './engine.mjs'

const { batchNormalization, conv2d, dense, dropout, flatten, input, leakyRelu, maxPooling2d } = layers

function network() {
  const settle = () => [batchNormalization(), leakyRelu({ slope: 0.1 })]
  const block = (filters, rate) => [
    conv2d(filters, 3, { padding: 'same', activation: 'relu' }),
    ...settle(),
    maxPooling2d({ poolSize: 2, padding: 'same' }),
    dropout(rate),
  ]
  const unit = (units, rate) => [dense(units, { activation: 'relu' }), ...settle(), dropout(rate)]
  const model = sequential([
    input([28, 28, 1]),
    ...block(32, 0.3),
    ...block(64, 0.3),
    ...block(128, 0.4),
    flatten(),
    ...unit(120, 0.3),
    ...unit(40, 0.2),
    dense(10, { activation: 'softmax' }),
  ])
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', ...options })
  return model
}

const images = (count, split) => {
  const { x, y } = mnist(count, split)
  return dataset({ x, y: oneHot(y), inputShape: [28, 28, 1], targetShape: [10] })
}

export const digits = {
  async W1() {
    const model = network()
    const data = batches(16)
    let i = 0
    let loss
    const timed = await measure(async () => {
      const { x, y } = data[i++ % data.length]
      ;[loss] = await model.run('train', 64, x, y)
    })
    // On one thread also where the time goes, kernel by kernel.
    const kernels = options.threads === 1 ? model.kernels('train', 64) : undefined
    emit('train', timed, 'images/s', 64, { loss, kernels })
    const set = images(1024)
    const epoch = await measure(() => model.fit(set, { batchSize: 64 }), { share: 0.5 })
    emit('fit', epoch, 'images/s', 1024)
  },
  async W2() {
    const model = network()
    const set = images(256, 't10k')
    const singles = Array.from({ length: 64 }, (_, row) => set.select([row]))
    let i = 0
    const one = () => model.predict(singles[i++ % singles.length], { batchSize: 1 })
    emit('one image', await measure(one), 'ms')
    emit('batch 256', await measure(() => model.predict(set, { batchSize: 256 })), 'images/s', 256)
  },
}
