import { dataset, fromBytes, type Layer, type LayerOptions, layer, layers, pair, sequential, toBytes } from 'nabla'
import { describe, expect, test } from 'vitest'
import { direct } from '../../src/backends/reference/index.ts'
import type { Pair } from '../../src/nn/layer.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'

/** A layer's output in training, each verb run as it is called; state and parameters as they begin. */
function train(layer: Layer, shape: number[], x: ArrayLike<number>, seed = 1): number[] {
  const pair = layer.pair as Pair
  const shapes = pair.shapes(shape.slice(1))
  const k = direct({ t: 1, seed })
  const views: Record<string, View> = {}
  const add = (name: string, shape: readonly number[]): Buffer =>
    (views[name] = viewOf({ name, shape, kind: 'temporary' })).buffer
  const [batch] = shape
  k.write(add('x', shape), x)
  const y = add('y', [batch, ...shapes.y])
  for (const [key, shape] of Object.entries(shapes.saved ?? {})) add(key, [batch, ...shape])
  for (const [key, shape] of Object.entries(shapes.random ?? {})) views[key] = k.random(key, [batch, ...shape])
  for (const [key, shape] of Object.entries(shapes.state ?? {}))
    k.write(add(key, shape), pair.initial![key]!.draw(shape, undefined as never))
  pair.forward(k, views as Parameters<Pair['forward']>[1], [views.x])
  return Array.from(k.read(y))
}

const { randomTranslation, randomRotation, randomZoom, randomErasing } = layers
/** 1 2 3 / 4 5 6 / 7 8 9 */
const image = [1, 2, 3, 4, 5, 6, 7, 8, 9]
const third = 1 / 3
const moved: [string, Layer, number[]][] = [
  ['down, zeros above', randomTranslation([third, third], 0, { fillMode: 'constant' }), [0, 0, 0, 1, 2, 3, 4, 5, 6]],
  [
    'left, the edge repeated',
    randomTranslation(0, [-third, -third], { fillMode: 'nearest' }),
    [2, 3, 3, 5, 6, 6, 8, 9, 9],
  ],
  ['down, mirrored above', randomTranslation([2 * third, 2 * third], 0), [4, 5, 6, 1, 2, 3, 1, 2, 3]],
  ['right, round the corner', randomTranslation(0, [third, third], { fillMode: 'wrap' }), [3, 1, 2, 6, 4, 5, 9, 7, 8]],
  ['by a quarter turn, counter-clockwise', randomRotation([0.25, 0.25]), [3, 6, 9, 2, 5, 8, 1, 4, 7]],
  ['by half a turn', randomRotation([0.5, 0.5], { interpolation: 'nearest' }), [9, 8, 7, 6, 5, 4, 3, 2, 1]],
  ['to half its size', randomZoom([1, 1], { fillMode: 'constant' }), [0, 0, 0, 0, 5, 0, 0, 0, 0]],
  ['to twice its height', randomZoom([-0.5, -0.5], { widthFactor: 0 }), [2.5, 3.5, 4.5, 4, 5, 6, 5.5, 6.5, 7.5]],
  ['nowhere', randomTranslation(0, 0), image],
  ['nowhere, erased as a whole', randomErasing({ scale: [1, 1], fillValue: 7 }), image.map(() => 7)],
  ['nowhere, never erased', randomErasing({ factor: 0 }), image],
]

describe('augmentation', () => {
  test.each(moved)('moves an image %s', (_, layer, expected) => {
    train(layer, [1, 3, 3, 1], image).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12)
    })
  })

  test('draws for each image anew', () => {
    const y = train(randomTranslation(0.5, 0.5), [2, 3, 3, 1], [...image, ...image])
    expect(y.slice(0, 9)).not.toEqual(y.slice(9))
  })

  test('erases a box of half the sides where a quarter is asked', () => {
    const y = train(randomErasing({ scale: [0.25, 0.25] }), [1, 8, 8, 1], new Array(64).fill(1))
    expect(y.filter(v => v === 0)).toHaveLength(16)
  })

  test.each(moved)('moves nothing outside training (%s)', async (_, layer) => {
    const model = sequential([layers.input([3, 3, 1]), layer])
    expect(Array.from(await model.forward(1, image))).toEqual(image)
  })
})

/** What 20,000 numbers of mean 2 and variance 9 have on average after a layer: mean and variance. */
const noisy: [Layer, number, number][] = [
  [layers.dropout(0.5), 2, 22],
  [layers.gaussianDropout(0.5), 2, 22],
  [layers.gaussianNoise(4), 2, 25],
]

