import { DataError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import type { Json } from '../../nn/json.ts'
import type { Placed } from '../keras/read.ts'
import { variableName } from '../keras/table.ts'
import { type Config, isConfig } from '../keras/values.ts'
import { entriesOf } from '../keras/weights.ts'
import { writeTopology } from '../keras/write.ts'

/** What TensorFlow.js has of the layers here. */
const classes = new Set(
  `InputLayer Dense Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose DepthwiseConv2D SeparableConv2D Embedding SimpleRNN LSTM
   GRU Bidirectional TimeDistributed BatchNormalization LayerNormalization Rescaling Activation ReLU ELU Softmax LeakyReLU PReLU
   Dropout AlphaDropout GaussianDropout GaussianNoise SpatialDropout1D Flatten Reshape Permute RepeatVector MaxPooling1D
   MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
   GlobalAveragePooling1D GlobalAveragePooling2D UpSampling2D ZeroPadding2D Cropping2D Add Multiply Average Maximum Minimum
   Concatenate Dot`.split(/\s+/),
)
const activations: Readonly<Record<string, string>> = { silu: 'swish' }
const known = new Set(
  'elu hard_sigmoid linear relu relu6 selu sigmoid softmax softplus softsign tanh swish mish gelu'.split(' '),
)
const noWeights = /_(initializer|regularizer|constraint)$/

/**
 * A model in the words of Keras 2, which TensorFlow.js understands.
 * @throws DataError `unsupported-layers`
 */
export function oldTopology(model: Model): { topology: Json; layers: readonly Placed[] } {
  const { config, layers } = writeTopology(model, true)
  const problems: [string, string][] = []
  const about = config.config as Config
  const old = (entry: Config): Config => {
    const [type, given] = [String(entry.class_name), entry.config as Config]
    const why = (reason: string) => problems.push([String(given.name), reason])
    if (!classes.has(type)) why(`${type} is not in TensorFlow.js`)
    const out: Record<string, Json> = {}
    for (const [key, value] of Object.entries(given)) {
      if (noWeights.test(key)) continue // weights come with the file
      if (/activation$/.test(key)) {
        const name = activations[String(value)] ?? String(value)
        if (!known.has(name)) why(`TensorFlow.js has no activation ${name}`)
        out[key] = name
      } else if (key === 'batch_shape') out.batch_input_shape = value
      else if (key === 'negative_slope' && type === 'LeakyReLU') out.alpha = value
      else if (key === 'layer') out.layer = old(value as Config)
      else out[key] = value
    }
    if (type === 'GRU' && given.reset_after !== false)
      why('TensorFlow.js resets before the product alone: gru(n, { resetAfter: false })')
    if (type === 'ReLU' && (given.negative_slope || given.threshold)) why('ReLU has only maxValue there')
    const done: Config = { class_name: type, config: out }
    const { name, inbound_nodes: calls } = entry
    return Array.isArray(calls) ? { ...done, name, inbound_nodes: calls.map(oldCall) } : done
  }
  const done = (about.layers as Config[]).map(old)
  if (problems.length > 0)
    throw new DataError('unsupported-layers', `TensorFlow.js has no counterpart for ${problems.length} layers`, {
      evidence: problems.slice(0, 60),
      hint: 'replace these layers, or write another format',
    })
  const { build_input_shape: _, ...rest } = about
  return { topology: { class_name: config.class_name as string, config: { ...rest, layers: done } }, layers }
}

/** [[name, node, tensor, {}], …] of Keras 3's arguments. */
const oldCall = (call: Json): Json => {
  const { args } = call as Config
  return (args as Json[]).flat().map(tensor => {
    const { keras_history } = (tensor as { config: Config }).config
    return [...(keras_history as Json[]), {}]
  })
}

/** What TensorFlow.js calls an array of a layer. */
function nameOf({ class: type, name }: Placed, key: string, inner: string | undefined): string {
  const [way] = /^(forward|backward)_/.exec(key) ?? []
  return [name, way && `${way}${inner}`, variableName(type, way ? key.slice(way.length) : key)]
    .filter(Boolean)
    .join('/')
}

const shardSize = 4 * 2 ** 20

/** All weights as shards of 4 MiB, and what lies where. */
export function manifestOf(
  model: Model,
  layers: readonly Placed[],
): { manifest: Json; shards: Record<string, Uint8Array> } {
  const values = new Map(model.weights().map(weight => [weight.name, weight.data]))
  const arrays = layers.flatMap(layer => {
    const { layer: within } = model.network.nodes.find(({ name }) => name === layer.name)!
    const inner = isConfig(within.config.layer)
      ? String((within.config.layer.config as Config).name ?? within.config.layer.type)
      : undefined
    return entriesOf(model, layer).map(({ key, name, shape }) => {
      return { name: nameOf(layer, key, inner), shape, data: Float32Array.from(values.get(name)!) }
    })
  })
  const whole = new Uint8Array(arrays.reduce((sum, { data }) => sum + data.byteLength, 0))
  let at = 0
  for (const { data } of arrays) {
    whole.set(new Uint8Array(data.buffer), at)
    at += data.byteLength
  }
  const count = Math.max(1, Math.ceil(whole.length / shardSize))
  const shards = Array.from({ length: count }, (_, i) => [
    `group1-shard${i + 1}of${count}.bin`,
    whole.subarray(i * shardSize, (i + 1) * shardSize),
  ])
  const weights = arrays.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }))
  return { manifest: [{ paths: shards.map(([path]) => path as string), weights }], shards: Object.fromEntries(shards) }
}
