import type { Gemm } from '../../../../program/index.ts'
import type { Emit } from '../../build.ts'
import { convolve } from './convolve.ts'
import { gradient } from './gradient.ts'
import { planOf } from './plan.ts'

export { tileReach } from './plan.ts'

/**
 * Winograd's minimal filtering F(4×4, 3×3): a tile of 4 × 4 outputs takes 36 products in place of 144, between sums that
 * cost little. Lavin & Gray 2016. Its error is a few times that of the direct sum: 1e-6 relative for normal data.
 */
export const winograd: Emit<Gemm> = (build, instruction) => {
  const plan = planOf(instruction)
  if (!plan) return false
  return plan.kind === 'filter' ? convolve(build, instruction, plan) : gradient(build, instruction, plan)
}
