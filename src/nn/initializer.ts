import type { NumpyRandom } from '../tensor/random.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Json, type MakerOf, type Params, withDefaults } from './json.ts'

/** How a parameter begins. */
export interface Initializer {
  readonly name: string
  readonly params: Params
  draw(shape: Shape, random: NumpyRandom): Float64Array
  toJSON(): Json
}

export interface Draw {
  readonly shape: Shape
  readonly size: number
  /** Inputs of one unit: for a convolution, window size times channels. */
  readonly fanIn: number
  readonly fanOut: number
  readonly random: NumpyRandom
}

export type InitializerMaker<P = Params> = MakerOf<Initializer, P>

/**
 * Defines an initialiser by how it draws numbers.
 * @example
 * const halves = initializer('halves', {}, ({ size }) => new Float64Array(size).fill(0.5))
 */
export function initializer<P extends Params>(
  name: string,
  defaults: P,
  draw: (about: Draw, params: P) => Float64Array,
): InitializerMaker<P> {
  return (given: object = {}) => {
    const params = withDefaults(`initializer ${name}`, defaults, given)
    return {
      name,
      params,
      draw: (shape, random) => draw({ shape, size: sizeOf(shape), random, ...fans(shape) }, params),
      toJSON: () => ({ name, params }),
    }
  }
}

/** Keras's compute_fans. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 }
  const window = sizeOf(shape.slice(0, -2))
  return { fanIn: window * shape[shape.length - 2], fanOut: window * shape[shape.length - 1] }
}

/** Normal numbers of which those beyond two deviations are drawn again; `deviation` is the one of what remains. */
export function truncated(random: NumpyRandom, size: number, deviation: number): Float64Array {
  const scale = deviation / 0.87962566103423978
  const out = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    let z: number
    do z = random.gauss()
    while (Math.abs(z) > 2)
    out[i] = z * scale
  }
  return out
}

/**
 * Gram and Schmidt: `count` vectors of `length` numbers, one after another, made orthogonal and of length 1, in the
 * directions that the diagonal of a QR decomposition would have positive. Those of which little is left go through it
 * twice, for accuracy; four at a time are freed of what lies along those before them, which takes half as long.
 */
export function orthonormal(numbers: Float64Array, length: number, count: number): Float64Array {
  const q = numbers.slice()
  const along = new Float64Array(4)
  for (let first = 0, wide = 1; first < count; first += wide) {
    wide = first + 4 <= count ? 4 : 1
    const begin = first * length
    const end = begin + wide * length
    for (let pass = 0, isAgain = true; isAgain && pass < 2; pass++) {
      isAgain = false
      const before = Float64Array.from({ length: wide }, (_, i) =>
        dot(q, begin + i * length, begin + i * length, length),
      )
      if (wide === 4) {
        for (let i = 0; i < 4; i++) along[i] = dot(q, 0, begin + i * length, length)
        for (let u = 0; u < begin; u += length) subtractFromFour(q, begin, along, u, length)
      }
      for (let v = begin, i = 0; v < end; v += length, i++) {
        const from = wide === 4 ? begin : 0
        let left = dot(q, from, v, length)
        for (let u = from; u < v; u += length) left = subtract(q, v, left, u, length)
        const square = dot(q, v, v, length)
        if (square < before[i] / 100) isAgain = true // rounding is more than ten times its share
        const norm = Math.sqrt(square)
        for (let n = v; n < v + length; n++) q[n] /= norm
      }
    }
  }
  return q
}

// Of vectors that begin at u and v of one array. Small functions, for an engine makes each fast by itself.
function dot(q: Float64Array, u: number, v: number, length: number): number {
  let sum = 0
  for (let n = 0; n < length; n++) sum += q[u + n] * q[v + n]
  return sum
}

/** v -= along · u, and in the same round what is left of v along the vector behind u. */
function subtract(q: Float64Array, v: number, along: number, u: number, length: number): number {
  const next = u + length
  let sum = 0
  for (let n = 0; n < length; n++) {
    const left = q[v + n] - along * q[u + n]
    q[v + n] = left
    sum += left * q[next + n]
  }
  return sum
}

/** The same of four vectors from v on. */
function subtractFromFour(q: Float64Array, v: number, along: Float64Array, u: number, length: number): void {
  const next = u + length
  const [b, c, d] = [v + length, v + 2 * length, v + 3 * length]
  const [alongA, alongB, alongC, alongD] = along
  let sumA = 0
  let sumB = 0
  let sumC = 0
  let sumD = 0
  for (let n = 0; n < length; n++) {
    const x = q[u + n]
    const y = q[next + n]
    const leftA = (q[v + n] -= alongA * x)
    const leftB = (q[b + n] -= alongB * x)
    const leftC = (q[c + n] -= alongC * x)
    const leftD = (q[d + n] -= alongD * x)
    sumA += leftA * y
    sumB += leftB * y
    sumC += leftC * y
    sumD += leftD * y
  }
  along.set([sumA, sumB, sumC, sumD])
}
