import { FormulaError, nothingElse, ShapeError } from '../errors.ts'
import { check, compile, formula } from '../formula/index.ts'
import { operations } from '../formula/operations.ts'
import {
  allocate,
  bool,
  convert,
  type Data,
  fractional,
  isFloat,
  type NestedNumbers,
  promote,
  read,
  roundings,
  whole,
} from './array-cells.ts'
import { type Dtype, type PrintOptions, represent, show } from './array-print.ts'
import {
  type Axis,
  along,
  best,
  broadcast,
  front,
  places,
  position,
  product,
  type Range,
  range,
  runs,
  sums,
  walk,
} from './array-walk.ts'
import { printShape, type Shape, sizeOf, stridesOf } from './shape.ts'

/** What arithmetic takes beside an array: another array, a number, lists of numbers. */
export type Operand = NdArray | NestedNumbers
/** What `toArray` gives. */
export type NestedArray = number | NestedArray[]

export interface ArrayOptions {
  /** `'float32'` unless told otherwise; NumPy's own default is `'float64'`. */
  dtype?: Dtype
}

export interface ReduceOptions {
  /** One axis or several, counted from the end when negative; all when left out. */
  axis?: Axis
  /** Keep the reduced axes with size 1, so that the result still broadcasts against the array. */
  keepdims?: boolean
}

/** A piece of an axis: one place, or [from, to, step] with null for the end of the axis; null is the whole axis. */
export type Slice = number | Range | null

/**
 * Numbers in a grid that are worked on all at once, NumPy's ndarray; `tensor` makes one.
 *
 * Every method gives a new array whose numbers are rounded to its dtype. Shapes broadcast as in NumPy, and so do types:
 * plain numbers take the array's, comparisons give bool, whole numbers divided give float64.
 */
export class NdArray {
  readonly shape: Shape
  readonly dtype: Dtype
  /** The numbers in row-major order. */
  readonly data: Data

  constructor(shape: Shape, dtype: Dtype, data: Data) {
    this.shape = shape
    this.dtype = dtype
    this.data = data
  }

  get size(): number {
    return this.data.length
  }

  add(other: Operand): NdArray {
    return combine('add', this, other, operations['+'])
  }
  sub(other: Operand): NdArray {
    return combine('sub', this, other, operations['-'])
  }
  mul(other: Operand): NdArray {
    return combine('mul', this, other, operations['*'])
  }
  div(other: Operand): NdArray {
    return combine('div', this, other, operations['/'], fractional)
  }
  pow(other: Operand): NdArray {
    return combine('pow', this, other, operations['^'])
  }
  maximum(other: Operand): NdArray {
    return combine('maximum', this, other, operations.max)
  }
  minimum(other: Operand): NdArray {
    return combine('minimum', this, other, operations.min)
  }

  greater(other: Operand): NdArray {
    return combine('greater', this, other, operations['>'], bool)
  }
  greaterEqual(other: Operand): NdArray {
    return combine('greaterEqual', this, other, operations['>='], bool)
  }
  less(other: Operand): NdArray {
    return combine('less', this, other, operations['<'], bool)
  }
  lessEqual(other: Operand): NdArray {
    return combine('lessEqual', this, other, operations['<='], bool)
  }
  equal(other: Operand): NdArray {
    return combine('equal', this, other, operations['=='], bool)
  }
  notEqual(other: Operand): NdArray {
    return combine('notEqual', this, other, operations['!='], bool)
  }

  neg(): NdArray {
    return each(this, operations.neg, whole)
  }
  abs(): NdArray {
    return each(this, operations.abs, whole)
  }
  sign(): NdArray {
    return each(this, operations.sign, whole)
  }
  square(): NdArray {
    return each(this, x => x * x, whole)
  }
  exp(): NdArray {
    return each(this, operations.exp)
  }
  expm1(): NdArray {
    return each(this, operations.expm1)
  }
  log(): NdArray {
    return each(this, operations.log)
  }
  log1p(): NdArray {
    return each(this, operations.log1p)
  }
  sqrt(): NdArray {
    return each(this, operations.sqrt)
  }
  sin(): NdArray {
    return each(this, operations.sin)
  }
  cos(): NdArray {
    return each(this, operations.cos)
  }
  tan(): NdArray {
    return each(this, operations.tan)
  }
  tanh(): NdArray {
    return each(this, operations.tanh)
  }
  /** 1 / (1 + e⁻ˣ) */
  sigmoid(): NdArray {
    return each(this, operations.sigmoid)
  }
  floor(): NdArray {
    return each(this, operations.floor)
  }
  ceil(): NdArray {
    return each(this, operations.ceil)
  }
  /** To the nearest whole number, halves to the even one. */
  round(): NdArray {
    return each(this, operations.round)
  }

