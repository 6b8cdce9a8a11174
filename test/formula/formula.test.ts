import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  apply,
  compile,
  count,
  derivative,
  evaluate,
  fold,
  formula,
  formulaOf,
  latex,
  type Node,
  name,
  names,
  number,
  print,
  substitute,
} from '../../src/formula/index.ts'
import { expressions, smooth } from './expressions.ts'

const read = (text: string) => formula(text).outputs.get('y')!

describe('nodes', () => {
  it.each([
    ['x + 0', 'x'],
    ['0 + x', 'x'],
    ['x - 0', 'x'],
    ['x * 1', 'x'],
    ['1 * x', 'x'],
    ['x / 1', 'x'],
    ['x^1', 'x'],
    ['--x', 'x'],
    ['2 * 3 + x', '6 + x'],
    ['1 ? x : a', 'x'],
    ['a ? x : x', 'x'],
    ['0 * x', '0 * x'],
  ])('simplify %j to %j', (text, simple) => expect(print(read(text))).toBe(simple))

  it('refuse names that could not be read back', () => {
    for (const bad of ['', '1a', 'a b', 'pi', 'let', 'exp', 'a;b', '∇'])
      expect(() => name(bad)).toThrow('cannot be a name')
    expect(() => formulaOf({ 'a = 1; b': number(1) })).toThrow('cannot be an output')
  })

  it('tell minus zero from zero', () => {
    expect(number(-0)).not.toBe(number(0))
    expect(number(Number.NaN)).toBe(number(Number.NaN))
  })

  it('count each distinct operation once', () => {
    expect(count(read('sin(x) * sin(x) + sin(x)'))).toBe(3)
    expect([...names(read('b * a + b'))]).toEqual(['b', 'a'])
  })

  it('are replaced all at once', () => {
    const swapped = substitute(read('a - b'), { a: name('b'), b: name('a') })
    expect(print(swapped)).toBe('b - a')
    expect(substitute(read('a * x'), new Map([['a', number(1)]]))).toBe(name('x'))
  })

  it('fold however deep they are', () => {
    let node: Node = name('x')
    for (let i = 0; i < 50_000; i++) node = apply('sin', node)
    expect(fold<number>([node], (_, [inner]) => (inner ?? 0) + 1)).toEqual([50_001])
  })
})

describe('print', () => {
  it.each([
    '-x^2',
    '(-x)^2',
    '2^-x',
    '(x^2)^3',
    'x^a^b',
    'a - (b - x)',
    'a / (b * x)',
    '(a ? b : x) ? a : b',
    'a ? b : x ? a : b',
    '!(a < b)',
    '(a < b) == x',
    'a && (b || x)',
    'max(a, b, x)',
    'max(a, max(b, x))',
    'x + -3',
    '(-2)^x',
    '-(a * b)',
    '-a * b',
    '0 / 0 * x',
    '-inf * x',
    '1e-7 + x',
    'pi * x',
  ])('writes %j as it is', text => expect(print(read(text))).toBe(text))

  it('reads back as the same node', () => {
    fc.assert(
      fc.property(expressions(fc.double()), node => {
        expect(read(print(node))).toBe(node)
      }),
      { numRuns: 2000 },
    )
  })

  it('names the shared parts of an expression with billions of paths', () => {
    let node: Node = name('s1')
    for (let i = 0; i < 100; i++) node = apply('*', apply('sin', node), node)
    const text = print(node)
    expect(text.length).toBeLessThan(10_000)
    expect(read(text)).toBe(node)
    expect(latex(node).length).toBeLessThan(20_000)
  })

  it('names parts that are nested too deep to be read', () => {
    let node: Node = name('x')
    for (let i = 0; i < 500; i++) node = apply('-', name('a'), node)
    expect(read(print(node))).toBe(node)
  })

  it('keeps a free name apart from an earlier output of that name', () => {
    const outputs = { m: read('2 * m'), w: read('w - m') }
    const { text } = formulaOf(outputs)
    expect(text).toBe('let s1 = m;\nm = 2 * s1;\nw = w - s1;')
    expect(Object.fromEntries(formula(text).outputs)).toEqual(outputs)
  })
})

describe('latex', () => {
  it.each([
    [
      'x > 0 ? x : slope * x',
      '\\begin{cases} x & \\text{if } x > 0 \\\\ \\mathit{slope} \\, x & \\text{otherwise} \\end{cases}',
    ],
    [
      'a ? b : x ? 1 : 2',
      '\\begin{cases} b & \\text{if } a \\\\ 1 & \\text{if } x \\\\ 2 & \\text{otherwise} \\end{cases}',
    ],
    ['m / (sqrt(v) + 1e-7)', '\\frac{m}{\\sqrt{v} + 10^{-7}}'],
    ['1 - beta1^t', '1 - \\beta_{1}^{t}'],
    ['-(a - b)^2', '-\\left(a - b\\right)^{2}'],
    ['exp(-x) * 2.5e-8', 'e^{-x} \\cdot 2.5 \\cdot 10^{-8}'],
    ['sigmoid(x) * 2', '\\sigma\\left(x\\right) \\cdot 2'],
    ['abs(x) <= pi', '\\left|x\\right| \\le \\pi'],
  ])('writes %j as %j', (text, expected) => expect(latex(read(text))).toBe(expected))
})

