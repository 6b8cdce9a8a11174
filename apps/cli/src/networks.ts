import { layers, type Model, sequential } from 'nabla'

/** The digit recogniser: three convolutions, two hidden layers, 345,338 parameters. */
export function digits(seed: number, threads?: number): Model {
  const { input, conv2d, batchNormalization, leakyRelu, maxPooling2d, dropout, flatten, dense } = layers
  const model = sequential(
    [
      input([28, 28, 1]),

      conv2d(32, 3, { padding: 'same', activation: 'relu' }),
      batchNormalization(),
      leakyRelu({ slope: 0.1 }),
      maxPooling2d({ poolSize: 2, padding: 'same' }),
      dropout(0.3),

      conv2d(64, 3, { padding: 'same', activation: 'relu' }),
      batchNormalization(),
      leakyRelu({ slope: 0.1 }),
      maxPooling2d({ poolSize: 2, padding: 'same' }),
      dropout(0.3),

      conv2d(128, 3, { padding: 'same', activation: 'relu' }),
      batchNormalization(),
      leakyRelu({ slope: 0.1 }),
      maxPooling2d({ poolSize: 2, padding: 'same' }),
      dropout(0.4),

      flatten(),
      dense(120, { activation: 'relu' }),
      batchNormalization(),
      leakyRelu({ slope: 0.1 }),
      dropout(0.3),

      dense(40, { activation: 'relu' }),
      batchNormalization(),
      leakyRelu({ slope: 0.1 }),
      dropout(0.2),

      dense(10, { activation: 'softmax' }),
    ],
    { name: 'digits', seed },
  )
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'], threads })
  return model
}
