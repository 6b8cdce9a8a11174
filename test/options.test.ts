import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as nabla from 'nabla'
import * as csv from 'nabla/csv'
import * as data from 'nabla/data'
import * as inspect from 'nabla/inspect'
import * as keras from 'nabla/keras'
import * as mnist from 'nabla/mnist'
import * as npy from 'nabla/npy'
import * as onnx from 'nabla/onnx'
import * as plot from 'nabla/plot'
import * as safetensors from 'nabla/safetensors'
import * as script from 'nabla/script'
import * as tfjs from 'nabla/tfjs'
import { describe, expect, test } from 'vitest'
import { layerCases } from './nn/cases.ts'

/*
 * An option that nobody knows is told by whoever is given it. The namespaces are the lists: what is in one of them and is
 * called with options stands in a table here, and what takes none is named as such.
 */

const { callbacks, layers, toys } = nabla
type Call = (options: never) => unknown

/** A name that no option has or is near to. */
const strange = { qqqqqqqqqqqqqqqqqqqq: 1 }

/** The error of a call, at once or later. */
async function errorOf(call: () => unknown): Promise<nabla.NablaError> {
  try {
    const made = await call()
    for await (const _ of (made as AsyncIterable<unknown>)?.[Symbol.asyncIterator] ? (made as never) : []) break
  } catch (error) {
    return error as nabla.NablaError
  }
  throw new Error('an option that does not exist is silent')
}

const settingsIn = (message: string) => /^ {2}settings {2}(.*)$/m.exec(message)![1].split(', ')

/** Each function of a namespace tells, or takes no options. */
function tells(name: string, all: object, calls: Readonly<Record<string, Call>>, none: readonly string[] = []) {
  const functions = Object.entries(all).flatMap(([key, value]) => (typeof value === 'function' ? [key] : []))
  describe(name, () => {
    test('has no function that is missing here', () => {
      expect(functions.filter(key => !Object.hasOwn(calls, key)).sort()).toEqual([...none].sort())
      expect(Object.keys(calls).filter(key => !functions.includes(key))).toEqual([])
    })
    test.each(Object.entries(calls))('%s tells of an option that nobody knows', async (key, call) => {
      const error = await errorOf(() => call(strange as never))
      expect(error.message).toContain(`has no setting "${Object.keys(strange)[0]}"`)
      expect(error.message.split('\n')[0].length).toBeLessThan(100)
      expect(error).toMatchObject({ name: 'StateError', code: 'bad-option' })
      // One that is nearly right is recognised, and what is undefined was not given.
      for (const option of settingsIn(error.message).filter(option => option !== 'none')) {
        const typo = `${option}X`
        if (settingsIn(error.message).includes(typo)) continue
        const { message } = await errorOf(() => call({ [typo]: 1 } as never))
        expect(message, `${key} ${typo}`).toContain(`has no setting "${typo}"`)
        expect(message).toContain('hint: did you mean "')
      }
    })
  })
}

const x = [[0, 1], [1, 0]] // biome-ignore format: two samples
const xy = { x, y: [[1], [0]] }
const made = () => {
  const model = nabla.sequential([layers.input([2]), layers.dense(1)])
  model.compile({ loss: 'meanSquaredError' })
  return model
}
const images = nabla.dataset({ x: [[[[1]]]] })
const bytes = (text: string) => new TextEncoder().encode(text)
const curve = { epoch: [0], history: { loss: [1], accuracy: [1] } }

