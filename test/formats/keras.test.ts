import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { layers, type Model, sequential } from 'nabla'
import { loadKeras, loadKerasWeights, toKeras, toKerasH5, toKerasWeights } from 'nabla/keras'
import { describe, expect, test } from 'vitest'
import { NablaError } from '../../src/errors.ts'
import { compileFrom } from '../../src/formats/keras/compile.ts'
import { modernWeights } from '../../src/formats/keras/old.ts'
import { readTopology } from '../../src/formats/keras/read.ts'
import { writeZip } from '../../src/formats/zip.ts'
import { model as core } from '../../src/model/model.ts'

const folder = 'test/fixtures/keras'
const answers = JSON.parse(readFileSync(`${folder}/answers.json`, 'utf8')) as Record<
  string,
  { x: number[][]; y: number[][] }
>

/** Graphs keep their layers, but may list them in another order. */
const byName = (model: Model) => model.weights().sort((a, b) => (a.name < b.name ? -1 : 1))
const written: Record<string, object> = {}

describe.each(Object.entries(answers))('the model %s that Keras saved', (name, { x, y }) => {
  test.each(['keras', 'h5'])('predicts the same from .%s', async suffix => {
    const model = await loadKeras(`${folder}/${name}.${suffix}`, { warn: () => {} })
    const out = await model.forward(2, x.flat())
    for (const [i, value] of y.flat().entries())
      expect(Math.abs(out[i] - value)).toBeLessThan(1e-5 * (1 + Math.abs(value)))
  })

  test.each([
    ['.keras', toKeras],
    ['.h5', toKerasH5],
  ] as const)('goes to %s and back with every bit', async (_, write) => {
    const model = await loadKeras(`${folder}/${name}.keras`, { warn: () => {} })
    const again = await loadKeras(await write(model))
    expect(byName(again)).toEqual(byName(model))
    expect(await again.forward(2, x.flat())).toEqual(await model.forward(2, x.flat()))
    if (!process.env['KERAS_FOLDER']) return
    const [out, ports] = [process.env['KERAS_FOLDER'], model.network.inputs.map(({ shape }) => shape)]
    mkdirSync(out, { recursive: true })
    writeFileSync(`${out}/${name}.keras`, await toKeras(model))
    writeFileSync(`${out}/${name}.h5`, await toKerasH5(model))
    writeFileSync(`${out}/${name}.weights.h5`, await toKerasWeights(model))
    written[name] = { x: x.flat(), y: y.flat(), ports }
    writeFileSync(`${out}/answers.json`, JSON.stringify(written))
  })

  test('takes its weights from a file of weights alone', async () => {
    const model = await loadKeras(`${folder}/${name}.keras`, { warn: () => {} })
    const bytes = await toKerasWeights(model)
    const before = model.weights()
    model.setWeights(before.map(weight => ({ ...weight, data: weight.data.map(() => 0) })))
    await loadKerasWeights(model, bytes)
    expect(model.weights()).toEqual(before)
  })
})

const read = (config: unknown, major: number) =>
  readTopology(config, { major, warn: message => void warnings.push(message) })
const warnings: string[] = []
const chain = (...layers: [type: string, config: object][]) => ({
  class_name: 'Sequential',
  config: layers.map(([class_name, config]) => ({ class_name, config })),
})

test('an older file may list the names of a thousand arrays', async () => {
  const deep = sequential([
    layers.input([2]),
    ...Array.from({ length: 500 }, (_, i) => layers.dense(2, { name: `a_name_of_some_length_${i}` })),
  ])
  const again = await loadKeras(await toKerasH5(deep))
  expect(again.weights().map(({ data }) => [...data])).toEqual(deep.weights().map(({ data }) => [...data]))
})

test('what cannot be mapped is listed all at once, with the names of the layers', () => {
  const model = chain(
    [
      'Conv2D',
      { name: 'first', filters: 2, kernel_size: 3, data_format: 'channels_first', batch_input_shape: [null, 8, 8, 1] },
    ],
    ['Lambda', { name: 'code' }],
    ['Dense', { name: 'last', units: 2, activation: 'mine' }],
    ['Dropout', { name: 'drop', rate: 2 }],
  )
  expect(() => read(model, 2)).toThrow(
    [
      '4 of 4 layers cannot be mapped',
      '  first  Conv2D: data_format = "channels_first"',
      '  code   Lambda: no such layer here',
      '  last   Dense: unknown activation "mine"',
      '  drop   Dropout: dropout got rate 2, expected a number in [0, 1)',
    ].join('\n'),
  )
})

