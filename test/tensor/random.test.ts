import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { exactLog } from '../../src/formula/index.ts'
import { glibcLog } from '../../src/tensor/logarithm.ts'
import { numpyRandom } from '../../src/tensor/random.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/seeds/rng/${name}.json`, import.meta.url), 'utf8'))
const list = (values: ArrayLike<number>) => Array.from(values)

describe.each([0, 1, 2, 3, 42])('numpy.random.seed(%i)', seed => {
  const expected = read(`seed_${seed}`)
  const rng = () => numpyRandom(seed)
  const rows: [string, () => ArrayLike<unknown>][] = [
    ['rand', () => rng().rand(1000)],
    ['randn', () => rng().randn(10, 100)],
    ['permutation_1000', () => rng().permutation(1000)],
    ['randint_0_10', () => rng().randint(0, 10, 1000)],
    ['randint_0_2', () => rng().randint(0, 2, 1000)],
    ['randint_-5_5', () => rng().randint(-5, 5, 1000)],
    ['randint_0_256', () => rng().randint(0, 256, 1000)],
    ['randint_0_1000', () => rng().randint(0, 1000, 1000)],
    ['randint_0_2147483647', () => rng().randint(0, 2147483647, 1000)],
    ['randint_0_2^40', () => rng().randint(0, 2 ** 40, 1000)],
    ['normal_0.5_2', () => rng().normal(0.5, 2, 1000)],
    ['uniform_-1_1', () => rng().uniform(-1, 1, 1000)],
    ['choice_10', () => rng().choice(10, 1000)],
    ['choice_1000_50_without_replacement', () => rng().choice(1000, 50, { replace: false })],
  ]
  it.each(rows)('%s is the same to the last bit', (name, draw) => {
    expect(Array.from(draw())).toEqual(expected[name])
  })

  it('the raw words are the same', () => {
    const random = rng()
    expect(expected.uint32.map(() => random.uint32())).toEqual(expected.uint32)
  })

  it('shuffle reorders numbers and rows in place', () => {
    const numbers = Array.from({ length: 1000 }, (_, i) => i)
    rng().shuffle(numbers)
    expect(numbers).toEqual(expected.shuffle_arange_1000)
    const table = Array.from({ length: 20 }, (_, i) => [3 * i, 3 * i + 1, 3 * i + 2])
    expect(rng().permutation(table)).toEqual(expected.shuffle_rows_of_arange60_20x3)
  })

  it('mixed calls on one state draw in the same order', () => {
    const random = rng()
    const calls: Record<string, () => ArrayLike<number>> = {
      'randn(3)': () => random.randn(3),
      'rand(2)': () => random.rand(2),
      'randn(2)': () => random.randn(2),
      'randint(0,10,5)': () => random.randint(0, 10, 5),
      'randn(1)': () => random.randn(1),
      'permutation(6)': () => random.permutation(6),
      'normal(2,3,3)': () => random.normal(2, 3, 3),
      'uniform(-1,1,3)': () => random.uniform(-1, 1, 3),
      'randn(2,2)': () => random.randn(2, 2),
      'seed again; randn(1)': () => rng().randn(1),
    }
    for (const { call, result } of expected.mixed_sequence_one_state)
      expect(list(calls[call]()), call).toEqual(result.flat())
  })
})

describe('seeds', () => {
  const { cases, shuffle_sizes_seed_0: shuffles } = read('seeding')
  it.each(cases as { seed: number | number[]; uint32: number[] }[])(
    '$seed starts the same words',
    ({ seed, uint32 }) => {
      const random = numpyRandom(seed)
      expect(uint32.map(() => random.uint32())).toEqual(uint32)
    },
  )

  it.each(Object.entries(shuffles))('a permutation of %s numbers is the same', (size, expected) => {
    expect(list(numpyRandom(0).permutation(Number(size)))).toEqual(expected)
  })

  it.each([[-1], [1.5], [2 ** 32], [Number.NaN], [[]], [[1, -1]]])('%j is refused', seed => {
    expect(() => numpyRandom(seed)).toThrow(/^numpyRandom got the seed/)
  })
})