  /**
   * Computes a formula of one output in each place: `x` is this array, other names are given. It is computed in float64
   * and rounded once.
   * @throws FormulaError when it cannot be read or uses an unknown name; ShapeError when shapes do not broadcast
   * @example
   * tensor([-1, 2]).map('x > 0 ? x : slope * x', { slope: 0.3 })
   */
  map(text: string, others: Readonly<Record<string, Operand>> = {}): NdArray {
    const tape = compile(check(formula(text), ['x', ...Object.keys(others)], 'map'))
    if (tape.outputs.length !== 1)
      throw new FormulaError('many-outputs', `map got a formula of ${tape.outputs.length} outputs, expected one`, {
        evidence: [['outputs', tape.outputs.join(', ')]],
        hint: 'mark what is only a step on the way with let',
      })
    const operands = tape.names.map(name => operand(name === 'x' ? this : others[name], this.dtype))
    const shape = broadcast('map', [this.shape, ...operands.map(o => o.shape)])
    const dtype = fractional(operands.reduce((type, { weak, dtype }) => promote(type, dtype, weak), this.dtype))
    const at = operands.map(o => places(o.shape, shape))
    const [inputs, result] = [new Float64Array(operands.length), new Float64Array(1)]
    const out = allocate(dtype, shape)
    for (let i = 0; i < out.length; i++) {
      for (let k = 0; k < operands.length; k++) inputs[k] = operands[k].data[at[k]?.[i] ?? i]
      tape.run(inputs, result)
      out[i] = result[0]
    }
    return new NdArray(shape, dtype, out)
  }

  /**
   * The matrix product; a vector on the left is a row, on the right a column, and axes before the last two are batches.
   * Sums are kept in float64 and rounded once.
   */
  matmul(other: Operand): NdArray {
    const that = operand(other, this.dtype)
    if (this.shape.length === 0 || that.shape.length === 0) throw unfit(this.shape, that.shape)
    const left = this.shape.length === 1 ? [1, ...this.shape] : this.shape
    const right = that.shape.length === 1 ? [...that.shape, 1] : that.shape
    const [m, depth] = left.slice(-2)
    const [same, n] = right.slice(-2)
    if (depth !== same) throw unfit(this.shape, that.shape)
    const [a, b] = [left.slice(0, -2), right.slice(0, -2)]
    const batch = broadcast('matmul', [a, b])
    const [atA, atB] = [places(a, batch), places(b, batch)]
    const dtype = promote(this.dtype, that.dtype)
    const out = allocate(dtype, [...batch, m, n])
    for (let i = 0, count = sizeOf(batch); i < count; i++)
      product(
        [this.data, (atA ? atA[i] : i) * m * depth],
        [that.data, (atB ? atB[i] : i) * depth * n],
        [m, depth, n],
        out,
        i * m * n,
      )
    const shape = [...batch, ...(this.shape.length === 1 ? [] : [m]), ...(that.shape.length === 1 ? [] : [n])]
    return new NdArray(shape, dtype, out)
  }

  /** Sums, in NumPy's order of additions. */
  sum(options: ReduceOptions = {}): NdArray {
    const { axes, shape } = along('sum', this.shape, options)
    const dtype = this.dtype === 'bool' ? 'int32' : this.dtype
    return reduced(shape, dtype, total(this, axes))
  }

  mean(options: ReduceOptions = {}): NdArray {
    const { axes, shape } = along('mean', this.shape, options)
    const count = axes.reduce((n, a) => n * this.shape[a], 1)
    const means = total(this, axes).map(sum => sum / count)
    return reduced(shape, fractional(this.dtype), means)
  }

  max(options: ReduceOptions = {}): NdArray {
    return extreme('max', this, options, true)
  }

  min(options: ReduceOptions = {}): NdArray {
    return extreme('min', this, options, false)
  }

  /** Where the largest number is: along one axis, or among all numbers in row-major order. */
  argmax(options: { axis?: number; keepdims?: boolean } = {}): NdArray {
    return place('argmax', this, options, true)
  }

