import type { Model } from '../../model/face.ts'
import type { Node } from '../../model/network.ts'
import type { Activation } from '../../nn/activation.ts'
import * as activations from '../../nn/activations.ts'
import { type ActivationChoice, resolveActivation } from '../../nn/resolve.ts'
import { type Padding, reachOf, type Sizes, sizes, windowsOver } from '../../nn/window.ts'
import { turned } from '../../tensor/turned.ts'
import { type Builder, builder, needed } from './build.ts'
import { attentionWriters } from './exportAttention.ts'
import { normalizationWriters } from './exportNormalization.ts'
import { recurrentWriters } from './exportRecurrent.ts'
import { gated, wrapperWriters } from './exportWrappers.ts'
import { schema, unsupported } from './file.ts'
import { writeFormula } from './formulas.ts'

/** Settings of layers, as they were checked when the layers were made. */
interface Config {
  readonly activation?: ActivationChoice
  readonly kernelSize?: Sizes
  readonly poolSize?: Sizes
  readonly strides?: Sizes
  readonly dilation?: Sizes
  readonly padding?: unknown
  readonly groups?: number
  readonly keepdims?: boolean
  readonly maxValue?: number
  readonly negativeSlope?: number
  readonly threshold?: number
  readonly alpha?: number
  readonly slope?: number
  readonly axis?: number | readonly number[]
  readonly epsilon?: number
  readonly scale?: number
  readonly offset?: number
  readonly n?: number
  readonly dims?: readonly number[]
  readonly recurrentActivation?: ActivationChoice
  readonly returnSequences?: boolean
  readonly goBackwards?: boolean
  readonly resetAfter?: boolean
  readonly outputPadding?: Sizes
  readonly layer?: { readonly type: string; readonly config: unknown }
  readonly mergeMode?: string
  readonly axes?: number | readonly number[]
  readonly normalize?: boolean
  readonly hard?: boolean
  readonly temperature?: number
  readonly cropping?: unknown
  readonly size?: Sizes
  readonly interpolation?: string
  readonly useCausalMask?: boolean
  readonly scoreMode?: string
  readonly normalizeFirst?: boolean
  readonly maskZero?: boolean
  readonly lower?: number
  readonly upper?: number
}
interface Weights {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}
/** A layer to write: its settings, the shapes of its inputs without the batch, and its arrays by their keys. */
export interface Written {
  readonly config: Config
  readonly inputs: readonly (readonly number[])[]
  readonly shape: readonly number[]
  readonly weights: Readonly<Record<string, Weights | undefined>>
  /** The name of one of its arrays in the file. */
  array(key: string, dims?: readonly number[], values?: ArrayLike<number>): string
}
export type Writer = (b: Builder, xs: readonly string[], layer: Written) => string

/** Functions that the format has a word for, when they are at their defaults. */
const words: Readonly<Record<string, string>> = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  softplus: 'Softplus',
  softsign: 'Softsign',
}

export function activate(b: Builder, x: string, f: Activation, size = 0): string {
  const root = f.formulas?.forward.outputs.get('y')
  if (f.formulas && root?.op === 'name') return x
  if (f.formulas) {
    // Equal formulas are one object, so this asks whether all settings are at their defaults.
    const plain = Object.hasOwn(words, f.name) && resolveActivation(f.name as 'relu').formulas?.forward.outputs.get('y')
    return plain === root ? b.node(words[f.name], [x]) : writeFormula(b, f.formulas.forward, { x })
  }
  const axis = Number(f.params.axis ?? -1)
  if (f.name === 'softmax') return b.node('Softmax', [x], { axis })
  if (f.name === 'softmin') return b.node('Softmax', [b.node('Neg', [x])], { axis })
  if (f.name === 'logSoftmax') return b.node('LogSoftmax', [x], { axis })
  if (f.name === 'crelu' && axis === -1) return b.node('Relu', [b.node('Concat', [x, b.node('Neg', [x])], { axis })])
  const halved = axis === -1 ? gated(b, x, f.name, size) : undefined
  if (halved) return halved
  throw unsupported(`activation ${f.name}`, 'use an activation that works element by element')
}

/** Channels first and back; between two such layers nothing remains of it. */
export const first = (n: number) => [0, n + 1, ...Array.from({ length: n }, (_, i) => i + 1)]
export const last = (n: number) => [0, ...Array.from({ length: n }, (_, i) => i + 2), 1]

const pads = (padding: readonly (readonly number[])[]) => [
  ...padding.map(([before]) => before),
  ...padding.map(([, after]) => after),
]

/** An activation by formula is written before the channels go back, so that the way back can cancel out. */
function finish(b: Builder, z: string, n: number, f: Activation, size: number): string {
  return f.formulas ? b.transpose(activate(b, z, f), last(n)) : activate(b, b.transpose(z, last(n)), f, size)
}

