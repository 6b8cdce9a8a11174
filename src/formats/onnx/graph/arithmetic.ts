import type { Output } from '../../../nn/call.ts'
import { affine } from '../../../nn/layers/affine.ts'
import * as layers from '../../../nn/layers/index.ts'
import { unsupported } from '../file.ts'
import { broadcast, dtypes, sizeOf, type Tensor } from '../tensors.ts'
import { constant, digits, flowing, type Mapping, type Row, type Rows, range, steady, uniform } from './mapping.ts'
import {
  alikeAfloat,
  batchAt,
  batchAxis,
  channelled,
  dimsOf,
  isKnown,
  laid,
  mapped,
  natural,
  plain,
  type Sample,
  sample,
  settled,
  sizeIn,
  together,
} from './sample.ts'

/** Elementwise operators as formulas of x; settings by name. */
const unary: Readonly<Record<string, string>> = {
  Identity: 'x',
  Relu: 'max(x, 0)',
  Sigmoid: 'sigmoid(x)',
  Tanh: 'tanh(x)',
  Softplus: 'softplus(x)',
  Softsign: 'x / (1 + abs(x))',
  Mish: 'x * tanh(softplus(x))',
  HardSwish: 'x * min(max(x + 3, 0), 6) / 6',
  Abs: 'abs(x)',
  Neg: '-x',
  Exp: 'exp(x)',
  Log: 'log(x)',
  Sqrt: 'sqrt(x)',
  Erf: 'erf(x)',
  Sin: 'sin(x)',
  Cos: 'cos(x)',
  Tan: 'tan(x)',
  Atan: 'atan(x)',
  Sinh: 'sinh(x)',
  Cosh: 'cosh(x)',
  Reciprocal: '1 / x',
  Floor: 'floor(x)',
  Ceil: 'ceil(x)',
  Sign: 'sign(x)',
}

/** A layer of its own for what has settings that the catalogue knows. */
const through = (s: Sample, make: (output: Output) => Output): Sample => sample(make(settled(s)), s.axes)