describe('evaluate', () => {
  const at = (text: string, x: number) => evaluate(read(text), { x })

  it.each<[string, number, number]>([
    ['sigmoid(x)', -1000, 0],
    ['sigmoid(x)', -700, Math.exp(-700)],
    ['sigmoid(x)', 1000, 1],
    ['softplus(x)', 1000, 1000],
    ['softplus(x)', -700, Math.exp(-700)],
    ['softplus(x)', -Infinity, 0],
    ['erf(x)', Infinity, 1],
    ['erf(x)', -Infinity, -1],
    ['erf(x)', 0.5, 0.5204998778130465],
    ['erf(x)', 1, 0.8427007929497149],
    ['erf(x)', -2, -0.9953222650189527],
    ['erf(x)', 3.5, 0.9999992569016276],
    ['erf(x)', 1e-300, 1.1283791670955126e-300],
    ['x^0.5', 2, Math.SQRT2],
    ['x^-2', 0, Infinity],
    ['x^0', Number.NaN, 1],
    ['(-x)^3', 2, -8],
    ['x > 0 ? x : log(x)', 1, 1],
    ['x ? 1 : 2', Number.NaN, 1],
    ['max(x, 0)', Number.NaN, Number.NaN],
  ])('gives %s at %d as %d', (text, x, value) => {
    const error = Math.abs(at(text, x) - value)
    if (Number.isFinite(value)) expect(error).toBeLessThanOrEqual(2 ** -52 * Math.abs(value))
    else expect(at(text, x)).toBe(value)
  })

  it('multiplies whole powers out, so that every engine gives the same bits', () => {
    const x = 0.999
    const [x2, x4, x8] = [x * x, x * x * (x * x), x * x * (x * x) * (x * x * (x * x))]
    expect(at('x^13', x)).toBe(x * x4 * x8)
    expect(at('x^-6', x)).toBe(1 / (x2 * x4))
    expect(at('x^2147483648', 1 + 2 ** -40)).toBeCloseTo(Math.exp(2 ** -9), 10)
  })

  it('asks a function for the values of names', () => expect(evaluate(read('a + b'), name => name.length)).toBe(2))

  it('says which name has no value', () => {
    expect(() => evaluate(read('slope * x'), { x: 1, slop: 2 })).toThrow('no value for the name "slope" of a formula')
    expect(() => evaluate(read('toString'), {})).toThrow('no value')
  })
})

describe('compile', () => {
  it('gives what evaluate gives', () => {
    const numbers = fc.tuple(fc.double(), fc.double(), fc.double())
    fc.assert(
      fc.property(expressions(fc.double()), expressions(fc.double()), numbers, (first, second, [a, b, x]) => {
        const values: Record<string, number> = { a, b, x }
        const { names, outputs, run } = compile(formulaOf({ first, second }))
        const results = new Float64Array(2)
        run(
          Float64Array.from(names, name => values[name]),
          results,
        )
        expect(outputs).toEqual(['first', 'second'])
        expect([...results]).toEqual([evaluate(first, values), evaluate(second, values)])
      }),
      { numRuns: 1000 },
    )
  })
})

describe('derivative', () => {
  it.each([
    ['x^2', '2 * x'],
    ['a * x + b', 'a'],
    ['1 / x', '-(1 / x) / x'],
    ['max(x, 0)', 'x > 0 ? 1 : 0'],
    ['min(x, 1)', 'x < 1 ? 1 : 0'],
    ['x > 0 ? x : a * x', 'x > 0 ? 1 : a'],
    ['tanh(x)', '1 - tanh(x)^2'],
    ['sigmoid(x)', 'sigmoid(x) * (1 - sigmoid(x))'],
    ['softplus(x)', 'sigmoid(x)'],
    ['abs(x)', 'sign(x)'],
    ['sqrt(x)', '1 / (2 * sqrt(x))'],
    ['a^x', 'a^x * log(a)'],
    ['log(x)', '1 / x'],
    ['log1p(x)', '1 / (1 + x)'],
    ['expm1(x)', 'exp(x)'],
    ['floor(x) + round(x) + ceil(x) + sign(x) + (x < a) + a', '0'],
    ['-cos(x)', 'sin(x)'],
    ['sinh(x)', 'cosh(x)'],
    ['cosh(x)', 'sinh(x)'],
    ['tan(x)', '1 + tan(x)^2'],
    ['atan(x)', '1 / (1 + x^2)'],
  ])('of %j is %j', (text, slope) => expect(print(derivative(read(text), 'x'))).toBe(slope))

  it('is what central differences approach', () => {
    const h = 1e-4
    fc.assert(
      fc.property(smooth, fc.double({ min: 0.5, max: 1.5, noNaN: true }), (node, x) => {
        const at = (x: number) => evaluate(node, { x })
        // Fourth order, so that h can be large enough not to drown in rounding.
        const difference = (8 * (at(x + h) - at(x - h)) - (at(x + 2 * h) - at(x - 2 * h))) / (12 * h)
        const slope = evaluate(derivative(node, 'x'), { x })
        const size = Math.abs(at(x)) + Math.abs(slope) + 1
        fc.pre(size < 1e3)
        expect(Math.abs(slope - difference)).toBeLessThan(1e-6 * size)
      }),
      { numRuns: 1000 },
    )
  })
})
