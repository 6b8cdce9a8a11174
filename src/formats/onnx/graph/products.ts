import * as layers from '../../../nn/layers/index.ts'
import { matmul } from '../../../nn/layers/matmul.ts'
import { must } from '../call.ts'
import { unsupported } from '../file.ts'
import type { Tensor } from '../tensors.ts'
import { constant, flowing, type Mapping, type Rows, range, steady, turned, uniform, weights } from './mapping.ts'
import { alikeAfloat, factors, isKnown, laid, type Sample, sample, settled, shapedAs, sizeIn } from './sample.ts'

/** Rows of features times a matrix: a dense layer, at each place of the sample. */
function dense(m: Mapping, s: Sample, W: Tensor, b: Tensor | undefined, name: number): Sample {
  const [features, units] = W.dims
  const last = s.axes.length - 1
  must(
    W.dims.length === 2 && sizeIn(s, last) === features && !s.axes[last].includes(0),
    `${m.operator} does not fit its matrix`,
  )
  const row = factors(s, [last])
  const rest = s.output.shape
    .map((_, i) => i + 1)
    .filter(p => !row.includes(p) && (s.output.shape[p - 1] > 1 || s.axes.flat().includes(p)))
  const options = { useBias: b !== undefined, ...m.options(name) }
  const make = (values: ArrayLike<number>) =>
    [layers.dense(units, options), { W: values, ...(b && { b: b.data }) }] as const
  if (rest.length === 0) {
    // Features stay as they lie: the rows of W are put into that order.
    const order = [...row].sort((a, b) => a - b)
    const dims = [...row.map(p => s.output.shape[p - 1]), units]
    const values = turned({ dims, data: W.data }, [...order.map(p => row.indexOf(p)), row.length])
    const output = settled(s)
    const made = m.learn(...make(values))(output.shape.length === 1 ? output : layers.flatten()(output))
    return sample(
      made,
      s.axes.map((list, i) => (i === last ? [1] : list.filter(p => p === 0))),
    )
  }
  const [inner, arrays] = make(W.data)
  const made = m.learn(layers.timeDistributed(inner, m.options(name)), arrays)(laid(s, [rest, row]))
  const sizes = rest.map(p => s.output.shape[p - 1])
  const output = shapedAs(made, [...sizes, units])
  const number = (p: number) => (p === 0 ? 0 : rest.indexOf(p) + 1)
  return sample(
    output,
    s.axes.map((list, i) =>
      i === last ? [sizes.length + 1] : list.filter(p => p === 0 || rest.includes(p)).map(number),
    ),
  )
}

const flipped = (t: Tensor): Tensor => ({
  ...t,
  dims: [...t.dims].reverse(),
  data: turned(t, range(t.dims.length).reverse()),
})

function gemm(m: Mapping): Sample {
  const s = flowing(m)
  const [alpha, beta] = [m.float('alpha', 1), m.float('beta', 1)]
  if (m.int('transA', 0)) throw unsupported('Gemm of samples that stand upright', 'run it with importOnnx')
  const given = weights(m, 1)
  const W = m.int('transB', 0) ? flipped(given) : given
  const c = constant(m, 2)
  const units = W.dims[1]
  if (c && c.data.length !== units && uniform(c) === undefined)
    throw unsupported('Gemm with a bias for each sample', 'run it with importOnnx')
  const b = c && {
    ...c,
    dims: [units],
    data: Float64Array.from({ length: units }, (_, i) => beta * c.data[c.data.length === 1 ? 0 : i]),
  }
  return dense(m, s, alpha === 1 ? W : { ...W, data: W.data.map(v => alpha * v) }, b, 1)
}

/** Products of two samples, matrix by matrix. */
function product(first: Sample, second: Sample): Sample {
  const [a, b] = alikeAfloat([first, second])
  const rank = a.axes.length
  const lead = range(rank - 2)
  const sizes = (s: Sample) => factors(s, lead).map(p => s.output.shape[p - 1])
  const places = (s: Sample) => lead.map(axis => s.axes[axis].map(p => p === 0))
  const fits =
    rank === b.axes.length &&
    sizes(a).join() === sizes(b).join() &&
    JSON.stringify(places(a)) === JSON.stringify(places(b))
  if (!fits || places(a).flat().includes(true) !== a.axes.flat().includes(0))
    throw unsupported('MatMul of samples that are not alike', 'run it with importOnnx')
  const [x, y] = [a, b].map(s =>
    laid(s, [...factors(s, lead).map(p => [p]), factors(s, [rank - 2]), factors(s, [rank - 1])]),
  )
  const stack = factors(a, lead)
  const made = matmul()([x, y])
  const number = (p: number) => (p === 0 ? 0 : stack.indexOf(p) + 1)
  return sample(made, [...lead.map(axis => a.axes[axis].map(number)), [stack.length + 1], [stack.length + 2]])
}

function matrixProduct(m: Mapping): Sample {
  const [a, b] = m.inputs
  if (a && b && !isKnown(a) && !isKnown(b)) return product(a, b)
  const s = flowing(m, a && isKnown(a) ? 1 : 0)
  if (b && isKnown(b)) {
    const W = steady(b)
    if (W.dims.length !== 2) throw unsupported('MatMul with a stack of matrices', 'run it with importOnnx')
    return dense(m, s, W, m.bias(W.dims[1], s.axes.length), 1)
  }
  const W = flipped(weights(m, 0))
  if (W.dims.length !== 2 || s.axes.length < 2)
    throw unsupported('MatMul with a stack of matrices', 'run it with importOnnx')
  const upright = (t: Sample): Sample => ({ ...t, axes: [...t.axes.slice(0, -2), t.axes.at(-1)!, t.axes.at(-2)!] })
  return upright(dense(m, upright(s), W, undefined, 0))
}

export const products: Rows = { Gemm: gemm, MatMul: matrixProduct }