test('the words of Keras 1 and 2 are understood', () => {
  const one = chain(
    [
      'Convolution2D',
      {
        name: 'a',
        nb_filter: 4,
        nb_row: 3,
        nb_col: 2,
        border_mode: 'same',
        subsample: [1, 2],
        activation: 'relu',
        bias: false,
        dim_ordering: 'tf',
        init: 'glorot_uniform',
        batch_input_shape: [null, 8, 8, 1],
      },
    ],
    ['LeakyReLU', { name: 'b', alpha: 0.1 }],
    ['Flatten', { name: 'c' }],
    ['Dropout', { name: 'd', p: 0.25 }],
    ['Dense', { name: 'e', output_dim: 3, activation: 'hard_sigmoid' }],
  )
  const [, a, b, , d, e] = core(read(one, 1).model).layers
  expect(a.config).toMatchObject({ filters: 4, kernelSize: [3, 2], padding: 'same', strides: [1, 2], useBias: false })
  expect(b.config).toMatchObject({ slope: 0.1 })
  expect(d.config).toMatchObject({ rate: 0.25 })
  expect(e.config).toMatchObject({ units: 3, activation: { forward: 'min(max(0.2 * x + 0.5, 0), 1)' } })
})

test('what only matters to training is told, not refused', () => {
  warnings.length = 0
  const layer = { class_name: 'Dense', config: { name: 'd', units: 2, kernel_regularizer: 'mine' } }
  const { layers } = core(
    read(chain(['SpectralNormalization', { name: 's', layer, batch_input_shape: [null, 3] }]), 3).model,
  )
  expect(layers.map(({ type }) => type)).toEqual(['input', 'dense'])
  expect(warnings).toEqual([
    's: SpectralNormalization is left out; it only matters to training',
    's: unknown kernel_regularizer "mine"; it only matters to training',
  ])
})

test('what is frozen or silenced in training is so here', () => {
  const config = { name: 'r', units: 2, dropout: 0.1, recurrent_dropout: 0.2, trainable: false }
  const [, layer] = core(read(chain(['LSTM', { ...config, batch_input_shape: [null, 3, 2] }]), 2).model).layers
  expect(layer.trainable).toBe(false)
  expect(layer.config).toMatchObject({ dropout: 0.1, recurrentDropout: 0.2 })
})

test('a class that is not of Keras is not taken for one of the same name', () => {
  const entry = (more: object) => ({ class_name: 'Average', config: { name: 'a', batch_shape: [null, 2] }, ...more })
  for (const more of [
    { module: 'mine', registered_name: 'mine>Average' },
    { module: '__main__', registered_name: 'Average' },
    { module: 'keras.src.ops.numpy', config: { name: 'a', axis: -1, batch_shape: [null, 2] } },
  ])
    expect(() => read({ class_name: 'Sequential', config: { layers: [entry(more)] } }, 3)).toThrow('no such layer here')
})

test('the gates of Keras 1, which had arrays of their own, come side by side', () => {
  const value = (n: number, ...shape: number[]) => ({ shape, data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => n) }) // biome-ignore format: short
  const arrays = [1, 2, 3, 4].flatMap(gate => [value(gate, 3, 2), value(10 * gate, 2, 2), value(100 * gate, 2)])
  const [W, U, b] = modernWeights('LSTM', arrays, { major: 1 })
  expect([W.shape, U.shape, b.shape]).toEqual([[3, 8], [2, 8], [8]])
  expect(Array.from(W.data).slice(0, 8)).toEqual([1, 1, 3, 3, 2, 2, 4, 4]) // i, c, f, o became i, f, c, o
  expect(Array.from(b.data)).toEqual([100, 100, 300, 300, 200, 200, 400, 400])
})

test('the kernels of Theano are turned round', () => {
  const [W] = modernWeights('Conv2D', [{ shape: [2, 2, 1, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] }], { major: 2, backend: 'theano' }) // biome-ignore format: short
  expect(Array.from(W.data)).toEqual([7, 8, 5, 6, 3, 4, 1, 2])
})

test('a file called .h5py is read, with a word on its name', async () => {
  const told: string[] = []
  const file = new File([readFileSync(`${folder}/digits.h5`)], 'digits.h5py')
  const model = await loadKeras(file, { warn: message => told.push(message) })
  expect(model.layers).toHaveLength(10)
  expect(told[0]).toMatch(/^digits.h5py: h5py is the name of a Python package; files of this kind end in .h5$/)
})

