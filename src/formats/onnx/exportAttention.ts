import { resolveActivation } from '../../nn/resolve.ts'
import type { Builder } from './build.ts'
import { activate, type Writer, type Written } from './export.ts'

/** Which input is query, value and key. */
const roles = <T>(xs: readonly T[]): [query: T, value: T, key: T] => {
  const value = xs[1] ?? xs[0]
  return [xs[0], value, xs[2] ?? value]
}

const add = (b: Builder, x: string, bias: string | undefined) => (bias ? b.node('Add', [x, bias]) : x)

/** softmax(s)·v, later steps hidden where the layer is told so. */
function weigh(b: Builder, s: string, v: string, { config, inputs }: Written): string {
  const [rows, columns] = [inputs[0][0], (inputs[1] ?? inputs[0])[0]]
  const later = () =>
    b.array(
      `later ${rows} ${columns}`,
      [rows, columns],
      Array.from({ length: rows * columns }, (_, i) => (i % columns > Math.floor(i / columns) ? -Infinity : 0)),
    )
  const seen = config.useCausalMask ? b.node('Add', [s, later()]) : s
  return b.node('MatMul', [b.node('Softmax', [seen], { axis: -1 }), v])
}

/** Every query beside every key: [batch, queries, keys, features]. */
const sums = (b: Builder, query: string, key: string) =>
  b.node('Add', [b.node('Unsqueeze', [query, b.whole([2])]), b.node('Unsqueeze', [key, b.whole([1])])])
const total = (b: Builder, x: string) => b.node('ReduceSum', [x, b.whole([-1])], { keepdims: 0 })

const attention: Writer = (b, xs, layer) => {
  const { config, weights, array } = layer
  const [query, value, key] = roles(xs)
  const scaled = (x: string, by: 'scale' | 'concatWeight') => (weights[by] ? b.node('Mul', [x, array(by)]) : x)
  const scores =
    config.scoreMode === 'concat'
      ? scaled(total(b, b.node('Tanh', [scaled(sums(b, query, key), 'scale')])), 'concatWeight')
      : scaled(b.node('MatMul', [query, b.transpose(key, [0, 2, 1])]), 'scale')
  return weigh(b, scores, value, layer)
}

const additive: Writer = (b, xs, layer) => {
  const [query, value, key] = roles(xs)
  const bent = b.node('Tanh', [sums(b, query, key)])
  return weigh(b, total(b, layer.weights.scale ? b.node('Mul', [bent, layer.array('scale')]) : bent), value, layer)
}

/** All heads at once: [batch, heads, steps, size]. */
const multiHead: Writer = (b, xs, layer) => {
  const { weights, array } = layer
  const heads = (x: string, letter: 'q' | 'k' | 'v') => {
    const [features, count, size] = weights[`W${letter}`]!.shape
    const z = b.node('MatMul', [x, array(`W${letter}`, [features, count * size])])
    const biased = add(b, z, weights[`b${letter}`] && array(`b${letter}`, [count * size]))
    return b.transpose(b.node('Reshape', [biased, b.whole([0, 0, count, size])]), [0, 2, 1, 3])
  }
  const [query, value, key] = roles(xs)
  const [q, k, v] = [heads(query, 'q'), heads(key, 'k'), heads(value, 'v')]
  const scale = b.number(1 / Math.sqrt(weights.Wq!.shape[2]))
  const scores = b.node('Mul', [b.node('MatMul', [q, b.transpose(k, [0, 1, 3, 2])]), scale])
  const seen = b.transpose(weigh(b, scores, v, layer), [0, 2, 1, 3])
  const [count, size, outputs] = weights.Wo!.shape
  const joined = b.node('Reshape', [seen, b.whole([0, 0, count * size])])
  return add(b, b.node('MatMul', [joined, array('Wo', [count * size, outputs])]), weights.bo && array('bo'))
}

/** A layer within a layer: its arrays carry a prefix. */
export const within = (layer: Written, prefix: string, changes: Partial<Written> = {}): Written => ({
  ...layer,
  weights: Object.fromEntries(
    Object.entries(layer.weights).flatMap(([key, w]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), w]] : [],
    ),
  ),
  array: (key, dims, values) => layer.array(prefix + key, dims, values),
  ...changes,
})

const encoder: Writer = (b, [x], layer) => {
  const { epsilon = 1e-5, normalizeFirst = false, activation = 'relu' } = layer.config
  const attend = (h: string) => multiHead(b, [h], within(layer, 'attention.'))
  const norm = (name: string, h: string) =>
    b.node('LayerNormalization', [h, layer.array(`${name}.gamma`), layer.array(`${name}.beta`)], {
      axis: -1,
      epsilon: { float: epsilon },
    })
  const dense = (name: string, h: string) =>
    add(b, b.node('MatMul', [h, layer.array(`${name}.W`)]), layer.array(`${name}.b`))
  const wide = (h: string) => dense('dense2', activate(b, dense('dense1', h), resolveActivation(activation)))
  const plus = (a: string, c: string) => b.node('Add', [a, c])
  if (normalizeFirst) {
    const h = plus(x, attend(norm('norm1', x)))
    return plus(h, wide(norm('norm2', h)))
  }
  const h = norm('norm1', plus(x, attend(x)))
  return norm('norm2', plus(h, wide(h)))
}

export const attentionWriters: Readonly<Record<string, Writer>> = {
  attention,
  additiveAttention: additive,
  multiHeadAttention: multiHead,
  transformerEncoder: encoder,
}
