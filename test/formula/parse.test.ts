import { describe, expect, it } from 'vitest'
import { FormulaError } from '../../src/errors.ts'
import { check, evaluate, formula, formulaOf, name, print } from '../../src/formula/index.ts'

const values = { a: 2, b: 3, c: 5, x: -2, t: 3, μ: 7, constructor: 11, __proto_: 13 }
const result = (text: string) => evaluate(formula(text).outputs.get('y')!, values)

describe('reading a formula', () => {
  it.each<[string, number]>([
    ['1', 1],
    ['.5 + 1e-3 + 2.', 2.501],
    ['-x^2', -4],
    ['(-x)^2', 4],
    ['2^-1', 0.5],
    ['2^3^2', 512],
    ['a - b - c', -6],
    ['a / b / c', 2 / 3 / 5],
    ['a + b * c', 17],
    ['-a * b', -6],
    ['a < b', 1],
    ['a >= b', 0],
    ['a == 2 && b != 3 || c > 4', 1],
    ['!a + 1', 1],
    ['!(a > b)', 1],
    ['a > b ? 1 : b > c ? 2 : 3', 3],
    ['a < b ? 0 ? 1 : 4 : 3', 4],
    ['max(a, b, c) + min(a, b, c)', 7],
    ['clamp(x, -1, 1)', -1],
    ['let s = a + b; s * s', 25],
    ['let s = a;\n// doubled\nlet r = s * 2; // twice\nr', 4],
    ['pi', Math.PI],
    ['π', Math.PI],
    ['-inf', -Infinity],
    ['μ + 1', 8],
    ['constructor', 11],
    ['round(2.5) + round(3.5) * 10 + round(-0.5)', 42],
  ])('gives %j the value %d', (text, value) => expect(result(text)).toBe(value))

  it('lists free names in order of first appearance', () => {
    expect(formula('x > 0 ? x : slope * x').names).toEqual(['x', 'slope'])
    expect(formula('let s = b * a; s + c + a').names).toEqual(['b', 'a', 'c'])
  })

  it('takes a name as free until it is given a value, and as that value from then on', () => {
    const { outputs, names } = formula('m = m / 2; w = w - m')
    expect(names).toEqual(['m', 'w'])
    expect(print(outputs.get('m')!)).toBe('m / 2')
    expect(print(outputs.get('w')!)).toBe('w - m / 2')
  })

  it('makes equal expressions one object', () => {
    expect(formula('sin(x) * 2').outputs.get('y')).toBe(formula('let s = sin(x); s * 2').outputs.get('y'))
  })
})

