import { ShapeError } from '../../errors.ts'
import { fraction, type LayerOptions, layer, pair } from '../layer.ts'
import { spatial } from '../window.ts'

export interface RandomFlipOptions extends LayerOptions {
  /** Left and right, top and bottom, or each by itself (default). */
  mode?: 'horizontal' | 'vertical' | 'horizontalAndVertical'
}

/**
 * Exchanges left and right of every second image while training, or top and bottom, or both.
 * @equation y = u < \tfrac12 \; ? \; \mathrm{flip}(x) : x \quad \text{with } u \text{ uniform in } [0, 1)
 * @slope dx = u < \tfrac12 \; ? \; \mathrm{flip}(dy) : dy
 * @shape [height, width, channels] → the same
 * @throws ShapeError when the input is no image
 * @example
 * randomFlip({ mode: 'horizontal' })
 */
export const randomFlip = layer('randomFlip', [], ({ mode = 'horizontalAndVertical' }: RandomFlipOptions = {}) => {
  if (!['horizontal', 'vertical', 'horizontalAndVertical'].includes(mode))
    throw new ShapeError('bad-option', `randomFlip got mode ${String(mode).slice(0, 30)}`, {
      hint: "mode is 'horizontal', 'vertical' or 'horizontalAndVertical'",
    })
  const [down, across] = [mode !== 'horizontal', mode !== 'vertical'].map(Number)
  const text = `let a = across && u < 0.5; let b = down && v < 0.5; a ? (b ? both : mirrored) : b ? turned : x`
  const one = [1, 1, 1]
  return pair({
    shapes(input) {
      spatial('randomFlip', input, 2)
      return { y: input, random: { u: one, v: one } }
    },
    forward(k, { x, y, u, v }) {
      const turned = x.flip(1)
      k.map(y, text, { x, mirrored: x.flip(2), turned, both: turned.flip(2), u, v, down, across })
    },
    backward(k, { dx, dy: x, u, v }) {
      const turned = x.flip(1)
      k.map(dx, text, { x, mirrored: x.flip(2), turned, both: turned.flip(2), u, v, down, across })
    },
    infer: (k, { x, y }) => k.copy(y, x),
  })
})

export interface ValueRangeOptions extends LayerOptions {
  /** Between which values the result is kept; [0, 255] as in Keras. */
  valueRange?: readonly [low: number, high: number]
}

/** The ends of a range that is one number f for −f … f, or both ends. */
function ends(who: string, what: string, value: unknown, least: number): [number, number] {
  const [low, high] = Array.isArray(value) ? (value as number[]) : [-(value as number), value as number]
  return [fraction(who, what, low, least, Infinity), fraction(who, what, high, low, Infinity)]
}

/**
 * Draws the pixels of each image nearer to the mean of their channel while training, or further away.
 * @equation y = \mathrm{clamp}(c \, (x - m) + m), \quad c = 1 + \mathrm{low} + (\mathrm{high} - \mathrm{low}) \, u, \quad m = \text{mean over the pixels}
 * @slope dx = c \, g + (1 - c) \, \mathrm{mean}(g), \quad g = dy \text{ where nothing was cut off, else } 0
 * @shape [height, width, channels] → the same
 * @param factor f for changes of −f … f, or [low, high], from −1
 * @throws ShapeError when the input is no image
 * @example
 * randomContrast(0.2, { valueRange: [0, 1] })
 */
export const randomContrast = layer(
  'randomContrast',
  ['factor'],
  (factor: number | readonly [low: number, high: number], options: ValueRangeOptions = {}) => {
    const [low, high] = ends('randomContrast', 'factor', factor, -1)
    const [least, most] = ends('randomContrast', 'valueRange', options.valueRange ?? [0, 255], Number.NEGATIVE_INFINITY)
    const numbers = { low, high, least, most }
    const c = 'let c = 1 + low + (high - low) * u;'
    return pair({
      shapes(input) {
        spatial('randomContrast', input, 2)
        return { y: input, saved: { m: [1, 1, input[2]] }, random: { u: [1, 1, 1] } }
      },
      forward(k, { x, y, m, u }) {
        k.reduce(m, 'mean', 'x', { x }, [1, 2])
        k.map(y, `${c} clamp(c * (x - m) + m, least, most)`, { x, m, u, ...numbers })
      },
      backward(k, { x, dx, dy, m, u }) {
        const [g, mean] = [dx.shape, m.shape].map((shape, i) => k.scratch('gm'[i], shape))
        const free = `${c} let z = c * (x - m) + m; z >= least && z <= most ? dy : 0`
        k.map(g, free, { x, m, u, dy, ...numbers })
        k.reduce(mean, 'mean', 'g', { g }, [1, 2])
        k.map(dx, `${c} c * g + (1 - c) * mean`, { g, mean, u, low, high })
      },
      infer: (k, { x, y }) => k.copy(y, x),
    })
  },
)

/**
 * Makes each image brighter or darker while training: the same is added to all its pixels.
 * @equation y = \mathrm{clamp}(x + (\mathrm{most} - \mathrm{least}) \, (\mathrm{low} + (\mathrm{high} - \mathrm{low}) \, u))
 * @slope dx = dy \text{ where nothing was cut off, else } 0
 * @shape [height, width, channels] → the same
 * @param factor f for −f … f, or [low, high], in parts of the range of values
 * @throws ShapeError when the input is no image
 * @example
 * randomBrightness(0.1, { valueRange: [0, 1] })
 */
export const randomBrightness = layer(
  'randomBrightness',
  ['factor'],
  (factor: number | readonly [low: number, high: number], options: ValueRangeOptions = {}) => {
    const [low, high] = ends('randomBrightness', 'factor', factor, -1)
    const range = options.valueRange ?? [0, 255]
    const [least, most] = ends('randomBrightness', 'valueRange', range, Number.NEGATIVE_INFINITY)
    const z = 'let z = x + (most - least) * (low + (high - low) * u);'
    const numbers = { low, high, least, most }
    return pair({
      shapes(input) {
        spatial('randomBrightness', input, 2)
        return { y: input, random: { u: [1, 1, 1] } }
      },
      forward: (k, { x, y, u }) => k.map(y, `${z} clamp(z, least, most)`, { x, u, ...numbers }),
      backward: (k, { x, dx, dy, u }) => k.map(dx, `${z} z >= least && z <= most ? dy : 0`, { x, dy, u, ...numbers }),
      infer: (k, { x, y }) => k.copy(y, x),
    })
  },
)