describe('noise', () => {
  const n = 20_000
  const normal = train(layers.gaussianNoise(1), [1, n], new Float64Array(n), 9)
  const about = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b) / n
    return [mean, values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n]
  }

  test.each(noisy.map(([layer, ...rest]) => [layer.type, ...rest, layer] as const))(
    '%s makes mean %d and variance %d',
    (_type, mean, variance, layer) => {
      const [m, v] = about(
        train(
          layer,
          [1, n],
          normal.map(z => 2 + 3 * z),
        ),
      )
      expect(Math.abs(m - mean)).toBeLessThan(0.15)
      expect(Math.abs(v / variance - 1)).toBeLessThan(0.05)
    },
  )

  test('alphaDropout keeps mean 0 and variance 1', () => {
    const [m, v] = about(train(layers.alphaDropout(0.3), [1, n], normal))
    expect(Math.abs(m)).toBeLessThan(0.05)
    expect(Math.abs(v - 1)).toBeLessThan(0.05)
  })

  test('spatialDropout2d silences whole channels', () => {
    const y = train(layers.spatialDropout2d(0.5), [1, 2, 2, 8], new Array(32).fill(1))
    for (let place = 8; place < 32; place += 8) expect(y.slice(place, place + 8)).toEqual(y.slice(0, 8))
    expect(new Set(y)).toEqual(new Set([0, 2]))
  })
})

test('normalization learns mean and variance of samples, and can be turned round', async () => {
  const rows = [
    [1, 10],
    [3, 20],
    [5, 0],
  ]
  const { adapt } = layers.normalization
  const found = adapt(rows).config
  expect(found.mean).toEqual([3, 10])
  expect((found.variance as number[]).map(v => Number(v.toFixed(12)))).toEqual([2.666666666667, 66.666666666667])
  expect(adapt(dataset({ x: rows })).config).toEqual(found)
  expect(adapt({ shape: [3, 2], data: rows.flat() }).config).toEqual(found)
  const model = sequential([layers.input([2]), adapt(rows), adapt(rows, { invert: true })])
  const back = await model.forward(1, [4, 7])
  expect([back[0], back[1]].map(v => Number(v.toFixed(5)))).toEqual([4, 7])
  expect(() => adapt([[1, Number.NaN]])).toThrow('normalization.adapt got 1 samples without a finite mean')
  expect(() => adapt([[1, 2], [3]])).toThrow('normalization.adapt got 3 numbers, expected 4')
})

test('normalization knows mean and variance of each feature', () => {
  const layer = layers.normalization({ mean: [1, 10], variance: [4, 25] })
  expect(train(layer, [2, 2], [1, 10, 5, 0])).toEqual([0, 0, 2, -2])
})

test('embedding gives the rows of its numbers, and trains only these', async () => {
  const model = sequential([layers.input([3]), layers.embedding(4, 2)])
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  model.setWeights([{ name: 'embedding/W', data: [0, 1, 2, 3, 4, 5, 6, 7] }])
  expect(Array.from(await model.forward(1, [2, 0, 3]))).toEqual([4, 5, 0, 1, 6, 7])
  await model.run('train', 1, [2, 0, 2], new Array(6).fill(0))
  expect(Array.from(model.gradients()[0].data).map(g => g !== 0)).toEqual([
    false,
    true,
    false,
    false,
    true,
    true,
    false,
    false,
  ])
})

test('an embedding of a large vocabulary needs no more room and time than its table', async () => {
  const [words, steps] = [300_000, 4096] // as a matrix of zeros and ones 4.6 GB
  const model = sequential([layers.input([steps]), layers.embedding(words, 2)])
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const x = Float32Array.from({ length: steps }, (_, i) => (i * 7919) % 3000)
  const before = await model.forward(1, x)
  await model.run('train', 1, x, new Float32Array(2 * steps))
  const expected = new Float64Array(2 * words)
  before.forEach((p, i) => {
    expected[2 * x[i >> 1] + (i % 2)] += (2 * p) / (2 * steps)
  })
  const [{ data }] = model.gradients()
  expect(data.findIndex((g, i) => Math.abs(g - expected[i]) > 1e-6 * Math.abs(expected[i]))).toBe(-1)
})

test.each(['simpleRnn', 'lstm', 'gru'] as const)('%s drops nothing in use, and the same at each step', async type => {
  const build = (options: object) =>
    sequential([layers.input([3, 2]), layers[type](2, { ...options, returnSequences: true })], { seed: 1 })
  const [plain, dropping] = [build({}), build({ dropout: 0.5, recurrentDropout: 0.5 })]
  const x = [1, 2, 3, 4, 5, 6]
  expect(await dropping.forward(1, x)).toEqual(await plain.forward(1, x))
  // One mask for all steps and gates; with recurrent dropout one for each gate.
  const masks = (options: object) => (layers[type](5, options).pair as Pair).shapes([4, 2]).random
  expect(masks({ dropout: 0.5 })).toEqual({ mx: [1, 2] })
  expect(masks({ recurrentDropout: 0.5 })).toEqual({ mh: [{ simpleRnn: 1, lstm: 4, gru: 3 }[type], 5] })
})

