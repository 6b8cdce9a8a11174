import { layers, sequential } from 'nabla'
import { expect, test } from 'vitest'
import { className, nameAll } from '../../src/model/names.ts'

const { conv2d, conv2dTranspose, dense, elu, gru, leakyRelu, lstm, prelu, relu, rmsNormalization, simpleRnn } = layers

test.each([
  [conv2d(1, 3), 'Conv2D', 'conv2d'],
  [conv2dTranspose(1, 3), 'Conv2DTranspose', 'conv2d_transpose'],
  [dense(1), 'Dense', 'dense'],
  [elu(), 'ELU', 'elu'],
  [gru(1), 'GRU', 'gru'],
  [leakyRelu(), 'LeakyReLU', 'leaky_re_lu'],
  [lstm(1), 'LSTM', 'lstm'],
  [prelu(), 'PReLU', 'p_re_lu'],
  [relu(), 'ReLU', 're_lu'],
  [rmsNormalization(), 'RMSNormalization', 'rms_normalization'],
  [simpleRnn(1), 'SimpleRNN', 'simple_rnn'],
])('$type is called as Keras calls it', (layer, name, first) => {
  expect([className(layer), nameAll([layer])[0]]).toEqual([name, first])
})

test('a layer says the name that it was given', () => {
  const model = sequential([layers.input([2]), dense(3, { name: 'hidden' }), dense(1)])
  expect(model.layers.map(({ name }) => name)).toEqual(['input', 'hidden', 'dense'])
  expect(model.layers[1].with({ units: 4 }).name).toBe('hidden')
})