tells(
  'nabla',
  nabla,
  {
    augment: o => nabla.augment(images, o),
    arange: o => nabla.arange(3, undefined, 1, o),
    checkGradients: o => nabla.checkGradients(layers.dense(1), o),
    concat: o => nabla.concat([nabla.zeros(1)], o),
    dataset: (o: object) => nabla.dataset({ ...xy, ...o }),
    evaluate: o => nabla.evaluate(made(), xy, o),
    eye: o => nabla.eye(2, o),
    fit: o => nabla.fit(made(), xy, o),
    fromBytes: o => nabla.fromBytes(nabla.toBytes(made()), o),
    full: o => nabla.full(2, 1, o),
    linspace: o => nabla.linspace(0, 1, 3, o),
    loadModel: o => nabla.loadModel(nabla.toBytes(made()), o),
    mixUp: o => nabla.mixUp(images, o),
    model: (o: object) => {
      const inputs = layers.input([2])
      return nabla.model({ inputs, outputs: layers.dense(1)(inputs), ...o })
    },
    ones: o => nabla.ones(1, o),
    predict: o => nabla.predict(made(), x, o),
    register: nabla.register,
    sequential: o => nabla.sequential([layers.input([2])], o),
    stack: o => nabla.stack([nabla.zeros(1)], o),
    tensor: o => nabla.tensor([1], o),
    train: o => nabla.train(made(), xy, o),
    zeros: o => nabla.zeros(1, o),
  },
  [
    ...['activation', 'constraint', 'initializer', 'layer', 'loss', 'metric', 'optimizer', 'regularizer', 'schedule'],
    ...['composed', 'formula', 'nearest', 'numpyRandom', 'pair', 'readSafetensors', 'toBytes', 'writeSafetensors'],
    ...['NablaError', 'ShapeError', 'FormulaError', 'DataError', 'StateError', 'BackendError', 'NumericsError'],
    'NdArray',
  ],
)

tells(
  'a model',
  made(),
  {
    compile: (o: object) => made().compile({ loss: 'meanSquaredError', ...o }),
    evaluate: o => made().evaluate(xy, o),
    fit: o => made().fit(xy, o),
    predict: o => made().predict(x, o),
    summary: o => made().summary(o),
    testOnBatch: o => made().testOnBatch(xy, o),
    train: o => made().train(xy, o),
    trainOnBatch: o => made().trainOnBatch(xy, o),
    use: o => made().use(o),
  },
  [
    ...['close', 'countParams', 'explain', 'feed', 'forward', 'forwardSync', 'freeze', 'getLayer', 'getWeights'],
    ...['gradients', 'kernels', 'optimizerState', 'predictOnBatch', 'predictSync', 'run', 'save', 'setOptimizerState'],
    ...['setWeights', 'weights', 'with'],
  ],
)

tells('a dataset', toys.xor(), { split: (o: object) => toys.xor().split({ testSize: 1, seed: 0, ...o }) }, [
  'arrange',
  'fill',
  'label',
  'oneHot',
  'scale',
  'select',
  'take',
])