/** Kernels [...window, from, to] as [to, from, ...window]. */
function channelsFirst({ shape, data }: Weights, n: number): { dims: number[]; values: Float64Array } {
  const [from, to] = shape.slice(n)
  const order = [n + 1, n, ...shape.slice(0, n).keys()]
  return { dims: [to, from, ...shape.slice(0, n)], values: turned(data, shape, order, new Float64Array(data.length)) }
}

/** A convolution of channels that come first, by the kernels of that name; those of `D` see a channel each. */
function convolve(b: Builder, x: string, n: number, key: 'W' | 'D', layer: Written, plain = false): string {
  const { config, inputs, weights, array } = layer
  const W = weights[key]!
  const size = W.shape.slice(0, n)
  const [strides, dilation] = plain
    ? [size, size]
    : [sizes('conv', 'strides', config.strides ?? 1, n), sizes('conv', 'dilation', config.dilation ?? 1, n)]
  const padding = (config.padding ?? 'valid') as Padding
  const { windows } = windowsOver('conv', inputs[0].slice(0, n), { size, strides, dilation, padding })
  const [from, to] = W.shape.slice(n)
  const { dims, values } = channelsFirst(key === 'D' ? { shape: [...size, 1, from * to], data: W.data } : W, n)
  const operands = [x, array(key, dims, values)]
  if (weights.b && (key === 'W' || !weights.W)) operands.push(array('b'))
  return b.node('Conv', operands, {
    strides,
    dilations: dilation,
    pads: plain ? size.flatMap(() => [0, 0]) : pads(windows.padding),
    group: key === 'D' ? from : plain ? 1 : (config.groups ?? 1),
  })
}

const convolution =
  (n: number, key: 'W' | 'D' = 'W'): Writer =>
  (b, [x], layer) => {
    const z = convolve(b, b.transpose(x, first(n)), n, key, layer)
    return finish(b, z, n, resolveActivation(layer.config.activation ?? 'linear'), layer.weights[key]!.shape[n + 1])
  }

/** Each channel by itself, then all channels of a place together. */
const separable =
  (n: number): Writer =>
  (b, [x], layer) => {
    const m = convolve(b, b.transpose(x, first(n)), n, 'D', layer)
    const z = convolve(b, m, n, 'W', layer, true)
    return finish(b, z, n, resolveActivation(layer.config.activation ?? 'linear'), layer.weights.W!.shape[n + 1])
  }

const transposed =
  (n: number): Writer =>
  (b, [x], { config, inputs, shape, weights, array }) => {
    const size = sizes('conv', 'kernelSize', config.kernelSize, n)
    const strides = sizes('conv', 'strides', config.strides ?? 1, n)
    const dilation = sizes('conv', 'dilation', config.dilation ?? 1, n)
    const reach = reachOf({ size, dilation })
    const beyond = size.map((_, i) => (inputs[0][i] - 1) * strides[i] + reach[i] - shape[i])
    const { dims, values } = channelsFirst(weights.W!, n)
    const operands = [b.transpose(x, first(n)), array('W', dims, values)]
    if (weights.b) operands.push(array('b'))
    const z = b.node('ConvTranspose', operands, {
      strides,
      dilations: dilation,
      pads: [...beyond.map(m => Math.floor(Math.max(m, 0) / 2)), ...beyond.map(m => Math.ceil(Math.max(m, 0) / 2))],
      output_padding: beyond.map(m => Math.max(-m, 0)),
    })
    return finish(b, z, n, resolveActivation(config.activation ?? 'linear'), shape[n])
  }

const pooling =
  (operator: 'MaxPool' | 'AveragePool', n: number): Writer =>
  (b, [x], { config, inputs }) => {
    const size = sizes('pooling', 'poolSize', config.poolSize ?? 2, n)
    const strides = sizes('pooling', 'strides', config.strides ?? size, n)
    const { windows } = windowsOver('pooling', inputs[0].slice(0, n), {
      size,
      strides,
      padding: (config.padding ?? 'valid') as Padding,
    })
    const made = b.node(operator, [b.transpose(x, first(n))], {
      kernel_shape: size,
      strides,
      pads: pads(windows.padding),
    })
    return b.transpose(made, last(n))
  }

const globally =
  (operator: 'ReduceMean' | 'ReduceMax', n: number): Writer =>
  (b, [x], { config }) =>
    b.node(operator, [x], { axes: first(n).slice(2), keepdims: config.keepdims ? 1 : 0 })

