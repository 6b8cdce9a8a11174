import type { Dataset } from '../data/dataset.ts'
import { DataError } from '../errors.ts'

export interface WeightOptions {
  /** What each sample counts in the loss, one number a sample: below 0 it is unlearnt, as by the advantages of a policy. */
  sampleWeight?: ArrayLike<number>
  /** What the samples of a class count in the loss, by class: `{ 0: 1, 1: 5 }`; 1 for those not named. */
  classWeight?: Readonly<Record<number, number>>
}

/** What each sample counts: its own weight times that of its class; undefined where all count the same. */
export function weightsFor(samples: Dataset, { sampleWeight, classWeight }: WeightOptions): Float64Array | undefined {
  if (!sampleWeight && !classWeight) return undefined
  if (sampleWeight && sampleWeight.length !== samples.size)
    throw new DataError('wrong-weights', `sampleWeight has ${sampleWeight.length} numbers, expected ${samples.size}`, {
      hint: 'give one number a sample',
    })
  return new Float64Array(samples.size).map((_, row) => {
    const [own, ofClass] = [sampleWeight?.[row] ?? 1, classWeight?.[samples.label(row)] ?? 1]
    const weight = own * ofClass
    if (ofClass >= 0 && Number.isFinite(weight)) return weight
    throw new DataError('bad-weight', `sample ${row} has the weight ${weight}, expected a number`, {
      hint: 'weights say what a sample counts; 1 is as usual, 0 leaves it out, and a class counts no less',
    })
  })
}