const array = nabla.tensor([[1, 2], [3, 4]]) // biome-ignore format: a matrix
const methods = Object.getOwnPropertyDescriptors(nabla.NdArray.prototype)
tells(
  'an array',
  Object.fromEntries(Object.entries(methods).map(([key, { value }]) => [key, value])),
  {
    argmax: (o: object) => array.argmax(o),
    argmin: (o: object) => array.argmin(o),
    max: (o: object) => array.max(o),
    mean: (o: object) => array.mean(o),
    min: (o: object) => array.min(o),
    print: (o: object) => array.print(o),
    repr: (o: object) => array.repr(o),
    sum: (o: object) => array.sum(o),
    take: (o: object) => array.take([0], o),
    toString: (o: object) => array.toString(o),
  },
  [
    ...['constructor', 'add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'greater', 'greaterEqual', 'less'],
    ...[
      'lessEqual',
      'equal',
      'notEqual',
      'neg',
      'abs',
      'sign',
      'square',
      'exp',
      'expm1',
      'log',
      'log1p',
      'sqrt',
      'sin',
      'cos',
      'tan',
    ],
    ...['tanh', 'sigmoid', 'floor', 'ceil', 'round', 'map', 'matmul', 'reshape', 'transpose', 'slice', 'astype'],
    ...['item', 'toArray'],
  ],
)

tells('random numbers', { choice: nabla.numpyRandom(1).choice }, { choice: o => nabla.numpyRandom(1).choice(3, 1, o) })
tells('toys', toys, { ...toys } as never)
tells(
  'callbacks',
  callbacks,
  {
    backupAndRestore: o => callbacks.backupAndRestore('.', o),
    csvLogger: o => callbacks.csvLogger('losses.csv', o),
    earlyStopping: callbacks.earlyStopping,
    lambdaCallback: callbacks.lambdaCallback,
    modelCheckpoint: o => callbacks.modelCheckpoint('best', o),
    reduceLROnPlateau: callbacks.reduceLROnPlateau,
    remoteMonitor: callbacks.remoteMonitor,
    tensorBoard: o => callbacks.tensorBoard('logs', o),
  },
  ['learningRateScheduler', 'progbarLogger', 'swapEmaWeights', 'terminateOnNaN'],
)
tells(
  'plot',
  plot,
  {
    boundary: o => plot.boundary([0, 0], [0], () => [0], o),
    chart: o => plot.chart([], o),
    curves: o => plot.curves(curve, 'loss', o),
    digits: o => plot.digits([], o),
    panels: o => plot.panels([], o),
    png: o => plot.png('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>', o),
  },
  ['confusion', 'escapeXml'],
)
const table = bytes('a,label\n1,0\n')
tells('csv', csv, { readCsv: o => csv.readCsv(table, o) })
tells('data', data, {
  readCsv: o => data.readCsv(table, o),
  readData: o => data.readData(table, o),
  readImages: o => data.readImages({ a: [] }, o),
  readJsonLines: o => data.readJsonLines(bytes('{"a": 1}'), o),
  readPng: o => data.readPng(bytes(''), '', o),
})
tells('mnist', mnist, {
  mnist: mnist.mnist,
  mnistFrom: (o: object) => mnist.mnistFrom({ images: bytes(''), labels: bytes(''), ...o }),
})
const one = npy.writeNpy(nabla.tensor([1]))
tells(
  'npy',
  npy,
  { readNpy: o => npy.readNpy(one, o), readNpz: o => npy.readNpz(npy.writeNpz({ a: nabla.tensor([1]) }), o) },
  ['writeNpy', 'writeNpz'],
)
tells('safetensors', safetensors, {}, ['fromTorch', 'readSafetensors', 'torchNames', 'toTorch', 'writeSafetensors'])
tells('onnx', onnx, { loadOnnx: async (o: object) => onnx.loadOnnx(await onnx.exportOnnx(made()), o) }, [
  'exportOnnx',
  'importOnnx',
  'readOnnxTensor',
])
tells(
  'keras',
  keras,
  {
    loadKeras: async (o: object) => keras.loadKeras(await keras.toKeras(made()), o),
    toKeras: o => keras.toKeras(made(), o),
    toKerasH5: o => keras.toKerasH5(made(), o),
  },
  ['loadKerasWeights', 'toKerasWeights'],
)
tells('tfjs', tfjs, { loadTfjs: o => tfjs.loadTfjs(bytes('{}'), o) }, ['toTfjs'])
tells('script', script, { toScript: o => script.toScript(made(), o) })
tells('inspect', inspect, { inspect: o => inspect.inspect(one, o), readArrays: o => inspect.readArrays(one, o) }, [
  'fileKind',
])

/** The settings that a page names, but for the arguments before the options. */
function documented(kind: string, name: string) {
  const page = readFileSync(fileURLToPath(new URL(`../docs/${kind}/${name}.md`, import.meta.url)), 'utf8')
  return [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, setting]) => setting)
}

