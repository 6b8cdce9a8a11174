// Writes test/fixtures/tfjs: models that TensorFlow.js saved, and what they predict. With a folder, loads what the library
// wrote there (NAME/model.json, answers.json) and compares predictions.
//
//     npm install --no-save @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-cpu
//     node scripts/tfjs_models.mjs [FOLDER]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { model as graph, input, layers as L, loadLayersModel, sequential } from '@tensorflow/tfjs-layers'

// The layers call operations as methods of tensors, which only the bundle of everything has.
const methods = tf.Tensor.prototype
for (const [name, work] of Object.entries(tf))
  if (typeof work === 'function' && !(name in methods))
    methods[name] = function (...rest) {
      return work(this, ...rest)
    }
methods.flatten = methods.as1D = function () {
  return tf.reshape(this, [this.size])
}

const join = buffers => Buffer.concat([buffers].flat().map(buffer => Buffer.from(buffer)))
const flat = tensors => {
  const rows = [tensors].flat().map(t => t.reshape([t.shape[0], -1]))
  return Array.from(tf.concat(rows, 1).dataSync())
}

async function check(folder) {
  const answers = JSON.parse(readFileSync(`${folder}/answers.json`, 'utf8'))
  for (const [name, { x, y, ports }] of Object.entries(answers)) {
    const { modelTopology, weightsManifest } = JSON.parse(readFileSync(`${folder}/${name}/model.json`, 'utf8'))
    const specs = weightsManifest.flatMap(({ weights }) => weights)
    const data = join(
      weightsManifest.flatMap(({ paths }) => paths.map(path => readFileSync(`${folder}/${name}/${path}`))),
    )
    const weightData = new Uint8Array(data).buffer
    try {
      const model = await loadLayersModel({ load: async () => ({ modelTopology, weightSpecs: specs, weightData }) })
      const sizes = ports.map(shape => shape.reduce((a, b) => a * b, 1))
      const row = tf.tensor(x, [2, x.length / 2])
      const inputs = tf.split(row, sizes, 1).map((part, i) => part.reshape([2, ...ports[i]]))
      const worst = Math.max(
        ...flat(model.predict(inputs.length > 1 ? inputs : inputs[0])).map((v, i) => Math.abs(v - y[i])),
      )
      console.log(worst < 1e-4 ? 'ok  ' : 'FAIL', name, worst.toExponential(1))
    } catch (error) {
      console.log('FAIL', name, error.message.slice(0, 300))
    }
  }
}

async function make() {
  const a = input({ shape: [5] })
  const b = input({ shape: [5] })
  const same = L.dense({ units: 3, activation: 'tanh' })
  const joined = L.concatenate().apply([same.apply(a), same.apply(b), L.add().apply([a, b])])
  const models = {
    digits: sequential({
      layers: [
        L.conv2d({ filters: 3, kernelSize: 3, activation: 'relu', inputShape: [10, 10, 1], padding: 'same' }),
        L.batchNormalization(),
        L.maxPooling2d({ poolSize: 2 }),
        L.leakyReLU({ alpha: 0.1 }),
        L.separableConv2d({ filters: 4, kernelSize: 2 }),
        L.dropout({ rate: 0.3 }),
        L.flatten(),
        L.dense({ units: 6, activation: 'hardSigmoid', kernelRegularizer: 'l1l2' }),
        L.dense({ units: 3, activation: 'softmax' }),
      ],
    }),
    sequences: sequential({
      layers: [
        L.embedding({ inputDim: 9, outputDim: 4, inputLength: 6 }),
        L.bidirectional({ layer: L.lstm({ units: 3, returnSequences: true }), mergeMode: 'concat' }),
        L.timeDistributed({ layer: L.dense({ units: 4 }) }),
        L.layerNormalization(),
        L.gru({ units: 3 }),
        L.dense({ units: 2, activation: 'sigmoid' }),
      ],
    }),
    shared: graph({ inputs: [a, b], outputs: [L.dense({ units: 2 }).apply(joined), joined] }),
  }
  const answers = {}
  for (const [name, model] of Object.entries(models)) {
    model.setWeights(
      model.getWeights().map((w, i) => tf.add(w, tf.abs(tf.randomNormal(w.shape, 0, 0.3, 'float32', i)))),
    )
    const xs = model.inputs.map(({ shape }, i) => {
      const size = [2, ...shape.slice(1)]
      return name === 'sequences'
        ? tf.floor(tf.randomUniform(size, 0, 9, 'float32', i))
        : tf.randomNormal(size, 0, 1, 'float32', i)
    })
    answers[name] = { x: flat(xs), y: flat(model.predict(xs.length > 1 ? xs : xs[0])) }
    const folder = `test/fixtures/tfjs/${name}`
    mkdirSync(folder, { recursive: true })
    await model.save({
      async save({ modelTopology, weightSpecs, weightData }) {
        const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
        writeFileSync(
          `${folder}/model.json`,
          JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }),
        )
        writeFileSync(`${folder}/weights.bin`, join(weightData))
        return { modelArtifactsInfo: {} }
      },
    })
  }
  writeFileSync('test/fixtures/tfjs/answers.json', `${JSON.stringify(answers)}\n`)
}

await (process.argv[2] ? check(process.argv[2]) : make())