const withSettings: Rows = {
  LeakyRelu: m => through(flowing(m), layers.leakyRelu({ slope: m.float('alpha', Math.fround(0.01)) })),
  Elu: m => {
    const alpha = m.float('alpha', 1)
    return alpha === 1 ? mapped(flowing(m), 'x > 0 ? x : expm1(x)') : through(flowing(m), layers.elu({ alpha }))
  },
  Celu: m => mapped(flowing(m), formulaOf('x > 0 ? x : a * expm1(x / a)', { a: m.float('alpha', 1) })),
  Selu: m => {
    const [a, g] = [m.float('alpha', 1.6732632423543772), m.float('gamma', 1.0507009873554805)]
    const usual =
      Math.fround(a) === Math.fround(1.6732632423543772) && Math.fround(g) === Math.fround(1.0507009873554805)
    if (usual) return through(flowing(m), layers.activation('selu'))
    return mapped(flowing(m), formulaOf('x > 0 ? g * x : g * a * expm1(x)', { a, g }))
  },
  ThresholdedRelu: m => mapped(flowing(m), formulaOf('x > a ? x : 0', { a: m.float('alpha', 1) })),
  HardSigmoid: m => {
    const [a, b] = [m.float('alpha', 0.2), m.float('beta', 0.5)]
    if (Math.abs(a - 1 / 6) < 1e-6 && b === 0.5) return mapped(flowing(m), 'min(max(x + 3, 0), 6) / 6')
    return mapped(flowing(m), formulaOf('min(max(a * x + b, 0), 1)', { a, b }))
  },
  Gelu: m => {
    const tanh = m.text('approximate', 'none') === 'tanh'
    return through(flowing(m), layers.activation(tanh ? { name: 'gelu', params: { approximate: true } } : 'gelu'))
  },
  Swish: m => mapped(flowing(m), formulaOf('x * sigmoid(a * x)', { a: m.float('alpha', 1) })),
  Shrink: m => {
    const [a, b] = [m.float('lambd', 0.5), m.float('bias', 0)]
    return mapped(flowing(m), formulaOf('x < -a ? x + b : x > a ? x - b : 0', { a, b }))
  },
  Clip: m => {
    const [low, high] = [1, 2].map(i => {
      const bound = m.opset >= 11 ? constant(m, i) : undefined
      return bound
        ? bound.data[0]
        : m.opset < 11
          ? m.float(i === 1 ? 'min' : 'max', i === 1 ? -Infinity : Infinity)
          : undefined
    })
    const s = flowing(m)
    const least = low === undefined || low <= -dtypes.float32.round(3.4e38) ? 'x' : `max(x, ${digits(low)})`
    return mapped(s, high === undefined || high >= 3.4e38 ? least : `min(${least}, ${digits(high)})`)
  },
  Cast: m => {
    const to = m.int('to')
    m.int('saturate', 1)
    const s = { ...flowing(m), whole: false }
    if ([1, 10, 11].includes(to)) return s
    // Whole numbers are kept as such for those who only look something up.
    const places = m.read().length > 0 && m.read().every(operator => operator === 'Gather')
    if (places && (to === 6 || to === 7)) return mapped({ ...s, whole: true }, 'x < 0 ? ceil(x) : floor(x)')
    throw unsupported('Cast of samples to a type without fractions', 'run it with importOnnx')
  },
  Dropout: m => {
    m.int('seed', 0)
    const ratio = m.opset < 12 ? m.float('ratio', 0.5) : (constant(m, 1)?.data[0] ?? 0.5)
    return through(flowing(m), layers.dropout(ratio))
  },
  PRelu: m => {
    const [s, slope] = [batchAt(flowing(m), 0), constant(m, 1)!]
    const x = natural(s)
    const dims = [...new Array<number>(Math.max(0, x.shape.length - slope.dims.length)).fill(1), ...slope.dims].slice(
      -x.shape.length,
    )
    const sharedAxes = dims.flatMap((n, i) => (n === 1 && x.shape[i] !== 1 ? [i + 1] : []))
    return plain(m.learn(layers.prelu({ sharedAxes, ...m.options(1) }), { alpha: slope.data })(x))
  },
}

const formulaOf = (text: string, settings: Readonly<Record<string, number>>): string =>
  text.replaceAll(/\b[abg]\b/g, name => digits(settings[name]))

/** Two samples, in the order of the first where their axes match one by one. */
function merged(first: Sample, second: Sample, merge: (a: Output, b: Output) => Output): Sample {
  const [a, b] = alikeAfloat([first, second])
  const alike =
    a.axes.length === b.axes.length &&
    a.axes.every((list, i) => {
      const other = b.axes[i]
      const size = (s: Sample, p: number) => (p === 0 ? 0 : s.output.shape[p - 1])
      return list.length === other.length && list.every((p, j) => size(a, p) === size(b, other[j]))
    })
  if (alike) {
    const order = a.output.shape.map((_, i) => a.axes.flat().indexOf(i + 1))
    if (!order.includes(-1)) {
      const other = b.axes.flat()
      return sample(
        merge(
          settled(a),
          laid(
            b,
            order.map(i => [other[i]]),
          ),
        ),
        a.axes,
      )
    }
  }
  if (batchAxis(a) < 0 && batchAxis(b) < 0) {
    const whole = (s: Sample) => channelled(s, range(s.axes.length))
    const output = merge(whole(a), whole(b))
    return sample(
      output,
      output.shape.map((_, p) => [p + 1]),
    )
  }
  const [i, j] = [a, b].map(s => batchAxis(s) - s.axes.length)
  if (i !== j) throw unsupported('samples joined along different axes', 'put the batch at the same axis')
  const output = merge(natural(a), natural(b))
  const rank = Math.max(a.axes.length, b.axes.length)
  const at = rank + i
  return sample(
    output,
    range(rank).map(axis => [axis === at ? 0 : axis < at ? axis + 1 : axis]),
  )
}