describe('layers', () => {
  const before = ['name', 'inputShape', 'activityRegularizer', 'trainable']

  test.each(layerCases)('%s tells of an option that nobody knows, and knows those of its page', async (type, of) => {
    const maker = layers[type as keyof typeof layers]
    const { message } = await errorOf(() => maker.fromConfig({ ...of.layer.config, ...strange } as never))
    expect(message.split('\n')[0]).toBe(`${type} has no setting "${Object.keys(strange)[0]}"`)
    const positional = /\((.*)\)/.exec(
      readFileSync(fileURLToPath(new URL(`../docs/layers/${type}.md`, import.meta.url)), 'utf8'),
    )![1]
    const settings = documented('layers', type).filter(setting => !positional.split(', ').includes(setting))
    expect(settingsIn(message)).toEqual(expect.arrayContaining([...before, ...settings]))
    expect((await errorOf(() => of.layer.with(strange))).message).toBe(message)
    for (const option of [...before, ...settings]) {
      const typo = { [`${option}X`]: 1 }
      expect((await errorOf(() => of.layer.with(typo))).message).toContain(`has no setting "${option}X"`)
    }
    expect(() => of.layer.with({ qqq: undefined } as never)).not.toThrow()
  })

  const { dense } = layers

  test('say what was meant', () => {
    expect(() => dense(3, { activaton: 'relu' } as never)).toThrow(
      new nabla.StateError('bad-option', 'dense has no setting "activaton"', {
        evidence: [
          [
            'settings',
            'name, inputShape, trainable, activityRegularizer, activation, useBias, kernelInitializer, kernelRegularizer, kernelConstraint, biasInitializer, biasRegularizer, biasConstraint',
          ],
        ],
        hint: 'did you mean "activation"?',
      }),
    )
  })

  test('may be told of arrays that have no initialiser, as Keras tells them', () => {
    expect(() => layers.batchNormalization({ gammaRegularizer: 'l2', betaConstraint: 'nonNeg' } as never)).not.toThrow()
    expect(() => layers.batchNormalization({ gamaRegularizer: 'l2' } as never)).toThrow('has no setting')
  })

  test.each(['relu', 3, () => 0])('take %s for no options', value => {
    expect(() => dense(3, value as never)).toThrow(
      /^dense got .* where its options are expected\n {2}hint: options are one/,
    )
  })

  test('of definitions have types', () => {
    const { optimizers, losses, schedules, constraints } = nabla
    const mine = nabla.activation('mine', { params: { slope: 2 }, forward: 'slope * x' })
    optimizers.sgd({ learningRate: 'linear', nesterov: true, clipnorm: 1 })
    constraints.maxNorm({ axis: [0, 1] })
    // @ts-expect-error: Keras's name
    expect(() => optimizers.adam({ learning_rate: 0.1 })).toThrow('did you mean "learningRate"?')
    // @ts-expect-error: no text
    expect(() => optimizers.adam({ beta1: '0.9' })).toThrow('optimizer adam got beta1 = "0.9"')
    expect(optimizers.adam({ learningRate: undefined, beta1: undefined }).params).toEqual(optimizers.adam().params)
    // @ts-expect-error: none of its settings
    expect(() => losses.huber({ slope: 1 })).toThrow('has no setting')
    // @ts-expect-error: none of the modes
    expect(() => schedules.cyclic({ mode: 'square' })).toThrow()
    // @ts-expect-error: none of its own settings
    expect(() => mine({ slop: 1 })).toThrow('did you mean "slope"?')
  })

  test.each([
    ['optimizer adam', 0.1, 'adam({ learningRate: … })', (given: never) => nabla.optimizers.adam(given)],
    ['regularizer l2', [0.01], 'l2({ l2: … })', (given: never) => nabla.regularizers.l2(given)],
    ['schedule cosineDecay', '0.1', 'cosineDecay(', (given: never) => nabla.schedules.cosineDecay(given)],
    ['initializer constant', null, 'constant({ value: … })', (given: never) => nabla.initializers.constant(given)],
  ] as const)('are not the only thing that has names: %s tells of %s', (who, given, hint, make) => {
    expect(() => make(given as never)).toThrow(`${who} got ${JSON.stringify(given)} where its options are expected`)
    expect(() => make(given as never)).toThrow(hint)
  })

  const ends: Readonly<Record<string, unknown>> = {
    'loss got a function': { loss: (t: number, p: number) => t - p },
    'metric got a function': { loss: 'meanSquaredError', metrics: [(t: number, p: number) => t - p] },
    'metric got {"name":"huber"': { loss: 'meanSquaredError', metrics: [nabla.losses.huber()] },
    'optimizer got "accuracy"': { loss: 'meanSquaredError', optimizer: nabla.metrics.accuracy() },
  }
  test.each(Object.entries(ends))('compile tells: %s, expected a name', (message, options) => {
    const model = nabla.sequential([layers.input([2]), dense(1)])
    expect(() => model.compile(options as never)).toThrow(message)
  })

  test('a layer is no activation', () => {
    expect(() => dense(1, { activation: layers.leakyRelu() as never })).toThrow(
      'activation got the layer leakyRelu, expected',
    )
  })

  test("fit tells of Keras's arguments and callbacks", async () => {
    const model = nabla.sequential([layers.input([2]), dense(1)])
    model.compile({ loss: 'meanSquaredError' })
    const x = [[1, 2]]
    await expect(model.fit({ x }, [1] as never)).rejects.toThrow('fit got [1] where its options are expected')
    await expect(model.fit({ x, y: [1] }, { callbacks: [{ onEpochEnd() {} }] as never })).rejects.toThrow(
      'fit got a callback that is no function',
    )
  })

  test.each([
    ['the maker flatten', [layers.input([2]), layers.flatten, dense(1)]],
    ['a object', [layers.input([2]), nabla.composed(x => dense(1)(x))]],
    ['a undefined', [undefined]],
    ['the layer input', layers.input([2])],
    ['a undefined', undefined],
  ])('are what sequential is given: %s is none', (what, given) => {
    expect(() => nabla.sequential(given as never)).toThrow(`sequential got ${what}, expected a list of layers`)
  })

  test('of ones own make a pair', () => {
    const none = nabla.layer('none', [], (() => ({ y: [1] })) as never)
    expect(() => none()).toThrow('the layer none made no pair')
  })

  test('take options with inherited names', () => {
    expect(() =>
      dense(3, Object.create({ kind: 'mine' }, { useBias: { value: false, enumerable: true } })),
    ).not.toThrow()
  })

  test('of ones own may look at options as late as they want', () => {
    const late = nabla.layer('late', [], (options: nabla.LayerOptions & { by?: number } = {}) =>
      nabla.pair({
        shapes: input => ({ y: input }),
        forward: (k, { x, y }) => k.map(y, 'x * by', { x, by: options.by ?? 1 }),
      }),
    )
    expect(nabla.sequential([layers.input([2]), late({ by: 2 })]).outputShape).toEqual([2])
  })

  test.each(['earlyStopping', 'modelCheckpoint', 'reduceLROnPlateau', 'remoteMonitor', 'tensorBoard'] as const)(
    'and %s knows the settings of its page',
    async name => {
      const make = callbacks[name] as (...args: unknown[]) => unknown
      const { message } = await errorOf(() =>
        /tensorBoard|modelCheckpoint/.test(name) ? make('place', strange) : make(strange),
      )
      const settings = documented('callbacks', name).filter(setting => !['path', 'logDir'].includes(setting))
      expect(settingsIn(message)).toEqual(expect.arrayContaining(settings))
    },
  )
})

