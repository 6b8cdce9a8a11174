import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile, evaluate, formula, lower, type Node, number, type SimdTarget } from '../../src/formula/index.ts'
import { expressions } from './expressions.ts'
import { type Lanes, lanesOf, machine, numbersOf } from './lanes.ts'

const read = (text: string) => formula(text).outputs.get('y')!
const grid = (low: number, high: number, count: number) =>
  Array.from({ length: count }, (_, i) => Math.fround(low + ((high - low) * i) / (count - 1)))
const apply = (node: Node, xs: readonly number[]) => [
  ...numbersOf(lower([node], machine(xs.length), () => lanesOf(xs))[0]),
]

/** Every so many-th float from one to another, both signs. */
const walk = (low: number, high: number, stride: number) => {
  const [from, to] = lanesOf([low, high])
  const bits = Int32Array.from({ length: Math.floor((to - from) / stride) }, (_, i) => from + i * stride)
  return [...numbersOf(bits)].flatMap(x => [x, -x])
}

// A walk over all exponents, a closer one where functions are curved, and the ends of the range of each function.
const everywhere = walk(0, Infinity, 267_107)
const near = walk(2 ** -26, 128, 8009)
const ends = [0, 1.401298464324817e-45, 2 ** -126, 3.4028234663852886e38, 1, 9, 20, 88.72283172607422, 88.72284]
  .concat([87.33654022216797, 87.4, 89.41598, 89.4161, 103, 104, Infinity])
  .flatMap(x => [x, -x])
const usual = [...grid(-10, 10, 20_001), ...grid(-100, 100, 10_001), ...everywhere, ...near, ...ends]

const SMALLEST = 2 ** -126
const lastPlace = (x: number) => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23)

/**
 * The largest distance from the float64 value, less what is allowed beside, in float32 last places; numbers below 2⁻¹²⁶
 * count as 0.
 */
function worst(text: string, xs: readonly number[], beside = (_x: number, _y: number) => 0): number {
  const node = read(text)
  const { run } = compile(formula(text))
  const [input, output] = [new Float64Array(1), new Float64Array(1)]
  const results = apply(node, xs)
  return xs.reduce((most, x, i) => {
    input[0] = Math.fround(x)
    run(input, output)
    const [expected, got] = [output[0], results[i]]
    const rounded = Math.fround(expected)
    if (Object.is(rounded, got) && !Number.isFinite(got)) return most
    if (Math.abs(expected) < SMALLEST && Math.abs(got) <= SMALLEST) return most
    if (!Number.isFinite(rounded) || !Number.isFinite(got)) throw new Error(`${text} at ${x} is ${got}, not ${rounded}`)
    return Math.max(most, (Math.abs(got - expected) - beside(x, expected)) / lastPlace(expected))
  }, 0)
}

