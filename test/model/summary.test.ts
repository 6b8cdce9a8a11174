import { readFileSync } from 'node:fs'
import { layers, sequential } from 'nabla'
import { describe, expect, test } from 'vitest'
import { className } from '../../src/model/names.ts'
import { digitLayers } from '../nn/digitNetwork.ts'

const { dense, input, batchNormalization } = layers
const fixture = (name: string) => readFileSync(new URL(`../fixtures/seeds/003/${name}`, import.meta.url), 'utf8')

interface Expected {
  layers: {
    class: string
    output_shape: number[]
    params: number
    non_trainable: number
    weights: { shape: number[] }[]
  }[]
  total_params: number
  trainable_params: number
  non_trainable_params: number
}

describe('the digit network', () => {
  const model = sequential(digitLayers())
  const expected: Expected = JSON.parse(fixture('digit_cnn.json'))
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  const count = (entries: readonly { shape: readonly number[] }[]) =>
    entries.reduce((sum, { shape }) => sum + size(shape), 0)

  test.each(expected.layers.map((layer, i) => [layer.class, i, layer] as const))(
    '%s, layer %i, has the shapes of the text',
    (_, i, layer) => {
      const node = model.network.nodes[i + 1]
      expect(className(node.layer)).toBe(layer.class)
      expect([null, ...node.shape]).toEqual(layer.output_shape)
      expect([...node.parameters, ...node.state].map(entry => entry.shape)).toEqual(layer.weights.map(w => w.shape))
      expect(count(node.parameters) + count(node.state)).toBe(layer.params)
      expect(count(node.state)).toBe(layer.non_trainable)
    },
  )

  test('has the parameters of the text', () => {
    const { nodes } = model.network
    expect(nodes.length).toBe(expected.layers.length + 1)
    const [trainable, rest] = [nodes.flatMap(node => node.parameters), nodes.flatMap(node => node.state)].map(count)
    expect([trainable + rest, trainable, rest]).toEqual([
      expected.total_params,
      expected.trainable_params,
      expected.non_trainable_params,
    ])
  })

  test('is summarised as Keras 2 prints it', () => {
    expect(model.summary({ style: 'keras2' })).toBe(fixture('summary.txt'))
  })
})

test('a summary has the look of Keras 3 and says which pair it uses', () => {
  const model = sequential(
    [
      input([4]),
      dense(1200, { activation: 'relu' }),
      batchNormalization(),
      dense(3, { activation: 'softmax', name: 'answer' }),
    ],
    { name: 'net' },
  )
  model.compile({ loss: 'categoricalCrossentropy' })
  expect(model.summary()).toBe(`Model: "net"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 1200)           │         6,000 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 1200)           │         4,800 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ answer (Dense)                  │ (None, 3)              │         3,603 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 14,403 (56.26 KB)
 Trainable params: 12,003 (46.89 KB)
 Non-trainable params: 2,400 (9.38 KB)
 softmax and categoricalCrossentropy work as one pair on z: dz = (p - t) / n
`)
})

test('an activation within a layer is no pair with the loss', () => {
  const { lstm, simpleRnn, transformerEncoder } = layers
  const sigmoid = { activation: 'sigmoid' } as const
  for (const last of [lstm(1, sigmoid), simpleRnn(1, sigmoid), transformerEncoder(2, 1, sigmoid)]) {
    const model = sequential([input([3, 1]), last])
    model.compile({ loss: 'binaryCrossentropy' })
    expect(model.summary()).not.toContain('one pair')
  }
})

test('a step is explained in textbook notation', () => {
  const model = sequential([input([2]), dense(4, { activation: 'tanh' }), dense(1)])
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  expect(model.explain('train', 8).split('\n')).toEqual([
    'y1 = tanh(x·W1 + b1)',
    'y2 = y1·W2 + b2',
    'loss = mean((y2 - t)^2)',
    'dz2 = 2 * (y2 - t) / 8',
    'dW2 = y1ᵀ·dz2',
    'db2 = Σ dz2',
    'dy1 = dz2·W2ᵀ',
    'dz1 = dy1 * ((1 - y1) * (1 + y1))',
    'dW1 = xᵀ·dz1',
    'db1 = Σ dz1',
    'parameters = parameters - learningRate * gradients',
  ])
})
