import type { Io } from './io.ts'
import { digits } from './networks.ts'
import { openModel } from './runs.ts'

/** Print the table of a model, or of the network `digits` before any training. */
export async function summary(what: string, io: Io): Promise<number> {
  const model = what === 'digits' ? digits(1) : (await openModel(what, io)).model
  io.out(`${model.summary(model.training && { batchSize: 64 }).trimEnd()}\n`)
  return 0
}