/** Numbers beside a sample as the layer sees it: broadcast to each of its axes, or 1. */
function beside(s: Sample, t: Tensor): { shape: number[]; data: Float64Array } {
  const [rank, missing] = [s.axes.length, s.axes.length - t.dims.length]
  const dims = range(rank).map(i => (i < missing ? 1 : t.dims[i - missing]))
  const wide = dims.some((n, i) => n !== 1 && (s.axes[i].includes(0) || n !== sizeIn(s, i)))
  if (missing < 0 || wide) throw unsupported('a constant that makes samples larger', 'run it with importOnnx')
  const strides = range(rank).map(i => (dims[i] === 1 ? 0 : sizeOf(dims.slice(i + 1))))
  const own = s.output.shape.map(() => 0)
  s.axes.forEach((list, axis) => {
    let step = strides[axis]
    for (const p of list.toReversed()) {
      if (p !== 0) own[p - 1] = step
      step *= p === 0 ? 1 : s.output.shape[p - 1]
    }
  })
  const shape = s.output.shape.map((n, i) => (own[i] === 0 ? 1 : n))
  const data = new Float64Array(sizeOf(shape))
  for (let i = 0; i < data.length; i++)
    for (let axis = shape.length - 1, rest = i, at = 0; axis >= 0; axis--) {
      at += (rest % shape[axis]) * own[axis]
      rest = Math.floor(rest / shape[axis])
      if (axis === 0) data[i] = t.data[at]
    }
  const first = shape.findIndex(n => n !== 1)
  return { shape: shape.slice(first < 0 ? -1 : first), data }
}

/** Factors or what is added, as weights. */
function weighed(m: Mapping, s: Sample, kind: 'scale' | 'shift', t: Tensor, learnt: boolean): Sample {
  const { shape, data } = beside(s, t)
  const trainable = learnt && data.every(Number.isFinite)
  return through(s, m.learn(affine({ [kind]: shape, trainable, ...m.options(1) }), { [kind]: data }))
}

/** a ∘ b, where one of them may be known. */
const binary =
  (
    write: (a: string, b: string) => string,
    merge: ((a: Output, b: Output) => Output) | undefined,
    beside?: (m: Mapping, s: Sample, t: Tensor, learnt: boolean, first: boolean) => Sample,
  ): Row =>
  m => {
    const [a, b] = m.inputs
    if (m.operator === 'Div' && m.inputs.some(v => v && !isKnown(v) && v.whole))
      throw unsupported('Div of whole numbers', 'run it with importOnnx')
    if (a && b && !isKnown(a) && !isKnown(b)) {
      const one = together(a, b, write)
      if (one) return one
      if (merge) return merged(a, b, merge)
      throw unsupported('this of two samples', 'run it with importOnnx')
    }
    const first = a !== undefined && isKnown(a)
    const s = flowing(m, first ? 1 : 0)
    const other = m.inputs[first ? 0 : 1]
    if (!other || !isKnown(other)) throw unsupported('an input that is left out', 'run it with importOnnx')
    const t = steady(other)
    broadcast(t.dims, dimsOf(s, m.batches[0]))
    const number = uniform(t)
    if (
      number !== undefined &&
      t.dims.length <= s.axes.length &&
      t.dims.every((n, i) => n === 1 || n === sizeIn(s, s.axes.length - t.dims.length + i))
    )
      return mapped(s, first ? write(digits(number), 'x') : write('x', digits(number)))
    if (beside) return beside(m, s, t, other.learnt, first)
    throw unsupported('this with a list of numbers', 'run it with importOnnx')
  }

/** One of two values that are formulas of what is asked, or numbers. */
function chosen(m: Mapping, when: Sample): Sample {
  const [yes, no] = [1, 2].map(i => {
    const value = m.inputs[i]!
    const n = isKnown(value) ? uniform(steady(value)) : undefined
    const t = isKnown(value) ? steady(value) : undefined
    if (n !== undefined && t!.dims.every(size => size === 1) && t!.dims.length <= when.axes.length) return digits(n)
    const one = isKnown(value) ? undefined : together(when, value, (_, text) => text)
    if (one) return one.text
    throw unsupported('Where of several samples', 'run it with importOnnx')
  })
  return { ...when, text: `(${when.text}) ? ${yes} : ${no}` }
}

