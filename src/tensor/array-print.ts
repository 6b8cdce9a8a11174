import { nothingElse } from '../errors.ts'
import { type Shape, sizeOf, stridesOf } from './shape.ts'

/** What an array holds: numbers of two precisions, and what comparisons and argmax give. */
export type Dtype = 'float32' | 'float64' | 'int32' | 'bool'

export interface PrintOptions {
  /** Digits after the point, at most. */
  precision?: number
  /** Arrays of more numbers show only their edges. */
  threshold?: number
  /** How many numbers an edge has. */
  edgeItems?: number
  /** Characters a line. */
  lineWidth?: number
  /** Never write 1e-5 for small numbers. */
  suppress?: boolean
}

interface Numbers {
  readonly shape: Shape
  readonly dtype: Dtype
  readonly data: ArrayLike<number>
}

/** The array as NumPy's `str` writes it: as few digits as tell the numbers apart, points in one column. */
export function show(array: Numbers, options: PrintOptions = {}): string {
  onlyPrinting(options)
  return array.shape.length === 0 ? scalar(array.data[0], array.dtype) : grid(array, options, ' ', '', 0)
}

/** The array as NumPy's `repr` writes it: `array([1., 2.], dtype=float32)`. */
export function represent(array: Numbers, options: PrintOptions = {}): string {
  const { shape, dtype, data } = array
  onlyPrinting(options)
  const { lineWidth = 75 } = options
  const size = sizeOf(shape)
  const implied = size > 0 && (dtype === 'float64' || dtype === 'bool')
  const end = implied ? ')' : ','
  const empty = shape.length === 1 ? '[]' : `[], shape=(${shape.join(', ')})`
  const inner =
    size === 0
      ? empty
      : shape.length === 0
        ? formatter(data, dtype, options, true)(data[0])
        : grid(array, options, ', ', 'array(', 1)
  const text = `array(${inner}${end}`
  if (implied) return text
  const last = text.length - (text.lastIndexOf('\n') + 1)
  const type = `dtype=${dtype})`
  return `${text}${last + type.length + 1 > lineWidth ? '\n      ' : ' '}${type}`
}

function onlyPrinting({ precision, threshold, edgeItems, lineWidth, suppress, ...others }: PrintOptions): void {
  nothingElse('print', others, { precision, threshold, edgeItems, lineWidth, suppress })
}

/** NumPy's `_formatArray`: nested brackets, long rows wrapped, the middle of long axes left out. */
function grid(array: Numbers, options: PrintOptions, separator: string, prefix: string, suffix: number): string {
  const { threshold = 1000, edgeItems = 3, lineWidth = 75 } = options
  const { shape, dtype, data } = array
  if (sizeOf(shape) === 0) return '[]'
  const summary = sizeOf(shape) > threshold
  const strides = stridesOf(shape)
  const cut = (axis: number) => summary && shape[axis] > 2 * edgeItems
  /** The places along an axis that are shown; -1 stands for those that are not. */
  const shown = (axis: number): number[] => {
    const length = shape[axis]
    if (!cut(axis)) return Array.from({ length }, (_, i) => i)
    const edge = Array.from({ length: edgeItems }, (_, i) => i)
    return [...edge, -1, ...edge.map(i => length - edgeItems + i)]
  }
  const visit = (axis: number, at: number): number[] =>
    axis === shape.length
      ? [data[at]]
      : shown(axis).flatMap(i => (i < 0 ? [] : visit(axis + 1, at + i * strides[axis])))
  const format = formatter(visit(0, 0), dtype, options, false)
  const gap = separator.trimEnd()

  function write(axis: number, at: number, indent: string, width: number): string {
    if (axis === shape.length) return format(data[at])
    const item = (i: number) => (i < 0 ? '...' : write(axis + 1, at + i * strides[axis], `${indent} `, width - 1))
    const places = shown(axis)
    if (axis < shape.length - 1)
      return `[${places.map(item).join(gap + '\n'.repeat(shape.length - 1 - axis) + indent)}]`
    const room = width - Math.max(gap.length, 1)
    let [text, line] = ['', indent]
    places.forEach((i, n) => {
      const word = item(i)
      if (line.length + word.length > room && line.length > indent.length) {
        text += `${line.trimEnd()}\n`
        line = indent
      }
      line += word + (n < places.length - 1 ? separator : '')
    })
    return `[${(text + line).slice(indent.length)}]`
  }
  return write(0, 0, ' '.repeat(prefix.length + 1), lineWidth - suffix)
}

