import { dirname, join } from 'node:path'
import { emit, peer, run, trained } from '../adaptor.mjs'
import { batches, mnist } from '../data.mjs'
import { measure } from '../timing.mjs'

const quiet = () => {}
Object.assign(console, { log: quiet, warn: quiet }) // it advertises
const tf = peer('@tensorflow/tfjs')
const wasm = peer('@tensorflow/tfjs-backend-wasm')
wasm.setWasmPaths(`${join(dirname(peer.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist')}/`)
await tf.setBackend('wasm')
await tf.ready()

/**
 * The wasm backend has no gradient for a convolution's filters. This is what a user could do about it: nine products,
 * with a transpose of its own because `transposeA` leaves the fast path.
 */
function addFilterGradient() {
  tf.registerGradient({
    kernelName: 'Conv2D',
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter]) => ({
      x: () => tf.conv2dTranspose(dy, filter, x.shape, 1, 'same'),
      filter: () =>
        tf.tidy(() => {
          const [n, h, w, c] = x.shape
          const filters = filter.shape[3]
          const rows = n * h * w
          const pads = [0, 1, 1, 0].map(p => [p, p])
          const [padded, flat] = [tf.pad(x, pads), tf.reshape(dy, [rows, filters])]
          const part = (_, i) => {
            const seen = tf.slice(padded, [0, Math.floor(i / 3), i % 3, 0], [n, h, w, c])
            return tf.matMul(tf.transpose(tf.reshape(seen, [rows, c])), flat)
          }
          return tf.reshape(tf.stack(Array.from({ length: 9 }, part)), [3, 3, c, filters])
        }),
    }),
  })
}

function model(layers) {
  const made = tf.sequential({ layers })
  made.compile({ optimizer: tf.train.adam(1e-3), loss: 'categoricalCrossentropy' })
  return made
}

function digits() {
  const { batchNormalization, conv2d, dense, dropout, flatten, leakyReLU, maxPooling2d } = tf.layers
  const settle = () => [batchNormalization(), leakyReLU({ alpha: 0.1 })]
  const block = (filters, rate, options) => [
    conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu', ...options }),
    ...settle(),
    maxPooling2d({ poolSize: 2, padding: 'same' }),
    dropout({ rate }),
  ]
  const unit = (units, rate) => [dense({ units, activation: 'relu' }), ...settle(), dropout({ rate })]
  return model([
    ...block(32, 0.3, { inputShape: [28, 28, 1] }),
    ...block(64, 0.3),
    ...block(128, 0.4),
    flatten(),
    ...unit(120, 0.3),
    ...unit(40, 0.2),
    dense({ units: 10, activation: 'softmax' }),
  ])
}

const mlp = () =>
  model([
    tf.layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
    tf.layers.dense({ units: 10, activation: 'softmax' }),
  ])

async function train(net, count, shape) {
  const data = batches(count).map(({ x, y }) => [tf.tensor(x, [64, ...shape]), tf.tensor(y, [64, 10])])
  let i = 0
  let loss
  const step = async () => {
    const [x, y] = data[i++ % count]
    loss = [await net.trainOnBatch(x, y)].flat()[0]
    return loss
  }
  return { step, emit: timed => emit('train', timed, 'images/s', 64, { loss }) }
}

await run({
  async W1() {
    addFilterGradient()
    const training = await train(digits(), 4, [28, 28, 1])
    training.emit(await measure(training.step))
  },
  async W2() {
    const net = digits()
    const { x } = mnist(256, 't10k')
    const all = tf.tensor(x, [256, 28, 28, 1])
    const one = tf.tensor(x.slice(0, 784), [1, 28, 28, 1])
    const predict = async input => {
      const y = net.predict(input)
      await y.data()
      y.dispose()
    }
    emit('one image', await measure(() => predict(one)), 'ms')
    emit('batch 256', await measure(() => predict(all)), 'images/s', 256)
  },
  async W3() {
    const training = await train(mlp(), 64, [784])
    training.emit(await measure(training.step))
  },
  async W8() {
    const { step } = await train(mlp(), 1, [784])
    trained(await step())
  },
})
