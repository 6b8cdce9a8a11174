import { DataError, nothingElse } from '../errors.ts'
import { counting } from './counting.ts'
import { glibcLog } from './logarithm.ts'

/** A NumPy `RandomState`: the same seed and the same calls give the same bits in every engine. */
export interface NumpyRandom {
  /** One raw output of the generator, 0 … 2³²-1. */
  uint32(): number
  /** One double in [0, 1) made of 53 random bits. */
  random(): number
  /** One standard normal number. */
  gauss(): number
  /** Doubles in [0, 1), as many as the product of `shape`. */
  rand(...shape: number[]): Float64Array
  /** Standard normal numbers, as many as the product of `shape`. */
  randn(...shape: number[]): Float64Array
  /** `size` normal numbers of mean `loc` and standard deviation `scale`. */
  normal(loc?: number, scale?: number, size?: number): Float64Array
  /** `size` doubles in [low, high). */
  uniform(low?: number, high?: number, size?: number): Float64Array
  /** `size` whole numbers in [low, high); both within ±2⁵³. */
  randint(low: number, high: number, size?: number): number[]
  /** `size` of the numbers 0 … n-1, or of the items of an array, with replacement unless told otherwise. */
  choice(n: number, size?: number, options?: { replace?: boolean }): number[]
  choice<T>(items: ArrayLike<T>, size?: number, options?: { replace?: boolean }): T[]
  /** The numbers 0 … n-1, or a copy of an array, in random order. */
  permutation(n: number): Int32Array
  permutation<T>(items: ArrayLike<T>): T[]
  /** Reorders an array in place. */
  shuffle<T>(items: { readonly length: number; [index: number]: T }): void
  /** Everything needed to go on later, as plain JSON. */
  state(): RandomState
  /** Goes on from a saved state. */
  restore(state: RandomState): void
}

/** The state of the Mersenne twister and the second number of the last normal pair, if it is still unused. */
export interface RandomState {
  key: number[]
  pos: number
  hasGauss: boolean
  gauss: number
}

const length = 624
const middle = 397
const two32 = 4294967296

/**
 * NumPy's legacy random numbers: `np.random.seed(seed)` and what follows, exactly.
 *
 * The generator is MT19937 (Matsumoto & Nishimura 1998); each method draws from it in NumPy's order. Normal numbers take the
 * logarithm that NumPy finds on Linux, glibc's, which is off by one bit in about one of a thousand.
 * @param seed a whole number 0 … 2³²-1, or a list of them
 * @throws DataError `bad-seed`
 * @example
 * numpyRandom(0).randn(2)   // [1.764052345967664, 0.4001572083672233]
 */
export function numpyRandom(seed: number | readonly number[] = 0): NumpyRandom {
  const list = typeof seed === 'number' ? [seed] : seed
  if (list.length === 0 || !list.every(isUint32))
    throw new DataError('bad-seed', `numpyRandom got the seed ${String(seed) || '[]'}, expected 0 … ${two32 - 1}`, {
      hint: 'a seed is a whole number, or a list of at least one',
    })
  // Made when it is needed: most arrays of a network begin as zeros, without a draw.
  let key: Int32Array
  const ready = () => (key ??= typeof seed === 'number' ? seeded(seed) : seededBy(list))
  /** What the state gives out. Signed, as all its words: an engine computes with such numbers soonest. */
  const words = new Int32Array(length)
  let pos = length
  /** Words that are made of the next state: no more than are asked for, most arrays being small. */
  let made = length
  let hasGauss = false
  let cached = 0

  /** Makes the next words, so many where the state has them still; gives how many there are. */
  function prepare(count: number) {
    if (pos === length) pos = made = 0
    const end = Math.min(length, pos + count)
    if (made < end) twist(ready(), words, made, (made = end))
    return made - pos
  }

  function uint32() {
    if (pos === made) prepare(16)
    return words[pos++] >>> 0
  }

  function random() {
    const high = uint32() >>> 5
    return (high * 67108864 + (uint32() >>> 6)) / 9007199254740992
  }

  /** Doubles in [low, low + span). */
  function spread(low: number, span: number, size: number) {
    const out = new Float64Array(size)
    for (let i = 0; i < size; ) {
      if (pos === length - 1) out[i++] = low + span * random() // its words are of two states
      const count = Math.min(size - i, prepare(2 * (size - i)) >> 1)
      doubles(words, pos, out, i, count, low, span)
      pos += 2 * count
      i += count
    }
    return out
  }

  function gauss() {
    if (hasGauss) {
      hasGauss = false
      return cached
    }
    let x1: number
    let x2: number
    let r2: number
    do {
      x1 = 2 * random() - 1
      x2 = 2 * random() - 1
      r2 = x1 * x1 + x2 * x2
    } while (r2 >= 1 || r2 === 0)
    const factor = Math.sqrt((-2 * glibcLog(r2)) / r2)
    cached = factor * x1
    hasGauss = true
    return factor * x2
  }

  /** A whole number 0 … max: draws under the smallest covering mask until one fits. */
  function below(max: number) {
    if (max === 0) return 0
    if (max < two32) return word(max)
    const mask = covering(Math.floor(max / two32))
    for (;;) {
      const high = (uint32() & mask) >>> 0
      const value = high * two32 + uint32()
      if (value <= max) return value
    }
  }

  /** The same of one word: 0 < max < 2³². */
  function word(max: number) {
    const mask = covering(max)
    for (;;) {
      const value = (uint32() & mask) >>> 0
      if (value <= max) return value
    }
  }

  const filled = (size: number, draw: () => number) => {
    const out = new Float64Array(size)
    for (let i = 0; i < size; i++) out[i] = draw()
    return out
  }

  function shuffle<T>(items: { readonly length: number; [index: number]: T }) {
    for (let i = items.length - 1; i > 0; i--) {
      const j = word(i)
      const item = items[i]
      items[i] = items[j]
      items[j] = item
    }
  }

  function permutation(n: number): Int32Array
  function permutation<T>(items: ArrayLike<T>): T[]
  function permutation<T>(of: number | ArrayLike<T>): Int32Array | T[] {
    const out = typeof of === 'number' ? counting(of) : Array.from(of)
    shuffle<unknown>(out)
    return out
  }

  function randint(low: number, high: number, size = 1) {
    if (!(Number.isSafeInteger(low) && Number.isSafeInteger(high) && Number.isSafeInteger(high - low) && low < high))
      throw new DataError('bad-range', `randint got [${low}, ${high}), expected whole numbers, low below high`, {
        hint: 'the upper end is not included: randint(0, 10) draws 0 … 9',
      })
    return Array.from({ length: size }, () => low + below(high - 1 - low))
  }

  function choice(n: number, size?: number, options?: { replace?: boolean }): number[]
  function choice<T>(items: ArrayLike<T>, size?: number, options?: { replace?: boolean }): T[]
  function choice<T>(from: number | ArrayLike<T>, size = 1, { replace = true, ...others }: { replace?: boolean } = {}) {
    nothingElse('choice', others, { replace })
    const count = typeof from === 'number' ? from : from.length
    if (count < 1 || (!replace && size > count))
      throw new DataError('bad-choice', `choice got ${size} of ${count} items, more than there are`, {
        hint: 'draw fewer, or with { replace: true }',
      })
    const rows = replace ? randint(0, count, size) : Array.from(permutation(count).subarray(0, size))
    return typeof from === 'number' ? rows : rows.map(row => from[row])
  }

  return {
    uint32,
    random,
    gauss,
    rand: (...shape) => spread(0, 1, product(shape)),
    randn: (...shape) => filled(product(shape), gauss),
    normal: (loc = 0, scale = 1, size = 1) => filled(size, () => loc + scale * gauss()),
    uniform: (low = 0, high = 1, size = 1) => spread(low, high - low, size),
    randint,
    choice,
    permutation,
    shuffle,
    state() {
      twist(ready(), words, made, (made = length))
      return { key: Array.from(key, word => word >>> 0), pos, hasGauss, gauss: hasGauss ? cached : 0 }
    },
    restore(state) {
      if (
        !(Array.isArray(state.key) && state.key.length === length && state.key.every(isUint32) && isPosition(state.pos))
      )
        throw new DataError('bad-state', `restore got a state that is not ${length} words and a position`, {
          hint: 'pass what state() returned, or its JSON',
        })
      ready().set(state.key)
      for (let i = 0; i < length; i++) words[i] = tempered(key[i])
      pos = state.pos
      made = length
      hasGauss = state.hasGauss
      cached = state.gauss
    },
  }
}