describe('float32 functions', () => {
  // The bounds are those of all floats, rounded up; at x they are reached.
  it.each<[string, number, number]>([
    ['exp(x)', 1, -59.91191864013672],
    ['log(x)', 0.83, 1.4136420488357544],
    ['log1p(x)', 1.44, -8.941673002027528e-8],
    ['expm1(x)', 1.66, 0.358232319355011],
    ['atan(x)', 2.84, 0.4363212287425995],
    ['sinh(x)', 1.62, 1.4182405471801758],
    ['cosh(x)', 1.44, 5.200091361999512],
    ['tanh(x)', 2.47, 0.12493005394935608],
    ['erf(x)', 6.74, 3.7034714221954346],
    ['sigmoid(x)', 2.45, -16.642534255981445],
    ['softplus(x)', 1.99, -2.0303099155426025],
    ['sqrt(x)', 0.5, 0.9999999403953552],
    ['x^2', 0.5, 1.403163016685952e-19],
    ['x^-3', 5, 1.43790226036708e-13],
    ['x^1.5', 1.3, 1.5859044790267944],
    ['x^-0.5', 1.5, 1.0061858892440796],
  ])('%s is within %d last places on the whole range', (text, bound, x) => {
    expect(worst(text, usual)).toBeLessThanOrEqual(bound)
    expect(worst(text, [x])).toBeGreaterThan(0.98 * bound)
  })

  it('sign, rounding and abs are exact', () => {
    for (const text of ['sign(x)', 'round(x)', 'floor(x)', 'ceil(x)', 'abs(x)']) expect(worst(text, usual)).toBe(0)
  })

  // π/2 has no end: what is left out of it shows beside the places where they are 0.
  it.each<[string, number, (y: number) => number]>([
    ['sin(x)', 1.6, () => 1],
    ['cos(x)', 1.6, () => 1],
    ['tan(x)', 3.5, y => 1 + y * y],
  ])('%s is within %d last places for |x| < 10,000, and what x · 2⁻⁴⁸ does', (text, bound, slope) => {
    const turns = Array.from({ length: 6366 }, (_, i) => lanesOf([(i * Math.PI) / 2])[0])
    const zeros = numbersOf(Int32Array.from(turns.flatMap(bits => [bits - 1, bits, bits + 1])))
    const xs = [...grid(-1e4, 1e4, 100_001), ...grid(-8, 8, 40_001), ...walk(2 ** -14, 1e4, 1009), ...zeros]
    expect(worst(text, xs, (x, y) => Math.abs(x) * slope(y) * 2 ** -48)).toBeLessThanOrEqual(bound)
  })

  it('sin and cos stay bounded however large x is', () => {
    for (const text of ['sin(x)', 'cos(x)'])
      for (const y of apply(read(text), everywhere)) expect(Math.abs(y)).toBeLessThan(1.01)
  })

  it.each<[string, number]>([
    ['x^0.3', 1.3],
    ['x^-1.7', 1.4],
    ['2^x', 1.2],
    ['10^x', 1.3],
    ['x^x', 1.4],
  ])('%s is within %d last places', (text, bound) => {
    expect(worst(text, [...usual.filter(x => x >= 0), ...grid(0.5, 2, 20_001)])).toBeLessThanOrEqual(bound)
  })

  // The larger the result's exponent, the more of the logarithm moves the result; it is least exact near √2.
  it.each([
    [1, 1.4],
    [60, 3],
    [125, 6],
  ])('x^y is within its bound where it is 2 to the power of ±%d', (size, bound) => {
    const bases = [...grid(0.5, 2, 40_001).filter(x => x !== 1), ...near]
    const powers = bases.map((x, i) => Math.fround((i % 2 ? size : -size) / Math.log2(Math.abs(x))))
    const values = { x: lanesOf(bases.map(Math.abs)), y: lanesOf(powers) }
    const results = numbersOf(lower([read('x^y')], machine(bases.length), name => values[name as 'x' | 'y'])[0])
    const exact = bases.map((x, i) => Math.abs(x) ** powers[i])
    const off = exact.map((expected, i) => Math.abs(results[i] - expected) / lastPlace(expected))
    expect(off.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(bound)
  })

  it.each([0, -0, 1, -1, 0.5, 2, -2, -0.125, Infinity, -Infinity, Number.NaN])('a power of %d has the ends of C', x => {
    const exponents = [0, -0, 1, 2, 3, -1, -2, -3, 0.3, -0.3, 1e9, -1e9, 4e9, Infinity, -Infinity, Number.NaN]
    const target = machine(exponents.length)
    const power = (base: string) => {
      const values = { x: lanesOf(exponents.map(() => x)), y: lanesOf(exponents) }
      return [...numbersOf(lower([read(base)], target, name => values[name as 'x' | 'y'])[0])]
    }
    // JavaScript has NaN for 1 and -1 to an infinite power, and takes -∞ for positive where an exponent is broken.
    const expected = exponents.map(y => {
      if (Math.abs(x) === 1 && Math.abs(y) === Infinity) return 1
      if (x < 0 && !Number.isInteger(y) && Math.abs(y) < Infinity) return Number.NaN
      return Math.fround(x ** y)
    })
    expect(power('x^y')).toEqual(expected)
    if (x !== 0 && Math.abs(x) < Infinity) expect(power(`(${x})^y`)).toEqual(expected)
  })

  it('let NaN through', () => {
    const all =
      'exp log log1p expm1 sqrt abs sign floor ceil round sin cos tan atan sinh cosh tanh erf sigmoid softplus'.split(
        ' ',
      )
    const texts = [
      ...all.map(f => `${f}(x)`),
      'x^2',
      'x^0.3',
      '2^x',
      'max(x, 0)',
      'max(0, x)',
      'min(1, x)',
      'max(x, x + 1)',
    ]
    for (const text of [...texts, 'max(1 - 2 * (x == x), x)', 'clamp(x, -1, 1)'])
      expect([text, ...apply(read(text), [Number.NaN])]).toEqual([text, Number.NaN])
  })
})

describe('lower', () => {
  it('ignores the side of a choice that is not taken', () => {
    expect(apply(read('x > 0 ? log(x) : 0'), [1, -1, 0])).toEqual([0, 0, 0])
  })

  it('means what evaluate means by truth', () => {
    const text = '(x && 1) + 2 * (x || 0) + 4 * !x + 8 * (x ? 1 : 0) + 16 * (x > 0 && x < 2 || x == 5)'
    const xs = [-1, 0, 1, 5, Number.NaN]
    expect(apply(read(text), xs)).toEqual(xs.map(x => evaluate(read(text), { x })))
  })

  it('keeps conditions as masks and computes shared parts once', () => {
    const calls: string[] = []
    const target = new Proxy(machine(1), {
      ownKeys: machine => Reflect.ownKeys(machine),
      get:
        (machine, key: keyof SimdTarget<Lanes>) =>
        (...args: [Lanes, Lanes]) => {
          calls.push(key)
          return (machine[key] as (...args: unknown[]) => Lanes)(...args)
        },
    })
    const loaded: string[] = []
    lower([read('x > 0 && x < 1 ? x * x : 0'), read('x * x + 0.5')], target, name => {
      loaded.push(name)
      return lanesOf([0.5])
    })
    expect(loaded).toEqual(['x'])
    expect(calls.filter(call => !call.toLowerCase().includes('constant'))).toEqual([
      'gt',
      'lt',
      'and',
      'mul',
      'and',
      'add',
    ])
    expect(calls.filter(call => call === 'constant')).toHaveLength(3)
  })

  it('gives a number for a formula without names', () => expect(apply(number(2.5), [0])).toEqual([2.5]))

  it('agrees with float64 on whole expressions, wherever that is well conditioned', () => {
    const few = fc.constantFrom(-2, -1, -0.5, 0, 0.5, 1, 3)
    fc.assert(
      fc.property(expressions(fc.integer({ min: -3, max: 9 })), few, few, few, (node, a, b, x) => {
        const values: Record<string, number> = { a, b, x }
        const exact = evaluate(node, values)
        // Rounding may tip comparisons, and whether an exponent is whole: skip what is touchy.
        const nearby = [1e-5, -1e-5].map(h => evaluate(node, { a: a + h, b: b - h, x: x * (1 + h) + h }))
        fc.pre(nearby.every(y => Math.abs(y - exact) < 1e-2 * (1 + Math.abs(exact))) && Math.abs(exact) < 1e30)
        const got = numbersOf(lower([node], machine(1), name => lanesOf([values[name]]))[0])[0]
        expect(Math.abs(got - exact)).toBeLessThan(1e-1 * (1 + Math.abs(exact)))
      }),
      // A fixed seed: an overflow deep inside may tip a comparison, which is float32 being float32.
      { numRuns: 500, seed: 1 },
    )
  })
})