describe('a formula that cannot be read', () => {
  it.each<[string, string, string, number, string]>([
    ['', 'a formula needs a value', '', 0, 'write an expression of what it should give, such as x + 1'],
    ['x +', 'expected a value but found the end', 'x +', 3, 'a value is a number, a name, f(x) or (…)'],
    ['2x', 'expected ";" but found "x"', '2x', 1, 'write * to multiply, ; between formulas'],
    ['x ** 2', 'expected a value but found "*"', 'x ** 2', 3, 'write ^ for powers'],
    ['a < b < c', 'comparisons do not chain', 'a < b < c', 6, 'write a < b && b < c'],
    ['x\n+ (a - b', 'expected ")" but found the end', '+ (a - b', 8, 'close the bracket'],
    ['x & y', 'unexpected "&"', 'x & y', 2, 'write &&'],
    ['x @ y', 'unexpected "@"', 'x @ y', 2, 'operators are + - * / ^ < <= > >= == != && || ! ?:'],
    ['sigmoit(x)', 'unknown function "sigmoit"', 'sigmoit(x)', 0, 'did you mean "sigmoid"?'],
    ['1 + exp', 'exp is a function', '1 + exp', 4, 'write exp(x)'],
    ['exp(x, 2)', 'exp takes 1 argument, got 2', 'exp(x, 2)', 0, 'count its arguments'],
    ['1 + max(x)', 'max takes 2 or more arguments, got 1', '1 + max(x)', 4, 'count its arguments'],
    ['clamp(x)', 'clamp takes 3 arguments, got 1', 'clamp(x)', 0, 'count its arguments'],
    ['constructor(x)', 'unknown function "constructor"', 'constructor(x)', 0, ''],
    ['let pi = 3; pi', '"pi" cannot be given a value', 'let pi = 3; pi', 4, 'choose another name'],
    ['a = 1; a = 2', '"a" is given a value twice', 'a = 1; a = 2', 7, 'choose another name'],
    ['x; a = 2', 'an unnamed value must come last', 'x; a = 2', 0, 'name it: write a = … or let a = …'],
    ['y = 1; x', 'both "y" and an unnamed value, which is called y', 'y = 1; x', 7, 'name this value'],
    [
      'x = 0 ? 1 : y = 2',
      'expected ";" but found "="',
      'x = 0 ? 1 : y = 2',
      14,
      'write == to compare; a formula sets names only as name = …;',
    ],
    ['a ? b', 'expected ":" but found the end', 'a ? b', 5, 'a choice is condition ? this : that'],
    [
      'let a = 1',
      'a formula needs a value',
      'let a = 1',
      9,
      'write an expression of what it should give, such as x + 1',
    ],
  ])('points at the place in %j', (text, message, line, column, hint) => {
    const lines = failureOf(() => formula(text)).message.split('\n')
    expect(lines.slice(0, 3)).toEqual([message, `  ${line}`, `  ${' '.repeat(column)}^`])
    expect(lines[3]).toMatch(/^ {2}hint: ./)
    if (hint) expect(lines[3]).toBe(`  hint: ${hint}`)
  })

  it.each<[string, string, string]>([
    ['long text', 'x'.repeat(10_001), 'too-long'],
    ['deep brackets', `${'('.repeat(201)}x`, 'too-deep'],
    ['many signs', `${'-'.repeat(201)}x`, 'too-deep'],
    ['towers of powers', `x${'^x'.repeat(300)}`, 'too-deep'],
    ['chains of choices', `x${'?x:x'.repeat(300)}`, 'too-deep'],
    ['many nodes', `x${'+x'.repeat(2600)}`, 'too-large'],
  ])('refuses %s', (_, text, code) => expect(failureOf(() => formula(text)).code).toBe(code))

  it('reads what is just within the bounds', () => {
    formula(`${'('.repeat(199)}x${')'.repeat(199)}`)
    formula(`x${'+x'.repeat(2400)}`)
  })

  it('shows only the part of a long line around the place', () => {
    const [first, line, caret] = failureOf(() => formula(`${'x + '.repeat(200)}@${' + x'.repeat(200)}`)).message.split(
      '\n',
    )
    expect(first.length).toBeLessThan(100)
    expect(line.length).toBeLessThan(100)
    expect(line[caret.indexOf('^')]).toBe('@')
  })
})

describe('check', () => {
  it('lets known names pass', () => {
    const leaky = formula('x > 0 ? x : slope * x')
    expect(check(leaky, ['x', 'slope'], 'leakyRelu')).toBe(leaky)
  })

  it('points at an unknown name and offers the nearest one', () => {
    expect(failureOf(() => check(formula('x > 0 ? x : slop * x'), ['x', 'slope'], 'leakyRelu')).message).toBe(
      [
        'unknown name "slop" in the formula of leakyRelu',
        '  x > 0 ? x : slop * x',
        '              ^',
        '  hint: did you mean "slope"?',
      ].join('\n'),
    )
  })

  it('lists what may be used when nothing is near, on the line of a longer formula', () => {
    expect(failureOf(() => check(formula('m = m + 1;\n  w = weird'), ['m', 'g'], 'sgd')).message).toBe(
      ['unknown name "weird" in the formula of sgd', '    w = weird', '        ^', '  hint: it may use m, g'].join(
        '\n',
      ),
    )
  })

  it('works for formulas made of nodes', () => {
    expect(() => check(formulaOf({ y: name('q') }), ['x'], 'f')).toThrow('unknown name "q"')
  })
})

function failureOf(action: () => unknown): FormulaError {
  try {
    action()
  } catch (error) {
    if (error instanceof FormulaError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