const each = (t: Tensor, f: (v: number) => number): Tensor => ({ ...t, data: t.data.map(f) })

/** b ∘ (a ∘ …) for any number of inputs. */
const many =
  (row: Row, after: (s: Sample, count: number) => Sample = s => s): Row =>
  m => {
    const [first, ...rest] = m.inputs
    const all = rest.reduce((a, b) => row({ ...m, inputs: [a, b] }) as Sample, first)
    return all && isKnown(all) ? all : after(all as Sample, m.inputs.length)
  }

const add = binary(
  (a, b) => `${a} + ${b}`,
  (a, b) => layers.add()([a, b]),
  (m, s, t, learnt) => weighed(m, s, 'shift', t, learnt),
)

export const arithmetic: Rows = {
  ...Object.fromEntries(
    Object.entries(unary).map(([name, text]): [string, Row] => [name, m => mapped(flowing(m), text)]),
  ),
  ...withSettings,
  Add: add,
  Sub: binary(
    (a, b) => `${a} - ${b}`,
    (a, b) => layers.subtract()([a, b]),
    (m, s, t, learnt, first) =>
      first
        ? weighed(m, mapped(s, '-x'), 'shift', t, learnt)
        : weighed(
            m,
            s,
            'shift',
            each(t, v => -v),
            learnt,
          ),
  ),
  Mul: binary(
    (a, b) => `${a} * ${b}`,
    (a, b) => layers.multiply()([a, b]),
    (m, s, t, learnt) => weighed(m, s, 'scale', t, learnt),
  ),
  Div: binary(
    (a, b) => `${a} / ${b}`,
    (a, b) => layers.multiply()([a, layers.activation('1 / x')(b)]),
    (m, s, t, learnt, first) =>
      first
        ? weighed(m, mapped(s, '1 / x'), 'scale', t, learnt)
        : weighed(
            m,
            s,
            'scale',
            each(t, v => 1 / v),
            learnt,
          ),
  ),
  Pow: binary((a, b) => `${a} ^ ${b}`, undefined),
  Less: binary((a, b) => `${a} < ${b}`, undefined),
  LessOrEqual: binary((a, b) => `${a} <= ${b}`, undefined),
  Greater: binary((a, b) => `${a} > ${b}`, undefined),
  GreaterOrEqual: binary((a, b) => `${a} >= ${b}`, undefined),
  Equal: binary((a, b) => `${a} == ${b}`, undefined),
  And: binary((a, b) => `${a} && ${b}`, undefined),
  Or: binary((a, b) => `${a} || ${b}`, undefined),
  Not: m => mapped(flowing(m), '!x'),
  Max: many(
    binary(
      (a, b) => `max(${a}, ${b})`,
      (a, b) => layers.maximum()([a, b]),
    ),
  ),
  Min: many(
    binary(
      (a, b) => `min(${a}, ${b})`,
      (a, b) => layers.minimum()([a, b]),
    ),
  ),
  Sum: many(add),
  Mean: many(add, (s, count) => mapped(s, `x / ${count}`)),
  Where: m => {
    const when = m.inputs[0]
    if (when && !isKnown(when)) return chosen(m, when)
    // A mask that is known: y = x ⊙ scale + shift with 0 and 1.
    const mask = constant(m, 0)!
    const [yes, no] = [m.inputs[1]!, m.inputs[2]!]
    const inside = isKnown(yes)
    const s = flowing(m, inside ? 2 : 1)
    const fill = uniform(constant(m, inside ? 1 : 2)!)
    if (fill === undefined || (isKnown(yes) && isKnown(no)))
      throw unsupported('Where with a list of numbers', 'run it with importOnnx')
    const hit = (v: number) => (v !== 0) === inside
    const kept = Number.isFinite(fill)
      ? weighed(
          m,
          s,
          'scale',
          each(mask, v => (hit(v) ? 0 : 1)),
          false,
        )
      : s
    return weighed(
      m,
      kept,
      'shift',
      each(mask, v => (hit(v) ? fill : 0)),
      false,
    )
  },
}