describe('definitions', () => {
  const { activations, constraints, initializers, losses, metrics, optimizers, regularizers, schedules } = nabla
  const kinds = { activations, constraints, initializers, losses, metrics, optimizers, regularizers, schedules }

  test.each([
    [nabla.activation, 'forward'],
    [nabla.loss, 'forward'],
    [nabla.optimizer, 'step'],
    [nabla.regularizer, 'penalty'],
    [nabla.metric, 'measure'],
  ] as const)('without their heart are told where they are made: %#', (define, heart) => {
    const params = { learningRate: 1 }
    const made = define as (name: string, definition: never) => unknown
    expect(() => made('mine', { params } as never)).toThrow(`the definition of mine has no ${heart}`)
  })

  test.each(Object.entries(kinds))('every one of %s tells of a setting that it does not have', async (_, all) => {
    for (const [name, make] of Object.entries(all))
      expect(await errorOf(() => (make as Call)(strange as never)), name).toMatchObject({ code: 'bad-option' })
  })

  test.each([
    ['activation', () => nabla.activation('mine', { forward: 'x', backwards: 'dy' } as never)],
    ['loss', () => nabla.loss('mine', { forward: 'p - t', backwards: '1' } as never)],
    ['optimizer', () => nabla.optimizer('mine', { params: { learningRate: 1 }, step: 'w = w', backwards: 1 } as never)],
    ['regularizer', () => nabla.regularizer('mine', { penalty: 'w^2', backwards: '2 * w' } as never)],
  ])('one of ones own by %s is told of a part that does not exist', (_, define) => {
    expect(define).toThrow('mine has no setting "backwards"')
  })

  test('data is what dataset takes; where it is predicted, targets do not count', async () => {
    for (const wrong of [
      { ...xy, sampleWeight: [1, 2] },
      { ...xy, classs: 2 },
    ])
      for (const use of ['fit', 'evaluate', 'trainOnBatch', 'predict', 'predictSync'] as const)
        expect((await errorOf(() => made()[use](wrong as never))).message).toMatch(/^dataset has no setting/)
    expect((await made().predict(xy)).shape).toEqual([2, 1])
    expect(made().predictSync({ x, y: 'none' } as never).shape).toEqual([2, 1])
  })

  test('settings beside a name are told', () => {
    expect(() =>
      made().compile({ loss: 'meanSquaredError', optimizer: { name: 'sgd', learningRate: 1 } as never }),
    ).toThrow('optimizer sgd got "learningRate" beside its name')
  })
})