const merging =
  (operator: string): Writer =>
  (b, xs, { inputs, shape }) => {
    const all = xs.map((x, i) => {
      const missing = shape.length - inputs[i].length
      return missing > 0 ? b.node('Unsqueeze', [x, b.whole(Array.from({ length: missing }, (_, j) => j + 1))]) : x
    })
    return operator === 'Mul' || operator === 'Sub'
      ? all.reduce((a, x) => b.node(operator, [a, x]))
      : b.node(operator, all)
  }

/** y = x·scale + shift with one of each a channel. */
function affine(b: Builder, x: string, { array }: Written, scale: ArrayLike<number>, shift: ArrayLike<number>): string {
  return b.node('Add', [
    b.node('Mul', [x, array('scale', [scale.length], scale)]),
    array('shift', [shift.length], shift),
  ])
}

const nothing: Writer = (_, [x]) => x

/** How each type of layer is written. */
const writers: Readonly<Record<string, Writer>> = {
  input: nothing,
  dropout: nothing,
  spatialDropout1d: nothing,
  spatialDropout2d: nothing,
  spatialDropout3d: nothing,
  gaussianNoise: nothing,
  gaussianDropout: nothing,
  alphaDropout: nothing,
  activityRegularization: nothing,
  dense: (b, [x], { config, weights, array, inputs }) => {
    const bias = weights.b ? [array('b')] : []
    const product = () => b.node('MatMul', [x, array('W')])
    // Gemm knows matrices only.
    const isMatrix = inputs[0].length === 1
    const z = isMatrix
      ? b.node('Gemm', [x, array('W'), ...bias])
      : bias.length > 0
        ? b.node('Add', [product(), ...bias])
        : product()
    return activate(b, z, resolveActivation(config.activation ?? 'linear'), weights.W!.shape[1])
  },
  activation: (b, [x], { config, inputs }) => activate(b, x, resolveActivation(config.activation!), inputs[0].at(-1)),
  relu: (b, [x], { config: { maxValue = Infinity, negativeSlope = 0, threshold = 0 } }) =>
    activate(b, x, activations.relu({ maxValue, negativeSlope, threshold })),
  elu: (b, [x], { config: { alpha = 1 } }) => activate(b, x, activations.elu({ alpha })),
  leakyRelu: (b, [x], { config: { slope = 0.3 } }) => activate(b, x, activations.leakyRelu({ slope })),
  softmax: (b, [x], { config: { axis = -1 } }) => activate(b, x, activations.softmax({ axis: Number(axis) })),
  conv1d: convolution(1),
  conv2d: convolution(2),
  conv3d: convolution(3),
  depthwiseConv1d: convolution(1, 'D'),
  depthwiseConv2d: convolution(2, 'D'),
  separableConv1d: separable(1),
  separableConv2d: separable(2),
  conv1dTranspose: transposed(1),
  conv2dTranspose: transposed(2),
  conv3dTranspose: transposed(3),
  maxPooling1d: pooling('MaxPool', 1),
  maxPooling2d: pooling('MaxPool', 2),
  maxPooling3d: pooling('MaxPool', 3),
  averagePooling1d: pooling('AveragePool', 1),
  averagePooling2d: pooling('AveragePool', 2),
  averagePooling3d: pooling('AveragePool', 3),
  globalAveragePooling1d: globally('ReduceMean', 1),
  globalAveragePooling2d: globally('ReduceMean', 2),
  globalAveragePooling3d: globally('ReduceMean', 3),
  globalMaxPooling1d: globally('ReduceMax', 1),
  globalMaxPooling2d: globally('ReduceMax', 2),
  globalMaxPooling3d: globally('ReduceMax', 3),
  batchNormalization: (b, [x], layer) => {
    const { gamma, beta, movingMean, movingVariance } = layer.weights
    const epsilon = layer.config.epsilon ?? 1e-3
    const scale = Array.from(gamma!.data, (g, i) => g / Math.sqrt(movingVariance!.data[i] + epsilon))
    return affine(
      b,
      x,
      layer,
      scale,
      scale.map((s, i) => beta!.data[i] - s * movingMean!.data[i]),
    )
  },
  rescaling: (b, [x], layer) => affine(b, x, layer, [layer.config.scale!], [layer.config.offset ?? 0]),
  normalization: (b, [x], layer) => {
    const { mean, variance } = layer.weights
    const scale = Array.from(variance!.data, v => 1 / Math.max(Math.sqrt(v), 1e-7))
    const shift = scale.map((s, i) => -s * mean!.data[i])
    return affine(b, x, layer, scale, shift)
  },
  rrelu: (b, [x], { config: { lower = 1 / 8, upper = 1 / 3 } }) =>
    activate(b, x, activations.leakyRelu({ slope: (lower + upper) / 2 })),
  randomErasing: nothing,
  randomRotation: nothing,
  randomTranslation: nothing,
  randomZoom: nothing,
  flatten: (b, [x]) => b.node('Flatten', [x], { axis: 1 }),
  reshape: (b, [x], { shape }) => b.node('Reshape', [x, b.whole([0, ...shape])]),
  permute: (b, [x], { config }) => b.transpose(x, [0, ...config.dims!]),
  repeatVector: (b, [x], { config }) =>
    b.node('Tile', [b.node('Unsqueeze', [x, b.whole([1])]), b.whole([1, config.n!, 1])]),
  embedding: (b, [x], { config, weights, array }) => {
    if (config.maskZero) throw unsupported('embedding with maskZero', 'ONNX has no masks: leave maskZero out')
    const rows = b.node('Clip', [b.node('Floor', [x]), b.number(0), b.number(weights.W!.shape[0] - 1)])
    return b.node('Gather', [array('W'), b.node('Cast', [rows], { to: 7 })])
  },
  ...recurrentWriters,
  ...normalizationWriters,
  ...attentionWriters,
  ...wrapperWriters,
  add: merging('Sum'),
  average: merging('Mean'),
  maximum: merging('Max'),
  minimum: merging('Min'),
  multiply: merging('Mul'),
  subtract: merging('Sub'),
  concatenate: (b, xs, { config }) => b.node('Concat', xs, { axis: Number(config.axis ?? -1) }),
}