  /** Where the smallest number is. */
  argmin(options: { axis?: number; keepdims?: boolean } = {}): NdArray {
    return place('argmin', this, options, false)
  }

  /** The same numbers in another shape; one size may be -1 and follows from the others. */
  reshape(...sizes: number[] | [Shape]): NdArray {
    const asked = sizes.flat() as number[]
    const known = asked.filter(n => n !== -1).reduce((a, b) => a * b, 1)
    const shape = asked.map(n => (n === -1 ? this.size / known : n))
    if (sizeOf(shape) !== this.size || shape.some(n => !Number.isInteger(n) || n < 0))
      throw new ShapeError('reshape', `reshape got ${printShape(asked)} for ${this.size} numbers`, {
        evidence: [['array', printShape(this.shape)]],
        hint: 'the sizes must multiply to as many numbers; one may be -1',
      })
    return new NdArray(shape, this.dtype, this.data)
  }

  /** The axes in another order; reversed when none is given. */
  transpose(...order: number[]): NdArray {
    const axes = (order.length > 0 ? order : this.shape.map((_, i) => -1 - i)).map(a =>
      front('transpose', a, this.shape),
    )
    if (new Set(axes).size !== this.shape.length)
      throw new ShapeError('transpose', `transpose got axes ${printShape(order)}`, {
        evidence: [['array', printShape(this.shape)]],
        hint: 'name every axis once',
      })
    const strides = stridesOf(this.shape)
    const shape = axes.map(a => this.shape[a])
    const from = walk(
      shape,
      axes.map(a => strides[a]),
    )
    return pick(this, shape, from)
  }

  /** The transpose: rows become columns. */
  get T(): NdArray {
    return this.transpose()
  }

  /**
   * A part, axis by axis: `x.slice([0, 5])` is NumPy's `x[:5]`, `x.slice(null, 2)` is `x[:, 2]`, `x.slice([null, null, -1])`
   * is `x[::-1]`.
   */
  slice(...parts: Slice[]): NdArray {
    if (parts.length > this.shape.length)
      throw new ShapeError('slice', `slice got ${parts.length} parts for ${this.shape.length} axes`, {
        evidence: [['array', printShape(this.shape)]],
        hint: 'give at most one part an axis',
      })
    const strides = stridesOf(this.shape)
    const [shape, steps]: number[][] = [[], []]
    let origin = 0
    this.shape.forEach((n, axis) => {
      const part = parts[axis] ?? null
      if (typeof part === 'number') origin += position(part, n, axis) * strides[axis]
      else {
        const { start, count, step } = range(part ?? [null], n)
        origin += start * strides[axis]
        shape.push(count)
        steps.push(step * strides[axis])
      }
    })
    return pick(this, shape, walk(shape, steps, origin))
  }

  /** The entries at these places along an axis, in this order. */
  take(indices: ArrayLike<number> | NdArray, { axis = 0, ...others }: { axis?: number } = {}): NdArray {
    nothingElse('take', others, { axis })
    const a = front('take', axis, this.shape)
    const n = this.shape[a]
    const wanted = Array.from(indices instanceof NdArray ? indices.data : indices, i => position(i, n, a))
    const inner = sizeOf(this.shape.slice(a + 1))
    const shape = this.shape.with(a, wanted.length)
    const out = allocate(this.dtype, shape)
    for (let at = 0, group = 0; at < out.length; group++)
      for (const i of wanted) {
        const from = (group * n + i) * inner
        out.set(this.data.subarray(from, from + inner), at)
        at += inner
      }
    return new NdArray(shape, this.dtype, out)
  }

  astype(dtype: Dtype): NdArray {
    return new NdArray(this.shape, dtype, convert(this.data, dtype))
  }

  /** The one number of an array of one. */
  item(): number {
    if (this.size === 1) return this.data[0]
    throw new ShapeError('item', `item got an array of ${this.size} numbers, expected one`, {
      evidence: [['array', printShape(this.shape)]],
      hint: 'reduce it or slice it first, or use toArray()',
    })
  }

  /** Nested lists of plain numbers. */
  toArray(): NestedArray {
    const nest = (axis: number, at: number, size: number): NestedArray => {
      if (axis === this.shape.length) return this.data[at]
      const step = size / this.shape[axis]
      return Array.from({ length: this.shape[axis] }, (_, i) => nest(axis + 1, at + i * step, step))
    }
    return nest(0, 0, this.size)
  }

