import { ShapeError } from '../../errors.ts'
import { fraction, type LayerOptions, layer, pair } from '../layer.ts'
import { spatial } from '../window.ts'

/** A number f stands for the range from −f to f. */
export type Range = number | readonly [low: number, high: number]

export interface WarpOptions extends LayerOptions {
  /** What lies beyond the edge: its mirror image (default), the edge, the other side, or zeros. */
  fillMode?: 'reflect' | 'nearest' | 'wrap' | 'constant'
  /** 'bilinear' (default) blends the four pixels around a place, 'nearest' takes the nearest one. */
  interpolation?: 'bilinear' | 'nearest'
}

/** How a row (or column) n beyond the edge is brought back into 0 … size − 1. */
const beyond = {
  reflect: (n: string, size: string) =>
    `let m${n} = ${n} - 2 * ${size} * floor(${n} / (2 * ${size})); let in${n} = min(m${n}, 2 * ${size} - 1 - m${n});`,
  nearest: (n: string, size: string) => `let in${n} = clamp(${n}, 0, ${size} - 1);`,
  wrap: (n: string, size: string) => `let in${n} = ${n} - ${size} * floor(${n} / ${size});`,
  constant: (n: string, size: string) => `let in${n} = clamp(${n}, 0, ${size} - 1);`,
}

/**
 * Each pixel (i, j) of the output looks at a place (si, sj) of the input, which `source` says: while training, with u and
 * v drawn for each image. The four pixels around that place share it by their nearness.
 */
function warp(
  who: string,
  { fillMode = 'reflect', interpolation = 'bilinear' }: WarpOptions,
  source: string,
  settings: Record<string, number>,
) {
  if (!Object.hasOwn(beyond, fillMode) || !['bilinear', 'nearest'].includes(interpolation))
    throw new ShapeError('bad-option', `${who} got fillMode ${fillMode}, interpolation ${interpolation}`.slice(0, 99), {
      hint: `fillMode is one of ${Object.keys(beyond).join(', ')}; interpolation 'bilinear' or 'nearest'`,
    })
  const shares = `${source}
    let row = ${interpolation === 'nearest' ? 'floor(si + 0.5)' : 'si'};
    let column = ${interpolation === 'nearest' ? 'floor(sj + 0.5)' : 'sj'};
    let r = floor(row) + floor(corner / 2);
    let c = floor(column) + corner - 2 * floor(corner / 2);
    let near = (1 - abs(row - r)) * (1 - abs(column - c));
    ${beyond[fillMode]('r', 'H')} ${beyond[fillMode]('c', 'W')}
    place = inr * W + inc;
    share = ${fillMode === 'constant' ? 'r == inr ? c == inc ? near : 0 : 0' : 'near'}`
  return pair({
    shapes(input) {
      const [H, W] = spatial(who, input, 2)
      return { y: input, saved: { place: [4, H, W], share: [4, H, W] }, random: { u: [1, 1, 1], v: [1, 1, 1] } }
    },
    forward(k, { x, y, place, share, u, v }) {
      const [batch, H, W, channels] = x.shape
      const pixel = { i: k.index(H).reshape(H, 1), j: k.index(W), corner: k.index(4).reshape(4, 1, 1) }
      k.map({ place, share }, shares, { ...pixel, u, v, H, W, ...settings })
      const around = k.scratch('around', [batch, 4, H * W, channels])
      const each = [batch, 4, H * W, 1] as const
      k.gather(around, x.reshape(batch, H * W, channels).repeat(1, 4), place.reshape(...each), 2)
      k.reduce(y, 'sum', 'share * around', { share: share.reshape(...each), around }, [1]) // y = Σ share ⊙ x[place]
    },
    backward(k, { dx, dy, place, share }) {
      const [batch, H, W, channels] = dx.shape
      const each = [batch, 4, H * W, 1, 1] as const
      const operands = {
        place: place.reshape(...each),
        share: share.reshape(...each),
        dy: dy.reshape(batch, 1, H * W, 1, channels),
        here: k.index(H * W).reshape(H * W, 1),
      }
      k.reduce(dx, 'sum', 'place == here ? share * dy : 0', operands, [1, 2]) // dx = Σ share ⊙ dy of those that looked here
    },
    infer: (k, { x, y }) => k.copy(y, x),
  })
}

/** The ends of a range. */
function ends(
  who: string,
  what: string,
  value: Range,
  least = Number.NEGATIVE_INFINITY,
): { low: number; high: number } {
  const [low, high] = typeof value === 'number' ? [-Math.abs(value), Math.abs(value)] : value
  return { low: fraction(who, what, low, least, Infinity), high: fraction(who, what, high, low, Infinity) }
}

/**
 * Moves each image by a random share of its height and width while training; below zero is up and left.
 * @equation y(i, j) = x(i - t_i, \, j - t_j), \quad t \sim U
 * @slope dx = \text{each } dy \text{ goes back to the pixels it was read from, with their shares}
 * @shape [height, width, channels] → [height, width, channels]
 * @param heightFactor f for −f … f, or [low, high], in parts of the height
 * @param widthFactor the same for the width
 * @example
 * randomTranslation(0.1, 0.1, { fillMode: 'constant' })
 */
export const randomTranslation = layer(
  'randomTranslation',
  ['heightFactor', 'widthFactor'],
  (heightFactor: Range, widthFactor: Range, options: WarpOptions = {}) => {
    const down = ends('randomTranslation', 'heightFactor', heightFactor)
    const right = ends('randomTranslation', 'widthFactor', widthFactor)
    const settings = { a: down.low, b: down.high - down.low, c0: right.low, d: right.high - right.low }
    const source = 'let si = i - H * (a + b * u); let sj = j - W * (c0 + d * v);'
    return warp('randomTranslation', options, source, settings)
  },
)

