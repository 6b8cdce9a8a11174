import { emit, peer, run, trained } from '../adaptor.mjs'
import { mnist, people } from '../data.mjs'
import { measure, quick, repeat } from '../timing.mjs'

const { Net, SGDTrainer, Trainer, Vol } = peer('convnetjs')

function volume(values, width, height, depth) {
  const made = new Vol(width, height, depth, 0)
  for (let i = 0; i < values.length; i++) made.w[i] = values[i]
  return made
}

function network(...layers) {
  const net = new Net()
  net.makeLayers(layers)
  return net
}

const input = (width, height, depth) => ({ type: 'input', out_sx: width, out_sy: height, out_depth: depth })

/** One image at a time, weights moved every 64, with adadelta, the nearest it has to Adam. */
function training(net, count, shape, images = 64) {
  const { x, y } = mnist(count)
  const volumes = Array.from(y, (_, i) => volume(x.subarray(i * 784, (i + 1) * 784), ...shape))
  const trainer = new Trainer(net, { method: 'adadelta', batch_size: 64, l2_decay: 0 })
  let i = 0
  return () => {
    for (let n = 0; n < images; n++, i++) trainer.train(volumes[i % count], y[i % count])
  }
}

const digits = () => {
  const block = (filters, rate, pad) => [
    { type: 'conv', sx: 3, filters, stride: 1, pad: 1, activation: 'relu' },
    { type: 'pool', sx: 2, stride: 2, pad },
    { type: 'dropout', drop_prob: rate },
  ]
  const unit = (units, rate) => [
    { type: 'fc', num_neurons: units, activation: 'relu' },
    { type: 'dropout', drop_prob: rate },
  ]
  const blocks = [...block(32, 0.3, 0), ...block(64, 0.3, 0), ...block(128, 0.4, 1)]
  return network(input(28, 28, 1), ...blocks, ...unit(120, 0.3), ...unit(40, 0.2), { type: 'softmax', num_classes: 10 })
}

const mlp = () =>
  network(input(1, 1, 784), { type: 'fc', num_neurons: 128, activation: 'relu' }, { type: 'softmax', num_classes: 10 })

await run({
  async W1() {
    emit('train', await measure(training(digits(), 64, [28, 28, 1], 4)), 'images/s', 4)
  },
  async W3() {
    emit('train', await measure(training(mlp(), 512, [1, 1, 784])), 'images/s', 64)
  },
  async W5() {
    const sigmoid = units => ({ type: 'fc', num_neurons: units, activation: 'sigmoid' })
    const make = () => {
      const net = network(input(1, 1, 2), sigmoid(2), sigmoid(1), { type: 'regression', num_neurons: 1 })
      return new SGDTrainer(net, { learning_rate: 0.1, momentum: 0, batch_size: 1, l2_decay: 0 })
    }
    const points = people.x.map(values => volume(values, 1, 1, 2))
    const timed = await repeat(quick ? 3 : 9, make, trainer => {
      for (let epoch = 0; epoch < 1000; epoch++) for (let i = 0; i < 4; i++) trainer.train(points[i], [people.y[i]])
    })
    emit('1,000 epochs', timed, 's')
  },
  W8() {
    training(mlp(), 64, [1, 1, 784])()
    trained()
  },
})
