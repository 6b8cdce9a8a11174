import { ShapeError } from '../../errors.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'
import { type One, spatial, type Three, type Two } from '../window.ts'

/** Elements before and after the ones of an axis. */
type Ends = readonly [before: number, after: number]

/** One number for all axes, one for each, or both ends of each. */
type Border<S, E> = S | E
export type Border1d = Border<One, Ends>
export type Border2d = Border<Two, readonly [Ends, Ends]>
export type Border3d = Border<Three, readonly [Ends, Ends, Ends]>

function ends(who: string, what: string, value: unknown, n: number): Ends[] {
  const list: unknown[] = Array.isArray(value) && n > 1 ? value : Array.from({ length: n }, () => value)
  if (list.length !== n)
    throw new ShapeError('bad-option', `${who} got ${what} for ${list.length} axes, expected ${n}`, {
      hint: 'give one number, one for each axis, or [before, after] for each',
    })
  return list.map(both => {
    const [before, after] = Array.isArray(both) ? (both.length === 1 ? [both[0], both[0]] : both) : [both, both]
    return [whole(who, what, before, 0), whole(who, what, after, 0)]
  })
}

/** A view with zeros around it. */
const padded = (v: View, border: readonly Ends[]): View => {
  const seen = v.windows({ size: border.map(() => 1), padding: border })
  return seen.reshape(...seen.shape.slice(0, border.length + 1), v.shape[border.length + 1])
}

/** A view without its border. */
const cropped = (v: View, border: readonly Ends[]): View =>
  border.reduce((view, [a, b], i) => view.slice(i + 1, a, view.shape[i + 1] - a - b), v)

/** y = x with zeros around it; dx = dy without its border. */
function zeroPadding(who: string, n: number, padding: unknown) {
  const border = ends(who, 'padding', padding, n)
  return pair({
    shapes(input) {
      const y = spatial(who, input, n).map((m, i) => whole(who, 'a size', m + border[i][0] + border[i][1]))
      return { y: [...y, input[n]] }
    },
    forward: (k, { x, y }) => k.copy(y, padded(x, border)),
    backward: (k, { dx, dy }) => k.copy(dx, cropped(dy, border)),
  })
}

/** y = x without its border; dx = dy with zeros around it. */
function cropping(who: string, n: number, amount: unknown) {
  const border = ends(who, 'cropping', amount, n)
  return pair({
    shapes(input) {
      const left: Shape = spatial(who, input, n).map((m, i) => m - border[i][0] - border[i][1])
      if (left.some(m => m < 1))
        throw new ShapeError('small-input', `${who} would leave nothing of ${printShape(input)}`, {
          evidence: [['cropping', JSON.stringify(border)]],
          hint: 'crop less',
        })
      return { y: [...left, input[n]] }
    },
    forward: (k, { x, y }) => k.copy(y, cropped(x, border)),
    backward: (k, { dx, dy }) => k.copy(dx, padded(dy, border)),
  })
}

export interface PaddingOptions<B> extends LayerOptions {
  /** Zeros on each side: one number, one for each axis, or [before, after] for each. */
  padding?: B
}
export interface CroppingOptions<B> extends LayerOptions {
  /** What is cut off each side: one number, one for each axis, or [before, after] for each. */
  cropping?: B
}

/**
 * Zeros before and after a sequence.
 * @equation y_{p + \mathit{before}} = x_p, \quad 0 \text{ elsewhere}
 * @slope dx_p = dy_{p + \mathit{before}}
 * @shape [steps, channels] → [steps′, channels]
 * @example
 * zeroPadding1d({ padding: [2, 0] })
 */
export const zeroPadding1d = layer('zeroPadding1d', [], ({ padding = 1 }: PaddingOptions<Border1d> = {}) =>
  zeroPadding('zeroPadding1d', 1, padding),
)

/**
 * Zeros around an image.
 * @equation y_{p + \mathit{before}} = x_p, \quad 0 \text{ elsewhere}
 * @slope dx_p = dy_{p + \mathit{before}}
 * @shape [height, width, channels] → [height′, width′, channels]
 * @example
 * zeroPadding2d({ padding: [[1, 0], [2, 2]] })   // one row above, two columns on each side
 */
export const zeroPadding2d = layer('zeroPadding2d', [], ({ padding = 1 }: PaddingOptions<Border2d> = {}) =>
  zeroPadding('zeroPadding2d', 2, padding),
)

/**
 * Zeros around a volume.
 * @equation y_{p + \mathit{before}} = x_p, \quad 0 \text{ elsewhere}
 * @slope dx_p = dy_{p + \mathit{before}}
 * @shape [depth, height, width, channels] → [depth′, height′, width′, channels]
 * @example
 * zeroPadding3d()
 */
export const zeroPadding3d = layer('zeroPadding3d', [], ({ padding = 1 }: PaddingOptions<Border3d> = {}) =>
  zeroPadding('zeroPadding3d', 3, padding),
)

/**
 * A sequence without its ends.
 * @equation y_p = x_{p + \mathit{before}}
 * @slope dx_{p + \mathit{before}} = dy_p, \quad 0 \text{ elsewhere}
 * @shape [steps, channels] → [steps′, channels]
 * @example
 * cropping1d({ cropping: [1, 0] })
 */
export const cropping1d = layer('cropping1d', [], ({ cropping: amount = 1 }: CroppingOptions<Border1d> = {}) =>
  cropping('cropping1d', 1, amount),
)

/**
 * An image without its border. Keras cuts nothing off unless told.
 * @equation y_p = x_{p + \mathit{before}}
 * @slope dx_{p + \mathit{before}} = dy_p, \quad 0 \text{ elsewhere}
 * @shape [height, width, channels] → [height′, width′, channels]
 * @example
 * cropping2d({ cropping: 2 })
 */
export const cropping2d = layer('cropping2d', [], ({ cropping: amount = 0 }: CroppingOptions<Border2d> = {}) =>
  cropping('cropping2d', 2, amount),
)

/**
 * A volume without its border.
 * @equation y_p = x_{p + \mathit{before}}
 * @slope dx_{p + \mathit{before}} = dy_p, \quad 0 \text{ elsewhere}
 * @shape [depth, height, width, channels] → [depth′, height′, width′, channels]
 * @example
 * cropping3d({ cropping: [0, 1, 1] })
 */
export const cropping3d = layer('cropping3d', [], ({ cropping: amount = 1 }: CroppingOptions<Border3d> = {}) =>
  cropping('cropping3d', 3, amount),
)
