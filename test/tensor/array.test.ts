import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import * as api from '../../src/tensor/array.ts'
import { type Dtype, type NdArray, type PrintOptions, tensor } from '../../src/tensor/array.ts'

interface Kept {
  shape: number[]
  dtype: Dtype
  data: (number | string)[]
}
interface Case extends Kept {
  python: string
  code: string
  type: Dtype
}
interface Printed extends Kept {
  options: Record<string, number | boolean>
  str: string
  repr: string
}
const fixture = JSON.parse(readFileSync(new URL('../fixtures/numpy/array.json', import.meta.url), 'utf8'))
const numbers = (data: Kept['data']) =>
  data.map(x => (typeof x === 'number' ? x : Number(x.replace('inf', 'Infinity').replace('nan', 'NaN'))))
const made = ({ shape, dtype, data }: Kept, as = dtype) => tensor({ shape, data: numbers(data) }, { dtype: as })

/** How far a result may be from NumPy's, in units of the last place: only functions of the C library differ. */
const ulps = (code: string) =>
  /matmul/.test(code) ? 64 : /exp|log|sin|cos|tan|pow|map/.test(code) ? 4 : /mean/.test(code) ? 1 : 0
const close = (got: number, wanted: number, dtype: Dtype, allowed: number) => {
  const unit = dtype === 'float32' ? 2 ** -23 : 2 ** -52
  const floor = allowed === 64 ? 4 : 0 // sums of products may cancel
  return Object.is(got + 0, wanted + 0) || Math.abs(got - wanted) <= allowed * unit * Math.max(floor, Math.abs(wanted))
}

describe('what NumPy computes', () => {
  const names = Object.keys(fixture.arrays)
  const makers = Object.keys(api)
  test.each((fixture.cases as Case[]).map(c => [c.python, c.type, c] as const))('%s in %s', (_, type, wanted) => {
    const arrays = names.map(name => made(fixture.arrays[name], type))
    const run = new Function('f', ...makers, ...names, `return ${wanted.code}`)
    const got: NdArray = run(type, ...Object.values(api), ...arrays)
    expect([got.shape, got.dtype]).toEqual([wanted.shape, wanted.dtype])
    const values = numbers(wanted.data)
    const off = values.findIndex((value, i) => !close(got.data[i], value, got.dtype, ulps(wanted.code)))
    expect(off < 0 ? [] : [off, got.data[off], values[off]]).toEqual([])
  })
})

describe('what NumPy prints', () => {
  test.each(fixture.printed as Printed[])('$repr', ({ options, str, repr, ...kept }) => {
    const { edgeitems, linewidth, ...rest } = options as Record<string, number>
    const told: PrintOptions = {
      ...rest,
      ...(edgeitems && { edgeItems: edgeitems }),
      ...(linewidth && { lineWidth: linewidth }),
    }
    const array = made(kept)
    expect(array.toString(told)).toBe(str)
    expect(array.repr(told)).toBe(repr)
  })

  test('is written by print, by console.log and into template strings', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    tensor([1, 2.5]).print()
    expect(log).toHaveBeenCalledWith('[1.  2.5]')
    log.mockRestore()
    expect(`${tensor([[1], [2]])}`).toBe('[[1.]\n [2.]]')
  })
})

describe('an array', () => {
  test('is float32 unless told otherwise, and each step is rounded to it', () => {
    expect(tensor([0.1]).add(0.2).item()).toBe(Math.fround(Math.fround(0.1) + Math.fround(0.2)))
    expect(tensor([0.1], { dtype: 'float64' }).add(0.2).item()).toBe(0.1 + 0.2)
  })

  test('takes numbers, lists and typed arrays as they come, and gives lists back', () => {
    expect(tensor(3).shape).toEqual([])
    expect(tensor([new Float64Array([1, 2]), [3, 4]]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(
      tensor([[1, 2]])
        .add([[3], [4]])
        .toArray(),
    ).toEqual([
      [4, 5],
      [5, 6],
    ])
    expect(tensor([[], []]).shape).toEqual([2, 0])
    expect(tensor([true, false]).greater(0.5).toArray()).toEqual([1, 0])
  })

  test('works by formulas, with other arrays and numbers in it', () => {
    const x = tensor([[-1], [2]])
    expect(x.map('x > 0 ? x : slope * x', { slope: 0.5 }).toArray()).toEqual([[-0.5], [2]])
    expect(x.map('let d = x - t; d^2', { t: tensor([0, 1]) }).toArray()).toEqual([
      [1, 4],
      [4, 1],
    ])
  })

  test.each<[string, () => unknown, RegExp]>([
    ['rows of different lengths', () => tensor([[1, 2], [3]]), /tensor got a list of 1 on axis 1, expected 2/],
    ['text', () => tensor(['1'] as never), /tensor got "1", expected a number/],
    ['shapes that do not meet', () => tensor([1, 2]).add([1, 2, 3]), /add got shapes that do not broadcast.*\n.*\[2\]/],
    ['products that do not fit', () => tensor([[1, 2]]).matmul([[1, 2]]), /matmul got \[1, 2\] and \[1, 2\]/],
    ['an axis there is not', () => tensor([1]).sum({ axis: 1 }), /sum got axis 1 of an array of 1 axes/],
    ['a place there is not', () => tensor([1]).slice(1), /place 1 is not on axis 0 of size 1/],
    ['the largest of nothing', () => tensor([]).max(), /max got no numbers/],
    ['a shape of another size', () => tensor([1, 2]).reshape(3), /reshape got \[3\] for 2 numbers/],
    ['one number of many', () => tensor([1, 2]).item(), /item got an array of 2 numbers/],
    ['an unknown name', () => tensor([1]).map('x + z'), /unknown name "z" in the formula of map/],
    ['two outputs', () => tensor([1]).map('a = x; b = x'), /map got a formula of 2 outputs/],
    ['an endless array', () => api.zeros([1e9, 1e9]), /an array cannot have the shape/],
    ['a negative size', () => api.zeros(-1), /an array cannot have the shape \[-1\]/],
  ])('refuses %s and says what to do', (_, act, message) => {
    expect(act).toThrow(message)
    expect(act).toThrow(/\n {2}hint: /)
  })
})