describe('a saved state', () => {
  it('goes on where it was, cached normal number included', () => {
    const random = numpyRandom(7)
    random.randn(3)
    const saved = JSON.parse(JSON.stringify(random.state()))
    const rest = list(random.randn(1001))
    const other = numpyRandom(1)
    other.restore(saved)
    expect(list(other.randn(1001))).toEqual(rest)
  })

  it('is refused when it is not one', () => {
    const random = numpyRandom(0)
    expect(() => random.restore({ ...random.state(), key: [1, 2, 3] })).toThrow('not 624 words and a position')
    expect(() => random.restore({ ...random.state(), pos: 900 })).toThrow('not 624 words and a position')
  })
})

describe('exactLog', () => {
  it.each([
    [0, -Infinity],
    [1, 0],
    [-1, Number.NaN],
    [Infinity, Infinity],
    [Number.NaN, Number.NaN],
  ])('of %f is %f', (x, y) => expect(exactLog(x)).toBe(y))

  // biome-ignore-start lint/suspicious/noApproximativeNumericConstant: the point is the digits
  // from Python's decimal module with 60 digits
  const points: [number, number][] = [
    [5e-324, -744.4400719213812],
    [2.2250738585072014e-308, -708.3964185322641],
    [1.7976931348623157e308, 709.782712893384],
    [0.9999999999999999, -1.1102230246251565e-16],
    [1.0000000000000002, 2.2204460492503128e-16],
    [2.0, 0.6931471805599453],
    [10.0, 2.302585092994046],
    [0.5, -0.6931471805599453],
    [1.4142135623730951, 0.3465735902799727],
    [0.7071067811865476, -0.3465735902799726],
    [0.6229016948897019, -0.47336656575977026],
    [0.7417869892607294, -0.2986931534971135],
    [0.7951935655656966, -0.22916971526494367],
    [0.9424502837770503, -0.05927211035943434],
    [0.7398985747399307, -0.3012421633399169],
    [0.922324996665417, -0.08085762657556451],
    [2.9005228283614735e174, 401.71469718734875],
    [7.759585674357169e-46, -103.86998533743615],
    [6.489745531369242e-141, -322.7942747915553],
    [1.1320596465314436e179, 412.2867703156092],
    [8.684454578650953e88, 204.78902278081145],
    [5.437608592359305e286, 660.232675963521],
  ]
  // biome-ignore-end lint/suspicious/noApproximativeNumericConstant: the point is the digits
  it.each(points)('of %d is %d, correctly rounded', (x, y) => expect(exactLog(x)).toBe(y))
})

// From glibc 2.36; the first two are not the nearest double, and the nearest is what exactLog gives. Of the next three
// products that are rounded twice give a neighbour.
test.each([
  [0.8983774131025271, -0.10716501712225036],
  [0.9526656333094028, -0.04849129386073947],
  [0.6006425148191399, -0.5097553386935507],
  [0.5083090180418346, -0.6766657131131119],
  [0.13860421590738725, -1.9761327748867294],
  [0.6875, -0.3746934494414107],
  [1.375, 0.3184537311185346],
  [0.9375, -0.06453852113757118],
  [1.064697265625, 0.06269050112342274],
  [1, 0],
  [5.437608592359305e286, 660.232675963521],
])('the logarithm of %d is that of glibc', (x, y) => expect(glibcLog(x)).toBe(y))

// hashlib.sha256(np.random.RandomState(7).randn(1000000).tobytes()) of NumPy 1.24: the rare logarithms among them too.
test('a million normal numbers are those of NumPy', () => {
  const bytes = new Uint8Array(numpyRandom(7).randn(1_000_000).buffer)
  const hash = createHash('sha256').update(bytes).digest('hex')
  expect(hash).toBe('ebcc5662386d7cb463206fe2cf44daea54092677dc546ab26c0e5efac41d839b')
})