  /** As NumPy's `str`: `[1.  2.5]`. */
  toString(options?: PrintOptions): string {
    return show(this, options)
  }

  /** As NumPy's `repr`: `array([1. , 2.5], dtype=float32)`. */
  repr(options?: PrintOptions): string {
    return represent(this, options)
  }

  /** Writes the array to the console as NumPy's `print` does. */
  print(options?: PrintOptions): void {
    console.log(this.toString(options))
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** An operand as an array; plain numbers and lists are weak: they take the type of the array they meet. */
function operand(value: Operand, dtype: Dtype) {
  if (value instanceof NdArray) return { shape: value.shape, dtype: value.dtype, data: value.data, weak: false }
  const made = read(value, isFloat(dtype) ? dtype : 'float64')
  const type = isFloat(dtype) ? dtype : made.data.every(Number.isInteger) ? 'int32' : 'float64'
  return { shape: made.shape, dtype: type as Dtype, data: made.data, weak: true }
}

function combine(
  name: string,
  a: NdArray,
  other: Operand,
  f: (a: number, b: number) => number,
  typeOf: (dtype: Dtype) => Dtype = whole,
): NdArray {
  const b = operand(other, a.dtype)
  const shape = broadcast(name, [a.shape, b.shape])
  const dtype = typeOf(promote(a.dtype, b.dtype, b.weak))
  const [x, y] = [a.data, b.data]
  const out = allocate(dtype, shape)
  const atX = places(a.shape, shape)
  if (y.length === 1 && !atX) {
    const value = y[0]
    for (let i = 0; i < out.length; i++) out[i] = f(x[i], value)
    return new NdArray(shape, dtype, out)
  }
  const atY = places(b.shape, shape)
  for (let i = 0; i < out.length; i++) out[i] = f(x[atX ? atX[i] : i], y[atY ? atY[i] : i])
  return new NdArray(shape, dtype, out)
}

function each(a: NdArray, f: (x: number) => number, typeOf: (dtype: Dtype) => Dtype = fractional): NdArray {
  const dtype = typeOf(a.dtype)
  const out = allocate(dtype, a.shape)
  for (let i = 0; i < out.length; i++) out[i] = f(a.data[i])
  return new NdArray(a.shape, dtype, out)
}

function pick(a: NdArray, shape: Shape, from: Int32Array): NdArray {
  const out = allocate(a.dtype, shape)
  for (let i = 0; i < out.length; i++) out[i] = a.data[from[i]]
  return new NdArray(shape, a.dtype, out)
}

const reduced = (shape: Shape, dtype: Dtype, values: ArrayLike<number>) =>
  new NdArray(shape, dtype, convert(values, dtype))

const total = ({ data, shape, dtype }: NdArray, axes: readonly number[]): ArrayLike<number> & Float64Array =>
  runs(shape, axes).reduce(
    (values, { outer, n, inner }) => sums(values, outer, n, inner, roundings[dtype]),
    Float64Array.from(data),
  )

function extreme(name: string, a: NdArray, options: ReduceOptions, largest: boolean): NdArray {
  const { axes, shape } = along(name, a.shape, options)
  const values = runs(a.shape, axes).reduce((data: Data, { outer, n, inner }) => {
    if (n === 0) throw empty(name)
    const out = allocate(a.dtype, [outer * inner])
    best(data, outer, n, inner, largest).forEach((k, i) => {
      out[i] = data[(Math.floor(i / inner) * n + k) * inner + (i % inner)]
    })
    return out
  }, a.data)
  return new NdArray(shape, a.dtype, values.slice())
}

function place(name: string, a: NdArray, options: { axis?: number; keepdims?: boolean }, largest: boolean) {
  const { axes, shape } = along(name, a.shape, options)
  const [run = { outer: 1, n: 1, inner: 1 }] = runs(a.shape, axes)
  if (run.n === 0) throw empty(name)
  return new NdArray(shape, 'int32', best(a.data, run.outer, run.n, run.inner, largest))
}

const unfit = (a: Shape, b: Shape) =>
  new ShapeError('matmul', `matmul got ${printShape(a)} and ${printShape(b)}, whose inner sizes differ`, {
    hint: 'the last size of the left must be the last but one of the right; transpose one with .T?',
  })

const empty = (name: string) =>
  new ShapeError('empty', `${name} got no numbers, expected at least one`, {
    hint: 'check the selection that the array comes from',
  })
