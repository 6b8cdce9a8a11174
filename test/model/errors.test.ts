import {
  DataError,
  dataset,
  layers,
  losses,
  type Model,
  type NablaError,
  optimizers,
  ShapeError,
  StateError,
  sequential,
} from 'nabla'
import { describe, expect, test } from 'vitest'

const { conv2d, dense, dropout, flatten, input, maxPooling2d } = layers
type Kind = new (...args: never[]) => NablaError

const model = (loss?: string, classes = 3): Model => {
  const made = sequential([input([4]), dense(classes, { activation: 'softmax', name: 'hidden' })])
  if (loss) made.compile({ loss: loss as never })
  return made
}
const x = [[1, 2, 3, 4]]
const wholeBatch =
  'give the numbers of the whole batch, one sample behind the other; fit and predict take any number of samples'

/** What a user may do wrong, and the whole message. */
const rows: [string, () => unknown, Kind, string][] = [
  [
    'no layers',
    () => sequential([]),
    StateError,
    'sequential got no layers, expected at least one\n  hint: sequential([input([2]), dense(1)])',
  ],
  [
    'no input shape',
    () => sequential([dense(3)]),
    ShapeError,
    'sequential does not know the shape of its input\n  hint: start with input([…]), or give the first layer { inputShape: […] }',
  ],
  [
    'a convolution on a row',
    () => sequential([input([4]), conv2d(8, 3)]),
    ShapeError,
    'conv2d got an input of 1 axes, expected 3: [height, width, channels]\n  input  [4]\n  hint: give each sample height, width and channels: [28, 28, 1]',
  ],
  [
    'a window larger than the image',
    () => sequential([input([2, 2, 1]), maxPooling2d({ poolSize: 3 })]),
    ShapeError,
    'maxPooling2d "max_pooling2d" got [2, 2], smaller than its window\n  window  [3, 3]\n  hint: use a smaller window, or padding: \'same\'',
  ],
  [
    'a batch that lacks a sample',
    () => model('categoricalCrossentropy').run('train', 2, new Float32Array(4), new Float32Array(6)),
    ShapeError,
    `run got 4 numbers for x, expected 8\n  x  [2, 4]\n  hint: ${wholeBatch}`,
  ],
  [
    'targets that were left out',
    () => model('categoricalCrossentropy').run('evaluate', 2, new Float32Array(8), undefined as never),
    ShapeError,
    `run got no numbers for t, expected 6\n  t  [2, 3]\n  hint: ${wholeBatch}`,
  ],
  [
    'more numbers than a batch has',
    () => model().forward(2, new Float32Array(9)),
    ShapeError,
    `forward got 9 numbers for x, expected 8\n  x  [2, 4]\n  hint: ${wholeBatch}`,
  ],
  [
    'half a sample',
    () => model('categoricalCrossentropy').feed('train', 1.5),
    ShapeError,
    'a batch of 1.5 samples was asked for\n  hint: give how many samples there are: 1, 2, …',
  ],
  [
    'no units',
    () => dense(0),
    ShapeError,
    'dense got units 0, expected a whole number from 1\n  hint: units counts something; give one number such as 8',
  ],
  [
    'a rate of 1',
    () => dropout(1),
    ShapeError,
    'dropout got rate 1, expected a number in [0, 1)\n  hint: rate is a share, for example 0.5',
  ],
  [
    'half a thread',
    () => model().use({ threads: 1.5 }),
    StateError,
    'use got 1.5 threads, expected 1 … 1024\n  hint: leave threads out, and there are as many as the machine has cores',
  ],
  [
    'no threads',
    () => model().compile({ loss: 'meanSquaredError', threads: 0 }),
    StateError,
    'use got 0 threads, expected 1 … 1024\n  hint: leave threads out, and there are as many as the machine has cores',
  ],
  [
    'a strange padding',
    () => sequential([input([4, 4, 1]), conv2d(1, 3, { padding: 'full' as never })]),
    ShapeError,
    "conv2d got padding full\n  hint: padding is 'same' or 'valid'",
  ],
  [
    'a name twice',
    () => sequential([input([4]), dense(1, { name: 'a' }), dense(1, { name: 'a' })]),
    StateError,
    'sequential got the layer name "a"\n  hint: names are unique, of up to 64 letters, digits, _ - and .',
  ],
  [
    'a larger model than memory',
    () => sequential([input([100, 100, 3]), flatten(), dense(1e6, { name: 'big' })]),
    ShapeError,
    'big makes the model larger than 2³⁰ parameters\n  W  [30000, 1000000]\n  b  [1000000]\n  hint: pool or flatten less, or use fewer units',
  ],
  [
    'a name with two letters swapped',
    () => sequential([input([4]), dense(1, { activation: 'rleu' })]),
    StateError,
    'unknown activation "rleu"\n  known  relu, celu, crelu, elu, gelu, glu, …\n  hint: did you mean "relu"?',
  ],
  [
    'a setting that an optimiser does not have',
    () => optimizers.sgd({ learning_rate: 0.1 } as never),
    StateError,
    'optimizer sgd has no setting "learning_rate"\n  settings  learningRate, momentum, nesterov, weightDecay, clipnorm, clipvalue, globalClipnorm, useEma, emaMomentum, emaOverwriteFrequency, gradientAccumulationSteps\n  hint: did you mean "learningRate"?',
  ],
  [
    'a setting that a loss does not have',
    () => losses.huber({ detla: 2 } as never),
    StateError,
    'loss huber has no setting "detla"\n  settings  delta\n  hint: did you mean "delta"?',
  ],
  [
    'no data',
    () => dataset({ x: null as never, y: [1] }),
    DataError,
    'dataset got x null, expected numbers\n  hint: give lists of numbers, one a sample: [[1, 2], [3, 4]]',
  ],
  [
    'an unknown loss',
    () => model('categorical_crossentropy'),
    StateError,
    'unknown loss "categorical_crossentropy"\n  known  categoricalCrossentropy, categoricalFocalCrossentropy, sparseCategoricalCrossentropy, binaryFocalCrossentropy, categoricalGeneralizedCrossEntropy, …\n  hint: did you mean "categoricalCrossentropy"?',
  ],
  [
    'an unknown optimiser',
    () => model().compile({ optimizer: 'Adam' as never, loss: 'meanSquaredError' }),
    StateError,
    'unknown optimizer "Adam"\n  known  adam, adamW, nadam, radam, adamax, …\n  hint: did you mean "adam"?',
  ],
  [
    'fit before compile',
    () => model().fit({ x, y: [0] }),
    StateError,
    "fit was called before compile\n  hint: model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })",
  ],
  [
    'evaluate before compile',
    () => model().evaluate({ x, y: [0] }),
    StateError,
    "evaluate was called before compile\n  hint: model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })",
  ],
  [
    'samples of another shape',
    () => model('sparseCategoricalCrossentropy').fit({ x: [[1, 2, 3]], y: [0] }),
    ShapeError,
    'dense "hidden" got samples [3], but expects [4]\n  data   1 samples [3]\n  model  [4]\n  hint: reshape the data (inputShape), or build the model for these samples',
  ],
  [
    'labels for one-hot rows',
    () => model('categoricalCrossentropy').fit({ x, y: [0] }),
    ShapeError,
    "categoricalCrossentropy got targets [], expected [3]\n  targets  []\n  output   [3]\n  hint: targets are class numbers: use data.oneHot(), or loss 'sparseCategoricalCrossentropy'",
  ],
  [
    'one-hot rows for labels',
    () => model('sparseCategoricalCrossentropy').fit({ x, y: [[0, 1, 0]] }),
    ShapeError,
    "sparseCategoricalCrossentropy got targets [3], expected []\n  targets  [3]\n  output   [3]\n  hint: targets are one-hot: use loss 'categoricalCrossentropy'",
  ],
  [
    'a dense layer that saw an image',
    () => {
      const net = sequential([input([2, 2, 1]), dense(3, { activation: 'softmax' })])
      net.compile({ loss: 'categoricalCrossentropy' })
      return net.fit({
        x: [
          [
            [[0], [1]],
            [[1], [0]],
          ],
        ],
        y: [[0, 1, 0]],
      })
    },
    ShapeError,
    'categoricalCrossentropy got targets [3], expected [2, 2, 3]\n  targets  [3]\n  output   [2, 2, 3]\n  hint: the output still has the axes of the input: put flatten() before the last dense layers',
  ],
  [
    'no targets',
    () => model('categoricalCrossentropy').evaluate({ x }),
    ShapeError,
    'categoricalCrossentropy got no targets, expected [3]\n  targets  none\n  output   [3]\n  hint: give the data y as well',
  ],
  [
    'a label out of range',
    () => model('sparseCategoricalCrossentropy').fit({ x: [...x, ...x], y: [0, 3] }),
    DataError,
    'row 1 has label 3, expected 0 … 2\n  targets  []\n  output   [3]\n  hint: labels count from 0; for labels up to 3 the last layer needs more units',
  ],
  [
    'a NaN in the data',
    () => model('sparseCategoricalCrossentropy').fit({ x: [[1, 2, Number.NaN, 4]], y: [0] }),
    DataError,
    'row 0 has x[2] = NaN, expected a number\n  hint: leave the row out, or fill what is missing, before training',
  ],
  [
    'a NaN to predict',
    () => model().predict([[1, 2, 3, Infinity]]),
    DataError,
    'row 0 has x[3] = Infinity, expected a number\n  hint: leave the row out, or fill what is missing, before training',
  ],
  [
    'no data',
    () => model('meanSquaredError').fit({ x: [], y: [] }),
    DataError,
    'dataset got 0 samples, expected at least one\n  hint: check the file or the selection that the rows come from',
  ],
  [
    'a split that leaves nothing',
    () => model('sparseCategoricalCrossentropy').fit({ x, y: [0] }, { validationSplit: 0.5 }),
    DataError,
    'fit got validationSplit 0.5, one part would be empty\n  hint: give a fraction between 0 and 1',
  ],
  [
    'a batch of nothing',
    () => model('sparseCategoricalCrossentropy').fit({ x, y: [0] }, { batchSize: 0 }),
    DataError,
    'batches got a batch size of 0, expected a whole number from 1\n  hint: usual sizes are 32 and 128',
  ],
  [
    'a closed model',
    () => {
      const made = model()
      made.close()
      return made.weights()
    },
    StateError,
    'the model was closed, its numbers are gone\n  hint: save it, or read its weights, before close()',
  ],
  [
    'a foreign weight',
    () => model().setWeights([{ name: 'hidden/V', data: [1] }]),
    StateError,
    'the model has no weight "hidden/V"\n  known  hidden/W, hidden/b\n  hint: the file belongs to a model of other layers or names',
  ],
  [
    'weights of another shape',
    () => model().setWeights([{ name: 'hidden/b', shape: [3, 1], data: [1, 2, 3] }]),
    ShapeError,
    'hidden/b got [3, 1], expected [3]\n  hint: the weights belong to a model of another shape',
  ],
]

describe('an error says what is wrong and what to try', () => {
  test.each(rows)('%s', async (_, act, kind, message) => {
    const error = await Promise.resolve()
      .then(act)
      .then(
        () => undefined,
        (e: NablaError) => e,
      )
    expect(error).toBeInstanceOf(kind)
    expect(error!.message).toBe(message)
    expect(message.split('\n')[0].length).toBeLessThan(100)
  })
})

test('a flat list of numbers is cut into samples', async () => {
  const { shape } = await model().predict(Float32Array.from({ length: 8 }, (_, i) => i))
  expect(shape).toEqual([2, 3])
  expect((await model().predict(dataset({ x: [x[0], x[0]] }))).shape).toEqual([2, 3])
})
