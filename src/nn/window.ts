import { ShapeError } from '../errors.ts'
import { printShape, type Shape } from '../tensor/shape.ts'
import type { WindowOptions } from '../tensor/view.ts'
import { axes, whole } from './layer.ts'

/** 'same': as many windows as the stride fits into the input, zeros where they reach over; 'valid': whole windows only. */
export type Padding = 'same' | 'valid'

/** One number for all spatial axes, or one for each. */
export type One = number | readonly [steps: number]
export type Two = number | readonly [height: number, width: number]
export type Three = number | readonly [depth: number, height: number, width: number]
export type Sizes = number | readonly number[]

export interface Windows {
  readonly size: Shape
  readonly strides: Shape
  readonly dilation: Shape
  readonly padding: readonly (readonly [before: number, after: number])[]
}

interface WindowSettings {
  size: Shape
  strides: Shape
  dilation?: Shape
  /** 'causal' puts all zeros in front: a window sees nothing of what comes later. */
  padding: Padding | 'causal'
}

/** The windows over the spatial axes as Keras lays them, and how many there are; an odd zero of 'same' goes behind. */
export function windowsOver(who: string, image: Shape, settings: WindowSettings) {
  const { size, strides, dilation = size.map(() => 1) } = settings
  const reach = reachOf({ size, dilation })
  const padding = image.map((n, i): [number, number] => {
    if (settings.padding === 'valid') return [0, 0]
    if (settings.padding === 'causal' && image.length === 1) return [reach[i] - 1, 0]
    if (settings.padding !== 'same') throw unknownPadding(who, settings.padding)
    const total = Math.max((Math.ceil(n / strides[i]) - 1) * strides[i] + reach[i] - n, 0)
    return [Math.floor(total / 2), Math.ceil(total / 2)]
  })
  const out = image.map((n, i) => Math.floor((n + padding[i][0] + padding[i][1] - reach[i]) / strides[i]) + 1)
  if (out.some(n => n < 1))
    throw new ShapeError('small-input', `${who} got ${printShape(image)}, smaller than its window`, {
      evidence: [['window', printShape(reach)]],
      hint: "use a smaller window, or padding: 'same'",
    })
  const windows: Windows = { size, strides, dilation, padding }
  return { windows, out }
}

/** How many places a window spans, the gaps of its dilation included. */
export const reachOf = ({ size, dilation }: Pick<Windows, 'size' | 'dilation'>): number[] =>
  size.map((n, i) => (n - 1) * dilation[i] + 1)

export const unknownPadding = (who: string, padding: unknown) =>
  new ShapeError('bad-option', `${who} got padding ${String(padding).slice(0, 24)}`, {
    hint: "padding is 'same' or 'valid'",
  })

/**
 * The way back: windows over the outputs in which each of `count` inputs was seen, the last window first. A weight that
 * belongs to a place in the window is met in reverse order.
 */
export const seenFrom = ({ size, strides, dilation, padding }: Windows, count: Shape): WindowOptions => ({
  size,
  dilation,
  spread: strides,
  padding: size.map((n, i) => [dilation[i] * (n - 1) - padding[i][0], 0]),
  count,
})

/** Checks a setting that is one number for all spatial axes or a list of one for each. */
export function sizes(who: string, what: string, value: unknown, axes: number, least = 1): number[] {
  const list: unknown[] =
    Array.isArray(value) && value.length === axes ? value : Array.from({ length: axes }, () => value)
  return list.map(n => whole(who, what, n, least))
}

/** Checks that an input has `count` spatial axes and channels; gives the spatial sizes. */
export function spatial(who: string, input: Shape, count: number): Shape {
  if (count === 2) axes(who, input, 3, '[height, width, channels]')
  if (input.length !== count + 1) {
    const [meaning, example] =
      count === 1 ? ['steps, channels', '100, 8'] : ['depth, height, width, channels', '8, 28, 28, 1']
    throw new ShapeError(
      'wrong-rank',
      `${who} got an input of ${input.length} axes, expected ${count + 1}: [${meaning}]`,
      {
        evidence: [['input', printShape(input)]],
        hint: `give each sample ${count === 1 ? 'steps' : 'depth, height, width'} and channels: [${example}]`,
      },
    )
  }
  return input.slice(0, -1)
}

/** The numbers of the spatial axes in a view [batch, …spatial, channels], from axis 1 on. */
export const spatialAxes = (count: number, from = 1): number[] => Array.from({ length: count }, (_, i) => from + i)
