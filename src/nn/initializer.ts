import type { NumpyRandom } from '../tensor/random.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import { type Json, type Params, withDefaults } from './json.ts'

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

export type InitializerMaker = (params?: Params) => Initializer

/**
 * Defines an initialiser by how it draws numbers.
 * @example
 * const halves = initializer('halves', {}, ({ size }) => new Float64Array(size).fill(0.5))
 */
export function initializer<P extends Params>(
  name: string,
  defaults: P,
  draw: (about: Draw, params: P) => Float64Array,
): InitializerMaker {
  return (given = {}) => {
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
 * Gram and Schmidt, twice for accuracy: `count` vectors of `length` numbers, one after another, made orthogonal and of
 * length 1, in the directions that the diagonal of a QR decomposition would have positive.
 */
export function orthonormal(numbers: Float64Array, length: number, count: number): Float64Array {
  const q = numbers.slice()
  for (let v = 0; v < count * length; v += length) {
    for (let pass = 0; pass < 2; pass++) {
      let along = dot(q, 0, v, length)
      for (let u = 0; u < v; u += length) along = subtract(q, v, along, u, length)
    }
    const norm = Math.sqrt(dot(q, v, v, length))
    for (let n = v; n < v + length; n++) q[n] /= norm
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
