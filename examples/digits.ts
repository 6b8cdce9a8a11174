/**
 * The digit recogniser: three convolutions, two hidden layers, 345,338 numbers to learn.
 *
 * Trains on some of MNIST and tests on the rest. For the whole thing use the command, `npx nabla train digits`.
 */
import { parseArgs } from 'node:util'
import { layers, sequential } from 'nabla'
import { mnist } from 'nabla/mnist'
import { curves, digits } from 'nabla/plot'
import { picture } from './picture.ts'

const { values } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: 'string', default: '6000' }, epochs: { type: 'string', default: '1' } },
})
const limit = Number(values.limit)
const epochs = Number(values.epochs)

// 28 × 28 pixels from 0 to 1, and the digit as ten numbers of which one is 1.
const { train, test } = await mnist()
const data = train.take(limit).oneHot()
const heldOut = test.take(Math.max(100, limit / 6)).oneHot()

const { input, conv2d, batchNormalization, leakyRelu, maxPooling2d, dropout, flatten, dense } = layers

/** What follows a convolution: keep its numbers near 0, bend them, halve the picture, forget some at random. */
const block = (filters: number, forget: number) => [
  conv2d(filters, 3, { padding: 'same', activation: 'relu' }),
  batchNormalization(),
  leakyRelu({ slope: 0.1 }),
  maxPooling2d({ poolSize: 2, padding: 'same' }),
  dropout(forget),
]
const hidden = (units: number, forget: number) => [
  dense(units, { activation: 'relu' }),
  batchNormalization(),
  leakyRelu({ slope: 0.1 }),
  dropout(forget),
]

export const model = sequential(
  [
    input([28, 28, 1]),
    ...block(32, 0.3),
    ...block(64, 0.3),
    ...block(128, 0.4),
    flatten(),
    ...hidden(120, 0.3),
    ...hidden(40, 0.2),
    dense(10, { activation: 'softmax' }),
  ],
  { name: 'digits' },
)
model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
export const summary = model.summary()
console.log(summary)

const trained = await model.fit(data, {
  epochs,
  batchSize: 64,
  validationData: heldOut,
  callbacks: [
    event => {
      if (event.type === 'step' && event.step % 20 === 0)
        console.log(`step ${event.step} of ${event.steps}: loss ${event.metrics.loss.toFixed(4)}`)
    },
  ],
})
export const history = trained.history
export const result = await model.evaluate(heldOut)
console.log(`of ${heldOut.size} digits never seen, ${(100 * result.accuracy).toFixed(2)} % are read correctly`)

const epoch = history.loss.map((_, i) => i)
await picture('digits/accuracy.svg', curves({ epoch, history }, 'accuracy'))
await picture('digits/loss.svg', curves({ epoch, history }, 'loss'))

// Some digits, and what is read.
const shown = heldOut.take(24)
const { data: probabilities } = await model.predict(shown)
const image = new Float32Array(784)
const pictures = Array.from({ length: shown.size }, (_, row) => {
  const p = probabilities.subarray(10 * row, 10 * row + 10)
  const read = p.indexOf(Math.max(...p))
  shown.fill([row], image)
  return { pixels: image.slice(), caption: `true ${shown.label(row)}, read ${read}` }
})
await picture('digits/read.svg', digits(pictures, { title: 'What was read' }))
model.close()
