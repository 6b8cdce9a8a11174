import { DataError, nothingElse } from '../errors.ts'
import { numpyRandom } from '../tensor/random.ts'
import { type Dataset, dataset } from './dataset.ts'

type Point = [x: number, y: number]

interface ToyOptions {
  samples?: number
  seed?: number
}

interface NoisyOptions extends ToyOptions {
  noise?: number
}

interface SpiralOptions extends ToyOptions {
  classes?: number
  precision?: 'float32' | 'float64'
}

/**
 * Arms of a spiral, one a class: the set of "Neural Networks from Scratch", `nnfs.datasets.spiral_data`.
 *
 * r = 0 … 1, θ = 2.5·(4·class … 4·(class + 1) + 0.2·noise), point = r·(sin θ, cos θ)
 * @param options.samples points of each class
 * @param options.precision of the noise: with `'float32'`, which `nnfs.init()` sets, the book's printed numbers come out
 * @example
 * const arms = spiral({ samples: 100, classes: 3, seed: 0 })
 */
export function spiral({ samples = 100, classes = 3, seed = 0, precision = 'float64', ...others }: SpiralOptions = {}) {
  nothingElse('spiral', others, { samples, classes, seed, precision })
  const random = numpyRandom(seed)
  const round = precision === 'float32' ? Math.fround : (value: number) => value
  return perClass('spiral', samples, classes, label => {
    const noise = random.randn(samples).map(value => round(round(value) * round(0.2)))
    const radius = linspace(0, 1, samples)
    return linspace(label * 4, (label + 1) * 4, samples).map((t, i) => {
      const angle = (t + noise[i]) * 2.5
      return [radius[i] * Math.sin(angle), radius[i] * Math.cos(angle)]
    })
  })
}

/**
 * A flower with petals of two colours: the planar set of the deep learning course.
 *
 * θ = 3.12·class … 3.12·(class + 1) + 0.2·noise, r = 4·sin 4θ + 0.2·noise, point = r·(sin θ, cos θ)
 * @param options.samples points of both classes together, half each
 */
export function planarFlower({ samples = 400, seed = 1, ...others }: ToyOptions = {}): Dataset {
  nothingElse('planarFlower', others, { samples, seed })
  const random = numpyRandom(seed)
  const half = Math.floor(samples / 2)
  return perClass('planarFlower', half, 2, label => {
    const turn = random.randn(half)
    const reach = random.randn(half)
    return linspace(label * 3.12, (label + 1) * 3.12, half).map((t, i) => {
      const angle = t + turn[i] * 0.2
      const radius = 4 * Math.sin(4 * angle) + reach[i] * 0.2
      return [radius * Math.sin(angle), radius * Math.cos(angle)]
    })
  })
}

/**
 * Two half circles that reach into each other, after scikit-learn's `make_moons`, without shuffling.
 * @param options.samples points of both classes together, half each
 * @param options.noise standard deviation added to each coordinate
 */
export function moons({ samples = 200, noise = 0.1, seed = 0, ...others }: NoisyOptions = {}): Dataset {
  nothingElse('moons', others, { samples, noise, seed })
  const half = Math.floor(samples / 2)
  const jitter = jitters(noise, seed)
  return perClass('moons', half, 2, label =>
    linspace(0, Math.PI, half).map(t =>
      jitter(label === 0 ? [Math.cos(t), Math.sin(t)] : [1 - Math.cos(t), 0.5 - Math.sin(t)]),
    ),
  )
}

/**
 * A circle around another, after scikit-learn's `make_circles`, without shuffling.
 * @param options.factor radius of the inner circle, the outer one has 1
 */
export function circles(options: NoisyOptions & { factor?: number } = {}): Dataset {
  const { samples = 200, noise = 0.05, factor = 0.5, seed = 0, ...others } = options
  nothingElse('circles', others, { samples, noise, factor, seed })
  const half = Math.floor(samples / 2)
  const jitter = jitters(noise, seed)
  return perClass('circles', half, 2, label => {
    const radius = label === 0 ? 1 : factor
    return Array.from({ length: half }, (_, i) => {
      const angle = (2 * Math.PI * i) / half
      return jitter([radius * Math.cos(angle), radius * Math.sin(angle)])
    })
  })
}

/**
 * Round clouds, one a class, with centres drawn from a square.
 * @param options.samples points of each class
 * @param options.spread standard deviation of a cloud
 * @param options.box centres lie within ±box
 */
export function blobs(options: ToyOptions & { classes?: number; spread?: number; box?: number } = {}): Dataset {
  const { samples = 100, classes = 3, spread = 1, box = 10, seed = 0, ...others } = options
  nothingElse('blobs', others, { samples, classes, spread, box, seed })
  const random = numpyRandom(seed)
  const centres = random.uniform(-box, box, 2 * Math.max(0, Math.floor(classes)))
  return perClass('blobs', samples, classes, label =>
    Array.from({ length: samples }, () => [
      random.normal(centres[2 * label], spread)[0],
      random.normal(centres[2 * label + 1], spread)[0],
    ]),
  )
}

/**
 * Exclusive or: the four corners (0,0), (0,1), (1,0), (1,1), over and over, with noise around each.
 * @param options.samples 4 is the truth table
 */
export function xor({ samples = 4, noise = 0, seed = 0, ...others }: NoisyOptions = {}): Dataset {
  nothingElse('xor', others, { samples, noise, seed })
  counted('xor', samples, 1)
  const jitter = jitters(noise, seed)
  const corners = Array.from({ length: samples }, (_, i): Point => [(i >> 1) & 1, i & 1])
  return dataset({ x: corners.map(jitter), y: Int32Array.from(corners, ([a, b]) => a ^ b), classes: 2 })
}

/** One period of y = sin 2πx on x = 0 … 1 (the end excluded), inputs [1] and targets [1]. */
export function sine({ samples = 1000, ...others }: Pick<ToyOptions, 'samples'> = {}): Dataset {
  nothingElse('sine', others, { samples })
  counted('sine', samples, 1)
  const x = Float64Array.from({ length: samples }, (_, i) => i / samples)
  return dataset({ x, y: x.map(value => Math.sin(2 * Math.PI * value)), inputShape: [1], targetShape: [1] })
}

function perClass(name: string, samples: number, classes: number, points: (label: number) => Point[]): Dataset {
  counted(name, samples, classes)
  const x = Array.from({ length: classes }, (_, label) => points(label)).flat()
  return dataset({ x, y: Int32Array.from(x, (_, i) => Math.floor(i / samples)), classes })
}

function counted(name: string, samples: number, classes: number) {
  if (
    !(Number.isInteger(samples) && Number.isInteger(classes) && samples > 0 && classes > 0 && samples * classes <= 1e7)
  )
    throw new DataError(
      'bad-count',
      `${name} got ${samples} samples and ${classes} classes, expected whole numbers from 1`,
      {
        hint: 'a few hundred points are enough to see something',
      },
    )
}

function jitters(noise: number, seed: number): (point: Point) => Point {
  if (noise === 0) return point => point
  const random = numpyRandom(seed)
  return ([x, y]) => [x + noise * random.gauss(), y + noise * random.gauss()]
}

/** NumPy's linspace, the last number being exactly `to`. */
function linspace(from: number, to: number, count: number): number[] {
  const step = (to - from) / (count - 1)
  return Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? to : i === 0 ? from : i * step + from))
}
