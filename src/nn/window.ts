import { ShapeError } from '../errors.ts'
import { printShape, type Shape } from '../tensor/shape.ts'

/** 'same': as many windows as the stride fits into the input, zeros where they reach over; 'valid': whole windows only. */
export type Padding = 'same' | 'valid'

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
  padding: Padding
}

/** The windows over height and width as Keras lays them, and how many there are; an odd zero of 'same' goes behind. */
export function windowsOver(who: string, [height, width]: Shape, settings: WindowSettings) {
  const { size, strides, dilation = [1, 1] } = settings
  if (settings.padding !== 'same' && settings.padding !== 'valid')
    throw new ShapeError('bad-option', `${who} got padding ${String(settings.padding).slice(0, 24)}`, {
      hint: "padding is 'same' or 'valid'",
    })
  const reach = size.map((n, i) => (n - 1) * dilation[i] + 1)
  const padding = [height, width].map((n, i): [number, number] => {
    if (settings.padding === 'valid') return [0, 0]
    const total = Math.max((Math.ceil(n / strides[i]) - 1) * strides[i] + reach[i] - n, 0)
    return [Math.floor(total / 2), Math.ceil(total / 2)]
  })
  const out = [height, width].map((n, i) => Math.floor((n + padding[i][0] + padding[i][1] - reach[i]) / strides[i]) + 1)
  if (out.some(n => n < 1))
    throw new ShapeError('small-input', `${who} got ${printShape([height, width])}, smaller than its window`, {
      evidence: [['window', printShape(reach)]],
      hint: "use a smaller window, or padding: 'same'",
    })
  const windows: Windows = { size, strides, dilation, padding }
  return { windows, out: [out[0], out[1]] as const }
}
