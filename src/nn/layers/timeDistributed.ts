import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, type Masks, type Pair, passed } from '../layer.ts'
import { type AnyShapes, asPair, wrapper } from './wrapper.ts'

/** A layer's arrays of one kind. */
type Arrays = Readonly<Record<string, Shape>>

/**
 * The same layer at every step of a sequence: the steps are seen as if they were samples.
 * @equation y_s = \operatorname{layer}(x_s)
 * @slope dW = \sum_s dW_s
 * @shape [steps, ...sample] → [steps, ...output]
 * @param layer any layer
 * @example
 * timeDistributed(conv2d(8, 3))(input([5, 28, 28, 1])) // [frames, height, width, channels]
 */
export const timeDistributed = wrapper<LayerOptions>('timeDistributed', layer => {
  const inner = asPair(layer.pair)
  /** [batch, steps, …] as [batch·steps, …]. */
  const fold = (v: View) => v.reshape(v.shape[0] * v.shape[1], ...v.shape.slice(2))
  /** Arrays with a row a sample folded, all others as they are. */
  const folded = (views: Readonly<Record<string, View>>) => {
    const { params, state, shared } = inner.shapes(views.x.shape.slice(2)) as unknown as AnyShapes
    const whole = Object.keys({ ...params, ...state, ...shared }).flatMap(key => [key, `d${key}`])
    return Object.fromEntries(
      Object.entries(views).map(([key, v]) => [key, whole.includes(key) ? v : fold(v)]),
    ) as never
  }
  /** What a mask says of each step: of more than whether it counts. */
  const each = ([mask]: Masks = []) => [mask && mask.shape.length > 2 ? fold(mask) : undefined]
  return {
    shapes(input) {
      if (input.length < 2)
        throw new ShapeError('wrong-rank', `timeDistributed got an input of ${input.length} axes, expected more`, {
          evidence: [['input', printShape(input)]],
          hint: 'give each sample a first axis of steps: [10, 8]',
        })
      const { y, saved, random, ...rest } = inner.shapes(input.slice(1)) as unknown as AnyShapes
      const stepped = (arrays: Arrays = {}) =>
        Object.fromEntries(Object.entries(arrays).map(([key, shape]) => [key, [input[0], ...shape]]))
      return { ...rest, y: [input[0], ...y], saved: stepped(saved), random: stepped(random) }
    },
    initial: inner.initial,
    mask: passed,
    forward: (k: Verbs, views, _xs, masks) => inner.forward(k, folded(views), [fold(views.x)], each(masks)),
    backward: (k: Verbs, views, _xs, _dxs, masks) =>
      inner.backward(k, folded(views), [fold(views.x)], [fold(views.dx)], each(masks)),
    infer:
      inner.infer && ((k: Verbs, views, _xs, masks) => inner.infer!(k, folded(views), [fold(views.x)], each(masks))),
  } as Pair
})
