import type { Operands, Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import type { Masks, Pair } from './layer.ts'

// A mask says which steps of a sequence count: 1 or 0, [batch, steps]. Layers make it of what they read and hand it on.

/** A mask of this shape: 1 where the condition holds. */
export function counting(k: Verbs, shape: Shape, condition: string, operands: Operands): View {
  const mask = k.scratch('mask', shape)
  k.map(mask, `${condition} ? 1 : 0`, operands)
  return mask
}

/** A mask beside what it speaks of: with axes of 1 for those that it does not have. */
export const beside = (mask: View, { shape }: View): View =>
  mask.reshape(...mask.shape, ...shape.slice(mask.shape.length).map(() => 1))

const present = (masks: Masks) => masks.filter(mask => mask !== undefined)

/** Of inputs that become one: what counts in any of them counts; all does where one has no mask. */
export const either: NonNullable<Pair['mask']> = (k, _views, xs, masks = []) => {
  const given = present(masks)
  if (given.length < xs.length) return undefined
  const [first, ...others] = given.sort((a, b) => b.shape.length - a.shape.length)
  return others.reduce((a, b) => counting(k, a.shape, 'a + b > 0.5', { a, b: beside(b, a) }), first)
}

/** Of inputs that stand one after another along an axis: each for itself; beside each other as of `either`. */
export const along =
  (axis: (y: View) => number): NonNullable<Pair['mask']> =>
  (k, views, xs, masks = []) => {
    const { y } = views
    const at = axis(y)
    if (at === y.shape.length - 1) return either(k, views, xs, masks)
    if (present(masks).length === 0) return undefined
    const joined = k.scratch('mask', y.shape.slice(0, -1))
    let end = 0
    for (const [i, { shape }] of xs.entries()) {
      const mask = masks[i]
      const part = joined.slice(at, (end += shape[at]) - shape[at], shape[at])
      k.map(part, 'm', { m: mask ? beside(mask, part) : 1 })
    }
    return joined
  }