/** The writer of a layer within another. */
export function writerOf(type: string): Writer {
  if (Object.hasOwn(writers, type)) return writers[type]
  throw unsupported(`${type} within another layer`, `layers that can be written: ${writable.join(', ')}`)
}

/** The types of layers that can be written. */
export const writable: readonly string[] = Object.keys(writers)

/**
 * A model as the bytes of an ONNX file, opset 17, that computes what `predict` does; the batch is free, images are
 * [batch, height, width, channels] as everywhere here.
 * @throws BackendError `unsupported`, naming every layer that has no counterpart
 * @example
 * await writeFile('digits.onnx', await exportOnnx(model))
 */
export async function exportOnnx(model: Model): Promise<Uint8Array> {
  const { ModelProto } = await schema()
  const { nodes, inputs, outputs } = model.network
  const missing = nodes.filter(({ layer }) => !Object.hasOwn(writers, layer.type))
  if (missing.length > 0)
    throw unsupported(
      missing.slice(0, 12).map(({ layer, name }) => `${layer.type} "${name}"`).join(', ') + (missing.length > 12 ? ` and ${missing.length - 12} others` : ''), // biome-ignore format: one thought
      `layers that can be written: ${writable.join(', ')}`,
    )
  const b = builder(model.dtype ?? 'float32')
  const arrays = new Map(model.weights().map(weight => [weight.name, weight]))
  const names: string[] = []
  const portNames = inputs.map(({ name }, i) => name || (inputs.length === 1 ? 'x' : `x${i}`))
  const nameOf = (i: number) => (i < 0 ? portNames[-1 - i] : names[i])
  for (const node of nodes)
    names.push(writers[node.layer.type](b, node.inputs.map(nameOf), written(b, node, nodes[node.owner], arrays)))
  const results = outputs.map(({ name, node }, i) => {
    const output = name && !portNames.includes(name) ? name : outputs.length === 1 ? 'y' : `y${i}`
    b.nodes.push({ opType: 'Identity', name: output, input: [nameOf(node)], output: [output] })
    return output
  })
  const port = (name: string, shape: readonly number[]) => ({
    name,
    type: {
      tensorType: {
        elemType: b.code,
        shape: { dim: [{ dimParam: 'batch' }, ...shape.map(dimValue => ({ dimValue }))] },
      },
    },
  })
  const used = needed(b.nodes, results)
  const read = new Set(used.flatMap(({ input }) => input ?? []))
  const graph = {
    name: model.name || 'model',
    node: used,
    initializer: b.constants.filter(({ name }) => read.has(name!)),
    input: inputs.map(({ shape }, i) => port(portNames[i], shape)),
    output: outputs.map(({ shape }, i) => port(results[i], shape)),
  }
  const opsetImport = [{ domain: '', version: 17 }]
  return ModelProto.encode({ irVersion: 8, producerName: 'nabla', opsetImport, graph }).finish()
}

function written(b: Builder, node: Node, owner: Node, arrays: ReadonlyMap<string, Weights>): Written {
  const entries = [...owner.parameters, ...owner.state].map(({ key, name }) => [key, arrays.get(name)] as const)
  const weights: Record<string, Weights | undefined> = Object.fromEntries(entries)
  return {
    config: node.layer.config as Config,
    inputs: node.inputShapes,
    shape: node.shape,
    weights,
    array: (key, dims = weights[key]!.shape, values = weights[key]!.data) =>
      b.array(`${owner.name}/${key}`, dims, values),
  }
}
