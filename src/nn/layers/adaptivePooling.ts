import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape, sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import { type One, type Sizes, sizes, spatial, spatialAxes, type Three, type Two } from '../window.ts'
import { mixAll, table } from './mixing.ts'

/** Window i of m over n places reaches from ⌊i·n/m⌋ to before ⌈(i + 1)·n/m⌉: each place in it has the same share. */
const shares = `let start = floor(i * columns / rows);
                let end = ceil((i + 1) * columns / rows);
                share = j < start ? 0 : j < end ? 1 / (end - start) : 0`

/** For each spatial axis the shares of its places in its windows: [windows, places]. */
const sharesOf = (k: Verbs, image: Shape, out: Shape): View[] =>
  image.map((places, i) => table(k, 'share', [out[i], places], shares))

function shape(who: string, n: number, out: Shape, input: Shape): Shape {
  const image = spatial(who, input, n)
  if (out.every((m, i) => m <= image[i])) return [...out, input[n]]
  throw new ShapeError('small-input', `${who} got ${printShape(image)}, smaller than its output`, {
    evidence: [['output', printShape(out)]],
    hint: 'pooling makes images smaller; upSampling2d makes them larger',
  })
}

/** y = the mean of each window, the windows as large as the input asks. */
function adaptiveAverage(who: string, n: number, outputSize: Sizes) {
  const out = sizes(who, 'outputSize', outputSize, n)
  return pair({
    shapes: input => ({ y: shape(who, n, out, input) }),
    forward: (k, { x, y }) => mixAll(k, y, sharesOf(k, x.shape.slice(1, -1), out), x), // y = A·x along each axis
    backward(k, { dx, dy }) {
      const back = sharesOf(k, dx.shape.slice(1, -1), out).map(A => A.T)
      mixAll(k, dx, back, dy) // dx = Aᵀ·dy
    },
  })
}

/** y = the largest of each window, the windows as large as the input asks. */
function adaptiveMax(who: string, n: number, outputSize: Sizes) {
  const out = sizes(who, 'outputSize', outputSize, n)
  const names = ['a', 'b', 'c'].slice(0, n)
  const formula = `${names.join(' * ')} > 0 ? x : low`
  return pair({
    shapes(input) {
      const y = shape(who, n, out, input)
      return { y, saved: { place: y } }
    },
    forward(k, { x, y, place }) {
      const [batch, ...image] = x.shape.slice(0, -1)
      const channels = x.shape[n + 1]
      // Every window against every place, [batch, …windows, …places, channels].
      const only = (size: number, axis: number) => spatialAxes(n, 0).map(i => (i === axis ? size : 1))
      const inside = sharesOf(k, image, out).map((A, i) => A.reshape(...only(out[i], i), ...only(image[i], i), 1))
      const operands = {
        ...Object.fromEntries(names.map((name, i) => [name, inside[i]])),
        x: x.reshape(batch, ...out.map(() => 1), ...image, channels),
        low: -Infinity,
      }
      k.reduce(y, 'max', formula, operands, spatialAxes(n, n + 1)) // y = the largest of each window
      k.reduce(place, 'argmax', formula, operands, spatialAxes(n, n + 1)) // and where it stood
    },
    backward(k, { dx, dy, place }) {
      const [batch, places, channels] = [dx.shape[0], sizeOf(dx.shape.slice(1, -1)), dx.shape[n + 1]]
      const each = (v: View) => v.reshape(batch, sizeOf(out), 1, channels)
      const here = k.index(places).reshape(places, 1)
      const operands = { place: each(place), dy: each(dy), here }
      k.reduce(dx, 'sum', 'place == here ? dy : 0', operands, [1]) // dx = Σ dy of the windows it was largest in
    },
  })
}

/**
 * The means of so many windows of a sequence, whatever its length. Windows overlap where the sizes do not divide.
 * @equation y_{i,c} = \operatorname{mean} \, \{ x_{u,c} : \lfloor i n / m \rfloor \le u < \lceil (i + 1) n / m \rceil \} \quad \text{for } m \text{ windows of } n \text{ places}
 * @slope dx_{u,c} = \sum_{i \ni u} \frac{dy_{i,c}}{N_i}
 * @shape [steps, channels] → [outputSize, channels]
 * @param outputSize how many windows, one number or one for each axis; no more than places
 * @example
 * adaptiveAveragePooling1d(4)
 */
export const adaptiveAveragePooling1d = layer(
  'adaptiveAveragePooling1d',
  ['outputSize'],
  (outputSize: One, _options: LayerOptions = {}) => adaptiveAverage('adaptiveAveragePooling1d', 1, outputSize),
)