test('lstm begins with open forget gates unless told', () => {
  const bias = (options: object) => sequential([layers.input([2, 3]), layers.lstm(2, options)]).weights()[2].data
  expect(Array.from(bias({}))).toEqual([0, 0, 1, 1, 0, 0, 0, 0])
  expect(Array.from(bias({ unitForgetBias: false }))).toEqual(new Array(8).fill(0))
})

test('a bidirectional layer around a loaded one is the same', async () => {
  const first = sequential([layers.input([3, 2]), layers.bidirectional(layers.gru(2, { returnSequences: true }))])
  const { config, type } = first.layers[1]
  expect(JSON.parse(JSON.stringify(config)).layer).toEqual({ type: 'gru', config: { units: 2, returnSequences: true } })
  const second = sequential([layers.input([3, 2]), layers[type as 'bidirectional'].fromConfig(config)])
  const x = [1, 2, 3, 4, 5, 6]
  expect(await second.forward(1, x)).toEqual(await first.forward(1, x))
})

test('wrappers around layers of your own come back when these are given', async () => {
  const double = layer('double', ['by'], (by: number, _: LayerOptions = {}) =>
    pair({
      shapes: input => ({ y: input }),
      forward: (k, { x, y }) => k.map(y, 'by * x', { x, by }),
      backward: (k, { dx, dy }) => k.map(dx, 'by * dy', { dy, by }),
    }),
  )
  const { bidirectional, gru, input, timeDistributed } = layers
  const first = sequential([input([3, 2]), timeDistributed(double(3)), bidirectional(gru(2))])
  const second = fromBytes(toBytes(first), { layers: { double } })
  const x = [1, 2, 3, 4, 5, 6]
  expect(await second.forward(1, x)).toEqual(await first.forward(1, x))
  expect(() => fromBytes(toBytes(first))).toThrow('timeDistributed got a layer of type "double"')
})

const wrong: [() => unknown, string][] = [
  [() => layers.conv1d(2, 3).pair.shapes([4]), 'conv1d got an input of 1 axes, expected 2: [steps, channels]'],
  [() => layers.conv2d(4, 3, { groups: 3 }).pair.shapes([5, 5, 6]), 'conv2d cannot split 4 filters into 3 groups'],
  [() => layers.conv3d(4, [2, 3] as never), 'conv3d got kernelSize [2,3], expected a whole number from 1'],
  [() => layers.conv2d(1, 3, { padding: 'causal' as never }).pair.shapes([5, 5, 1]), 'conv2d got padding causal'],
  [
    () => layers.conv2dTranspose(1, 3, { outputPadding: 1 }),
    'conv2dTranspose got outputPadding 1, 1, expected less than its strides',
  ],
  [() => layers.maxPooling1d({ poolSize: 4 }).pair.shapes([3, 2]), 'maxPooling1d got [3], smaller than its window'],
  [
    () => layers.adaptiveMaxPooling2d(4).pair.shapes([3, 5, 1]),
    'adaptiveMaxPooling2d got [3, 5], smaller than its output',
  ],
  [() => layers.groupNormalization().pair.shapes([48]), 'groupNormalization cannot split 48 channels into 32 groups'],
  [() => layers.layerNormalization({ axis: 0 }).pair.shapes([4]), 'layerNormalization got axis 0'],
  [() => layers.reshape([3, -1]).pair.shapes([4]), 'reshape cannot make [3, -1] of [4]'],
  [() => layers.permute([1, 3]), 'permute got [1,3], expected axes from 1 on'],
  [() => layers.cropping1d({ cropping: 2 }).pair.shapes([4, 1]), 'cropping1d would leave nothing of [4, 1]'],
  [() => layers.zeroPadding2d({ padding: [1] as never }), 'zeroPadding2d got padding for 1 axes, expected 2'],
  [() => layers.upSampling2d({ interpolation: 'cubic' as never }), 'upSampling2d got interpolation cubic'],
  [() => layers.normalization({ mean: [1, 2] }).pair.shapes([3]), 'normalization got 3 features, expected 2'],
  [() => layers.lstm(2).pair.shapes([3]), 'lstm got an input of 1 axes, expected 2: [steps, channels]'],
  [
    () => layers.bidirectional(layers.dense(2)).pair.shapes([3]),
    'bidirectional got a dense, expected a recurrent layer',
  ],
  [
    () => layers.timeDistributed.fromConfig({ layer: { type: 'nothing' } }),
    'timeDistributed got a layer of type "nothing"',
  ],
  [() => layers.randomZoom([-2, 0]), 'randomZoom got heightFactor -2, expected a number in [-1, Infinity)'],
  [() => layers.alphaDropout(1), 'alphaDropout got rate 1, expected a number in [0, 1)'],
]

test.each(wrong.map(([make, line]) => [line, make] as const))('%s', (line, make) => {
  const error = (() => {
    try {
      make()
    } catch (thrown) {
      return thrown as Error
    }
    throw new Error('nothing was thrown')
  })()
  expect(error.message.split('\n')[0]).toBe(line)
  expect(line.length).toBeLessThan(100)
  expect(error.message).toContain('hint: ')
})
