import type { DatasetSource } from '../data/dataset.ts'
import { type ByteSource, isAddress, readBytes } from '../data/files.ts'
import type { Model as Core, ModelOptions } from '../model/face.ts'
import type { Graph } from '../model/graph.ts'
import { model as core } from '../model/model.ts'
import { fromBytes as bytesToCore, type LoadOptions, loadModel as load, save } from '../model/save.ts'
import type { Layer } from '../nn/layer.ts'
import type { Data, Several } from './check.ts'
import type { Metrics, TrainEvent } from './event.ts'
import {
  type EvaluateOptions,
  evaluate,
  type Predictions,
  predict,
  predictSync,
  testOnBatch,
  trainOnBatch,
} from './measure.ts'
import { type FitOptions, fit, type History, type TrainOptions, train } from './train.ts'
import type { WeightOptions } from './weights.ts'

/** A model with the verbs of a training. */
export interface Model extends Core {
  /** Trains to the end; see `fit`. */
  fit(data: Data, options?: FitOptions): Promise<History>
  /** Trains and tells each event; stop listening and it stops. */
  train(data: Data, options?: TrainOptions): AsyncGenerator<TrainEvent, void>
  evaluate(data: Data, options?: EvaluateOptions): Promise<Metrics>
  /** One step with all samples as one batch; its loss and metrics. */
  trainOnBatch(data: Data, options?: WeightOptions): Promise<Metrics>
  /** The loss and the metrics of all samples as one batch. */
  testOnBatch(data: Data, options?: WeightOptions): Promise<Metrics>
  /** The outputs of all samples as one batch. */
  predictOnBatch(data: Data | DatasetSource['x'] | Several): Promise<Predictions>
  predict(data: Data | DatasetSource['x'] | Several, options?: { batchSize?: number }): Promise<Predictions>
  /** The outputs of a few samples without waiting; throws a StateError where it takes threads. */
  predictSync(data: Data | DatasetSource['x']): Predictions
  /** Writes a folder, or one file when the path ends in .safetensors. */
  save(path: string): Promise<void>
}

export function trainable(core: Core): Model {
  for (const layer of core.layers) if ('network' in layer && !('fit' in layer)) trainable(layer as Core)
  return Object.assign(core, {
    fit: (data: Data, options?: FitOptions) => fit(core, data, options),
    train: (data: Data, options?: TrainOptions) => train(core, data, options),
    evaluate: (data: Data, options?: EvaluateOptions) => evaluate(core, data, options),
    predict: (data: Data | DatasetSource['x'] | Several, options?: { batchSize?: number }) =>
      predict(core, data, options),
    trainOnBatch: (data: Data, options?: WeightOptions) => trainOnBatch(core, data, options),
    testOnBatch: (data: Data, options?: WeightOptions) => testOnBatch(core, data, options),
    predictOnBatch: (data: Data | DatasetSource['x'] | Several) => predict(core, data, { batchSize: 2 ** 31 - 1 }),
    predictSync: (data: Data | DatasetSource['x']) => predictSync(core, data),
    save: (path: string) => save(core, path),
  })
}

/**
 * A model of layers that follow one another.
 * @param layers the first one says what a sample looks like: `input([…])`, or its option inputShape
 * @throws ShapeError when a layer cannot take what the one before gives
 * @example
 * const model = sequential([input([2]), dense(8, { activation: 'tanh' }), dense(1, { activation: 'sigmoid' })])
 * model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
 * await model.fit({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] }, { epochs: 100 })
 */
export const sequential = (layers: readonly Layer[], options?: ModelOptions): Model => trainable(core(layers, options))

/**
 * A model of what lies between inputs and outputs, one or several of each; a layer called twice is shared.
 * @param of inputs: layers `input([…])`; outputs: what layers give when they are called
 * @throws StateError when an output depends on an input that is not listed
 * @example
 * const image = input([28, 28, 1], { name: 'image' })
 * const features = dense(32, { activation: 'relu' })(flatten()(image))
 * const net = model({ inputs: image, outputs: dense(10, { activation: 'softmax' })(features) })
 */
export const model = ({ inputs, outputs, ...options }: Graph & ModelOptions): Model =>
  trainable(core({ inputs, outputs }, options))

/**
 * The model that `model.save(path)` wrote.
 * @param source a path or an address of a folder or a .safetensors file; or a File or bytes of the latter
 */
export const loadModel = async (source: ByteSource, options?: LoadOptions): Promise<Model> => {
  if (typeof source === 'string' && !isAddress(source)) return trainable(await load(source, options))
  const place = String(source)
  const isFile = !(typeof source === 'string' || source instanceof URL) || /\.safetensors$|^(data|blob):/.test(place)
  if (isFile) return trainable(bytesToCore(await readBytes(source), options))
  return trainable(await load(place, options, readBytes))
}

/** The model that `toBytes(model)` wrote. */
export const fromBytes = (bytes: Uint8Array, options?: LoadOptions): Model => trainable(bytesToCore(bytes, options))