/**
 * Turns each image around its middle by a random angle while training; above zero is counter-clockwise.
 * @equation y(p) = x(R_\varphi^{-1} p) \quad \text{around the middle}, \quad \varphi \sim U
 * @slope dx = \text{each } dy \text{ goes back to the pixels it was read from, with their shares}
 * @shape [height, width, channels] → [height, width, channels]
 * @param factor f for −f … f, or [low, high], in turns: 0.1 is 36°
 * @example
 * randomRotation(0.05)
 */
export const randomRotation = layer('randomRotation', ['factor'], (factor: Range, options: WarpOptions = {}) => {
  const { low, high } = ends('randomRotation', 'factor', factor)
  const source = `let angle = 2 * pi * (low + (high - low) * u);
    let y = i - (H - 1) / 2; let x = j - (W - 1) / 2;
    let si = (H - 1) / 2 + x * sin(angle) + y * cos(angle);
    let sj = (W - 1) / 2 + x * cos(angle) - y * sin(angle);`
  return warp('randomRotation', options, source, { low, high })
})

export interface RandomZoomOptions extends WarpOptions {
  /** For the width; by default that of the height, with the same random number. */
  widthFactor?: Range
}

/**
 * Enlarges or shrinks each image around its middle while training; above zero shrinks it, as in Keras.
 * @equation y(p) = x((1 + f) \, p) \quad \text{around the middle}, \quad f \sim U
 * @slope dx = \text{each } dy \text{ goes back to the pixels it was read from, with their shares}
 * @shape [height, width, channels] → [height, width, channels]
 * @param heightFactor f for −f … f, or [low, high], above −1
 * @example
 * randomZoom(0.1)
 */
export const randomZoom = layer(
  'randomZoom',
  ['heightFactor'],
  (heightFactor: Range, options: RandomZoomOptions = {}) => {
    const tall = ends('randomZoom', 'heightFactor', heightFactor, -1)
    const wide = ends('randomZoom', 'widthFactor', options.widthFactor ?? heightFactor, -1)
    const source = `let si = (H - 1) / 2 + (i - (H - 1) / 2) * (1 + a + b * u);
    let sj = (W - 1) / 2 + (j - (W - 1) / 2) * (1 + c0 + d * ${options.widthFactor === undefined ? 'u' : 'v'});`
    const settings = { a: tall.low, b: tall.high - tall.low, c0: wide.low, d: wide.high - wide.low }
    return warp('randomZoom', options, source, settings)
  },
)

export interface RandomErasingOptions extends LayerOptions {
  /** How often an image is touched. */
  factor?: number
  /** Bounds of the box, as shares of the image, for the squares of height and width. */
  scale?: readonly [low: number, high: number]
  /** What the box is filled with; Keras draws noise unless told. */
  fillValue?: number
}

/**
 * Fills a random box of each image while training.
 * @equation y(p) = \begin{cases} \mathit{fillValue} & \text{if } p \text{ lies in the box} \\ x(p) & \text{otherwise} \end{cases}
 * @slope dx(p) = \begin{cases} 0 & \text{if } p \text{ lies in the box} \\ dy(p) & \text{otherwise} \end{cases}
 * @shape [height, width, channels] → [height, width, channels]
 * @paper Zhong et al. 2017
 * @example
 * randomErasing({ factor: 0.5, scale: [0.02, 0.2] })
 */
export const randomErasing = layer('randomErasing', [], (options: RandomErasingOptions = {}) => {
  const { factor = 1, scale = [0.02, 0.33], fillValue = 0 } = options
  const low = fraction('randomErasing', 'scale', scale[0], 0, 1.000001)
  const high = fraction('randomErasing', 'scale', scale[1], low, 1.000001)
  fraction('randomErasing', 'factor', factor, 0, 1.000001)
  fraction('randomErasing', 'fillValue', fillValue, Number.NEGATIVE_INFINITY, Infinity)
  const box = `let tall = H * sqrt(low + (high - low) * u); let wide = W * sqrt(low + (high - low) * v);
    let top = p * (H - tall); let left = q * (W - wide);
    let inside = i < top ? 0 : i < top + tall ? j < left ? 0 : j < left + wide ? 1 : 0 : 0;
    y = chance < factor ? inside > 0 ? fill : x : x`
  const one = [1, 1, 1]
  return pair({
    shapes(input) {
      spatial('randomErasing', input, 2)
      return { y: input, random: { u: one, v: one, p: one, q: one, chance: one } }
    },
    forward(k, { x, y, u, v, p, q, chance }) {
      const [, H, W] = x.shape
      const pixel = { i: k.index(H).reshape(H, 1, 1), j: k.index(W).reshape(W, 1), H, W }
      k.map(y, box, { ...pixel, x, u, v, p, q, chance, low, high, factor, fill: fillValue })
    },
    backward(k, { dx, dy, u, v, p, q, chance }) {
      const [, H, W] = dx.shape
      const pixel = { i: k.index(H).reshape(H, 1, 1), j: k.index(W).reshape(W, 1), H, W }
      k.map({ y: dx }, box, { ...pixel, x: dy, u, v, p, q, chance, low, high, factor, fill: 0 })
    },
    infer: (k, { x, y }) => k.copy(y, x),
  })
})
