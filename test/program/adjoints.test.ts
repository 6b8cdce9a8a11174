import {
  checkGradients,
  type Layer,
  layer,
  layers,
  model,
  numpyRandom,
  pair,
  reference,
  StateError,
  sequential,
  wasm,
} from 'nabla'
import { describe, expect, test } from 'vitest'
import { call } from '../../src/nn/call.ts'
import type { Pair } from '../../src/nn/layer.ts'

/** The layer without what it says of its backward pass. */
const forwardAlone = (built: Layer): Layer => {
  const pair = { ...(built.pair as Pair), backward: undefined }
  const alone = Object.assign((...inputs: never[]) => call(alone as unknown as Layer, inputs.flat()), {
    ...built,
    pair,
  })
  return alone as unknown as Layer
}

/** A layer of a forward pass alone, by the shape of its output and what it does. */
const own = (name: string, y: number[], forward: Pair['forward'], more: Partial<ReturnType<Pair['shapes']>> = {}) =>
  layer(name, [], (_: { name?: string } = {}) => pair({ shapes: () => ({ y, ...more }), forward } as Pair))()

const { activation, averagePooling2d, batchNormalization, conv1d, conv2d, conv2dTranspose, dense, depthwiseConv2d } =
  layers
const { dropout, gru, layerNormalization, lstm, maxPooling2d, multiHeadAttention, softmax, upSampling2d } = layers
const { attention, additiveAttention, concatenate, dot, maximum, multiply, prelu, globalMaxPooling2d } = layers

const rows: [string, Layer, number[] | number[][]][] = [
  ...[
    [dense(3, { activation: 'gelu' }), [4]],
    [conv2d(3, 3, { padding: 'same', strides: 2, activation: 'tanh' }), [5, 6, 2]],
    [conv2d(2, 2, { dilation: 2, padding: 'same' }), [5, 4, 2]],
    [conv1d(3, 2, { strides: 2 }), [6, 2]],
    [conv2dTranspose(2, 3, { strides: 2 }), [3, 2, 2]],
    [depthwiseConv2d(3, { padding: 'same' }), [4, 4, 2]],
    [maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), [5, 4, 2]],
    [globalMaxPooling2d(), [3, 4, 2]],
    [averagePooling2d({ padding: 'same' }), [5, 3, 2]],
    [batchNormalization(), [3, 2]],
    [layerNormalization(), [3, 4]],
    [softmax(), [3, 4]],
    [activation('mish'), [5]],
    [dropout(0.4), [6]],
    [prelu(), [5]],
    [upSampling2d({ size: [2, 3] }), [2, 3, 2]],
    [lstm(3), [4, 2]],
    [gru(2, { returnSequences: true }), [3, 2]],
    [multiHeadAttention(2, 3), [4, 5]],
    [
      attention({ useScale: true }),
      [
        [2, 3],
        [4, 3],
      ],
    ],
    [
      additiveAttention(),
      [
        [2, 3],
        [4, 3],
      ],
    ],
    [concatenate(), [[2], [3]]],
    [dot(1, { normalize: true }), [[4], [4]]],
    [maximum(), [[5], [5], [5]]],
    [multiply(), [[4], [1]]],
  ].map(([built, shape]): [string, Layer, number[]] => [
    (built as Layer).type,
    forwardAlone(built as Layer),
    shape as number[],
  ]),
  ['the smallest of some places', own('smallest', [2], (k, { x, y }) => k.reduce(y, 'min', 'x^2', { x }, [2])), [2, 4]],
  [
    'turned, flipped and cut views',
    own('views', [3, 2], (k, { x, y }) => {
      const [batch] = x.shape
      k.map(y.transpose(0, 2, 1), 'a * b + c', {
        a: x.slice(2, 0, 3),
        b: x.flip(2).slice(2, 0, 3),
        c: x.slice(1, 1, 1).slice(2, 1, 1).reshape(batch, 1, 1),
      })
    }),
    [2, 4],
  ],
  [
    'several outputs, one of them used twice',
    own('outputs', [3], (k, { x, y }) => {
      const [a, b] = ['a', 'b'].map(name => k.scratch(name, x.shape))
      k.map({ a, b }, 'a = sin(x); b = a * x', { x })
      k.map(y, 'a * b + b', { a, b })
    }),
    [3],
  ],
  [
    'sums along the batch',
    own('sums', [3], (k, { x, y }) => {
      const [m, s] = ['m', 's'].map(name => k.scratch(name, [x.shape[1]]))
      k.reduce({ m, s }, 'mean', 'm = x; s = x^2', { x }, [0])
      k.map(y, '(x - m) / sqrt(s - m^2 + 0.1)', { x, m, s })
    }),
    [3],
  ],
  [
    'looked up rows',
    own('rows', [3, 2], (k, { x, y }) => {
      const at = k.scratch('at', [3])
      k.map(at, 'i == 2 ? 0 : 3 - i', { i: k.index(3) })
      const [batch, n, width] = x.shape
      const places = at.reshape(3, 1).broadcast([3, width]).repeat(0, batch)
      k.gather(y, x, places, 1)
      expect(n).toBe(4)
    }),
    [4, 2],
  ],
  [
    'single numbers looked up',
    own('numbers', [2, 3], (k, { x, y }) => {
      const at = k.scratch('at', [2, 3])
      k.map(at, 'j + i > 2 ? 0 : 1 + i', { i: k.index(2).reshape(2, 1), j: k.index(3) })
      k.gather(y, x, at, 1)
    }),
    [3, 3],
  ],
  [
    'an embedding',
    own(
      'rows',
      [3, 2],
      (k, { x, y, W }) => {
        const row = k.scratch('row', x.shape)
        k.map(row, 'x > 0 ? 1 : 2', { x })
        k.gather(y.matrix(2), W, row.reshape(x.shape[0] * 3, 1), 0)
      },
      { params: { W: [4, 2] } } as never,
    ),
    [3],
  ],
  [
    'values put in their places',
    own('places', [4], (k, { x, y }) => {
      const at = k.scratch('at', [x.shape[0]])
      k.map(at, '2', {})
      const sum = k.scratch('sum', [x.shape[0]])
      k.sum(sum, x, [1])
      const spread = k.scratch('spread', y.shape)
      k.scatter(spread, sum, at, 1)
      k.map(y, 'spread * x', { spread, x })
    }),
    [4],
  ],
  ['an input that is not looked at', own('blind', [2], (k, { y }) => k.map(y, '3', {})), [2]],
  [
    'parameters, twice',
    own(
      'twice',
      [3],
      (k, { x, y, W }) => {
        const z = k.scratch('z', x.shape)
        k.gemm(z, x, W)
        k.gemm(y, z, W.T)
      },
      { params: { W: [3, 3] } } as never,
    ),
    [3],
  ],
]