/** How all numbers of an array are written, so that their points stand in one column. */
function formatter(data: ArrayLike<number>, dtype: Dtype, options: PrintOptions, alone: boolean) {
  if (dtype === 'bool') return (x: number) => (x ? (alone ? 'True' : ' True') : 'False')
  const values = Array.from(data)
  if (dtype === 'int32') {
    const width = Math.max(...values.map(x => String(x).length))
    return (x: number) => String(x).padStart(width)
  }
  const { precision = 8, suppress = false } = options
  const finite = values.filter(Number.isFinite)
  const sizes = finite.filter(x => x !== 0).map(Math.abs)
  const [most, least] = [Math.max(...sizes), Math.min(...sizes)]
  const ratio = dtype === 'float32' ? Math.fround(most / least) : most / least
  const scientific = sizes.length > 0 && (most >= 1e8 || (!suppress && (least < 1e-4 || ratio > 1000)))
  const first = finite.map(x =>
    (scientific ? exponential(x, precision, dtype) : positional(x, precision, dtype)).split(/[.e]/),
  )
  const longest = (part: number) => Math.max(0, ...first.map(parts => parts[part].length))
  const right = longest(1)
  const exponent = scientific ? Math.max(...first.map(parts => parts[2].length)) : 0
  const tail = scientific ? right + exponent + 1 : right
  const odd = values.filter(x => !Number.isFinite(x)).map(x => (Number.isNaN(x) ? 3 : 4) - tail - 1)
  const left = Math.max(longest(0), ...odd)
  return (x: number): string => {
    if (!Number.isFinite(x)) return named(x).padStart(left + tail + 1)
    if (!scientific) {
      const [whole, rest] = positional(x, precision, dtype).split('.')
      return `${whole.padStart(left)}.${rest.padEnd(right)}`
    }
    const [whole, rest, power] = rounded(x, right, 'toExponential').split(/[.e]/)
    const [digits, e] = right === 0 ? ['', rest] : [rest, power]
    return `${whole.padStart(left)}.${digits}e${padded(e, exponent)}`
  }
}

const named = (x: number) => (Number.isNaN(x) ? 'nan' : x < 0 ? '-inf' : 'inf')

/** `+5` as `+05`: an exponent has two digits at least. */
const padded = (exponent: string, width = 3) => exponent[0] + exponent.slice(1).padStart(width - 1, '0')

/** A number on its own, as Python prints it. */
function scalar(x: number, dtype: Dtype): string {
  if (dtype === 'bool') return x ? 'True' : 'False'
  if (dtype === 'int32') return String(x)
  if (!Number.isFinite(x)) return named(x)
  const size = Math.abs(x)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent] = exponential(x, Infinity, dtype).split('e')
    return `${digits.replace(/\.$/, '')}e${exponent}`
  }
  return positional(x, Infinity, dtype).replace(/\.$/, '.0')
}

/** The shortest decimal that means this number and no other of its type, like `-1.25e-7`. */
function shortest(x: number, dtype: Dtype): string {
  if (dtype === 'float64') return x.toExponential()
  for (let digits = 0; digits < 8; digits++) {
    const text = rounded(x, digits, 'toExponential')
    if (Math.fround(Number(text)) === x) return text
  }
  return rounded(x, 8, 'toExponential')
}

const sign = (x: number) => (x < 0 || Object.is(x, -0) ? '-' : '')

/** `-12.5`, `3.`: the shortest decimal, but at most `precision` digits after the point. */
function positional(x: number, precision: number, dtype: Dtype): string {
  const [digits, exponent] = shortest(Math.abs(x), dtype).split('e')
  const all = digits.replace('.', '')
  const point = Number(exponent) + 1
  const [whole, rest] =
    point > 0
      ? [all.slice(0, point).padEnd(point, '0'), all.slice(point)]
      : ['0', x === 0 ? '' : '0'.repeat(-point) + all]
  if (rest.length <= precision) return `${sign(x)}${whole}.${rest.replace(/0+$/, '')}`
  const [w, r = ''] = rounded(Math.abs(x), precision, 'toFixed').split('.')
  return `${sign(x)}${w}.${r.replace(/0+$/, '')}`
}

/** `-1.25e-07`, `1.e+10`: the same with an exponent. */
function exponential(x: number, precision: number, dtype: Dtype): string {
  let [digits, exponent] = shortest(Math.abs(x), dtype).split('e')
  if (digits.length - 2 > precision) [digits, exponent] = rounded(Math.abs(x), precision, 'toExponential').split('e')
  const [whole, rest = ''] = digits.split('.')
  return `${sign(x)}${whole}.${rest.replace(/0+$/, '')}e${padded(exponent)}`
}

/** The exact value to so many digits after the point, halves to the even digit; JavaScript takes them up. */
function rounded(x: number, digits: number, how: 'toFixed' | 'toExponential'): string {
  const text = Math.abs(x)[how](digits)
  const mantissa = text.split('e')[0]
  if (!'13579'.includes(mantissa[mantissa.length - 1])) return sign(x) + text
  const all = Math.abs(x)[how](100).split('e')[0]
  const rest = all.slice(mantissa.length + (digits === 0 ? 1 : 0))
  if (!/^50*$/.test(rest)) return sign(x) + text
  const even = mantissa.slice(0, -1) + (Number(mantissa[mantissa.length - 1]) - 1)
  return sign(x) + even + text.slice(mantissa.length)
}
