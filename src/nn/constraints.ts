import { constraint } from './constraint.ts'

/** The axes along which the weights of one unit lie: 0 for a dense layer, [0, 1, 2] for a conv2d. */
const unit: readonly number[] = [0]

/** Units whose weights have a norm above maxValue are scaled down to it. Srivastava et al. 2014. */
export const maxNorm = constraint('maxNorm', { maxValue: 2, axis: unit }, 'w * (min(r, maxValue) / (1e-7 + r))')

/** Norms below minValue or above maxValue are drawn there, by the share `rate` of the way. */
export const minMaxNorm = constraint(
  'minMaxNorm',
  { minValue: 0, maxValue: 1, rate: 1, axis: unit },
  'w * ((rate * clamp(r, minValue, maxValue) + (1 - rate) * r) / (1e-7 + r))',
)

/** The weights of each unit have the norm 1. */
export const unitNorm = constraint('unitNorm', { axis: unit }, 'w / (1e-7 + r)')

/** No weight is below 0. */
export const nonNeg = constraint('nonNeg', {}, 'max(w, 0)')