/**
 * The means of so many windows of an image, whatever its size. Windows overlap where the sizes do not divide.
 * @equation y_{i,c} = \operatorname{mean} \, \{ x_{u,c} : \lfloor i n / m \rfloor \le u < \lceil (i + 1) n / m \rceil \} \quad \text{for } m \text{ windows of } n \text{ places}
 * @slope dx_{u,c} = \sum_{i \ni u} \frac{dy_{i,c}}{N_i}
 * @shape [height, width, channels] → [...outputSize, channels]
 * @param outputSize how many windows, one number or one for each axis; no more than places
 * @example
 * adaptiveAveragePooling2d([2, 3])
 */
export const adaptiveAveragePooling2d = layer(
  'adaptiveAveragePooling2d',
  ['outputSize'],
  (outputSize: Two, _options: LayerOptions = {}) => adaptiveAverage('adaptiveAveragePooling2d', 2, outputSize),
)

/**
 * The means of so many windows of a volume, whatever its size.
 * @equation y_{i,c} = \operatorname{mean} \, \{ x_{u,c} : \lfloor i n / m \rfloor \le u < \lceil (i + 1) n / m \rceil \} \quad \text{for } m \text{ windows of } n \text{ places}
 * @slope dx_{u,c} = \sum_{i \ni u} \frac{dy_{i,c}}{N_i}
 * @shape [depth, height, width, channels] → [...outputSize, channels]
 * @param outputSize how many windows, one number or one for each axis; no more than places
 * @example
 * adaptiveAveragePooling3d(2)
 */
export const adaptiveAveragePooling3d = layer(
  'adaptiveAveragePooling3d',
  ['outputSize'],
  (outputSize: Three, _options: LayerOptions = {}) => adaptiveAverage('adaptiveAveragePooling3d', 3, outputSize),
)

/**
 * The largest values of so many windows of a sequence, whatever its length.
 * @equation y_{i,c} = \max \, \{ x_{u,c} : \lfloor i n / m \rfloor \le u < \lceil (i + 1) n / m \rceil \} \quad \text{for } m \text{ windows of } n \text{ places}
 * @slope dx_{u,c} = \sum_i dy_{i,c} \, [x_{u,c} \text{ was the largest of window } i]
 * @shape [steps, channels] → [outputSize, channels]
 * @param outputSize how many windows, one number or one for each axis; no more than places
 * @example
 * adaptiveMaxPooling1d(4)
 */
export const adaptiveMaxPooling1d = layer(
  'adaptiveMaxPooling1d',
  ['outputSize'],
  (outputSize: One, _options: LayerOptions = {}) => adaptiveMax('adaptiveMaxPooling1d', 1, outputSize),
)

/**
 * The largest values of so many windows of an image, whatever its size.
 * @equation y_{i,c} = \max \, \{ x_{u,c} : \lfloor i n / m \rfloor \le u < \lceil (i + 1) n / m \rceil \} \quad \text{for } m \text{ windows of } n \text{ places}
 * @slope dx_{u,c} = \sum_i dy_{i,c} \, [x_{u,c} \text{ was the largest of window } i]
 * @shape [height, width, channels] → [...outputSize, channels]
 * @param outputSize how many windows, one number or one for each axis; no more than places
 * @example
 * adaptiveMaxPooling2d(4)
 */
export const adaptiveMaxPooling2d = layer(
  'adaptiveMaxPooling2d',
  ['outputSize'],
  (outputSize: Two, _options: LayerOptions = {}) => adaptiveMax('adaptiveMaxPooling2d', 2, outputSize),
)

/**
 * The largest values of so many windows of a volume, whatever its size.
 * @equation y_{i,c} = \max \, \{ x_{u,c} : \lfloor i n / m \rfloor \le u < \lceil (i + 1) n / m \rceil \} \quad \text{for } m \text{ windows of } n \text{ places}
 * @slope dx_{u,c} = \sum_i dy_{i,c} \, [x_{u,c} \text{ was the largest of window } i]
 * @shape [depth, height, width, channels] → [...outputSize, channels]
 * @param outputSize how many windows, one number or one for each axis; no more than places
 * @example
 * adaptiveMaxPooling3d(2)
 */
export const adaptiveMaxPooling3d = layer(
  'adaptiveMaxPooling3d',
  ['outputSize'],
  (outputSize: Three, _options: LayerOptions = {}) => adaptiveMax('adaptiveMaxPooling3d', 3, outputSize),
)