test('weights that do not fit are listed, and nothing is set', async () => {
  const model = sequential([layers.input([2]), layers.dense(3), layers.dense(1)])
  const before = model.weights()
  const other = await toKerasWeights(sequential([layers.input([2]), layers.dense(4), layers.dense(1)]))
  await expect(loadKerasWeights(model, other)).rejects.toThrow(
    /2 layers do not fit[\s\S]*array 0 is \[2, 4\], expected \[2, 3\] for dense\/W/,
  )
  expect(model.weights()).toEqual(before)
})

test('layers that Keras does not have are listed when a model is written', async () => {
  const model = sequential([
    layers.input([4]),
    layers.srelu(),
    layers.dense(4, { activation: 'tanhExp' }),
    layers.maxout(2),
  ])
  await expect(toKeras(model)).rejects.toThrow(
    /3 layers\n *s\w+ +srelu is not in Keras\n *dense +Keras has no activation "tanhExp"\n *maxout +maxout is/,
  )
})

const sound = ['digits.h5', 'normal.h5', 'shared.h5', 'digits.keras', 'normal.keras'].map(
  name => [name, readFileSync(`${folder}/${name}`)] as const,
)

test('damaged files end in an error of ours, or are read as they stand', async () => {
  const damage = fc.record({
    file: fc.constantFrom(...sound.map((_, i) => i)),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 5 }),
    flips: fc.array(fc.tuple(fc.oneof(fc.nat(4000), fc.nat(50_000)), fc.nat(255)), { minLength: 1, maxLength: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, cut, flips }) => {
      const [, bytes] = sound[file]
      const bad = new Uint8Array(bytes.subarray(0, cut === null ? bytes.length : Math.floor(cut * bytes.length)))
      for (const [at, bits] of flips) if (bad.length > 0) bad[at % bad.length] ^= bits
      try {
        const model = await loadKeras(bad, { warn: () => {} })
        model.close()
      } catch (error) {
        expect(error).toBeInstanceOf(NablaError)
      }
    }),
    { numRuns: 400 },
  )
})

test('a model that was compiled in Keras is compiled here', async () => {
  const model = sequential([layers.input([2]), layers.dense(3)])
  compileFrom(
    model,
    {
      optimizer: {
        class_name: 'SGD',
        config: { name: 'SGD', learning_rate: 0.25, momentum: 0.5, nesterov: true, weight_decay: null },
      },
      loss: 'mse',
      metrics: ['mae', 'code'],
    },
    message => void warnings.push(message),
  )
  expect(model.learningRate).toBe(0.25)
  expect(model.training!.optimizer.params).toMatchObject({ momentum: 0.5, nesterov: true })
  expect(model.training!.goals[0].loss.name).toBe('meanSquaredError')
  expect(warnings.at(-1)).toBe('the metric "code" has no counterpart and is left out')
})

const archive = (config: string) =>
  writeZip([
    ['config.json', new TextEncoder().encode(config)],
    ['model.weights.h5', readFileSync(`${folder}/digits.weights.h5`)],
  ])
const loop = (name: string, from: string) => ({
  class_name: 'ReLU',
  config: { name },
  inbound_nodes: [{ args: [{ class_name: '__keras_tensor__', config: { keras_history: [from, 0, 0] } }], kwargs: {} }],
})

test.each<[string, string, string]>([
  ['no object', '[]', 'bad-keras'],
  [
    'lists without end',
    `{"class_name":"Sequential","config":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
    'bad-keras',
  ],
  [
    'layers that read each other',
    JSON.stringify({
      class_name: 'Functional',
      config: { layers: [loop('a', 'b'), loop('b', 'a')], input_layers: [], output_layers: [] },
    }),
    'unsupported-layers',
  ],
  [
    'a layer called __proto__',
    '{"class_name":"Sequential","config":{"layers":[{"class_name":"__proto__","config":{"__proto__":{"units":1},"name":"__proto__"}}]}}',
    'unsupported-layers',
  ],
  [
    'a layer of a billion units',
    JSON.stringify({
      class_name: 'Sequential',
      config: [{ class_name: 'Dense', config: { units: 1e9, batch_input_shape: [null, 1e9] } }],
    }),
    'too-large',
  ],
  [
    'a shape that is no number',
    '{"class_name":"Sequential","config":[{"class_name":"Dense","config":{"units":1,"batch_input_shape":[null,"NaN"]}}]}',
    'unsupported-layers',
  ],
])('%s in a file is refused', async (_, config, code) => {
  await expect(loadKeras(archive(config), { warn: () => {} })).rejects.toMatchObject({ code })
  expect(({} as { units?: unknown }).units).toBeUndefined()
})
