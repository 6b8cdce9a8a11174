import { nothingElse, ShapeError, StateError } from '../errors.ts'
import { betaAt } from '../tensor/beta.ts'
import { streamKey, uniformAt } from '../tensor/counter.ts'
import { sizeOf } from '../tensor/shape.ts'
import { changed } from './changed.ts'
import type { Dataset } from './dataset.ts'

export interface MixUpOptions {
  /** How much is mixed: λ is Beta(α, α), for small α mostly near 0 or 1. */
  alpha?: number
  seed?: number
}

/**
 * Each sample blended with another one, and its target with the other's: λ·x + (1 − λ)·x′ and λ·y + (1 − λ)·y′, so that a
 * network also says something sensible of what lies between the samples. Differently in each epoch and the same in each
 * repetition; validation sees the samples as they are.
 *
 * Keras has a layer MixUp for images with their labels; here it works on data, since a layer does not know the targets.
 * @param data with one-hot targets or numbers; any samples
 * @throws ShapeError `class-labels` when targets are numbers of classes; StateError `bad-option`
 * @paper Zhang et al. 2018
 * @example
 * const train = dataset({ x: [[0, 1], [1, 0]], y: [0, 1] }).oneHot()
 * const mixed = mixUp(train, { alpha: 0.2 }) // what fit is given
 */
export function mixUp(data: Dataset, { alpha = 0.2, seed = 0, ...others }: MixUpOptions = {}): Dataset {
  nothingElse('mixUp', others, { alpha, seed })
  if (!(alpha > 0 && alpha <= 4))
    throw new StateError('bad-option', `mixUp got alpha ${String(alpha).slice(0, 24)}, expected a number in (0, 4]`, {
      hint: 'alpha: 0.2',
    })
  if (data.hasTargets && data.classes !== undefined && data.targetShape.length === 0)
    throw new ShapeError('class-labels', 'mixUp got targets that are numbers of classes, which cannot be blended', {
      hint: 'use data.oneHot(), and a loss for one-hot targets such as categoricalCrossentropy',
    })
  return changed(data, ({ source, epoch, rows, x, y }) => {
    const keys = Array.from(rows, row => streamKey(seed, epoch, row))
    const others = Int32Array.from(keys, key => Math.floor(uniformAt(key, 0) * source.size))
    const [x2, y2] = [new Float64Array(x.length), y && new Float64Array(y.length)]
    source.fill(others, x2, y2)
    const widths = [sizeOf(source.inputShape), sizeOf(source.targetShape)]
    keys.forEach((key, i) => {
      const share = betaAt(key, 1, alpha)
      for (const [part, [own, other]] of [[x, x2] as const, [y, y2] as const].entries())
        for (let n = i * widths[part]; own && other && n < (i + 1) * widths[part]; n++)
          own[n] = share * own[n] + (1 - share) * other[n]
    })
  })
}
