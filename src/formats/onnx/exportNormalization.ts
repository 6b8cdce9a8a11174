import type { Builder } from './build.ts'
import { first, last, type Writer, type Written } from './export.ts'
import { sizeOf } from './tensors.ts'

const one = (b: Builder, size: number, value: number) =>
  b.array(`${size} of ${value}`, [size], new Array<number>(size).fill(value))

/** γ ⊙ x + β along the last axis, as far as there are any. */
function learnt(b: Builder, x: string, { weights, array }: Written, dims?: readonly number[]): string {
  const scaled = weights.gamma ? b.node('Mul', [x, array('gamma', dims)]) : x
  return weights.beta ? b.node('Add', [scaled, array('beta', dims)]) : scaled
}

/** Each group of channels of a sample, with all its places, gets mean 0 and variance 1. */
const grouped =
  (groupsOf: (layer: Written) => number): Writer =>
  (b, [x], layer) => {
    const [shape] = layer.inputs
    const [n, channels] = [shape.length - 1, shape[shape.length - 1]]
    const groups = groupsOf(layer) === -1 ? channels : groupsOf(layer)
    const cut = b.node('Reshape', [b.transpose(x, first(n)), b.whole([0, groups, -1])])
    const epsilon = { float: layer.config.epsilon ?? 1e-3 }
    const even = b.node('InstanceNormalization', [cut, one(b, groups, 1), one(b, groups, 0)], { epsilon })
    const joined = b.node('Reshape', [even, b.whole([0, channels, ...shape.slice(0, -1)])])
    return learnt(b, b.transpose(joined, last(n)), layer)
  }

/** The axes that are taken together, in order, and all axes with these at the end. */
function axesOf({ config, inputs }: Written) {
  const rank = inputs[0].length + 1
  const axes = [config.axis ?? -1]
    .flat()
    .map(axis => (axis < 0 ? axis + rank : axis))
    .sort((p, q) => p - q)
  const order = [...Array.from({ length: rank }, (_, i) => i).filter(axis => !axes.includes(axis)), ...axes]
  return { axes, order, back: order.map((_, axis) => order.indexOf(axis)) }
}

/** What is learnt, beside a sample of which the given axes are normalised. */
const beside = ({ inputs: [shape] }: Written, axes: readonly number[]) =>
  shape.map((n, i) => (axes.includes(i + 1) ? n : 1))

const layerNormalization: Writer = (b, [x], layer) => {
  const { axes, order, back } = axesOf(layer)
  const dims = axes.map(axis => layer.inputs[0][axis - 1])
  const { weights, array } = layer
  const ones = () => array('ones', dims, new Array<number>(sizeOf(dims)).fill(1))
  const operands = [b.transpose(x, order), weights.gamma ? array('gamma') : ones()]
  if (weights.beta) operands.push(array('beta'))
  const epsilon = { float: layer.config.epsilon ?? 1e-3 }
  return b.transpose(b.node('LayerNormalization', operands, { axis: -axes.length, epsilon }), back)
}

const rms: Writer = (b, [x], layer) => {
  const { axes } = axesOf(layer)
  const square = b.node('ReduceMean', [b.node('Mul', [x, x])], { axes, keepdims: 1 })
  const root = b.node('Sqrt', [b.node('Add', [square, b.number(layer.config.epsilon ?? 1e-6)])])
  return learnt(b, b.node('Div', [x, root]), layer, beside(layer, axes))
}

const unit: Writer = (b, [x], layer) => {
  const length = b.node('ReduceL2', [x], { axes: axesOf(layer).axes, keepdims: 1 })
  return b.node('Div', [x, b.node('Max', [length, b.number(1e-12)])])
}

export const normalizationWriters: Readonly<Record<string, Writer>> = {
  layerNormalization,
  groupNormalization: grouped(({ config }) => config.groups ?? 32),
  instanceNormalization: grouped(() => -1),
  rmsNormalization: rms,
  unitNormalization: unit,
}
