import { asked, emit, peer, run, trained } from '../adaptor.mjs'
import { mnist, oneHot, people } from '../data.mjs'
import { quick, repeat } from '../timing.mjs'

const { NeuralNetwork } = peer(asked.variant || 'brain.js')

await run({
  async W5() {
    const data = people.x.map((input, i) => ({ input, output: [people.y[i]] }))
    const network = () => new NeuralNetwork({ hiddenLayers: [2], activation: 'sigmoid' })
    const settings = { iterations: 1000, errorThresh: 1e-12, learningRate: 0.1 }
    const timed = await repeat(quick ? 3 : 9, network, net => {
      net.train(data, settings)
    })
    emit('1,000 epochs', timed, 's')
  },
  W8() {
    const { x, y } = mnist(64)
    const data = Array.from(y, (_, i) => ({
      input: x.slice(i * 784, (i + 1) * 784),
      output: oneHot(y.subarray(i, i + 1)),
    }))
    const net = new NeuralNetwork({ hiddenLayers: [128], activation: 'sigmoid' })
    trained(net.train(data, { iterations: 1, errorThresh: 1e-12, learningRate: 0.1 }).error)
  },
})