describe('the backward pass that is derived of a forward pass', () => {
  test.each(rows)('has the right slopes: %s', async (_, subject, inputShape) => {
    const { arrays } = await checkGradients(subject, { inputShape })
    expect(arrays.filter(({ error }) => !(error < 1e-6))).toEqual([])
  })

  test.each(rows.filter(([title]) => !title.includes('not looked at')))(
    'is the same on both backends: %s',
    async (_, subject, inputShape) => {
      const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as number[][]
      const inputs = shapes.map(shape => layers.input(shape))
      const [right, fast] = [reference, wasm].map(backend => {
        const made = model({ inputs, outputs: subject(inputs), seed: 3 })
        made.compile({ optimizer: 'sgd', loss: 'meanSquaredError', backend, threads: 1 })
        return made
      })
      fast.setWeights(right.weights())
      const random = numpyRandom(1)
      const size = (shape: readonly number[]) => 2 * shape.reduce((a, b) => a * b, 1)
      const [x, t] = [random.randn(size(right.inputShape)), random.randn(size(right.outputShape))]
      await right.run('train', 2, x, t)
      await fast.run('train', 2, x, t)
      right.gradients().forEach(({ name, data }, i) => {
        const scale = Math.max(...Array.from(data, Math.abs), 1e-3)
        const off = Math.max(...Array.from(data, (v, j) => Math.abs(v - fast.gradients()[i].data[j])))
        expect(off, name).toBeLessThan(2e-4 * scale)
      })
    },
  )

  test('is refused where a value is written over', () => {
    const twice = own('twice', [2], (k, { x, y }) => {
      k.map(y, 'x', { x })
      k.map(y, 'y * x', { y, x })
    })
    const net = sequential([layers.input([2]), twice])
    net.compile({ loss: 'meanSquaredError' })
    expect(() => net.explain()).toThrow(StateError)
    expect(() => net.explain()).toThrow('y1 is written twice, so its backward pass cannot be derived')
  })

  test('reads like the one that is written by hand', () => {
    const net = sequential([layers.input([2]), forwardAlone(dense(3, { activation: 'tanh' }))])
    net.compile({ loss: 'meanSquaredError', optimizer: 'sgd' })
    expect(net.explain('train', 8).split('\n')).toEqual([
      'W1 = W1',
      'b1 = b1',
      'z1 = x·W1 + b1',
      'y1 = tanh(z1); dz1 = 2 * (tanh(z1) - t) / 24 * (1 - tanh(z1)^2)',
      'loss = mean((y1 - t)^2)',
      'dW1 = xᵀ·dz1',
      'db1 = Σ dz1',
      'db1 = db1',
      expect.any(String),
    ])
  })
})
