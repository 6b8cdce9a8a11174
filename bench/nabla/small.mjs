import { dataset, layers, optimizers, sequential } from '../../dist/index.js'
import { emit } from '../adaptor.mjs'
import { people, planar } from '../data.mjs'
import { quick, repeat } from '../timing.mjs'
import { options } from './engine.mjs'

const { dense, input } = layers

function network(hidden, activation, learningRate, loss) {
  const model = sequential([input([2]), dense(hidden, { activation }), dense(1, { activation: 'sigmoid' })])
  model.compile({ optimizer: optimizers.sgd({ learningRate }), loss, ...options })
  return model
}

/** Trains a new model each time, which plans and compiles it within the clock, then one model on and on. */
async function both(metric, times, make, train) {
  let history
  const timed = await repeat(times, make, async model => {
    ;({ history } = await train(model))
  })
  emit(metric, timed, 's', 1, { loss: history.loss.at(-1) })
  for (const [name, ms] of Object.entries({ first: timed.all[0], last: timed.all.at(-1) }))
    emit(`the ${name} of ${times}`, { ms, best: ms, samples: 1, inner: 1 }, 's')
  const model = make()
  await train(model)
  emit('again', await repeat(times, () => model, train), 's')
}

export const small = {
  W4() {
    const { x, y } = planar()
    const data = dataset({ x, y, inputShape: [2] })
    const train = model => model.fit(data, { epochs: 10_000, batchSize: 400, shuffle: false })
    return both('10,000 steps', quick ? 1 : 3, () => network(4, 'tanh', 0.005, 'binaryCrossentropy'), train)
  },
  W5() {
    const data = dataset(people)
    const train = model => model.fit(data, { epochs: 1000, batchSize: 1, shuffle: false })
    return both('1,000 epochs', quick ? 3 : 9, () => network(2, 'sigmoid', 0.1, 'meanSquaredError'), train)
  },
}
