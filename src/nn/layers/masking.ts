import { fraction, type LayerOptions, layer, pair } from '../layer.ts'

export interface MaskingOptions extends LayerOptions {
  /** What all features of a step are where it does not count. */
  maskValue?: number
}

/**
 * Leaves out steps of a sequence that are nothing but `maskValue`: they become zeros, recurrent layers pass over them,
 * attention does not see them, a mean leaves them out, and so do loss and metrics where the output still has steps.
 * @equation y = m x, \; m = [\text{any feature} \ne \text{maskValue}]
 * @slope dx = m \, dy
 * @shape [steps, features] → [steps, features]
 * @param options.maskValue 0 unless told
 * @example
 * masking({ maskValue: -1 })
 */
export const masking = layer('masking', [], ({ maskValue = 0 }: MaskingOptions = {}) => {
  fraction('masking', 'maskValue', maskValue, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  return pair({
    shapes: input => ({ y: input, saved: { m: [...input.slice(0, -1), 1] } }),
    forward(k, { x, y, m }) {
      k.reduce(m, 'max', 'x != value ? 1 : 0', { x, value: maskValue }, [x.shape.length - 1]) // whether any feature differs
      k.map(y, 'm > 0.5 ? x : 0', { m, x })
    },
    backward: (k, { dx, dy, m }) => k.map(dx, 'm > 0.5 ? dy : 0', { m, dy }),
    mask: (_k, { m }) => m.reshape(...m.shape.slice(0, -1)),
  })
})
