import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emit, peer, run } from '../adaptor.mjs'
import { mnist } from '../data.mjs'
import { measure } from '../timing.mjs'

const { InferenceSession, Tensor } = peer('onnxruntime-node')
const models = join(process.env.PEERS_DIR, 'models')

await run({
  async W2({ threads }) {
    const options = { intraOpNumThreads: threads, interOpNumThreads: 1, executionProviders: ['cpu'] }
    const session = await InferenceSession.create(join(models, 'digits.onnx'), options)
    const known = JSON.parse(readFileSync(join(models, 'digits.json'), 'utf8'))
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.from(known.x), [2, 1, 28, 28]) })
    const error = Math.max(...known.y.map((value, i) => Math.abs(value - y.data[i])))
    const { x } = mnist(256, 't10k')
    const image = i => new Tensor('float32', x.slice(i * 784, (i + 1) * 784), [1, 1, 28, 28])
    const singles = Array.from({ length: 64 }, (_, i) => image(i))
    let i = 0
    const one = await measure(() => session.run({ x: singles[i++ % singles.length] }))
    emit('one image', one, 'ms', 1, { 'error against PyTorch': error })
    const all = new Tensor('float32', x, [256, 1, 28, 28])
    emit('batch 256', await measure(() => session.run({ x: all })), 'images/s', 256)
  },
})
