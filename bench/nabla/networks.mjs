import { layers, model, sequential } from '../../dist/index.js'
import { emit } from '../adaptor.mjs'
import { normals } from '../data.mjs'
import { measure } from '../timing.mjs'
import { options } from './engine.mjs'

const { add, batchNormalization, conv1d, conv2d, conv2dTranspose, dense, depthwiseConv2d, flatten } = layers
const { globalAveragePooling1d, globalAveragePooling2d, gru, input, lstm, maxPooling1d, maxPooling2d } = layers
const { relu, transformerEncoder } = layers

const same = { padding: 'same' }
const halves = { poolSize: 2 }
const rectified = { ...same, activation: 'relu' }
const settled = () => [batchNormalization(), relu()]
const pooled = () => globalAveragePooling2d()

/** Networks as people build them, with the shape of a batch; the last layer, 10 classes, is the same in all. */
const networks = {
  LSTM: [[32, 100, 64], [lstm(128)]],
  GRU: [[32, 100, 64], [gru(128)]],
  transformer: [
    [16, 64, 64],
    [transformerEncoder(256, 4), transformerEncoder(256, 4), globalAveragePooling1d()],
  ],
  '3×3 and pooling': [
    [32, 32, 32, 3],
    [
      ...[conv2d(32, 3, rectified), conv2d(32, 3, rectified), maxPooling2d(halves)],
      ...[conv2d(64, 3, rectified), conv2d(64, 3, rectified), maxPooling2d(halves)],
      ...[flatten(), dense(128, { activation: 'relu' })],
    ],
  ],
  'depthwise and 1×1': [
    [32, 32, 32, 32],
    [depthwiseConv2d(3, same), ...settled(), conv2d(64, 1), ...settled(), pooled()],
  ],
  '3×3 with stride 2': [
    [32, 32, 32, 32],
    [conv2d(64, 3, { ...rectified, strides: 2 }), pooled()],
  ],
  '5×5': [
    [32, 28, 28, 16],
    [conv2d(32, 5, rectified), maxPooling2d(halves), flatten()],
  ],
  '1-d': [
    [32, 1000, 16],
    [conv1d(64, 9, rectified), maxPooling1d({ poolSize: 4 }), conv1d(64, 9, rectified), globalAveragePooling1d()],
  ],
  transposed: [
    [32, 8, 8, 64],
    [
      conv2dTranspose(32, 4, { ...rectified, strides: 2 }),
      conv2dTranspose(16, 4, { ...rectified, strides: 2 }),
      flatten(),
    ],
  ],
  'ResNet-18': [[16, 32, 32, 3], resnet],
}

/** He et al. 2016, as it is made for images of 32 × 32. */
function resnet(x) {
  const unbiased = (filters, size, strides) => conv2d(filters, size, { ...same, strides, useBias: false })
  const block = (h, filters, strides) => {
    const first = relu()(batchNormalization()(unbiased(filters, 3, strides)(h)))
    const second = batchNormalization()(unbiased(filters, 3, 1)(first))
    const short = strides === 1 ? h : batchNormalization()(unbiased(filters, 1, strides)(h))
    return relu()(add()(second, short))
  }
  let h = relu()(batchNormalization()(unbiased(64, 3, 1)(x)))
  for (const filters of [64, 128, 256, 512]) h = block(block(h, filters, filters === 64 ? 1 : 2), filters, 1)
  return pooled()(h)
}

function built(shape, body) {
  const x = input(shape.slice(1))
  const last = dense(10, { activation: 'softmax' })
  if (typeof body !== 'function') return sequential([x, ...body, last])
  return model({ inputs: x, outputs: last(body(x)) })
}

export const networkWorkloads = {
  async networks() {
    for (const [name, [shape, body]] of Object.entries(networks)) {
      const network = built(shape, body)
      network.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', ...options })
      const [batch] = shape
      const x = normals(
        shape.reduce((a, b) => a * b),
        1,
      )
      const y = Float32Array.from({ length: batch * 10 }, (_, i) => Number(i % 10 === Math.floor(i / 10) % 10))
      emit(name, await measure(() => network.run('train', batch, x, y), { share: 0.3 }), 'steps/s')
      network.close()
    }
  },
}
