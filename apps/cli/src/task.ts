import {
  type Activation,
  DataError,
  type Dataset,
  dataset,
  layers,
  type Model,
  optimizers,
  sequential,
  toys,
} from 'nabla'
import { loadDigits, loadTable } from './data.ts'

/** What a comparison trains: data, and one network whose activation can be put in. */
export interface Task {
  readonly train: Dataset
  readonly heldOut: Dataset
  readonly epochs: number
  readonly batch: number
  readonly network: string
  build(activation: Activation, seed: number): Model
}

export interface TaskOptions {
  /** spiral, planar, digits, or a file of CSV, JSON lines or npz. */
  data: string
  /** The column of a table that holds the classes. */
  label: string
  limit?: number
  threads?: number
}

/** The data and the network of a comparison. Held-out samples are never trained on. */
export async function loadTask({ data, label, limit, threads }: TaskOptions): Promise<Task> {
  if (data === 'digits') {
    const { train, heldOut } = await loadDigits({ data: 'mnist', split: 'mnist', limit: limit ?? 6000 })
    const few = heldOut.take(Math.min(2000, Math.max(200, train.size)))
    return images(train, few, threads)
  }
  if (data === 'spiral' || data === 'planar') {
    const [train, heldOut] = [1, 2].map(seed =>
      data === 'spiral' ? toys.spiral({ samples: 200, seed }) : toys.planarFlower({ samples: 400, seed }),
    )
    return table(train, heldOut, { units: 24, epochs: 1000, learningRate: 0.01, threads })
  }
  const all = await loadTable(data, label, limit)
  const { train, test } = all.split({ testSize: 0.2, seed: 0 })
  return table(...standardized(train, test), { units: 64, epochs: 60, learningRate: 0.003, threads })
}

const compile = (model: Model, learningRate: number, threads?: number) => {
  model.compile({
    optimizer: optimizers.adam({ learningRate }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    threads,
  })
  return model
}

interface Sizes {
  units: number
  epochs: number
  learningRate: number
  threads?: number
}

function table(train: Dataset, heldOut: Dataset, { units, epochs, learningRate, threads }: Sizes): Task {
  const { input, dense } = layers
  const classes = classesOf(train, heldOut)
  const [inputs] = train.inputShape
  return {
    train,
    heldOut,
    epochs,
    batch: 32,
    network: `${inputs}-${units}-${units}-${classes}`,
    build: (activation, seed) =>
      compile(
        sequential(
          [
            input([inputs]),
            dense(units, { activation }),
            dense(units, { activation }),
            dense(classes, { activation: 'softmax' }),
          ],
          { name: 'compare', seed },
        ),
        learningRate,
        threads,
      ),
  }
}

function images(train: Dataset, heldOut: Dataset, threads?: number): Task {
  const { input, conv2d, maxPooling2d, flatten, dense } = layers
  return {
    train,
    heldOut,
    epochs: 5,
    batch: 64,
    network: 'conv 12 · pool · conv 24 · pool · dense 64 · 10',
    build: (activation, seed) =>
      compile(
        sequential(
          [
            input([...train.inputShape]),
            conv2d(12, 3, { padding: 'same', activation }),
            maxPooling2d({ poolSize: 2 }),
            conv2d(24, 3, { padding: 'same', activation }),
            maxPooling2d({ poolSize: 2 }),
            flatten(),
            dense(64, { activation }),
            dense(10, { activation: 'softmax' }),
          ],
          { name: 'compare', seed },
        ),
        0.001,
        threads,
      ),
  }
}

/** How many classes both sets have; their labels must be whole numbers from 0. */
function classesOf(...sets: Dataset[]): number {
  let classes = 2
  for (const set of sets)
    for (let row = 0; row < set.size; row++) {
      const label = set.label(row)
      if (!(Number.isInteger(label) && label >= 0 && label < 1000))
        throw new DataError('bad-label', `row ${row} has the class ${label}, expected a whole number 0 … 999`, {
          hint: 'number the classes from 0, or name another column with --label',
        })
      classes = Math.max(classes, label + 1)
    }
  return classes
}

/** Each column with mean 0 and deviation 1, as the training part has it. */
function standardized(...sets: [train: Dataset, test: Dataset]): [Dataset, Dataset] {
  const arrays = sets.map(set => {
    const [x, y] = [new Float64Array(set.size * set.inputShape[0]), new Float64Array(set.size)]
    set.fill(
      Int32Array.from({ length: set.size }, (_, row) => row),
      x,
      y,
    )
    return { x, y }
  })
  const columns = sets[0].inputShape[0]
  const size = sets[0].size
  for (let column = 0; column < columns; column++) {
    let [sum, squares] = [0, 0]
    for (let row = 0; row < size; row++) sum += arrays[0].x[row * columns + column]
    for (let row = 0; row < size; row++) squares += (arrays[0].x[row * columns + column] - sum / size) ** 2
    const scale = Math.sqrt(squares / size) || 1
    for (const { x } of arrays) for (let at = column; at < x.length; at += columns) x[at] = (x[at] - sum / size) / scale
  }
  return arrays.map(({ x, y }) => dataset({ x, y, inputShape: [columns] })) as [Dataset, Dataset]
}
