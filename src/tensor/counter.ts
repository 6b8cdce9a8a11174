/**
 * Random numbers that are computed, not drawn: the number at a place depends on a key and the place alone, so a mask can
 * be made again in the backward pass instead of being stored, and any number of threads makes the same bits.
 */

/** A 32-bit finaliser with full avalanche (two multiplications; constants found by search, C. Wellons 2018). */
export function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return x ^ (x >>> 15)
}

/** The key of one stream in one step of one seed. */
export const streamKey = (seed: number, step: number, stream: number): number =>
  mix(mix(mix(seed + 0x3c6ef372) ^ (stream + 0x78dde6e4)) ^ (step + 0x1b873593))

/** Uniform in [0, 1), 24 bits, exact in float32. */
export const uniformAt = (key: number, place: number): number => (mix(mix(place ^ key) + key) >>> 8) / 0x1000000