/** The smallest 2ᵏ-1 that is not below `max`, for max < 2³². */
const covering = (max: number) => 0xffffffff >>> Math.clz32(max)
const product = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)
const isUint32 = (value: unknown) => typeof value === 'number' && value >>> 0 === value
const isPosition = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= length

// These are by themselves, each with one loop, because an engine makes such functions fast soonest: a network begins with
// many numbers.

/** A part of the next state, and the words that it gives out. */
function twist(key: Int32Array, words: Int32Array, from: number, to: number): void {
  const { length } = key // a local one is read faster
  const rest = length - middle
  for (let i = from; i < to; i++) {
    const mixed = (key[i] & 0x80000000) | (key[i + 1 < length ? i + 1 : 0] & 0x7fffffff)
    const made = key[i < rest ? i + middle : i - rest] ^ (mixed >>> 1) ^ (-(mixed & 1) & 0x9908b0df)
    key[i] = made
    words[i] = tempered(made)
  }
}

/** The word that a word of the state gives out. */
function tempered(y: number): number {
  y ^= y >>> 11
  y ^= (y << 7) & 0x9d2c5680
  y ^= (y << 15) & 0xefc60000
  return y ^ (y >>> 18)
}

/** The next numbers, each of two words. */
function doubles(
  words: Int32Array,
  from: number,
  out: Float64Array,
  to: number,
  count: number,
  low: number,
  span: number,
) {
  for (let i = 0; i < count; i++, from += 2)
    out[to + i] = low + span * (((words[from] >>> 5) * 67108864 + (words[from + 1] >>> 6)) / 9007199254740992)
}

/** The first state of a number. */
function seeded(seed: number): Int32Array {
  const key = new Int32Array(length)
  key[0] = seed
  for (let i = 1; i < length; i++) key[i] = Math.imul(key[i - 1] ^ (key[i - 1] >>> 30), 1812433253) + i
  return key
}

/** What the first state of several numbers begins with. */
let begun: Int32Array | undefined

/** The first state of several numbers. */
function seededBy(list: readonly number[]): Int32Array {
  const key = (begun ??= seeded(19650218)).slice()
  // Around once with the seeds and once without; key[0] is a copy of the last.
  const rounds = Math.max(length, list.length)
  let i = 1
  let seed = 0
  for (let k = 0; k < rounds + length - 1; k++) {
    const last = key[i - 1] ^ (key[i - 1] >>> 30)
    if (k < rounds) {
      key[i] = (key[i] ^ Math.imul(last, 1664525)) + list[seed] + seed
      if (++seed === list.length) seed = 0
    } else key[i] = (key[i] ^ Math.imul(last, 1566083941)) - i
    if (++i < length) continue
    key[0] = key[length - 1]
    i = 1
  }
  key[0] = 0x80000000
  return key
}
