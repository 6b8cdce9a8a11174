import type { ByteSource } from '../../data/files.ts'
import { DataError, ShapeError } from '../../errors.ts'
import { badFile, type Port, readModel, readTensor } from './file.ts'
import { execute, plan } from './run.ts'
import { type Dtype, dtypes, exactly, room, sizeOf, type Tensor, within } from './tensors.ts'
import { fill } from './typed.ts'

export { exportOnnx, writable as onnxLayers } from './export.ts'
export type { Port as OnnxPort } from './file.ts'
export { type LoadOnnxOptions, loadOnnx, trainableOperators as onnxTrainableOperators } from './graph/load.ts'
export { operatorNames as onnxOperators } from './operators/index.ts'
export type { Dtype as OnnxDtype } from './tensors.ts'

export type OnnxData = InstanceType<(typeof dtypes)[Dtype]['Array']>

/** Numbers that go into a model: an array of this library, or anything with a shape and data. */
export interface OnnxFeed {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number | bigint>
}

/** Numbers that come out: float16 and bfloat16 as Float32Array, bool as Uint8Array of 0 and 1, int64 as BigInt64Array. */
export interface OnnxResult {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: OnnxData
}

/** A graph that has been read and checked. */
export interface OnnxModel {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** The version of the standard operators the file was written for. */
  readonly opset: number
  /**
   * Computes every output from the inputs, by name.
   * @throws DataError `missing-input`, `bad-onnx`; ShapeError; BackendError `unsupported`
   */
  run(feeds: Readonly<Record<string, OnnxFeed>>): Record<string, OnnxResult>
}

/**
 * Reads an ONNX model, opset 7 to 28, and runs it: every operator in float64, rounded to its type.
 *
 * What there is no row for is refused before anything runs, with a message that begins with `unsupported:`.
 * @param source a path, a URL, a File, or the bytes
 * @throws BackendError `unsupported`, `missing-peer`; DataError `bad-onnx`, `unreadable`
 * @example
 * const model = await importOnnx('mlp.onnx')
 * const { y } = model.run({ x: { shape: [1, 2], data: new Float32Array([0, 1]) } })
 */
export async function importOnnx(source: ByteSource): Promise<OnnxModel> {
  const { graph, opset } = await readModel(source)
  const made = plan(graph, opset)
  const weights = [...graph.constants.values()].reduce((sum, { data }) => sum + data.length, 0)
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    opset,
    run(feeds) {
      const size = Object.values(feeds).reduce((sum, { data }) => sum + data.length, weights)
      const given = new Map(graph.inputs.map(port => [port.name, feedOf(port, feeds)]))
      const extra = Object.keys(feeds).find(name => !given.has(name))
      if (extra !== undefined)
        throw new DataError('unknown-input', `onnx got the input "${extra.slice(0, 40)}", which the model has not`, {
          evidence: [['inputs', [...given.keys()].join(', ').slice(0, 200)]],
          hint: 'name the inputs as the model does; see model.inputs',
        })
      const results = within(size, () => execute(made, opset, given))
      return Object.fromEntries(graph.outputs.map(({ name }, i) => [name, resultOf(results[i])]))
    },
  }
}

/** One tensor of ONNX's own files, `input_0.pb` and the like. */
export async function readOnnxTensor(source: ByteSource): Promise<OnnxResult> {
  return resultOf(await readTensor(source))
}

function feedOf({ name, dtype, shape }: Port, feeds: Readonly<Record<string, OnnxFeed>>): Tensor {
  if (!Object.hasOwn(feeds, name))
    throw new DataError('missing-input', `onnx got no input "${name.slice(0, 40)}"`, {
      evidence: [['got', Object.keys(feeds).join(', ').slice(0, 200) || 'nothing']],
      hint: 'run({ name: { shape: [1, 2], data: new Float32Array([0, 1]) } })',
    })
  const feed = feeds[name]
  const fits =
    !shape ||
    (shape.length === feed.shape.length && shape.every((n, i) => typeof n !== 'number' || n === feed.shape[i]))
  if (!fits || sizeOf(feed.shape) !== feed.data.length)
    throw new ShapeError(
      'wrong-input',
      `onnx got input "${name.slice(0, 30)}" of the shape [${feed.shape.join(', ')}]`,
      {
        evidence: [
          ['expected', `[${shape?.map(n => n ?? '?').join(', ') ?? sizeOf(feed.shape)}]`],
          ['numbers', String(feed.data.length)],
        ],
        hint: 'give as many numbers as the shape says, and the shape that the model was exported for',
      },
    )
  return exactly(dtype, feed.shape, fill(room(feed.shape), feed.data, dtype))
}

function resultOf({ type, dims, data }: Tensor): OnnxResult {
  if (type !== 'int64' && type !== 'uint64') return { dtype: type, shape: dims, data: new dtypes[type].Array(data) }
  const BigIntArray = dtypes[type].Array
  const [low, high] = type === 'int64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n]
  const whole = (x: number) => {
    if (Math.abs(x) === Infinity) return x < 0 ? low : high
    if (!Number.isInteger(x)) throw badFile(`a whole number came out as ${x}`)
    return BigInt(x) > high ? high : BigInt(x)
  }
  const out = new BigIntArray(data.length)
  for (let i = 0; i < out.length; i++) out[i] = whole(data[i])
  return { dtype: type, shape: dims, data: out }
}
