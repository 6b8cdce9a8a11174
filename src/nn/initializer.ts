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
  const vector = (i: number) => q.subarray(i * length, (i + 1) * length)
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i], 0)
  for (let i = 0; i < count; i++) {
    const v = vector(i)
    for (let pass = 0; pass < 2; pass++)
      for (let j = 0; j < i; j++) {
        const u = vector(j)
        const along = dot(u, v)
        for (let n = 0; n < length; n++) v[n] -= along * u[n]
      }
    const norm = Math.sqrt(dot(v, v))
    for (let n = 0; n < length; n++) v[n] /= norm
  }
  return q
}
