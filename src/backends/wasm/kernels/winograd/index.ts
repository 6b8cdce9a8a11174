import type { Gemm } from '../../../../program/index.ts'
import type { Emit } from '../../build.ts'
import { convolve, filterBytes } from './convolve.ts'
import { gradient } from './gradient.ts'
import { planOf } from './plan.ts'

export { tileReach } from './plan.ts'

/**
 * Winograd's minimal filtering: with 3 × 3 taps a tile of 4 × 4 outputs takes 36 products in place of 144, with 5 × 5 as many
 * outputs take 64 in place of 400, between sums that cost little. Longer kernels and strides are sums of shorter filters.
 * Lavin & Gray 2016. Its error is a few times that of the direct sum: relative to normal data 1.5e-6 with tiles of six
 * points an axis (3 × 3), 4e-6 with eight (5 × 5), under 1e-6 where only one axis has taps.
 */
export const winograd: Emit<Gemm> = (build, instruction) => {
  const plan = planOf(instruction)
  if (!plan) return false
  return plan.kind === 'filter' ? convolve(build, instruction, plan) : gradient(build, instruction, plan)
}

/** Bytes that the filter of an instruction takes, if it is made with tiles. */
export function tileRoom(instruction: Gemm): number {
  const plan = planOf(instruction)
  return plan?.kind === 'filter' ? filterBytes(plan) : 0
}
